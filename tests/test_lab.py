"""`tmnet lab`: what it puts into a folder, the start page, and JupyterLab's arguments."""

import _thread
import asyncio
import base64
import io
import json
import os
import socket
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import DEVNULL, Popen
from time import sleep
from urllib.parse import urlsplit

import nbclient
import nbformat
import pytest
from jupyterlab.labapp import LabApp
from PIL import Image

from .synthetic import write_file

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = {"1_compare_runs", "2_network_size", "3_train", "4_write_up"}


@pytest.fixture
def opened(monkeypatch):
    """JupyterLab does not start: the arguments that it would get, of each call. The start page may
    take as long as it takes."""
    calls = []
    monkeypatch.setattr("tmnet.cli.lab.PATIENCE", 600)
    monkeypatch.setattr(LabApp, "launch_instance", calls.append)
    return calls


@pytest.fixture
def no_kernel(monkeypatch):
    """No cell runs: what the page shows is nothing to these tests."""

    async def execute(client, **options):
        pass

    monkeypatch.setattr(nbclient.NotebookClient, "async_execute", execute)


def contents(folder):
    return {path.stem: path.read_bytes() for path in folder.glob("*.ipynb")}


def root(arguments):
    return next(x.partition("=")[2] for x in arguments if x.startswith("--ServerApp.root_dir="))


def page(arguments):
    """The page that is opened."""
    (address,) = [x.partition("=")[2] for x in arguments if "default_url" in x]
    return Path(root(arguments), address.removeprefix("/lab/tree/"))


def shown(path):
    """What a page has without running a cell: its pictures, and the rest as text."""
    outputs = [
        out for cell in nbformat.read(path, as_version=4).cells for out in cell.get("outputs", ())
    ]
    assert not [out for out in outputs if out.output_type == "error"]
    data = [out.get("data", {}) for out in outputs]
    pictures = [Image.open(io.BytesIO(base64.b64decode(x["image/png"])))
                for x in data if "image/png" in x]  # fmt: skip
    texts = [x.get("text/html", "") for x in data] + [out.get("text", "") for out in outputs]
    return pictures, "\n".join(texts)


def write_runs(logdir, *names):
    for i, name in enumerate(names):
        records = [(60 * k, 100 * k, {"loss": 1 / k}) for k in range(1, 12)]
        write_file(logdir / name, records, start=i)


# --- the folder ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "with a space", "Übung — 试", "a=b", "50 % #1"])
@pytest.mark.parametrize("way", ["absolute", "relative", "here"])
def test_a_folder_gets_the_notebooks(command, opened, no_kernel, tmp_path, monkeypatch, name, way):
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder if way == "here" else tmp_path)
    given = {"absolute": [folder], "relative": [f"{name}{os.sep}"], "here": []}[way]
    status, out, err = command("lab", *given, "--no-browser", "--port", "9000")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].endswith(f"copied: {', '.join(sorted(NAMES))}.")
    (arguments,) = opened
    assert arguments[-3:] == ["--no-browser", "--port", "9000"]
    assert "--LabApp.news_url=None" in arguments  # and nothing asks anybody else
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in arguments
    assert Path(root(arguments)) == folder
    assert page(arguments) == folder / "notebooks" / "0_start.ipynb"
    assert {path.name for path in folder.iterdir()} == {"notebooks"}
    copied = contents(folder / "notebooks")
    assert copied.keys() == NAMES | {"0_start"}
    assert {key: copied[key] for key in NAMES}.items() <= contents(NOTEBOOKS).items()


