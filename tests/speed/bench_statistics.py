"""Speed of the statistics: ``python tests/speed/bench_statistics.py`` writes results/speed/statistics.md.

Every figure stands beside its target, and beside a named alternative measured in the same run where there is one:
a loop over scikit-learn, and R's pROC where ``Rscript`` with pROC is installed. On a shared machine the wall clock
measures the neighbours too, so the best of several runs is given with its processor time.
"""

from __future__ import annotations

import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.files import write_text  # noqa: E402
from benchmark.metrics import RECALLS, auprc, auroc, operating_points  # noqa: E402
from benchmark.statistics import auroc_interval, delong_test, paired_bootstrap  # noqa: E402
from benchmark.statistics.resampling import Resampling  # noqa: E402

OUT = ROOT / "results" / "speed" / "statistics.md"
METRICS = ["auroc", "auprc", *(f"{rate}@recall={t}" for t in RECALLS for rate in ("fpr", "precision"))]


@dataclass(frozen=True)
class Timed:
    """Best of several runs: wall-clock and processor seconds."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} s of processor)"


def timed(run: Callable[[], object], repeats: int = 5) -> Timed:
    """Best wall-clock time of ``repeats`` calls after one that warms up, and the processor time of the best."""
    run()
    found = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Timed(min(w for w, _ in found), min(c for _, c in found))


def cohort(
    n: int, positives: int, models: int, seed: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Labels, correlated scores of several models, and patients, some of whom have more than one nodule."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) < positives).astype(np.int8)
    shared = rng.normal(size=n)
    scores = {f"model {k}": shared + rng.normal(size=n) + (1.6 + 0.2 * k) * label for k in range(models)}
    return label, scores, np.arange(n)


def scikit_learn_replicate(label: np.ndarray, scores: dict[str, np.ndarray], rows: np.ndarray) -> list[float]:
    """What one writes first: every metric of every model on one resample."""
    out: list[float] = []
    truth = label[rows]
    for score in scores.values():
        drawn = score[rows]
        out += [roc_auc_score(truth, drawn), average_precision_score(truth, drawn)]
        fpr, tpr, _ = roc_curve(truth, drawn)
        precision, recall, _ = precision_recall_curve(truth, drawn)
        for target in RECALLS:
            out += [fpr[np.argmax(tpr >= target)], precision[np.flatnonzero(recall >= target)[-1]]]
    return out


def engine_rows() -> list[tuple[str, str, str, str]]:
    """The bootstrap engine against its targets and against a loop over scikit-learn."""
    label, scores, patients = cohort(1120, 63, 4)
    rng = np.random.default_rng(1)
    loops = 40

    def loop() -> None:
        for _ in range(loops):
            scikit_learn_replicate(label, scores, rng.integers(0, label.size, label.size))

    def engine() -> None:
        paired_bootstrap(label, scores, METRICS, patients, resampling=Resampling(10_000, seed=1, workers=2))

    whole, slow = timed(engine), timed(loop, 3)
    ratio, cpu_ratio = (slow.wall * 10_000 / loops) / whole.wall, (slow.cpu * 10_000 / loops) / whole.cpu
    nodules = np.repeat(np.arange(374), 3)[:1120]
    several = timed(
        lambda: paired_bootstrap(label, scores, METRICS, nodules, resampling=Resampling(10_000, seed=1, workers=2))
    )
    pair = dict(list(scores.items())[:2])
    short = timed(lambda: paired_bootstrap(label, pair, "auroc", resampling=Resampling(2000, seed=1, workers=2)))
    bca = timed(lambda: auroc_interval(label, scores["model 0"], "bca", resampling=Resampling(10_000, workers=2)))
    loop_text = (
        f"{slow.wall * 10_000 / loops:.0f} s, from {loops} replicates: {ratio:.0f} × (processor {cpu_ratio:.0f} ×)"
    )
    work = "10,000 paired clustered replicates × 4 models × 1,120 patients, AUROC, AUPRC, 4 recalls"
    return [
        (work, "≤ 4 s, ≥ 60 × scikit-learn", str(whole), loop_text),
        ("the same, 1,120 nodules of 374 patients", "", str(several), ""),
        (
            "2,000 paired replicates of one pair's AUROC, 1,120 patients",
            "< pROC, 2.5 s",
            str(short),
            proc("bootstrap"),
        ),
        ("BCa of AUROC, 10,000 replicates, 1,120 patients", "≤ 1.5 s", str(bca), ""),
    ]


def million_rows() -> list[tuple[str, str, str, str]]:
    """One million patients."""
    n = 1_000_000
    label, scores, _ = cohort(n, n // 20, 2)
    a, b = scores.values()

    def one_model() -> None:
        auroc(label, a)
        auprc(label, a)
        operating_points(label, a)
        auroc_interval(label, a)

    one = timed(one_model)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    pair = timed(lambda: delong_test(label, a, b))
    work = "AUROC, AUPRC, 4 operating points, DeLong interval of one model, 1,000,000 patients"
    return [
        (work, "≤ 1.5 s, ≤ 1 GiB", f"{one}, peak {peak:.2f} GiB of the whole process", ""),
        ("paired DeLong of two models, 1,000,000 patients", "≤ 1.2 s, < pROC, 1.6 s", str(pair), proc("delong")),
    ]


def proc(what: str) -> str:
    """The same work by R's pROC, in this run; empty where it is not installed."""
    script = {
        "bootstrap": "n <- 1120; m <- 63; "
        "f <- function(a, b) roc.test(a, b, method='bootstrap', boot.n=2000, progress='none')",
        "delong": "n <- 1000000; m <- 50000; f <- function(a, b) roc.test(a, b, method='delong', paired=TRUE)",
    }[what]
    code = (
        f"suppressMessages(library(pROC)); set.seed(1); {script}; y <- rep(c(1, 0), c(m, n - m)); s <- rnorm(n);"
        "a <- s + rnorm(n) + 1.6 * y; b <- s + rnorm(n) + 1.8 * y;"
        "t <- system.time({ra <- roc(y, a, quiet=TRUE, direction='<'); rb <- roc(y, b, quiet=TRUE, direction='<');"
        "f(ra, rb)}); cat(packageVersion('pROC') |> as.character(), t[['elapsed']], t[['user.self']])"
    )
    if shutil.which("Rscript") is None:
        return "pROC is not installed here"
    with tempfile.TemporaryDirectory() as folder:
        found = subprocess.run(["Rscript", "-e", code], cwd=folder, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        return "pROC is not installed here"
    version, wall, cpu = found.stdout.split()
    return f"pROC {version}: {float(wall):.2f} s ({float(cpu):.2f} s of processor)"


def growth() -> list[tuple[int, float, float]]:
    """Patients, processor seconds of the metrics and interval of one model, and of paired DeLong."""
    out = []
    for n in (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000):
        label, scores, _ = cohort(n, n // 20, 2)
        a, b = scores.values()
        calls = max(1, 30_000 // n)

        def one(label: np.ndarray = label, a: np.ndarray = a, calls: int = calls) -> None:
            for _ in range(calls):
                auroc(label, a)
                auprc(label, a)
                operating_points(label, a)
                auroc_interval(label, a)

        def pair(label: np.ndarray = label, a: np.ndarray = a, b: np.ndarray = b, calls: int = calls) -> None:
            for _ in range(calls):
                delong_test(label, a, b)

        out.append((n, timed(one, 3).cpu / calls, timed(pair, 3).cpu / calls))
    return out


def exponent(points: list[tuple[int, float, float]], column: int, least: int) -> float:
    """Slope of log time over log (n log n) from ``least`` patients on; at most 1 is no worse than n log n."""
    rows = [row for row in points if row[0] >= least]
    x = np.log([row[0] * np.log(row[0]) for row in rows])
    return float(np.polyfit(x, np.log([row[column] for row in rows]), 1)[0])


def drawing(points: list[tuple[int, float, float]]) -> str:
    """Both curves and a line of n log n on doubly logarithmic axes, as SVG."""
    low, high = -5.0, 1.0

    def place(n: float, seconds: float) -> str:
        x, y = 60 + 120 * (np.log10(n) - 3), 20 + 40 * (high - np.log10(seconds))
        return f"{x:.1f},{y:.1f}"

    anchor = points[-1][1] / (1e6 * np.log(1e6))
    lines = [
        ("#1b6ca8", "metrics and interval of one model", [(n, t) for n, t, _ in points]),
        ("#b3541e", "paired DeLong", [(n, t) for n, _, t in points]),
        ("#888888", "n log n", [(n, anchor * n * np.log(n)) for n, _, _ in points]),
    ]
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 310" font-family="sans-serif" font-size="11">'
    ]
    parts.append('<rect width="480" height="310" fill="white"/>')
    for k in range(4):
        x = 60 + 120 * k
        parts.append(f'<line x1="{x}" y1="20" x2="{x}" y2="260" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="275" text-anchor="middle">{10 ** (k + 3):,}</text>')
    for k in range(int(low), int(high) + 1):
        y = 20 + 40 * (high - k)
        parts.append(f'<line x1="60" y1="{y}" x2="420" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="54" y="{y + 4}" text-anchor="end">{10.0**k:g} s</text>')
    for k, (colour, name, curve) in enumerate(lines):
        path = " ".join(place(n, t) for n, t in curve)
        dash = ' stroke-dasharray="5 4"' if name == "n log n" else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(f'<text x="70" y="{36 + 15 * k}" fill="{colour}">{name}</text>')
    parts.append('<text x="240" y="298" text-anchor="middle">patients</text></svg>')
    return "\n".join(parts) + "\n"


def main() -> None:
    """Measure and write the table and the drawing."""
    million = million_rows()
    rows = [*engine_rows(), *million]
    with threadpool_limits(1):  # a second BLAS thread that waits would count as work from 10,000 patients on
        points = growth()
    lines = [
        "# Speed of the statistics",
        "",
        f"`python tests/speed/bench_statistics.py`, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, scikit-learn {sklearn.__version__}. Best of several runs; on a shared "
        "machine the processor time is the steadier figure.",
        "",
        "| work | target | here | alternative in the same run |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "## Growth with patients",
        "",
        "| patients | metrics and interval of one model | paired DeLong |",
        "|---|---|---|",
        *(f"| {n:,} | {1000 * one:.2f} ms | {1000 * pair:.2f} ms |" for n, one, pair in points),
        "",
        f"Processor time of one thread grows as (n log n)^{exponent(points, 1, 1000):.2f} for one model and "
        f"(n log n)^{exponent(points, 2, 1000):.2f} for paired DeLong from 1,000 to 1,000,000 patients;",
        f"from 10,000 on, as the cache is left behind, as (n log n)^{exponent(points, 1, 10_000):.2f} and "
        f"(n log n)^{exponent(points, 2, 10_000):.2f}.",
        "",
        "![time over patients](statistics.svg)",
    ]
    write_text(OUT, "\n".join(lines) + "\n")
    write_text(OUT.with_suffix(".svg"), drawing(points))
    sys.stdout.write(f"{OUT}\n")


if __name__ == "__main__":
    main()
