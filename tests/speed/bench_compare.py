"""Speed of ``bench compare`` and its page: running this file writes results/speed/compare.md.

Four cohorts of the paper's sizes, four models, 2,000 replicates; the same intervals by a loop over scikit-learn
beside it; the page in headless Chromium; and one cohort of 1,000,000 patients for the size of its page.
"""

from __future__ import annotations

import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import plotly
import sklearn
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.comparison.score_files import read_scores  # noqa: E402
from benchmark.comparison.units import Scored, gather  # noqa: E402
from benchmark.contracts.cohort import CohortManifest, write_cohort  # noqa: E402
from benchmark.contracts.scores import write_score_table  # noqa: E402
from benchmark.files import write_text  # noqa: E402
from benchmark.report.figures.curves import roc_points  # noqa: E402
from tests.comparison.made import expit, score_rows, write_made  # noqa: E402

OUT = ROOT / "results" / "speed" / "compare.md"
SIZES = {"nlst": (188, 56), "lungx": (70, 35), "dlcs": (1120, 63), "ucla": (51, 28)}
MODELS = {"clip": 0.5, "deepipn": 0.9, "sybil": 1.2, "venkadesh": 1.6}
REPLICATES, LOOP, LARGE = 2000, 20, 1_000_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Median wall-clock seconds."""
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def command(folder: Path, cohorts: list[str], *more: str) -> list[str]:
    """The command as a user types it."""
    named = [part for name in cohorts for part in ("--cohort", name)]
    program = [sys.executable, "-c", "from benchmark.cli.main import app; app()", "compare"]
    return [*program, *named, "--results", str(folder), "--cohorts", str(folder / "cohorts"), *more]


def run_command(arguments: list[str]) -> None:
    """Run it in a process of its own, start included."""
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def loop_over_scikit_learn(scored: list[Scored], replicates: int) -> None:
    """What one writes first: AUROC, AUPRC and FPR at four recalls of every model, resample by resample."""
    generator = np.random.default_rng(0)
    for cohort in scored:
        labels, n = cohort.labels, len(cohort.labels)
        for _ in range(replicates):
            rows = generator.integers(0, n, n)
            if labels[rows].min() == labels[rows].max():
                continue
            for scores in cohort.named().values():
                roc_auc_score(labels[rows], scores[rows])
                average_precision_score(labels[rows], scores[rows])
                fpr, recall, _ = roc_curve(labels[rows], scores[rows])
                [fpr[np.argmax(recall >= t)] for t in (0.6, 0.7, 0.8, 0.9)]


def opened(page: Path) -> tuple[float, float, float]:
    """Seconds until the page is loaded and until all is drawn, and milliseconds of a slider move (medians)."""
    from playwright.sync_api import sync_playwright

    move = """() => { const slider = document.getElementById("recall"), times = [];
      document.querySelectorAll("input[name=cohort]")[2].click();
      for (let k = 1; k <= 200; k++) { const begin = performance.now(); slider.value = k;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        document.getElementById("explorer-table").getBoundingClientRect(); times.push(performance.now() - begin); }
      return times; }"""
    loaded, drawn, moves = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for _ in range(5):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            begin = time.perf_counter()
            tab.goto(page.as_uri())
            loaded.append(time.perf_counter() - begin)
            tab.wait_for_selector("html[data-drawn=all]")
            drawn.append(time.perf_counter() - begin)
            moves.append(statistics.median(tab.evaluate(move)))
            tab.close()
        browser.close()
    return statistics.median(loaded), statistics.median(drawn), statistics.median(moves)


def large_cohort(folder: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A cohort of ``n`` patients with one nodule each and four models; labels and one model's scores."""
    generator = np.random.default_rng(0)
    labels = (generator.random(n) < 0.05).astype(int)
    ids = [f"P{k:07d}" for k in range(n)]
    nodules = pd.DataFrame({"pid": ids, "nodule_id": "1", "image_path": "x.nii.gz"})
    nodules = nodules.assign(coordX=0.0, coordY=0.0, coordZ=0.0, malignant=pd.array(labels, dtype="Int8"))
    write_cohort(folder / "cohorts" / "large", CohortManifest(name="large", title="Large"), nodules)
    scores = np.zeros(n)
    for model, noise in MODELS.items():
        scores = expit(labels * 1.5 - 2 + noise * generator.normal(size=n))
        rows = score_rows(nodules, model, "large", list(scores))
        write_score_table(rows, folder / "scores" / "large" / f"{model}.parquet")
    return labels, scores


