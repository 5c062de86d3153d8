"""What tmnet says when something is wrong: one sentence, in the user's words."""

from tmnet.safe_text import visible


class TmnetError(ValueError):
    """Bad input. The message says what is wrong, where, and what would be right."""

    def __str__(self) -> str:
        return visible(super().__str__())  # names of runs and tags are in it, wherever it is shown


class NoAxisError(TmnetError):
    """Runs do not have what an axis is made of, such as steps; they may have another."""


class TmnetWarning(UserWarning):
    """What there is to know of something that was done all the same."""

    def __str__(self) -> str:
        return visible(super().__str__())


class LogWarning(TmnetWarning):
    """Something in a log could not be read, or was guessed; the rest is as it was logged."""


class TrainingWarning(TmnetWarning):
    """A training goes on from an older checkpoint, or not as it would have gone on elsewhere."""
