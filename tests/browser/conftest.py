"""A JupyterLab server on loopback, and a headless Chromium that shows its notebooks."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .notebook import Notebook

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
FAILED = pytest.StashKey[bool]()
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that reaches nothing but loopback."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    with sync_api.sync_playwright() as playwright:
        installed = next(filter(None, map(shutil.which, NAMES)), None)
        installed = installed or playwright.chromium.executable_path  # its own, if downloaded
        if not Path(installed).exists():
            pytest.skip("needs a browser: Debian's chromium, or `playwright install chromium`")
        chromium = playwright.chromium.launch(executable_path=installed, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory):
    """What JupyterLab shows: a copy of the notebooks, in which they may write."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    return root


@pytest.fixture(scope="session")
def lab_url(browser, lab_root, tmp_path_factory):
    """Address, with token and a place for a notebook's name, of a JupyterLab."""
    home = tmp_path_factory.mktemp("home")
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR", "LAB_SETTINGS_DIR", "LAB_WORKSPACES_DIR")
    places = {f"JUPYTER_{name}".replace("JUPYTER_LAB", "JUPYTERLAB"): home / name for name in names}
    places |= {"IPYTHONDIR": home / "ipython", "MPLCONFIGDIR": home / "mpl"}
    news = places["JUPYTERLAB_SETTINGS_DIR"] / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex()
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={lab_root}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
    ]
    environment = os.environ | {name: str(place) for name, place in places.items()}
    with open(home / "log", "wb") as log:  # the server keeps its own handle
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api?token={token}", server, home / "log")
        # Reset, or a page would bring back the tabs of the one before.
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{{}}?token={token}&reset"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url, server, log):
    for _ in range(480):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                break
            time.sleep(0.25)
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text()[-3000:])


@pytest.fixture
def make_notebook(lab_root):
    """Write a notebook of a few cells where JupyterLab finds it."""

    def make(name, *cells):
        code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        notebook = {
            "cells": [code | {"id": f"cell-{i}", "source": cell} for i, cell in enumerate(cells)],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (lab_root / "notebooks" / f"{name}.ipynb").write_text(json.dumps(notebook))

    return make


@pytest.fixture(scope="session")
def _opened(lab_url, browser):
    """Give a notebook whose cells have all run; one is open at a time, as long as it is wanted."""
    SCREENSHOTS.mkdir(exist_ok=True)
    notebooks = {}

    def close():
        for notebook in notebooks.values():
            notebook.shut_down()
        notebooks.clear()

    def open_(name):
        if name not in notebooks:
            close()
            # A window in which a widget has room.
            context = browser.new_context(viewport={"width": 1680, "height": 1250})
            url = lab_url.format(f"{name}.ipynb")
            notebooks[name] = Notebook(context.new_page(), url, SCREENSHOTS)
        return notebooks[name]

    yield open_
    close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def open_notebook(_opened, request):
    """A notebook by its name; after the test nothing may have gone wrong in its page.

    Of a test that fails there is a screenshot.
    """
    used = []

    def open_(name):
        used.append(_opened(name))
        return used[-1]

    yield open_
    for notebook in used:
        if request.node.stash.get(FAILED, False):
            notebook.screenshot(f"failed_{request.node.name.replace('/', '_')}")
        errors, notebook.watch.errors = notebook.watch.errors, []
        assert not errors
        assert not notebook.watch.outside
        assert not {"dead", "restarting", "autorestarting"} & {*notebook.kernel()["states"]}
