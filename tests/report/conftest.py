"""The page of a comparison in headless Chromium, for the tests that look at it."""

import shutil

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from tests.comparison.made import write_made

MODELS = {"good-model": 0.4, "middling": 1.0, "a-model-of-a-very-long-name-2026": 2.0, "poor": 3.0}
TITLES = {
    "nlst": "Phantoms in the image of a screening trial",
    "ucla": "Phantoms with contrast agent, thick slices",
}


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    """Folder and cohorts of four models on two cohorts of long names, with folds, groups and semantic features."""
    folder = tmp_path_factory.mktemp("page")
    columns = {"sex": ["F", "M"], "age": ["55", "61", "70"]}
    cohorts = write_made(folder, {"nlst": (120, 40), "ucla": (51, 28)}, MODELS, titles=TITLES, columns=columns)
    workspace = Workspace(folder / "cohorts", folder)
    note = "too few of them to say anything; the interval is that of a bootstrap over patients and has no spread"
    semantic = "feature,group,kind,n,n_positive,auroc,auroc_low,auroc_high,note\n"
    semantic += f"Nodule margin spiculated,margin,presence,120,40,0.6,0.5,0.8,{note}\n"
    workspace.explanation("nlst").mkdir(parents=True)
    (workspace.explanation("nlst") / "semantic.csv").write_text(semantic, "utf-8")
    compare_cohorts(list(cohorts), workspace, CompareOptions(replicates=100, by="sex"), out=folder / "out")
    return folder, cohorts


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """12 models on 9 cohorts: more than there are colours."""
    folder = tmp_path_factory.mktemp("many")
    sizes = {f"cohort-{k}": (60, 25) for k in range(9)}
    cohorts = write_made(folder, sizes, {f"model-{k}": 0.4 + 0.2 * k for k in range(12)}, folds=1)
    options = CompareOptions(replicates=20)
    compare_cohorts(list(cohorts), Workspace(folder / "cohorts", folder), options, out=folder / "out")
    return folder / "out" / "report" / "index.html"
