"""Speed of ``bench compare`` and its page: running this file writes results/speed/compare.md.

Four cohorts of the paper's sizes, four models, 2,000 replicates; the same intervals by a loop over scikit-learn
beside it; the page in headless Chromium; and one cohort of 1,000,000 patients for the size of its page.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
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
from benchmark.comparison.units import Scored, scores_by_unit  # noqa: E402
from benchmark.contracts.cohort import CohortManifest, write_cohort  # noqa: E402
from benchmark.contracts.score_card import ScoreCard, write_scores  # noqa: E402
from benchmark.contracts.workspace import Workspace  # noqa: E402
from benchmark.files import write_text  # noqa: E402
from benchmark.report.figures.curves import roc_points  # noqa: E402
from tests.comparison.made import expit, score_rows, write_made  # noqa: E402

OUT = ROOT / "results" / "speed" / "compare.md"
SIZES = {"nlst": (188, 56), "lungx": (70, 35), "dlcs": (1120, 63), "ucla": (51, 28)}
MODELS = {"clip": 0.5, "deepipn": 0.9, "sybil": 1.2, "venkadesh": 1.6}
REPLICATES, LOOP, LARGE = 2000, 20, 1_000_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def seconds(run: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Median wall-clock seconds, and processor seconds of this process and its children."""
    wall, processor = [], []
    for _ in range(repeats):
        begin, used = time.perf_counter(), _processor()
        run()
        wall.append(time.perf_counter() - begin)
        processor.append(_processor() - used)
    return statistics.median(wall), statistics.median(processor)


def _processor() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


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


def opened(page: Path) -> tuple[float, float, float, float]:
    """Seconds to load (wall clock, main thread) and to draw, milliseconds of a slider move: medians of five."""
    from playwright.sync_api import sync_playwright

    move = """() => { const slider = document.getElementById("recall"), times = [];
      [...document.querySelectorAll("input[name=cohort]")].slice(0, 3).at(-1).click();
      for (let k = 1; k <= 200; k++) { const begin = performance.now(); slider.value = k;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        document.getElementById("explorer-table").getBoundingClientRect(); times.push(performance.now() - begin); }
      return times; }"""
    loaded, thread, drawn, moves = [], [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for _ in range(5):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            begin = time.perf_counter()
            tab.goto(page.as_uri())
            loaded.append(time.perf_counter() - begin)
            facts = {fact["name"]: fact["value"] for fact in session.send("Performance.getMetrics")["metrics"]}
            thread.append(facts["TaskDuration"])
            tab.wait_for_selector("html[data-drawn=all]")
            drawn.append(time.perf_counter() - begin)
            moves.append(statistics.median(tab.evaluate(move)))
            tab.close()
        browser.close()
    return tuple(map(statistics.median, (loaded, thread, drawn, moves)))  # type: ignore[return-value]


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
        card = ScoreCard(model, "large", model, "made", (), "unseen")
        write_scores(rows, card, folder / "scores" / "large" / f"{model}.parquet")
    return labels, scores


def furthest(labels: np.ndarray, scores: np.ndarray) -> float:
    """Largest distance of 4,000 points of the whole ROC curve to the drawn one."""
    x, y = roc_points(labels, scores)
    fpr, recall, _ = roc_curve(labels, scores, drop_intermediate=False)
    begin, step = np.stack((x[:-1], y[:-1]), 1), np.stack((np.diff(x), np.diff(y)), 1)
    length = np.maximum((step**2).sum(1), 1e-30)
    found = 0.0
    for k in np.linspace(0, len(fpr) - 1, 4_000).astype(int):
        point = np.array([fpr[k], recall[k]])
        along = np.clip(((point - begin) * step).sum(1) / length, 0, 1)
        found = max(found, float(np.sqrt((((begin + along[:, None] * step) - point) ** 2).sum(1)).min()))
    return found


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=LARGE, help="patients of the large cohort")
    patients = parser.parse_args().large
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohorts = write_made(folder / "paper", SIZES, MODELS, folds=5)
        ours = seconds(lambda: run_command(command(folder / "paper", list(SIZES))))
        page = folder / "paper" / "compare" / "report" / "index.html"
        scored = [
            scores_by_unit(cohort, read_scores(Workspace(results=folder / "paper"), [name])[name]).common()
            for name, cohort in cohorts.items()
        ]
        loop = [REPLICATES / LOOP * t for t in seconds(lambda: loop_over_scikit_learn(scored, LOOP), 1)]
        size = page.stat().st_size / 1e6
        browser = opened(page) if CHROMIUM else None
        labels, scores = large_cohort(folder / "large", patients)
        large = seconds(lambda: run_command(command(folder / "large", ["large"], "--replicates", "200")), 1)
        large_page = folder / "large" / "compare" / "report" / "index.html"
        large_size, away = large_page.stat().st_size / 1e6, furthest(labels, scores)
        large_browser = opened(large_page) if CHROMIUM else None
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}, "
    versions += f"plotly {plotly.__version__}"
    both = "{:.1f} s ({:.1f} s)".format
    rows = [
        ("`bench compare`, 4 cohorts × 4 models × 5 folds, 2,000 replicates, start to end", both(*ours), "≤ 30 s"),
        (f"the bootstrap alone as a loop over scikit-learn (from {LOOP} replicates)", both(*loop), ""),
        ("ratio of processor times", f"{loop[1] / ours[1]:.0f} ×", ""),
        ("its page", f"{size:.1f} MB", "≤ 8 MB"),
    ]
    if browser:
        rows += [
            ("page loaded in headless Chromium", both(*browser[:2]), "≤ 3 s"),
            ("everything drawn", f"{browser[2]:.1f} s", ""),
            ("a move of the explorer's slider, 1,120 patients × 4 models", f"{browser[3]:.1f} ms", "≤ 50 ms"),
        ]
    rows += [
        (f"`bench compare`, {patients:,} patients × 4 models, 200 replicates", both(*large), ""),
        ("its page", f"{large_size:.1f} MB", "≤ 10 MB"),
        ("furthest that its ROC curve lies from the whole one", f"{away:.5f}", "≤ 0.001"),
    ]
    if large_browser:
        rows.append(("it loaded in headless Chromium", both(*large_browser[:2]), ""))
    load = os.getloadavg()[0]
    lines = ["# `bench compare` and its page", ""]
    command_line = f"python tests/speed/bench_compare.py --large {patients}"
    machine = f"{os.cpu_count()} cores, load average {load:.1f} at the end"
    lines += [
        f"`{command_line}`, {versions}; {machine}",
        "(where others work, wall-clock times are upper bounds).",
    ]
    lines.append("")
    lines += [
        "| what | wall clock (processor or main thread) | target |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    write_text(OUT, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
