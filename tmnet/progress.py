"""How far something is that takes seconds."""

import math
import sys

from tqdm import tqdm


def progress_bar(*args, **options) -> tqdm:
    """`tqdm`, but the bar comes after 2 s, goes at the end, and is text in notebooks, too.

    Where nobody watches, as in a file or a pipe, it comes only if `delay` is given.

    A bar of ``tqdm.notebook`` leaves widgets in the kernel and in the page even if it was never
    shown, and errors in the page if it is closed as soon as it was shown.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    in_notebook = hasattr(shell, "kernel")
    file = sys.stdout if in_notebook else sys.stderr  # which notebooks show in red
    # Not `disable`: such a bar does not count, either.
    is_terminal = getattr(file, "isatty", bool)()  # which what redirects a log may not have
    delay = 2 if in_notebook or is_terminal else math.inf
    return tqdm(*args, **{"delay": delay, "leave": False, "file": file, **options})
