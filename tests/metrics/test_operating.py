"""Operating points against brute force over all thresholds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.metrics import (
    operating_point,
    operating_points,
    point_at_specificity,
    point_at_threshold,
    ppv_at_prevalence,
    tied_scores,
    transfer_threshold,
)
from tests.metrics.test_discrimination import samples


def brute_points(y, s):
    """Every achievable (threshold, tp, fp)."""
    return [(t, int(y[s >= t].sum()), int((1 - y)[s >= t].sum())) for t in sorted(set(s), reverse=True)]


@settings(max_examples=120, deadline=None)
@given(samples(), st.integers(1, 100))
def test_ge_is_the_smallest_achievable_recall_at_its_highest_threshold(sample, percent):
    y, s = sample
    point = operating_point(y, s, percent / 100)
    reach = [p for p in brute_points(y, s) if 100 * p[1] >= percent * y.sum()]
    threshold, tp, fp = min(reach, key=lambda p: (p[1], p[2]))
    assert (point.threshold, point.tp, point.fp) == (threshold, tp, fp)
    assert (point.n_positive, point.n_negative) == (y.sum(), (1 - y).sum())
    assert isinstance(point.tp, int)
    assert isinstance(point.n_negative, int)
    assert point.recall == pytest.approx(tp / y.sum(), abs=1e-15)
    assert point.fpr == pytest.approx(fp / (1 - y).sum(), abs=1e-15)
    assert point.specificity == pytest.approx(1 - point.fpr, abs=1e-15)
    assert point.precision == pytest.approx(tp / (tp + fp), abs=1e-15)
    assert point.tied == (s == threshold).sum()
    assert point.tied_positive == y[s == threshold].sum()


@settings(max_examples=100, deadline=None)
@given(samples(), st.integers(1, 100))
def test_closest_is_the_nearest_recall_and_the_higher_of_two(sample, percent):
    y, s = sample
    point = operating_point(y, s, percent / 100, rule="closest")
    points = [p for p in brute_points(y, s) if p[1] > 0]
    best = min(points, key=lambda p: (abs(100 * p[1] - percent * int(y.sum())), -p[1], p[2]))
    assert (point.threshold, point.tp, point.fp) == best


def test_several_recalls_are_the_single_ones():
    y, s = np.arange(50) % 3 == 0, (np.arange(50) * 7 % 23).astype(float)
    points = operating_points(y, s)
    assert [p.recall_target for p in points] == [0.6, 0.7, 0.8, 0.9]
    assert points == tuple(operating_point(y, s, t) for t in (0.6, 0.7, 0.8, 0.9))


def test_targets_that_floats_miss_are_met():
    # 0.55 * 20 is 11.000000000000002 in floats; 11 of 20 reach a recall of 0.55 all the same.
    y, s = [1] * 20 + [0], [*range(21, 1, -1), 1]
    assert operating_point(y, s, 0.55).tp == 11
    assert operating_point(y, s, 0.1 + 0.2).tp == 6
    # An achieved recall given back as a target leads to the same point: 7/9 is 0.7777777777777778.
    assert operating_point([1] * 9 + [0], [*range(10, 1, -1), 1], 7 / 9).tp == 7


@pytest.mark.parametrize("rule", ["ge", "closest"])
def test_a_tiny_target_still_needs_a_positive(rule):
    # Two negatives score highest: the smallest achievable recall above 0 is ½, at two false positives of three.
    point = operating_point([0, 0, 1, 1, 0], [5, 4, 3, 2, 1], 1e-9, rule)
    assert (point.threshold, point.tp, point.fp) == (3, 1, 2)
    assert point.fpr_interpolated == pytest.approx(2 / 3, abs=1e-15)


def test_a_tied_block_moves_as_one():
    # Scores 3, 2 2 2 2, 1: recall 0.5 needs the block of two positives and two negatives.
    y, s = [1, 1, 1, 0, 0, 1, 0], [3, 2, 2, 2, 2, 1, 1]
    point = operating_point(y, s, 0.5)
    assert (point.tp, point.fp, point.tied, point.tied_positive, point.tied_negative) == (3, 2, 4, 2, 2)
    # On the straight line through the block recall 0.5 (2 of 4) is half way: one of its two negatives, 1/3.
    assert point.fpr_interpolated == pytest.approx(1 / 3, abs=1e-15)


def test_ties_are_counted():
    ties = tied_scores([3, 2, 2, 2, 2, 1, 1])
    assert (ties.fraction, ties.largest, ties.score, ties.distinct) == (6 / 7, 4, 2.0, 3)
    assert tied_scores([3, 2, 1]).fraction == 0


def test_greater_or_equal_not_greater():
    y, s = [1, 0, 1, 0], [4, 3, 2, 1]
    point = operating_point(y, s, 1.0)
    assert (point.threshold, point.tp, point.fp) == (2, 2, 1)
    again = point_at_threshold(y, s, point.threshold)
    assert (again.tp, again.fp, again.tied) == (2, 1, 1)
    assert point_at_threshold(y, s, 2.5).tp == 1


@settings(max_examples=100, deadline=None)
@given(samples(), st.integers(1, 100))
def test_recall_at_a_specificity(sample, percent):
    y, s = sample
    negatives = int((1 - y).sum())
    allowed = [p for p in brute_points(y, s) if 100 * (negatives - p[2]) >= percent * negatives]
    point = point_at_specificity(y, s, percent / 100)
    best = max((p[1] for p in allowed), default=0)
    assert point.tp == best
    if best:
        assert point.fp == min(p[2] for p in allowed if p[1] == best)
    else:
        assert point.threshold == math.inf
        assert math.isnan(point.precision)


@settings(max_examples=60, deadline=None)
@given(samples(), st.floats(-10, 10))
def test_a_threshold_from_elsewhere(sample, threshold):
    y, s = sample
    point = point_at_threshold(y, s, threshold)
    assert point.tp == y[s >= threshold].sum()
    assert point.fp == (1 - y)[s >= threshold].sum()


def test_transfer_applies_the_source_threshold():
    source = ([1, 1, 0, 0], [0.9, 0.6, 0.7, 0.1])
    target = ([1, 0, 1, 0, 0], [0.65, 0.6, 0.55, 0.59, 0.2])
    chosen, applied = transfer_threshold(*source, *target, recall=1.0)
    assert chosen.threshold == applied.threshold == 0.6
    assert (applied.tp, applied.fp, applied.rule) == (1, 1, "threshold")
    # A target without positives still has an FPR.
    assert math.isnan(point_at_threshold([0, 0], [0.7, 0.1], 0.6).recall)
    assert point_at_threshold([0, 0], [0.7, 0.1], 0.6).fpr == 0.5


def test_ppv_at_a_reference_prevalence():
    # STATISTICS.md 5d: recall .8, FPR .2: π .056 gives .192, π .55 gives .830.
    assert ppv_at_prevalence(0.8, 0.2, 0.056) == pytest.approx(0.192, abs=5e-4)
    assert ppv_at_prevalence(0.8, 0.2, 0.55) == pytest.approx(0.830, abs=5e-4)
    assert math.isnan(ppv_at_prevalence(0.0, 0.0, 0.5))
    with pytest.raises(InputError, match=r"prevalence 1.5"):
        ppv_at_prevalence(0.8, 0.2, 1.5)


@pytest.mark.parametrize("recall", [0, -0.1, 1.1, float("nan")])
def test_targets_outside_the_range_are_refused(recall):
    with pytest.raises(InputError, match="recall"):
        operating_point([0, 1], [0, 1], recall)


def test_unknown_rules_and_thresholds_are_refused():
    with pytest.raises(InputError, match="known are ge, closest"):
        operating_point([0, 1], [0, 1], 0.5, rule="nearest")
    with pytest.raises(InputError, match="NaN"):
        point_at_threshold([0, 1], [0, 1], float("nan"))
