"""Coverage of areas that are weighted for cases without a score."""

from functools import cache

import numpy as np

from benchmark.metrics import auprc, auroc
from benchmark.statistics import Resampling, weighted_for_missing
from tests.coverage.gates import Measured

GAPS = [(20, 200), (50, 500)]
"""Positives and negatives, of whom about two of five have no score, the smaller the more often."""
TABLE = "Missing scores: weighted areas, logit intervals"


def drawn(rng, positives, negatives):
    """Labels, sizes, scores (better for larger nodules) and the same with gaps that follow size and label."""
    label = np.repeat([1, 0], [positives, negatives])
    size = rng.normal(0.3 * label)
    score = rng.normal(label * (1.2 + 0.5 * size))
    gone = rng.uniform(size=label.size) < 1 / (1 + np.exp(0.6 + 0.9 * size - 0.4 * label))
    return label, size, score, np.where(gone, np.nan, score)


@cache
def truth(positives, negatives):
    """Areas without gaps, in 400,000 cases of the same prevalence."""
    scale = 400_000 // (positives + negatives)
    label, _, score, _ = drawn(np.random.default_rng(1), positives * scale, negatives * scale)
    return {"auroc": auroc(label, score), "auprc": auprc(label, score)}


def weighted_coverage(case, repeats, seed, replicates=150):
    """How often the limits hold the area without gaps; gated for AUROC from 50 positives on."""
    rng = np.random.default_rng(seed)
    held, known, expected = (
        dict.fromkeys(("auroc", "auprc"), 0),
        dict.fromkeys(("auroc", "auprc"), 0),
        truth(*case),
    )
    for k in range(repeats):
        label, size, _, gaps = drawn(rng, *case)
        found = weighted_for_missing(label, gaps, {"size": size}, resampling=Resampling(replicates, seed=k))
        for name, area in found.items():
            if np.isfinite(area.low):
                known[name] += 1
                held[name] += area.low <= expected[name] <= area.high
    name = f"{case[0]}+{case[1]}, 2 of 5 without a score"
    gate = (0.93 - 0.025, 0.97 + 0.025) if case[0] >= 50 else (0.0, 1.0)
    return [
        Measured(TABLE, name, f"{what} covered", held[what] / known[what], known[what],
                 *(gate if what == "auroc" else (0.0, 1.0)))
        for what in held
    ]  # fmt: skip
