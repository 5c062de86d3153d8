"""How far something is that takes seconds."""

import sys

from tqdm import tqdm


def progress_bar(*args, **options) -> tqdm:
    """`tqdm`, but the bar comes after 2 s, goes at the end, and is text in notebooks, too.

    A bar of ``tqdm.notebook`` leaves widgets in the kernel and in the page even if it was never
    shown, and errors in the page if it is closed as soon as it was shown.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    file = sys.stdout if hasattr(shell, "kernel") else sys.stderr  # which notebooks show in red
    return tqdm(*args, **{"delay": 2, "leave": False, "file": file, **options})
