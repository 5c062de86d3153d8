"""Views of the explorer, kept by name in a file beside the notebook."""

from __future__ import annotations

import json
from pathlib import Path

from tmnet.errors import TmnetError
from tmnet.files import write_output

VIEWS = "tmnet_views.json"  # in the current folder


def load_views() -> dict[str, dict]:
    """The saved views by name; none where there is no file.

    Raises
    ------
    TmnetError
        If the file cannot be read, or is none of views.
    """
    path = Path(VIEWS)
    try:
        views = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TmnetError(f"{path} cannot be read ({error.strerror or error}).") from None
    except ValueError:
        views = None
    if not isinstance(views, dict) or not all(isinstance(view, dict) for view in views.values()):
        raise TmnetError(
            f"{path.resolve()} holds no saved views: it should be an object of objects, as the "
            "explorer writes it. Repair it, or remove it."
        )
    return views


def load_view(name: str) -> dict:
    views = load_views()
    if name not in views:
        known = f"there are {', '.join(views)}" if views else "none was saved in this folder"
        raise TmnetError(f"There is no saved view {name!r}; {known}.")
    return views[name]


def save_views(views: dict[str, dict]) -> None:
    """Write all views; TmnetError where that cannot be."""
    text = json.dumps(views, indent=1, ensure_ascii=False) + "\n"
    write_output(Path(VIEWS), lambda file: file.write(text.encode()))
