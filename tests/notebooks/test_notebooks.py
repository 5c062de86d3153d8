"""Every notebook runs from its first cell to its last; a progress bar leaves nothing in one."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from ..synthetic import write_file

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
CHECKS = {
    "0_start": "assert runs[0].age <= runs[-1].age and newest[0] in explorer.runs",
    "1_compare_runs": "assert explorer.view['runs'] and comparison.at(15).shape == (17, 2)",
    "2_network_size": "assert list(totals.loc['parameters']) == [1051805, 6397085]",
    "3_train": "assert panel.chosen().scale == 'laptop' and not panel.is_running",
    "4_write_up": "assert len(findings) > 20 and 'Against the baseline' in writing.findings.value",
}
BARS = """
import ipywidgets
made = []
ipywidgets.Widget.on_widget_constructed(made.append)
from tmnet.logs.find import load_runs
load_runs("logs", before=load_runs("logs"))
from tmnet.progress import progress_bar
with progress_bar(range(3), desc="Counting", delay=0, mininterval=0) as bar:
    for _ in bar:
        pass
ipywidgets.Widget.on_widget_constructed(None)
assert not made
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The folder in which notebooks run; the start page looks around it."""
    folder = tmp_path_factory.mktemp("start") / "notebooks"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def run(here):
    """Runs the cells of a notebook, and gives those with code; a kernel for all takes less long."""
    # here, so that only one of the processes that run tests waits for it
    import nbformat
    from nbclient import NotebookClient

    def as_notebook(cells):
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])

    client = NotebookClient(as_notebook([]), timeout=600, resources={"metadata": {"path": here}})

    def run(path=None, cells=()):
        notebook = nbformat.read(path, as_version=4) if path else as_notebook([])
        assert not any(cell.get("outputs") for cell in notebook.cells), "stored without outputs"
        notebook.cells += as_notebook(cells).cells
        notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))  # no names of another one
        client.nb = notebook
        client.execute(cleanup_kc=False)
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    yield run
    client.nb = as_notebook([])
    client.execute(cleanup_kc=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, run):
    code = run(path, [CHECKS[path.stem]])
    assert not [out for cell in code for out in cell.outputs if out.get("name") == "stderr"]
    figures = [out["data"]["image/png"] for cell in code for out in cell.outputs
               if "image/png" in out.get("data", {})]  # fmt: skip
    assert len(figures) == sum(".plot_" in cell.source for cell in code)
    for figure in figures:
        picture = Image.open(io.BytesIO(base64.b64decode(figure)))
        assert picture.width > 1000 and len(picture.getcolors(2**20)) > 100


def test_a_bar_is_text_that_goes(run, here):
    for name in ("a", "a_2", "b"):
        write_file(here / "logs" / name, [(10 * k, k, {"loss": 1 / k}) for k in range(1, 60)])
    outputs = run(cells=[BARS])[-1].outputs
    assert {output.get("name") for output in outputs} == {"stdout"}
    *_, full, blank, end = "".join(output.text for output in outputs).split("\r")
    assert "Counting: 100%" in full and len(blank) >= len(full.rstrip())
    assert not blank.strip() and not end
