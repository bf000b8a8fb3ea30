"""The notebooks run from top to bottom, on small settings, and show their runs."""

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(file for file in EXAMPLES.glob("*.py") if "jupytext" in file.read_text())
SMALL = (
    "data.repeats=1",
    "model.hidden=[12,10]",
    "model.clustering.templates=0",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
)
OF_DATA = {
    "cards": ("data.train_size=200", "data.val_size=80"),
    "micrograph": ("data.n_frames=2", "data.frame_px=200", "data.patch_px=24"),
}
# A first cell, so that every training of the notebook is a small one, without pictures.
FIRST = """
import vaerun
from tests.blank_pictures import blank
from vaerun.evaluation.figures import gallery
gallery.png = blank
_train = vaerun.train
vaerun.train = lambda *words: _train(*[w for w in words if "epochs" not in w], *{small})
"""


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="examples/ is not beside the tests")
@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda script: script.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_runs_from_top_to_bottom(script, tmp_path, monkeypatch):
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    notebook = jupytext.read(script)
    small = (*SMALL, *OF_DATA.get(script.stem, ()))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FIRST.format(small=small)))
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert any("<img" in html and "of" in html for html in shown)  # a run: its picture and numbers
    assert "<iframe" in shown[-1]  # the explorer
    assert "plot-plane" in shown[-1]


def test_there_are_the_notebooks_that_the_page_lists():
    listed = {"cards", "own_particles", "micrograph", "spectra"}
    assert listed <= {script.stem for script in NOTEBOOKS}
