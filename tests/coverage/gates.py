"""What is measured, what is expected (STATISTICS.md D2-D4, D7), and the bands that a measurement must stay within.

A band is the reference ± 3.29 standard errors of the difference between this measurement, over R repeats, and the
reference, which was itself measured over ``reference_repeats``. A rise is as suspicious as a fall.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.statistics import (
    auprc_interval,
    auroc_interval,
    delong_test,
    friedman_nemenyi,
    holm,
    paired_bootstrap,
    paired_permutation,
    power_of_variance,
)
from benchmark.statistics.resampling import Resampling
from tests.coverage.designs import Design, correlated

Z = 3.29
ANALYTIC, BOOTSTRAP = 20_000, 2000
"""Repeats behind the reference values of analytic and of bootstrap intervals."""


@dataclass(frozen=True)
class Measured:
    """One measured rate and the band it must stay within; a missing band is reported only."""

    table: str
    case: str
    what: str
    rate: float
    repeats: int
    low: float = 0.0
    high: float = 1.0
    reference: float = math.nan

    @property
    def passed(self):
        return self.low <= self.rate <= self.high


def band(reference, repeats, reference_repeats=math.inf):
    spread = Z * math.sqrt(reference * (1 - reference) * (1 / repeats + 1 / reference_repeats))
    return reference - spread, reference + spread


# STATISTICS.md D2: Wald, logit, Newcombe (20,000 repeats); percentile, BCa (2,000; 1,000 for 50+500); then average
# precision by Boyd's logit and binomial intervals, percentile and BCa.
METHODS = ("wald", "logit", "percentile", "bca", "newcombe", "ap logit", "ap binomial", "ap percentile", "ap bca")
TABLE = """
 10 100 0.90  .839  .901    -     -   .965  .997  .932    -     -
 10 100 0.95  .790  .895  .830  .904  .968  .988  .925  .882  .935
 20 200 0.90  .889  .923  .907  .927  .966  .979  .946  .929  .946
 20 200 0.95  .851  .905  .869  .902  .971  .989  .953  .912  .941
 20 200 0.99  .747  .886    -     -   .981  .981  .927    -     -
 50 500 0.90  .926  .940    -     -   .965  .970  .956    -     -
 50 500 0.95  .902  .928  .912  .916  .976  .980  .965  .916  .925
 50 500 0.99  .829  .899    -     -   .985  .993  .974    -     -
