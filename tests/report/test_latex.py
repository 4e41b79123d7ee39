"""The LaTeX files compile as they are, and inside a document."""

import shutil
import subprocess

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from tests.comparison.made import write_made
from tests.report.payloads import PAYLOADS

pytestmark = pytest.mark.slow
PDFLATEX = shutil.which("pdflatex")
if PDFLATEX is None:
    pytest.skip("no pdflatex (Debian: apt-get install texlive-latex-recommended)", allow_module_level=True)


def compiled(path, folder):
    done = subprocess.run(
        [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", f"-output-directory={folder}", path],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    return (folder / f"{path.stem}.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    models = {payload: 0.5 + k / 5 for k, payload in enumerate(PAYLOADS[::3])}
    write_made(
        folder, {"nlst": (60, 20), "ucla": (30, 12)}, models, folds=2, titles={"nlst": "N_L & S% #T [x] ~^\\"}
    )
    compare_cohorts(
        ["nlst", "ucla"],
        Workspace(folder / "cohorts", folder),
        CompareOptions(replicates=20, published=["zhuang2025"]),
        out=folder / "out",
    )
    return folder / "out" / "tables"


def test_every_table_compiles_as_it_is(tables, tmp_path):
    paths = sorted(tables.glob("*.tex"))
    assert len(paths) >= 12
    for path in paths:
        compiled(path, tmp_path)


def test_tables_go_into_a_document_that_loads_booktabs(tables, tmp_path):
    inputs = "\n".join(rf"\input{{{path}}}" for path in sorted(tables.glob("*.tex")) if path.stem != "all_tables")
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    text = rf"{head}Before. {inputs} After.\end{{document}}"
    paper = tmp_path / "paper.tex"
    paper.write_text(text.replace("After.", r"\typeout{reached the end}After."))
    assert "reached the end" in compiled(paper, tmp_path)
