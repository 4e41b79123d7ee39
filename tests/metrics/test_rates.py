"""Rates at a fixed recall or specificity against a search over all thresholds, and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, roc_curve

from benchmark.metrics import METRICS, named_metric
from benchmark.metrics.rates import RATES
from tests.metrics.test_discrimination import samples


def tables(y, s):
    """``(tn, fp, fn, tp)`` at every threshold, calling nothing included, from scikit-learn's confusion matrix."""
    thresholds = [*np.unique(s), math.inf]
    return [tuple(map(int, confusion_matrix(y, s >= t, labels=[0, 1]).ravel())) for t in thresholds]


@settings(max_examples=60, deadline=None)
@given(samples(), st.sampled_from([0.3, 0.5, 0.8, 0.9, 1.0]))
def test_npv_at_a_recall_is_that_of_a_search_over_all_thresholds(sample, target):
    y, s = sample
    # The smallest recall that reaches the target; of equal recalls the one with the fewest alarms.
    reached = [t for t in tables(y, s) if t[3] >= target * sum(y) - 1e-9]
    tn, _, fn, _ = min(reached, key=lambda t: (t[3], t[1]))
    found = named_metric(f"npv@recall={target}")(y, s)
    if tn + fn == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(tn / (tn + fn), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(samples(), st.sampled_from([0.3, 0.5, 0.8, 0.95, 1.0]))
def test_recall_at_a_specificity_is_the_highest_on_the_roc_curve_of_scikit_learn(sample, target):
    y, s = sample
    fpr, tpr, _ = roc_curve(y, s, drop_intermediate=False)
    expected = tpr[(1 - fpr) >= target - 1e-9].max()
    assert named_metric(f"recall@specificity={target}")(y, s) == pytest.approx(expected, abs=1e-12)


def test_npv_of_twelve_cases_counted_by_hand():
    # Recall 0.75 is reached at 0.6 with 3 of 4 positives; 5 of 8 negatives and 1 positive lie below it.
    y = [1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    s = [0.9, 0.8, 0.7, 0.65, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    assert named_metric("npv@recall=0.75")(y, s) == pytest.approx(5 / 6)
    assert named_metric("npv@recall=1")(y, s) == 1.0
    assert math.isnan(named_metric("npv@recall=0.5")(y, np.zeros(12)))


@pytest.mark.parametrize("name", RATES)
def test_rates_of_counts_are_shares_of_the_cases_that_they_name(name):
    tp, fp, p, n = np.array([3.0, 0.0, 4.0]), np.array([3.0, 0.0, 8.0]), np.full(3, 4.0), np.full(3, 8.0)
    of = {"positives": p, "negatives": n, "called": tp + fp, "not called": p + n - tp - fp}[RATES[name].among]
    found = RATES[name].of_counts(tp, fp, p, n)
    assert (np.isnan(found) == (of == 0)).all()
    counts = (found * of)[of > 0]
    assert counts == pytest.approx(np.rint(counts), abs=1e-12)
    assert ((counts >= 0) & (counts <= of[of > 0])).all()


def test_entries_say_what_a_table_needs():
    metric = named_metric("recall@specificity=0.950")
    assert (metric.canonical, metric.quantity, metric.where) == (
        "recall@specificity=0.95",
        "recall",
        "specificity>=0.95",
    )
    assert (metric.heading, metric.stem) == ("Recall at specificity 0.95 ↑", "recall_at_specificity_0_95")
    assert named_metric("fpr@recall=0.8").heading == "FPR at recall 0.8 ↓"
    assert named_metric("calibration_slope").heading == "Calibration slope"
    assert named_metric("fpr@threshold=0.5").where == "threshold=0.5"
    values = [0.2, float("nan"), 0.7]
    assert named_metric("auroc").best(values) == 0.7
    assert named_metric("fpr@recall=0.8").best(values) == 0.2
    assert math.isnan(named_metric("calibration_slope").best(values))


def test_what_an_argument_fixes_is_what_stands_behind_the_at():
    assert all(metric.at == name.partition("@")[2] for name, metric in METRICS.items())
    assert all(metric.argument == bool(metric.at) for metric in METRICS.values())