100 400 0.90  .938  .946    -     -   .963  .977  .969    -     -
"""
COVERAGE = {
    Design(int(m), int(n), float(auroc)): {
        name: float(value) for name, value in zip(METHODS, values, strict=True) if value != "-"
    }
    for m, n, auroc, *values in (line.split() for line in TABLE.strip().splitlines())
}
DRAWN = {"percentile", "bca", "ap percentile", "ap bca"}
CLUSTERED = Design(60, 300, 0.90, nodules=3, icc=0.7)


def analytic_coverage(design, repeats, seed):
    """Coverage of the intervals by formula, and of the default."""
    rng = np.random.default_rng(seed)
    truth, hits = design.true_auprc(), {}
    names = [name for name in (*COVERAGE[design], "auto") if name not in DRAWN]
    for _ in range(repeats):
        label, score, _ = design.draw(rng)
        for name in names:
            if name.startswith("ap "):
                found, true = auprc_interval(label, score, method=name.removeprefix("ap ")), truth
            else:
                found, true = auroc_interval(label, score, method=name), design.auroc
            # At an AUROC of 1 the logit formula has no interval: a miss in the reference; what ships gives
            # Newcombe's limits, as the row of the default measures.
            held = found.low <= true <= found.high and (name != "logit" or found.method == "logit")
            hits[name] = hits.get(name, 0) + held
    return [_row(design, name, hits[name] / repeats, repeats) for name in names]


def drawn_coverage(design, repeats, seed, replicates=1000):
    """Coverage of percentile and BCa limits of AUROC and average precision."""
    rng = np.random.default_rng(seed)
    truth = {"auroc": design.auroc, "auprc": design.true_auprc()}
    hits = dict.fromkeys(sorted(DRAWN), 0)
    for k in range(repeats):
        label, score, _ = design.draw(rng)
        for method in ("percentile", "bca"):
            # The seed of the resamples follows the cohort's; both methods see the same resamples.
            drawn = paired_bootstrap(
                label,
                {"m": score},
                method=method,
                resampling=Resampling(replicates, seed=k, workers=1),
            )
            for metric, prefix in (("auroc", ""), ("auprc", "ap ")):
                found = drawn.estimate("m", metric)
                # What stands in where resampling has no width is no hit of the method that has none.
                held = found.low <= truth[metric] <= found.high
                hits[prefix + method] += held and found.method == method
    return [_row(design, name, count / repeats, repeats) for name, count in hits.items()]


def _row(design, name, rate, repeats):
    """Gate one coverage: around its table value, or for the shipped default at D3's targets."""
    if name == "auto":
        floor = 0.0
        if design.positives >= 20 and design.auroc <= 0.95:
            floor = 0.93 if (design.positives, design.auroc) == (50, 0.90) else 0.90
        # The target holds at 20,000 repeats; fewer repeats are allowed their error.
        floor -= 0 if repeats >= ANALYTIC else Z * math.sqrt(0.09 / repeats) if floor else 0
        return Measured("Intervals", design.name, "default", rate, repeats, low=max(floor, 0.0))
    reference = COVERAGE[design][name]
    reference_repeats = (1000 if design.positives == 50 else BOOTSTRAP) if name in DRAWN else ANALYTIC
    low, high = band(reference, repeats, reference_repeats)
    if name in ("newcombe", "ap logit"):  # the conservative option
        low = max(low, 0.95 - (0 if repeats >= ANALYTIC else Z * math.sqrt(0.05 * 0.95 / repeats)))
    return Measured("Intervals", design.name, name, rate, repeats, low, high, reference)


FEW = (Design(2, 60, 0.85), Design(5, 100, 0.85), Design(5, 100, 0.95), Design(10, 100, 0.99), Design(8, 8, 0.85))
"""Few positives, or rankings that are often perfect: where resampling covers an AUPRC too rarely."""


def few_positives(design, repeats, seed, replicates=500):
    """Coverage of the default interval of average precision, and of BCa as it would be, with few positives."""
    rng = np.random.default_rng(seed)
    truth, hits = design.true_auprc(), {"ap default": 0, "ap bca": 0}
    for k in range(repeats):
        label, score, _ = design.draw(rng)
        for name, method in (("ap default", "auto"), ("ap bca", "bca")):
            found = auprc_interval(label, score, method, resampling=Resampling(replicates, seed=k, workers=1))
            held = found.low <= truth <= found.high
            hits[name] += held and (method == "auto" or found.method == method)
    floor = 0.90 - Z * math.sqrt(0.09 / repeats)
    return [
        Measured("Few positives", design.name, name, count / repeats, repeats, floor if "default" in name else 0.0)
        for name, count in hits.items()
    ]


# STATISTICS.md (e): two models with correlation 0.5, and what plain percentile limits missed; BCa missed 0.112,
# 0.146, 0.139 and 0.091. The last has a true difference.
DIFFERENCES = [
    (20, 200, 0.858, 0.858, math.nan),
    (35, 35, 0.858, 0.858, 0.064),
    (35, 35, 0.942, 0.942, 0.068),
    (28, 23, 0.858, 0.858, 0.079),
    (63, 1057, 0.858, 0.858, 0.073),
    (35, 35, 0.90, 0.80, math.nan),
]


