"""What tmnet says when something is wrong: one sentence, in the user's words."""


class TmnetError(ValueError):
    """Bad input. The message says what is wrong, where, and what would be right."""


class LogWarning(UserWarning):
    """Something in a log could not be read; the rest was."""
