"""Views of the explorer, kept by name in a file beside the notebook."""

from __future__ import annotations

import json
from pathlib import Path

from tmnet.arguments import a_text
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
    """A saved view; TmnetError where there is none of the name."""
    return _with(name)[name]


def save_view(name: str, view: dict) -> None:
    """Keep a view under a name, in place of another; TmnetError where that cannot be."""
    if not a_text("name", name).strip():
        raise TmnetError("Type a name to save the view under.")
    _write(load_views() | {name.strip(): view})


def delete_view(name: str) -> None:
    """Forget a saved view; TmnetError where there is none of the name."""
    views = _with(name)
    del views[name]
    _write(views)


def _with(name: str) -> dict[str, dict]:
    """The saved views, one of which has the name."""
    views = load_views()
    if a_text("name", name) not in views:
        known = f"there are {', '.join(views)}" if views else "none was saved in this folder"
        raise TmnetError(f"There is no saved view {name!r}; {known}.")
    return views


def _write(views: dict[str, dict]) -> None:
    text = json.dumps(views, indent=1, ensure_ascii=False) + "\n"
    write_output(Path(VIEWS), lambda file: file.write(text.encode("utf-8", "backslashreplace")))