def difference_misses(case, repeats, seed, replicates=1000):
    """How often the limits of an AUPRC difference miss the truth, and how often p is below 0.05."""
    positives, negatives, first, second, percentile = case
    truth = Design(positives, negatives, first).true_auprc() - Design(positives, negatives, second).true_auprc()
    rng = np.random.default_rng(seed)
    counts = {"limits miss": 0, "p < 0.05": 0, "limits contradict p": 0}
    for k in range(repeats):
        label, a, b = correlated(rng, positives, negatives, first, second, 0.5)
        drawn = paired_bootstrap(
            label, {"a": a, "b": b}, "auprc", resampling=Resampling(replicates, seed=k, workers=1)
        )
        found = drawn.differences[0]
        counts["limits miss"] += not found.low <= truth <= found.high
        counts["p < 0.05"] += found.p_value < 0.05
        counts["limits contradict p"] += (found.low > 0 or found.high < 0) != (found.p_value < 0.05)
    name = f"{positives}+{negatives}, AUROC {first:.2f} and {second:.2f}"
    low, high = 0.025, max(0.06, band(0.05, repeats)[1])
    rows = [
        Measured(
            "AUPRC differences",
            name,
            "limits miss",
            counts["limits miss"] / repeats,
            repeats,
            low,
            high,
            percentile,
        ),
        Measured(
            "AUPRC differences",
            name,
            "limits contradict p",
            counts["limits contradict p"] / repeats,
            repeats,
            0,
            0,
        ),
    ]
    gate = (low, high) if first == second else (0.0, 1.0)
    rows.insert(1, Measured("AUPRC differences", name, "p < 0.05", counts["p < 0.05"] / repeats, repeats, *gate))
    return rows


def clustered_coverage(repeats, seed, replicates=1000):
    """Coverage with three nodules a patient; and that clusters of one change nothing."""
    rng = np.random.default_rng(seed)
    names = ["unclustered logit", "clustered logit", "clustered percentile", "clustered bca"]
    hits = dict.fromkeys(names, 0)
    for k in range(repeats):
        label, score, patient = CLUSTERED.draw(rng)
        for name in names:
            how, method = name.split()
            found = auroc_interval(
                label,
                score,
                method,
                patient if how == "clustered" else None,
                resampling=Resampling(replicates, seed=k, workers=1),
            )
            hits[name] += found.low <= CLUSTERED.auroc <= found.high
    rows = []
    for name in names:
        rate = hits[name] / repeats
        if name == "unclustered logit":
            low, high, reference = *band(0.811, repeats, 3000), 0.811
        else:
            # The goal of D3 is ≥ .92 for the clustered interval; it is gated for the logit interval that ships.
            low, high, reference = (0.92, 1.0, math.nan) if name == "clustered logit" else (0.0, 1.0, math.nan)
        rows.append(Measured("Clusters", CLUSTERED.name, name, rate, repeats, low, high, reference))
    return rows


