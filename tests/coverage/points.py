"""Coverage and level of recall at a specificity, FPR at a recall, and of their differences between two models."""

import numpy as np
from scipy.special import ndtr, ndtri

from benchmark.statistics import Resampling, paired_bootstrap
from tests.coverage.added import SIZES, clustered
from tests.coverage.gates import Measured, band

TABLE = "Operating points: recall at a specificity, FPR at a recall"
SPECIFICITY = RECALL = 0.9
NOTE = (
    "FPR at a recall is that of the highest threshold at which the sample reaches the recall: of 50 positives the "
    "45th score. Of endless cases that threshold calls 45/51 = 0.882 on average, not 0.9, so the FPR is a little "
    "low, and its limits with it: the rows *at its threshold's recall* say how often they hold the FPR at 0.882. "
    "Differences of two models share the shift; their limits are wide: they hold the truth more often than they "
    "say, and equal models differ less often."
)
NAMES = (f"recall@specificity={SPECIFICITY:g}", f"fpr@recall={RECALL:g}")
AT_OWN = "at its threshold's recall: "
AUROCS = (0.9, 0.8)
CASES = [(*size, nodules) for size in SIZES for nodules in (1, 3)]


def truth(auroc):
    """What endless cases of binormal scores have at the two points."""
    shift = np.sqrt(2) * ndtri(auroc)
    return dict(zip(NAMES, (ndtr(shift - ndtri(SPECIFICITY)), ndtr(ndtri(RECALL) - shift)), strict=True))


def two_models(rng, positives, negatives, nodules):
    """Labels, patients, and scores of two models that share half of the variance, without the positives' shift."""
    label = np.repeat([1, 0], [positives * nodules, negatives * nodules])
    shared, a, b = (
        np.concatenate([clustered(rng, n, nodules)[0] for n in (positives, negatives)]) for _ in range(3)
    )
    patient = np.repeat(np.arange(positives + negatives), nodules)
    return label, patient, (shared + a) / np.sqrt(2), (shared + b) / np.sqrt(2)


def point_coverage(case, repeats, seed, replicates=500):
    """Coverage at both points of one model and of the difference of two, and the level where two are equal."""
    positives, negatives, nodules = case
    rng = np.random.default_rng(seed)
    better, worse = (truth(auroc) for auroc in AUROCS)
    shift = [np.sqrt(2) * ndtri(auroc) for auroc in AUROCS]
    held = {(kind, name): 0 for name in NAMES for kind in ("", "difference of ", "equal ")}
    reached = np.ceil(RECALL * positives * nodules) / (positives * nodules + 1)
    own_fpr = ndtr(ndtri(reached) - shift[0])
    held[AT_OWN, NAMES[1]] = 0
    for k in range(repeats):
        label, patient, a, b = two_models(rng, positives, negatives, nodules)
        models = {"a": a + shift[0] * label, "b": b + shift[1] * label, "equal": b + shift[0] * label}
        drawn = paired_bootstrap(
            label,
            models,
            NAMES,
            patient if nodules > 1 else None,
            resampling=Resampling(replicates, seed=k, workers=1),
        )
        for found in drawn.estimates:
            if found.model == "a":
                held["", found.metric] += found.low <= better[found.metric] <= found.high
                if found.metric == NAMES[1]:
                    held[AT_OWN, found.metric] += found.low <= own_fpr <= found.high
        for found in drawn.differences:
            if found.model_b == "b" and found.model_a == "a":
                true = better[found.metric] - worse[found.metric]
                held["difference of ", found.metric] += found.low <= true <= found.high
            elif {found.model_a, found.model_b} == {"a", "equal"}:
                held["equal ", found.metric] += found.p_value < 0.05
    name = f"{positives}+{negatives}" + (f", {nodules} nodules a patient" if nodules > 1 else "")
    return [
        _row(name, kind, what, count / repeats, repeats, positives >= 50) for (kind, what), count in held.items()
    ]


def _row(case, kind, what, rate, repeats, gated):
    if kind == "equal ":
        most = max(0.075, band(0.05, repeats)[1]) if gated else 1.0
        return Measured(TABLE, case, f"{what}, equal models differ", rate, repeats, 0.0, most, 0.05)
    spread = band(0.95, repeats)
    gated = gated and (kind, what) != ("", NAMES[1])  # see NOTE
    low, high = (min(0.93, spread[0]), max(0.97, spread[1])) if gated else (0.0, 1.0)
    return Measured(TABLE, case, f"{kind}{what}", rate, repeats, low, high, 0.95)
