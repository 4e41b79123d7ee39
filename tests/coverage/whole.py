"""Coverage in cohorts that were sampled as a whole: how many are positive is chance too."""

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from benchmark.statistics import Resampling, paired_bootstrap
from tests.coverage.gates import Measured, band

TABLE = "Cohorts sampled as a whole: the number of positives is chance"
NOTE = (
    "By default positives and negatives are drawn apart, so that limits are those of cohorts with as many "
    "positives: where a challenge or a case-control set fixed their number, that is what was sampled (first "
    "table). Here it was not fixed. *Together* is `--sampled-whole`, in Python `Resampling(stratified=False)`. "
    "The FPR, which does not depend on the share of positives, is there to compare."
)
CASES = [(300, 0.2), (1000, 0.2), (1000, 0.05)]
"""Patients, and the share that is positive in endless cases."""
AUROC, RECALL = 0.85, 0.8
SHIFT = np.sqrt(2) * ndtri(AUROC)
NAMES = ("auprc", f"precision@recall={RECALL:g}", f"fpr@recall={RECALL:g}")


def truth(prevalence):
    """What endless cases of binormal scores have."""
    false_alarms = float(ndtr(ndtri(RECALL) - SHIFT))

    def precision(threshold):
        called = prevalence * norm.sf(threshold - SHIFT), (1 - prevalence) * norm.sf(threshold)
        return called[0] / (called[0] + called[1])

    area = quad(lambda t: precision(t) * norm.pdf(t - SHIFT), -10, 10)[0]
    at_recall = prevalence * RECALL / (prevalence * RECALL + (1 - prevalence) * false_alarms)
    return dict(zip(NAMES, (area, at_recall, false_alarms), strict=True))


def whole_cohort_coverage(case, repeats, seed, replicates=500):
    """Coverage where classes are drawn apart, the default, and together."""
    size, prevalence = case
    rng = np.random.default_rng(seed)
    true = truth(prevalence)
    held = {(apart, name): 0 for name in NAMES for apart in (True, False)}
    for k in range(repeats):
        labels = (rng.random(size) < prevalence).astype(int)
        scores = rng.normal(size=size) + SHIFT * labels
        for apart in (True, False):
            resampling = Resampling(replicates, seed=k, stratified=apart, workers=1)
            for found in paired_bootstrap(labels, {"a": scores}, NAMES, resampling=resampling).estimates:
                held[apart, found.metric] += found.low <= true[found.metric] <= found.high
    name = f"{size:,} patients, {prevalence:.0%} positive"
    return [_row(name, apart, what, count / repeats, repeats) for (apart, what), count in held.items()]


def _row(case, apart, what, rate, repeats):
    low, high = band(0.95, repeats)
    gated = not apart and what == "auprc"
    bounds = (min(0.92, low), max(0.98, high)) if gated else (0.0, 1.0)
    return Measured(
        TABLE, case, f"{what}, classes {'apart' if apart else 'together'}", rate, repeats, *bounds, 0.95
    )
