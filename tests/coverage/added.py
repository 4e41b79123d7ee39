"""Coverage and level of added value: calls at thresholds, strata, fusions, net benefit, yields, O/E."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from benchmark.comparison.thresholds import likelihood_ratio
from benchmark.metrics import observed_expected
from benchmark.statistics import (
    Resampling,
    auroc_difference,
    conditional_auroc,
    fused_scores,
    mcnemar,
    net_benefit_gain,
    rates_at_threshold,
    top_yield,
)
from tests.coverage.designs import correlated
from tests.coverage.gates import Measured, band

SIZES = [(10, 100), (20, 200), (50, 500)]
CALLS = [(*size, nodules) for size in SIZES for nodules in (1, 3)]
STRATA = CALLS


def clustered(rng, patients, nodules, share=0.5):
    """Normal numbers of ``patients × nodules`` cases that share a part of their variance, and the patients."""
    own = np.repeat(np.arange(patients), nodules)
    return np.sqrt(share) * rng.normal(size=patients)[own] + np.sqrt(1 - share) * rng.normal(size=own.size), own


def interval_row(case, what, hits, repeats, gated):
    low, high = (0.93, 0.97) if gated else (0.0, 1.0)
    spread = band(0.95, repeats)
    ends = (min(low, spread[0]), max(high, spread[1])) if gated else (low, high)
    return Measured("Added value", case, what, hits / repeats, repeats, *ends, 0.95)


def level_row(case, what, rejected, repeats, level=0.05, gated=True):
    most = max(1.5 * level, band(level, repeats)[1]) if gated else 1.0
    return Measured("Added value", case, what, rejected / repeats, repeats, 0.0, most, level)


def call_coverage(case, repeats, seed):
    """Tango's limits of the difference of recalls of 0.85 and 0.7; level of McNemar's test where both are 0.8."""
    positives, negatives, nodules = case
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [positives * nodules, negatives * nodules])
    hits = rejected = 0

    def score():
        return np.concatenate([clustered(rng, n, nodules)[0] for n in (positives, negatives)])

    patient = np.repeat(np.arange(positives + negatives), nodules)
    clusters = patient if nodules > 1 else None
    for _ in range(repeats):
        shared, first, second = score(), score(), score()
        a, b = ((shared + x) / np.sqrt(2) for x in (first, second))
        found = mcnemar(label, a, b, (-ndtri(0.85), -ndtri(0.7)), clusters).recall
        hits += found.low <= 0.15 <= found.high
        rejected += mcnemar(label, a, b, -ndtri(0.8), clusters).recall.p_value < 0.05
    name = f"{positives}+{negatives}" + (f", {nodules} nodules a patient" if nodules > 1 else "")
    return [
        interval_row(name, "difference of recalls (Tango)", hits, repeats, positives >= 50),
        level_row(name, "McNemar, equal recalls", rejected, repeats, gated=positives >= 50),
    ]


def strata_coverage(case, repeats, seed, auroc=0.75):
    """AUROC within three strata of other prevalence and other mean score; level where it is 0.5."""
    positives, negatives, nodules = case
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [positives * nodules, negatives * nodules])
    patient = np.repeat(np.arange(positives + negatives), nodules)
    clusters = patient if nodules > 1 else None
    hits = rejected = 0
    for _ in range(repeats):
        stratum = np.where(label == 1, rng.choice(3, label.size, p=(0.2, 0.3, 0.5)), rng.choice(3, label.size))
        noise = np.concatenate([clustered(rng, n, nodules)[0] for n in (positives, negatives)]) + stratum
        found = conditional_auroc(label, noise + np.sqrt(2) * ndtri(auroc) * label, stratum, clusters)
        hits += found.low <= auroc <= found.high
        rejected += conditional_auroc(label, noise, stratum, clusters).p_value < 0.05
    name = f"{positives}+{negatives}, AUROC {auroc:g}" + (f", {nodules} nodules a patient" if nodules > 1 else "")
    return [
        interval_row(name, "AUROC within strata", hits, repeats, positives >= 50),
        level_row(name, "AUROC within strata of 0.5", rejected, repeats, gated=positives >= 50),
    ]


def fusion_level(case, repeats, seed):
    """How often a fusion with a model that knows nothing is called better than the other, at two-sided 0.05."""
    positives, negatives = case
    rng = np.random.default_rng(seed)
    better = other = 0
    for _ in range(repeats):
        label, a, _ = correlated(rng, positives, negatives, 0.8, 0.8, 0.0)
        fused = fused_scores(label, {"a": a, "b": rng.normal(size=label.size)}, folds=3)
        test = auroc_difference(label, fused.scores, a)
        better += test.p_value < 0.05 and test.difference > 0
        other += test.p_value < 0.05 and test.difference < 0
    name = f"{positives}+{negatives}, a model of 0.80 and one of 0.50"
    return [
        level_row(name, "fusion called better", better, repeats, 0.025),
        level_row(name, "fusion called worse", other, repeats, 0.025, gated=False),
    ]


def gain_coverage(case, repeats, seed, threshold=0.1, replicates=500):
    """Limits of the gain in net benefit of an AUROC of 0.85 over one of 0.75, and the level where both are 0.8."""
    positives, negatives, nodules = case
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [positives * nodules, negatives * nodules])
    patient = np.repeat(np.arange(positives + negatives), nodules)
    shift = {auroc: np.sqrt(2) * ndtri(auroc) for auroc in (0.85, 0.75, 0.8)}
    cut = logit(threshold) + 2.5
    # Benign are alike in both models: the false positives are the same share of endless cases.
    truth = (ndtr(shift[0.85] - cut) - ndtr(shift[0.75] - cut)) * positives / (positives + negatives)
    hits = rejected = 0
    for k in range(repeats):
        shared, *own = (
            np.concatenate([clustered(rng, n, nodules)[0] for n in (positives, negatives)]) for _ in range(3)
        )
        a, b = ((shared + x) / np.sqrt(2) for x in own)
        for first, second in ((0.85, 0.75), (0.8, 0.8)):
            p, q = expit(a + shift[first] * label - 2.5), expit(b + shift[second] * label - 2.5)
            [found] = net_benefit_gain(
                label, p, q, [threshold], patient, resampling=Resampling(replicates, seed=k, workers=1)
            )
            hits += first != second and found.low <= truth <= found.high
            rejected += first == second and found.p_value < 0.05
    name = f"{positives}+{negatives}" + (f", {nodules} nodules a patient" if nodules > 1 else "")
    return [
        interval_row(name, "gain in net benefit", hits, repeats, positives >= 50),
        level_row(name, "gain in net benefit, equal", rejected, repeats, gated=positives >= 50),
    ]


def yield_coverage(case, repeats, seed, share=0.1, replicates=500):
    """Share of the positives among the highest tenth, against that of endless cases."""
    positives, negatives = case
    rng = np.random.default_rng(seed)
    shift, prevalence = np.sqrt(2) * ndtri(0.8), positives / (positives + negatives)

    def excess(cut):
        return prevalence * ndtr(shift - cut) + (1 - prevalence) * ndtr(-cut) - share

    truth = ndtr(shift - brentq(excess, -9, 9))
    hits = 0
    for k in range(repeats):
        label, score, _ = correlated(rng, positives, negatives, 0.8, 0.8, 0.5)
        taken = round(share * label.size)
        found = top_yield(label, score, taken, resampling=Resampling(replicates, seed=k, workers=1))
        hits += found.low <= truth <= found.high
    return [interval_row(f"{positives}+{negatives}", "yield of a tenth", hits, repeats, positives >= 50)]


def expected_coverage(case, repeats, seed):
    """Observed over expected of calibrated probabilities whose mean gives so many events."""
    positives, negatives, nodules = case
    rng = np.random.default_rng(seed)
    patients = positives + negatives
    cut = brentq(lambda m: expit(np.linspace(-3, 3, 2001) + m).mean() - positives / patients, -20, 20)
    hits = 0
    for _ in range(repeats):
        p = expit(rng.uniform(-3, 3, patients) + cut)
        label = (rng.random(patients) < p).astype(int)
        own = np.repeat(np.arange(patients), nodules)
        found = observed_expected(label[own], p[own], own)
        hits += found.low <= 1 <= found.high
    name = f"{positives}+{negatives}" + (f", {nodules} nodules a patient" if nodules > 1 else "")
    return [interval_row(name, "observed / expected", hits, repeats, positives >= 50)]


def predictive_coverage(case, repeats, seed, prevalence=0.01):
    """PPV and NPV at another prevalence, of a recall of 0.8 and a specificity of 0.9."""
    positives, negatives = case
    rng = np.random.default_rng(seed)
    label, odds = np.repeat([1, 0], [positives, negatives]), prevalence / (1 - prevalence)
    truths = {True: 8.0, False: 0.2 / 0.9}
    hits = dict.fromkeys(truths, 0)
    for _ in range(repeats):
        called = np.concatenate([rng.random(positives) < 0.8, rng.random(negatives) < 0.1])
        rates = rates_at_threshold(label, called.astype(float), 0.5)
        for positive, truth in truths.items():
            _, low, high = likelihood_ratio(rates.recall, rates.specificity, positive)
            # Predictive values are monotone in the likelihood ratios: one is covered where the other is.
            hits[positive] += low * odds <= truth * odds <= high * odds
    name = f"{positives}+{negatives}"
    return [
        interval_row(name, f"{what} at a prevalence of {prevalence:g}", hits[positive], repeats, positives >= 50)
        for positive, what in ((True, "PPV"), (False, "NPV"))
    ]
