"""Speed of time-to-event measures: ``python tests/speed/bench_survival.py`` writes results/speed/survival.md.

The figure of the project: the yearly AUC of 100,000 patients at 6 years, each with its own risks, in 1,000
resamples with the weights estimated again in each, in at most 60 s of one processor. The named alternative in the
same run is the sum over pairs of cases and controls by numpy, in blocks, on one resample.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.files import write_text  # noqa: E402
from benchmark.metrics import dynamic_auc, harrell_c, uno_c  # noqa: E402
from benchmark.statistics import Resampling, as_survival_sample, survival_bootstrap_of  # noqa: E402

OUT = ROOT / "results" / "speed" / "survival.md"
YEARS = np.arange(1, 7)
PATIENTS, REPLICATES = 100_000, 1000


def cohort(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times to the day, events in about a tenth, and six risks that rank differently."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    died, left = rng.exponential(60 * np.exp(-x)), rng.uniform(0.5, 8, n)
    seen = np.ceil(365 * np.minimum(died, left)) / 365
    return seen, (died <= left).astype(int), np.stack([x + rng.normal(size=n) / 2 for _ in YEARS], axis=1)


def seconds(run: Callable[[], object]) -> float:
    """Processor time of one call."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


def pairs(seen: np.ndarray, event: np.ndarray, risk: np.ndarray) -> list[float]:
    """AUC of each year pair by pair, without weights: the least that a double loop has to do."""
    found = []
    for k, year in enumerate(YEARS):
        cases = risk[(event == 1) & (seen <= year), k]
        controls = risk[seen > year, k]
        above = sum(
            int((block[:, None] > controls).sum()) for block in np.array_split(cases, max(cases.size // 50, 1))
        )
        found.append(above / (cases.size * controls.size))
    return found


def main() -> None:
    """Measure and write."""
    seen, event, risk = cohort(PATIENTS)
    sample = as_survival_sample(seen, event, {"m": risk}, YEARS)
    one = as_survival_sample(seen, event, {"m": risk[:, 0]}, YEARS)

    def drawn(of: object, metric: str, replicates: int) -> float:
        resampling = Resampling(replicates, workers=1)
        return seconds(lambda: survival_bootstrap_of(of, metric, resampling=resampling))

    rows = [
        (
            f"yearly AUC, 6 risks at 6 years, {REPLICATES:,} resamples",
            "60",
            drawn(sample, "dynamic_auc", REPLICATES),
        ),
        (f"Uno's C, one risk at 6 τ, {REPLICATES:,} resamples (from 100)", "", 10 * drawn(one, "uno_c", 100)),
        (f"Harrell's C, {REPLICATES:,} resamples (from 100)", "", 10 * drawn(one, "harrell_c", 100)),
        ("yearly AUC, once", "", seconds(lambda: dynamic_auc(seen, event, risk, YEARS))),
        ("pairs of cases and controls at 6 years by numpy, once", "", seconds(lambda: pairs(seen, event, risk))),
        ("Harrell's C, once", "", seconds(lambda: harrell_c(seen, event, risk[:, 0]))),
        ("Uno's C, once", "", seconds(lambda: uno_c(seen, event, risk[:, 0], 6))),
    ]
    growth = []
    for n in (1000, 10_000, 100_000, 1_000_000):
        t, e, r = cohort(n, 1)
        growth.append(f"| {n:,} | {seconds(lambda t=t, e=e, r=r: dynamic_auc(t, e, r, YEARS)):.3f} | "
                      f"{seconds(lambda t=t, e=e, r=r: harrell_c(t, e, r[:, 0])):.3f} |")  # fmt: skip
    lines = [
        "# Speed of time-to-event measures",
        "",
        f"`python tests/speed/bench_survival.py`, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}: seconds of one processor, {PATIENTS:,} patients, "
        f"{int(event.sum()):,} of them with the event.",
        "",
        "| work | target | seconds |",
        "|---|---|---|",
        *(f"| {what} | {target} | {found:.2f} |" for what, target, found in rows),
        "",
        "| patients | yearly AUC at 6 years, once | Harrell's C, once |",
        "|---|---|---|",
        *growth,
    ]
    write_text(OUT, "\n".join(lines) + "\n")
    sys.stdout.write(f"{OUT}\n")


if __name__ == "__main__":
    main()
