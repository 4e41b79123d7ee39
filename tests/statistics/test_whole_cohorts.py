"""Intervals of what changes with the number of positives carry the chance of that number too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve, precision_score

from benchmark.metrics import METRICS
from benchmark.statistics import Resampling, metric_interval, paired_bootstrap

RNG = np.random.default_rng(7)
N = 300
LABELS = (RNG.random(N) < 0.2).astype(int)
SCORES = norm.cdf(-1.0 + 0.9 * (np.where(LABELS == 1, 1, -0.3) + RNG.normal(size=N)))
OTHER = norm.cdf(-1.0 + 0.6 * (np.where(LABELS == 1, 1, -0.3) + RNG.normal(size=N)))


def net_benefit(labels: np.ndarray, scores: np.ndarray) -> float:
    """Vickers and Elkin (2006), at 0.1."""
    called = scores >= 0.1
    return float((called & (labels == 1)).mean() - (called & (labels == 0)).mean() * 0.1 / 0.9)


PLAIN = {
    "net_benefit@threshold=0.1": net_benefit,
    "brier": brier_score_loss,
    "precision@threshold=0.5": lambda y, s: precision_score(y, s >= 0.5, zero_division=np.nan),
}


@pytest.mark.parametrize("metric", PLAIN)
def test_limits_are_those_of_a_plain_bootstrap_of_patients(metric: str) -> None:
    """Drawn here by numpy, patients of both classes together; net benefit had 0.140 to 0.171 before."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(3000):
        rows = rng.integers(0, N, N)
        drawn.append(PLAIN[metric](LABELS[rows], SCORES[rows]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    found = metric_interval(LABELS, SCORES, metric, "percentile", resampling=Resampling(3000, seed=1))
    assert found.low == pytest.approx(low, abs=0.12 * (high - low))
    assert found.high == pytest.approx(high, abs=0.12 * (high - low))


def test_the_same_limits_stand_beside_other_metrics() -> None:
    metrics = ["auroc", "net_benefit@threshold=0.1"]
    both = paired_bootstrap(LABELS, {"a": SCORES, "b": OTHER}, metrics, resampling=Resampling(500, seed=2))
    alone = metric_interval(LABELS, SCORES, metrics[1], "percentile", resampling=Resampling(500, seed=2))
    (found,) = [e for e in both.estimates if (e.model, e.metric) == ("a", metrics[1])]
    assert (found.low, found.high) == (alone.low, alone.high)


def test_which_limits_keep_the_number_of_positives() -> None:
    assert {name for name, metric in METRICS.items() if metric.limits_keep_positives} == {
        "auprc", "auprc_davis_goadrich", "npv@recall", "precision@recall",
    }  # fmt: skip


def test_which_metrics_are_drawn_whole() -> None:
    assert {name for name, metric in METRICS.items() if metric.drawn_whole} == {
        "brier", "ece", "calibration_slope", "calibration_intercept", "net_benefit@threshold",
        "precision@threshold",
    }  # fmt: skip


def precision_at_recall(labels: np.ndarray, scores: np.ndarray) -> float:
    """Of the highest threshold that reaches a recall of 0.8."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    return float(precision[recall >= 0.8 - 1e-12][-1])


@pytest.mark.parametrize(
    ("metric", "plain"), [("auprc", average_precision_score), ("precision@recall=0.8", precision_at_recall)]
)
def test_classes_may_be_drawn_together_for_what_keeps_the_number_of_positives(
    metric: str, plain: Callable[[np.ndarray, np.ndarray], float]
) -> None:
    """The same plain bootstrap; with classes apart, the default, limits are narrower."""
    rows = np.random.default_rng(0).integers(0, N, (1500, N))
    low, high = np.percentile([plain(LABELS[one], SCORES[one]) for one in rows], [2.5, 97.5])
    together, apart = (
        metric_interval(
            LABELS, SCORES, metric, "percentile", resampling=Resampling(1500, seed=1, stratified=stratified)
        )
        for stratified in (False, True)
    )
    assert together.low == pytest.approx(low, abs=0.12 * (high - low))
    assert together.high == pytest.approx(high, abs=0.12 * (high - low))
    assert apart.high - apart.low < 0.95 * (high - low)


@pytest.mark.slow
def test_intervals_of_net_benefit_cover_where_cohorts_are_sampled_whole() -> None:
    """The truth is that of 400,000 patients. With classes drawn apart 95 % intervals covered 46 % of it."""
    rng = np.random.default_rng(11)

    def cohort(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (rng.random(n) < 0.2).astype(int)
        return labels, norm.cdf(-1.0 + 0.9 * (np.where(labels == 1, 1, -0.3) + rng.normal(size=n)))

    truth = net_benefit(*cohort(400_000))
    inside = []
    for k in range(120):
        found = metric_interval(
            *cohort(N), "net_benefit@threshold=0.1", "percentile", resampling=Resampling(200, seed=k)
        )
        inside.append(found.low <= truth <= found.high)
    assert np.mean(inside) > 0.88  # 120 repeats: 0.95 less 3.5 standard errors