def test_what_is_there_is_not_overwritten(command, opened, no_kernel, tmp_path):
    own = tmp_path / "notebooks"
    own.mkdir()
    (own / "1_compare_runs.ipynb").write_text("my own")
    (own / "mine.ipynb").write_text("{}")
    (own / "3_train.ipynb").write_text("")
    for told in (
        "copied: 2_network_size, 4_write_up; left as they are: 1_compare_runs, 3_train.",
        "left as they are: 1_compare_runs, 2_network_size, 3_train, 4_write_up.",
    ):
        status, out, err = command("lab", tmp_path)
        assert (status, err) == (0, "") and out.splitlines()[0].endswith(told)
        assert (own / "1_compare_runs.ipynb").read_text() == "my own"
        assert (own / "mine.ipynb").read_text() == "{}"
        assert (own / "3_train.ipynb").read_text() == ""
        (own / "4_write_up.ipynb").write_bytes(contents(own)["4_write_up"] + b" ")
    assert contents(own)["4_write_up"] == contents(NOTEBOOKS)["4_write_up"] + b"  "


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_a_link_that_leads_nowhere_stays(command, opened, no_kernel, tmp_path):
    own = tmp_path / "notebooks"
    own.mkdir()
    for name in ("0_start", "3_train"):
        (own / f"{name}.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    status, out, err = command("lab", tmp_path)
    assert (status, err) == (0, "") and "left as they are: 3_train." in out
    assert page(opened[-1]) == own / "start.ipynb"
    assert not (tmp_path / "elsewhere.ipynb").exists()


def test_in_a_checkout_its_notebooks_stay_as_they_are(command, opened, no_kernel, tmp_path):
    own = tmp_path / "notebooks"
    own.mkdir()
    originals = {key: data for key, data in contents(NOTEBOOKS).items() if key != "start"}
    for name, data in originals.items():
        (own / f"{name}.ipynb").write_bytes(data)
    for _ in range(2):
        assert command("lab", tmp_path)[0] == 0
        assert contents(own).keys() == originals.keys() | {"start"}
        assert originals.items() <= contents(own).items()
    assert page(opened[-1]) == own / "start.ipynb"


def test_a_start_page_that_somebody_changed_stays(command, opened, no_kernel, tmp_path):
    for name, after in (("0_start", "start"), ("start", "0_start")):
        command("lab", tmp_path)
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        assert page(opened[-1]) == path
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[-1].source += "\nMy own words"
        nbformat.write(notebook, path)
        before = path.read_bytes()
        status, out, err = command("lab", tmp_path)
        assert (status, err) == (0, "")
        assert path.read_bytes() == before
        assert page(opened[-1]) == tmp_path / "notebooks" / f"{after}.ipynb"
    assert "it is opened as it is" in out


@pytest.mark.parametrize(
    "given, message",
    [
        ("missing", "missing does not exist"),
        ("", "a folder without a name does not exist"),
        ("file", "file is a file"),
        ("file/below", "file/below does not exist"),
        ("taken", "taken/notebooks cannot be made"),
    ],
)
def test_a_folder_that_cannot_be_opened(command, opened, tmp_path, monkeypatch, given, message):
    (tmp_path / "file").touch()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notebooks").touch()
    monkeypatch.chdir(tmp_path)
    status, out, err = command("lab", given, "--no-browser")
    assert (status, out) == (2, "") and err.count("\n") == 1 and err.startswith("tmnet: ")
    assert message in err.replace(os.sep, "/")
    assert not opened and {path.name for path in tmp_path.iterdir()} == {"file", "taken"}


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="Windows and root write into folders that are write-protected",
)
def test_a_folder_that_cannot_be_written(command, opened, no_kernel, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    status, _, err = command("lab", folder)
    assert status == 2 and "cannot be made" in err and not opened
    folder.chmod(0o755)
    command("lab", folder)
    (folder / "notebooks").chmod(0o555)  # what was copied can be opened
    status, _, err = command("lab", folder)
    assert status == 0 and "cannot be" in err and len(opened) == 2


# --- the start page -----------------------------------------------------------------------------


def test_the_start_page_shows_the_runs(command, opened, tmp_path):
    """Those of the folder, anew each time; also after JupyterLab has saved it."""
    write_runs(tmp_path / "tensorboard", "first", "second <b>")
    status, _, err = command("lab", tmp_path)
    assert (status, err) == (0, "")
    path = page(opened[-1])
    (picture,), text = shown(path)
    assert picture.width > 600 and len(picture.getcolors(2**20)) > 100
    assert "runs: 2," in text and "tensorboard" in text and "<th>first</th>" in text
    assert "second &lt;b&gt;" in text and "<b>" not in text
    made = json.loads(path.read_text(encoding="utf-8"))
    original = json.loads((NOTEBOOKS / "0_start.ipynb").read_text(encoding="utf-8"))
    assert "widgets" not in made["metadata"]
    for cell, other in zip(made["cells"], original["cells"], strict=True):
        assert "".join(cell["source"]) == "".join(other["source"])
        assert cell["metadata"] == other["metadata"]
    made["metadata"]["kernelspec"]["display_name"] = "Another"
    made["cells"][1]["outputs"] = []
    path.write_text(json.dumps(made), encoding="utf-8")
    further = [f"further_{i}" for i in range(7)]
    write_runs(tmp_path / "tensorboard", *further)
    command("lab", tmp_path)
    assert page(opened[-1]) == path
    pictures, text = shown(path)
    assert len(pictures) == 1 and "runs: 9," in text
    assert all(text.count(f"<th>{name}</th>") == 1 for name in ("first", *further))


def test_a_folder_without_runs(command, opened, tmp_path):
    """Or with what cannot be read: the page shows runs that come with tmnet. A file that is called
    like a library is not taken for it."""
    (tmp_path / "tensorboard" / "empty").mkdir(parents=True)
    broken = tmp_path / "tensorboard" / "broken" / "events.out.tfevents.1700000000.host.1.0"
    broken.parent.mkdir()
    broken.write_bytes(b"nothing of the kind")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "pandas.py").write_text("raise RuntimeError('not the library')")
    status, _, err = command("lab", tmp_path)
    assert (status, err) == (0, "")
    pictures, text = shown(page(opened[-1]))
    assert len(pictures) == 1 and "come with tmnet" in text and "<th>uni_20_long</th>" in text


