"""Every notebook runs from its first cell to its last."""

import base64
import io
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
CHECKS = {
    "0_start": "assert newest.age <= min(run.age for run in runs) and len(look.grid) >= 100",
    "1_compare_runs": "assert explorer.view['runs'] and comparison.at(15).shape == (17, 2)",
    "2_network_size": "assert list(totals.loc['parameters']) == [1051805, 6397085]",
    "3_train": "assert panel.chosen().scale == 'laptop' and not panel.is_running",
    "4_write_up": "assert len(findings) > 20 and 'Who leads' in writing.findings.value",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """It runs one notebook after the other in the same kernel, which takes long to start."""
    here = tmp_path_factory.mktemp("start") / "notebooks"  # the start page looks around its folder
    here.mkdir()
    nothing = nbformat.v4.new_notebook()
    client = NotebookClient(nothing, timeout=600, resources={"metadata": {"path": here}})
    yield client
    client.nb = nothing
    client.execute(cleanup_kc=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, client):
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "stored without outputs"
    notebook.cells.append(nbformat.v4.new_code_cell(CHECKS[path.stem]))
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))  # no names of another one
    client.nb = notebook
    client.execute(cleanup_kc=False)
    errors = [out for cell in notebook.cells for out in cell.get("outputs", ())
              if out.get("name") == "stderr"]  # fmt: skip
    assert not errors
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    figures = [out["data"]["image/png"] for cell in code for out in cell.outputs
               if "image/png" in out.get("data", {})]  # fmt: skip
    assert len(figures) == sum(".plot_" in cell.source for cell in code)
    for figure in figures:
        picture = Image.open(io.BytesIO(base64.b64decode(figure)))
        assert picture.width > 1000 and len(picture.getcolors(2**20)) > 100
