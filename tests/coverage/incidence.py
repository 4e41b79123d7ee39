"""Coverage of cumulative incidence by group of risk, and of calibration at a year, under censoring."""

import math
from functools import cache

import numpy as np

from benchmark.comparison.incidence import GROUPS, incidence_rows
from benchmark.metrics import calibration_at
from tests.coverage.gates import Measured, band
from tests.coverage.survival import TIMES, Censored

TABLE = "Cumulative incidence: log(−log) limits, and observed / expected"
CASES = tuple(
    Censored(patients, censored)
    for censored, sizes in ((0.3, (120, 240, 600)), (0.7, (160, 320, 900)))
    for patients in sizes
)
"""About 10, 20 and 50 events by year 6."""


@cache
def truth():
    """Share with the event by each of `TIMES` in each third of risk, of 400,000 patients without censoring."""
    died, risk, _, _ = Censored(400_000, 0.3).uncensored(np.random.default_rng(1))
    cuts = np.quantile(risk[:, -1], np.arange(1, GROUPS) / GROUPS)
    group = np.searchsorted(cuts, risk[:, -1])
    return {(g + 1, t): float((died[group == g] <= t).mean()) for g in range(GROUPS) for t in TIMES}


def incidence_coverage(case, repeats, seed):
    """How often limits hold the share of each third by year 6, and O/E's hold 1, where there are limits."""
    rng = np.random.default_rng(seed)
    known, held, events = {}, {}, 0
    for _ in range(repeats):
        time, event, risk, _, _ = case.draw(rng)
        events += int(((time <= 6) & (event == 1)).sum())
        rows = incidence_rows("c", "m", time, event, risk[:, -1], np.array(TIMES, float))
        rows = rows[rows["year"] == 6]
        limits = {
            f"third {g:.0f}": (low, high, truth()[g, 6])
            for g, low, high in rows[["group", "low", "high"]].to_numpy()
        }
        found = calibration_at(time, event, risk[:, -1], 6.0)
        limits["observed / expected"] = (found.ratio_low, found.ratio_high, 1.0)
        for name, (low, high, value) in limits.items():
            if math.isfinite(low):
                known[name] = known.get(name, 0) + 1
                held[name] = held.get(name, 0) + (low <= value <= high)
    title = f"{case.name}, {events / repeats:.0f} events"
    return [
        _row(title, name, held[name] / known[name], known[name], repeats, events / repeats)
        for name in sorted(known)
    ]


def _row(title, name, rate, known, repeats, events):
    told = f"{name}, year 6" + ("" if known == repeats else f", of the {known / repeats:.0%} with limits")
    gated = events >= 45 and known == repeats
    spread = band(0.95, known)
    low, high = (min(0.93, spread[0]), max(0.97, spread[1])) if gated else (0.0, 1.0)
    return Measured(TABLE, title, told, rate, known, low, high, 0.95)