def shuffled_labels(repeats, seed):
    """D7: with labels shuffled the interval holds 0.5 as often as it promises."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(repeats):
        label, score, _ = Design(50, 300, 0.9).draw(rng)
        found = auroc_interval(rng.permutation(label), score)
        hits += found.low <= 0.5 <= found.high
    low, high = band(0.95, repeats)
    return [
        Measured(
            "Leaks", "50+300, labels shuffled", "interval holds 0.5", hits / repeats, repeats, low, high, 0.95
        )
    ]


# STATISTICS.md D4: positives, negatives, AUROC, correlation of scores, measured level.
PAIRED = [
    (20, 200, 0.90, 0.5, 0.051),
    (20, 200, 0.90, 0.9, 0.045),
    (20, 200, 0.95, 0.9, 0.035),
    (50, 500, 0.90, 0.5, 0.046),
    (10, 100, 0.90, 0.5, 0.047),
]


def paired_level(case, repeats, seed):
    """How often paired DeLong rejects two equal models."""
    positives, negatives, auroc, correlation, reference = case
    rng = np.random.default_rng(seed)
    rejected = 0
    for _ in range(repeats):
        test = delong_test(*correlated(rng, positives, negatives, auroc, auroc, correlation))
        rejected += test.p_value < 0.05
    low, high = (0.025, 0.061) if repeats >= 4000 else (band(0.035, repeats)[0], band(0.05, repeats)[1])
    name = f"{positives}+{negatives}, AUROC {auroc:.2f}, r {correlation:g}"
    return [Measured("Level of tests", name, "paired DeLong", rejected / repeats, repeats, low, high, reference)]


def family_level(repeats, seed, models=4):
    """Holm over all pairs of equal models: the chance of any rejection."""
    rng = np.random.default_rng(seed)
    rejected = 0
    for _ in range(repeats):
        label = np.repeat([1, 0], [40, 200])
        shared = rng.normal(size=label.size)
        scores = [shared + rng.normal(size=label.size) + 1.8 * label for _ in range(models)]
        p = [delong_test(label, scores[i], scores[j]).p_value for i in range(models) for j in range(i)]
        rejected += holm(p).min() < 0.05
    high = max(0.061, band(0.05, repeats)[1])
    return [
        Measured(
            "Level of tests",
            f"40+200, {models} models",
            "Holm over pairs, any",
            rejected / repeats,
            repeats,
            0,
            high,
        )
    ]


def permutation_level(repeats, seed):
    """How often the paired permutation test rejects exchangeable models, clustered."""
    rng = np.random.default_rng(seed)
    rejected = {"auroc": 0, "auprc": 0}
    for k in range(repeats):
        label = np.repeat([1, 0], [60, 180])
        patient = np.arange(240) // 3
        shared = rng.normal(size=80)[patient]
        scores = {
            m: shared + rng.normal(size=80)[patient] + 0.5 * rng.normal(size=240) + 1.5 * label for m in "ab"
        }
        for pair in paired_permutation(
            label, scores, list(rejected), patient, resampling=Resampling(399, seed=k, workers=1)
        ).differences:
            rejected[pair.metric] += pair.p_value <= 0.05
    low, high = band(0.05, repeats)
    case = "60+180 nodules of 80 patients"
    return [
        Measured("Level of tests", case, f"permutation, {m}", c / repeats, repeats, low, high, 0.05)
        for m, c in rejected.items()
    ]


def fold_level(models, folds, reference, repeats, seed):
    """Friedman, Iman–Davenport, and Nemenyi's family-wise level on independent folds."""
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(("Friedman χ²", "Iman–Davenport", "Nemenyi, any"), 0)
    for _ in range(repeats):
        found = friedman_nemenyi(pd.DataFrame(rng.normal(size=(folds, models))))
        counts["Friedman χ²"] += found.p_value < 0.05
        counts["Iman–Davenport"] += found.iman_davenport_p < 0.05
        counts["Nemenyi, any"] += found.nemenyi.to_numpy().min() < 0.05
    case = f"{models} models, {folds} folds"
    highs = {"Friedman χ²": 1.0, "Iman–Davenport": 0.065, "Nemenyi, any": 0.061}
    rows = []
    for (name, count), known in zip(counts.items(), reference, strict=True):
        low, high = band(known, repeats, 4000)
        gate = min(high, highs[name]) if repeats >= 4000 else high
        rows.append(Measured("Level of tests", case, name, count / repeats, repeats, low, gate, known))
    return rows


def power_of_delong(repeats, seed):
    """D4: a true gap of .05 at 100+400 is found at the rate that the DeLong variance predicts, ± 3 %."""
    rng = np.random.default_rng(seed)
    found, variances = 0, []
    for _ in range(repeats):
        test = delong_test(*correlated(rng, 100, 400, 0.90, 0.85, 0.5))
        found += test.p_value < 0.05
        variances.append(test.variance)
    predicted = power_of_variance(0.05, float(np.mean(variances)))
    slack = max(0.03, band(predicted, repeats)[1] - predicted)
    case = "100+400, AUROC .90 against .85, r .5"
    return [
        Measured(
            "Power",
            case,
            "paired DeLong",
            found / repeats,
            repeats,
            predicted - slack,
            predicted + slack,
            predicted,
        )
    ]


# STATISTICS.md D4: models, folds, and the levels of Friedman, Iman-Davenport and Nemenyi (4,000 repeats).
FOLDS = [(5, 5, (0.031, 0.055, 0.037)), (8, 5, (0.036, 0.058, 0.032)), (8, 30, (0.055, 0.059, 0.056))]
