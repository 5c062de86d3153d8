"""A JupyterLab server on loopback, and a page of a headless Chromium that shows it."""

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

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
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
def lab_url(tmp_path_factory):
    """Address, with token and a place for a notebook's name, of a JupyterLab over a copy."""
    if not CHROMIUM:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "root" / "notebooks")
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
        f"--ServerApp.root_dir={home / 'root'}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
    ]
    log = open(home / "log", "wb")
    environment = os.environ | {name: str(place) for name, place in places.items()}
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api?token={token}", server, home / "log")
        # Reset, or a page would bring back the tabs of the one before.
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{{}}?token={token}&reset"
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def _wait_for(url, server, log):
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                break
            time.sleep(0.25)
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text()[-3000:])


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that reaches nothing but loopback."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_notebook(lab_url, browser):
    """Open a notebook and run all its cells; returns the page."""
    pages = []

    def open_(name):
        page = browser.new_page(viewport={"width": 1680, "height": 1250})
        pages.append(page)
        page.set_default_timeout(60_000)
        page.goto(lab_url.format(name))
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context")
        page.evaluate(
            """async () => {
                const panel = jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info;
                await jupyterapp.commands.execute("application:toggle-left-area");
                await jupyterapp.commands.execute("notebook:run-all-cells");
            }"""
        )
        return page

    yield open_
    for page in pages:
        page.close()