def furthest(labels: np.ndarray, scores: np.ndarray) -> float:
    """Largest distance of a sample of the true curve's points to the drawn curve, in recall at the same FPR."""
    x, y = roc_points(labels, scores)
    fpr, recall, _ = roc_curve(labels, scores, drop_intermediate=False)
    at = np.linspace(0, len(fpr) - 1, 20_001).astype(int)
    low = np.interp(fpr[at] - 5e-4, x, y)
    high = np.interp(fpr[at] + 5e-4, x, y)
    return float(np.max(np.maximum(low - recall[at], recall[at] - high).clip(0)))


def main() -> None:
    """Measure and write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohorts = write_made(folder / "paper", SIZES, MODELS, folds=5)
        ours = seconds(lambda: run_command(command(folder / "paper", list(SIZES))))
        page = folder / "paper" / "compare" / "report" / "index.html"
        scored = [
            gather(cohort, read_scores(folder / "paper", [name])[name]).common()
            for name, cohort in cohorts.items()
        ]
        loop = seconds(lambda: loop_over_scikit_learn(scored, LOOP), 1) * REPLICATES / LOOP
        size = page.stat().st_size / 1e6
        browser = opened(page) if CHROMIUM else None
        labels, scores = large_cohort(folder / "large", LARGE)
        large = seconds(lambda: run_command(command(folder / "large", ["large"])), 1)
        large_size = (folder / "large" / "compare" / "report" / "index.html").stat().st_size / 1e6
        large_browser = opened_once(folder / "large" / "compare" / "report" / "index.html") if CHROMIUM else None
        away = furthest(labels, scores)
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}, "
    versions += f"plotly {plotly.__version__}"
    rows = [
        (
            "`bench compare`, 4 cohorts × 4 models × 5 folds, 2,000 replicates, start to end",
            f"{ours:.1f} s",
            "≤ 30 s",
        ),
        (f"the bootstrap alone as a loop over scikit-learn (from {LOOP} replicates)", f"{loop:.0f} s", ""),
        ("ratio", f"{loop / ours:.0f} ×", ""),
        ("its page", f"{size:.1f} MB", "≤ 8 MB"),
    ]
    if browser:
        rows += [
            ("page loaded in headless Chromium", f"{browser[0]:.1f} s", "≤ 3 s"),
            ("everything drawn", f"{browser[1]:.1f} s", ""),
            ("a move of the explorer's slider, 1,120 patients × 4 models", f"{browser[2]:.1f} ms", "≤ 50 ms"),
        ]
    rows += [
        (f"`bench compare`, {LARGE:,} patients × 4 models", f"{large:.0f} s", ""),
        ("its page", f"{large_size:.1f} MB", "≤ 10 MB"),
        ("furthest that its ROC curve lies from the whole one", f"{away:.5f}", "≤ 0.001"),
    ]
    if large_browser:
        rows.append(("it loaded in headless Chromium", f"{large_browser:.1f} s", ""))
    lines = ["# `bench compare` and its page", "", f"`python tests/speed/bench_compare.py`, {versions}.", ""]
    lines += ["| what | measured | target |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    write_text(OUT, "\n".join(lines) + "\n")


def opened_once(page: Path) -> float:
    """Seconds until a page is loaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        begin = time.perf_counter()
        tab.goto(page.as_uri())
        found = time.perf_counter() - begin
        browser.close()
    return found


if __name__ == "__main__":
    main()
