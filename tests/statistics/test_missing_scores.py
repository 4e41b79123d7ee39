"""Missing scores: bounds by trying every order, weights that give back what was lost by a known rule."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from benchmark.metrics import auprc, auroc
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import Resampling, missing_score_bounds, weighted_for_missing

AREA = {"auroc": auroc, "auprc": auprc}
NAN = math.nan


@pytest.mark.parametrize("metric", AREA)
@pytest.mark.parametrize("seed", range(2))
def test_bounds_are_those_of_every_order(metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([1, 1, 1, 0, 0, 0, 1, 0])
    scores = rng.permutation(8).astype(float)
    gone = rng.choice(8, 2, replace=False)
    known = np.delete(np.arange(8), gone)
    if len(set(labels[known])) < 2:
        pytest.skip("one class left")
    # A missing score may lie between, beside or on any other: each of them on halves, and in every order.
    places = np.arange(-1, 9) + 0.5
    found = []
    for chosen in itertools.product(places, repeat=2):
        for shift in ((0.0, 0.0), (0.0, 0.1), (0.1, 0.0)):
            filled = scores.copy()
            filled[gone] = np.array(chosen) + shift
            found.append(AREA[metric](labels, filled))
    scores[gone] = NAN
    bounds = missing_score_bounds(labels, scores, metric)
    assert (bounds.worst, bounds.best) == pytest.approx((min(found), max(found)), abs=1e-12)
    assert bounds.missing_positive + bounds.missing_negative == 2


def test_without_missing_scores_both_are_the_area() -> None:
    found = missing_score_bounds([1, 0, 1, 0], [0.9, 0.1, 0.4, 0.5])
    assert found.worst == found.best == 0.75


def lost_by_size(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Small nodules, which are harder, lack a score more often: label, score, score with gaps, size."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    label = (rng.uniform(size=n) < 0.3).astype(int)
    score = rng.normal(label * (1 + 0.8 * size))
    gone = rng.uniform(size=n) < 1 / (1 + np.exp(0.5 + 1.5 * size))
    return label, score, np.where(gone, NAN, score), size


def test_weights_give_back_what_was_lost() -> None:
    label, score, gaps, size = lost_by_size(40_000, 1)
    whole, available = auroc(label, score), auroc(label[~np.isnan(gaps)], gaps[~np.isnan(gaps)])
    found = weighted_for_missing(label, gaps, {"size": size}, resampling=Resampling(2))["auroc"]
    assert available - whole > 0.03
    assert abs(found.value - whole) < 0.008
    assert found.effective_positive < (label[~np.isnan(gaps)] == 1).sum()
    assert found.largest_weight > 1


def test_weights_by_groups_are_those_of_their_shares() -> None:
    # Two groups, half and a quarter of whose cases of either class lack a score, so that the regression is
    # saturated and the weights are 2 and 4/3.
    group = np.repeat([0, 1], 40)
    label = np.tile([1, 0], 40)
    order = np.tile(np.repeat(np.arange(4), 2), 10)
    scores = np.random.default_rng(0).normal(label, 1.0)
    gaps = np.where((group == 0) & (order < 2) | (group == 1) & (order < 1), NAN, scores)
    there = ~np.isnan(gaps)
    found = weighted_for_missing(label, gaps, {"group": group}, resampling=Resampling(50, seed=2))
    weights = np.where(group == 0, 2.0, 4 / 3)[there]
    assert found["auroc"].value == pytest.approx(auroc(label[there], gaps[there], weights), abs=1e-9)
    assert found["auprc"].value == pytest.approx(auprc(label[there], gaps[there], weights), abs=1e-9)
    assert found["auroc"].low < found["auroc"].value < found["auroc"].high
    own = weights[label[there] == 1]
    assert found["auroc"].effective_positive == pytest.approx(own.sum() ** 2 / (own**2).sum(), rel=1e-9)


def test_who_has_no_chance_of_a_score_is_spoken_for_by_nobody() -> None:
    size = np.arange(40.0)
    label = np.tile([1, 0], 20)
    found = weighted_for_missing(label, np.where(size < 10, NAN, size), {"size": size})["auroc"]
    assert math.isnan(found.value)
    assert found.note.startswith("no weights")


def test_patients_are_drawn_with_their_nodules() -> None:
    label, _, gaps, size = lost_by_size(120, 5)
    three = [np.repeat(values, 3) for values in (label, gaps, size, np.arange(120))]
    alone = weighted_for_missing(label, gaps, {"s": size}, resampling=Resampling(300, seed=1))["auroc"]
    together = weighted_for_missing(
        three[0], three[1], {"s": three[2]}, three[3], resampling=Resampling(300, seed=1)
    )["auroc"]
    assert (together.value, together.low) == pytest.approx((alone.value, alone.low), abs=0.01)


@pytest.mark.parametrize(
    ("labels", "scores", "columns", "says"),
    [
        ([1, 0], [0.5, NAN], {"a": [1, 2]}, "of one class"),
        ([1, 0, 1], [0.5, 0.2], {"a": [1, 2, 3]}, "3 labels but 2 scores"),
        ([1, 0, 1], [0.5, 0.2, NAN], {"a": [1, 2, NAN]}, "expected numbers of all 3 cases"),
        ([1, 0, 1], [0.5, 0.2, NAN], {}, "one column at least"),
        ([1, 0, 1], [0.5, 0.2, 0.1], {"a": [1, 2, 3]}, "every case has a score"),
    ],
)
def test_what_cannot_be_weighted_is_refused(labels: object, scores: object, columns: object, says: str) -> None:
    with pytest.raises(SampleError, match=says):
        weighted_for_missing(labels, scores, columns)
