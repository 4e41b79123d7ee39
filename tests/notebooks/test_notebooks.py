"""The notebooks run from top to bottom, and what is committed of their outputs is small."""

import tempfile
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = ("01_quickstart", "02_your_own_cohort", "03_reading_a_published_table", "05_from_arrays")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_small_and_hold_no_error(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs, "run the notebook before it is committed"
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 60_000
    assert f"{tempfile.gettempdir()}/" not in (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_notebook_runs_and_gives_what_is_committed(name, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    stored = [_tables(cell) for cell in notebook.cells]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    assert [_tables(cell) for cell in notebook.cells] == stored


def _tables(cell):
    """The tables that a cell shows as Markdown; they hold the numbers."""
    return [
        output["data"]["text/markdown"]
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