def test_runs_that_cannot_be_drawn(command, opened, tmp_path, monkeypatch):
    """What there is is shown, and what is not is said."""
    write_runs(tmp_path / "tensorboard", "mine")
    (tmp_path / "tensorboard" / "broken").mkdir()
    (tmp_path / "tensorboard" / "broken" / "events.out.tfevents.1.host.1.0").write_bytes(b"no")
    (tmp_path / "sitecustomize.py").write_text(
        "import tmnet, tmnet.errors\n"
        "def explore(runs): raise tmnet.errors.TmnetError('No figure today.')\n"
        "tmnet.explore = explore\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *map(str, sys.path)]))
    status, _, err = command("lab", tmp_path)
    assert status == 0 and len(opened) == 1
    assert err == "note: The start page is not complete: TmnetError: No figure today.\n"
    pictures, text = shown(page(opened[-1]))
    assert not pictures and "<th>mine</th>" in text and "broken" in text


@pytest.mark.parametrize("patience", [0.3, 2])
def test_a_page_that_takes_too_long(command, opened, tmp_path, monkeypatch, patience):
    """Be it the kernel that starts, or what runs in it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import tmnet, time\ntmnet.find_logdirs = lambda folder: time.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *map(str, sys.path)]))
    monkeypatch.setattr("tmnet.cli.lab.PATIENCE", patience)
    status, _, err = command("lab", tmp_path)
    assert status == 0 and "note: The start page is not complete: " in err
    assert shown(page(opened[-1])) == ([], "")


def test_an_interrupt_ends_it(command, opened, tmp_path, monkeypatch):
    done = threading.Event()

    async def execute(client, **options):
        _thread.interrupt_main()  # as Ctrl-C does
        await asyncio.to_thread(done.wait, 60)

    monkeypatch.setattr(nbclient.NotebookClient, "async_execute", execute)
    status, _, err = command("lab", tmp_path)
    done.set()
    assert (status, err) == (130, "tmnet: stopped.\n") and not opened


# --- JupyterLab ---------------------------------------------------------------------------------


def test_jupyterlab_serves_the_folder_to_who_has_the_token(tmp_path):
    """On this machine; the address in the terminal is that of the start page."""
    write_runs(tmp_path / "my runs" / "tensorboard", "mine")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    places = {name: str(tmp_path / name) for name in names}
    command = [sys.executable, "-m", "tmnet", "lab", "my runs", "--no-browser", "--allow-root"]
    with Popen(
        [*command, "--port=0"],
        cwd=tmp_path,
        env=os.environ | places,
        stdout=DEVNULL,
        stderr=DEVNULL,
    ) as server:
        try:
            info = wait_for(tmp_path / "JUPYTER_RUNTIME_DIR", server)
            assert urlsplit(info["url"]).hostname in ("localhost", "127.0.0.1")
            assert len(info["token"]) > 20 and Path(info["root_dir"]) == tmp_path / "my runs"
            there = f"http://127.0.0.1:{info['port']}/api/contents/notebooks/0_start.ipynb"
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(there, timeout=60)
            with urllib.request.urlopen(f"{there}?token={info['token']}", timeout=60) as answer:
                cells = json.load(answer)["content"]["cells"]
            assert cells[0]["source"].startswith("# Start")
        finally:
            server.terminate()


def wait_for(runtime, server):
    """What a server writes about itself, once it listens, which may be later."""
    for _ in range(1200):
        assert server.poll() is None
        for file in runtime.glob("jpserver-*.json"):
            try:
                info = json.loads(file.read_text(encoding="utf-8"))
                socket.create_connection(("127.0.0.1", info["port"]), timeout=60).close()
                return info
            except (ValueError, ConnectionRefusedError):  # it is being written, or does not yet
                continue
        sleep(0.1)
    raise AssertionError("JupyterLab did not start")
