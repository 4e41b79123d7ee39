"""Net benefit by its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.metrics import THRESHOLDS, decision_curve, net_benefit
from tests.metrics.test_discrimination import samples
from tests.metrics.test_registry import squeezed


@settings(max_examples=100, deadline=None)
@given(samples(), st.floats(0.01, 0.99))
def test_net_benefit_counts_true_and_false_positives(sample, threshold):
    y, p = sample[0], squeezed(sample[1])
    tp, fp = int(y[p >= threshold].sum()), int((1 - y)[p >= threshold].sum())
    expected = tp / len(y) - fp / len(y) * threshold / (1 - threshold)
    assert net_benefit(y, p, threshold) == pytest.approx(expected, abs=1e-14)


def test_curve_with_treat_all_and_treat_none():
    y, p = np.array([1, 0, 0, 0, 1]), np.array([0.06, 0.06, 0.02, 0.2, 0.5])
    curve = decision_curve(y, p)
    assert tuple(curve.threshold) == THRESHOLDS
    # At 1 % everybody is treated: 2/5 − 3/5/99, by the model as by treat-all.
    assert curve.net_benefit[0] == curve.treat_all[0] == pytest.approx(0.4 - 0.6 / 99, abs=1e-15)
    # At exactly 6 % both cases with 0.06 are called: 2/5 − 2/5 · 6/94.
    assert curve.net_benefit[3] == pytest.approx(0.4 - 0.4 * 6 / 94, abs=1e-15)
    assert not curve.treat_none.any()
    assert curve.prevalence == 0.4


def test_reference_prevalence_keeps_recall_and_fpr():
    y, p = np.array([1, 0, 0, 0, 1]), np.array([0.06, 0.06, 0.02, 0.2, 0.5])
    moved = decision_curve(y, p, (0.06,), prevalence=0.1)
    # Recall 1, FPR 2/3: 0.1 − 2/3 · 0.9 · 6/94.
    assert moved.net_benefit[0] == pytest.approx(0.1 - 2 / 3 * 0.9 * 6 / 94, abs=1e-15)
    assert moved.treat_all[0] == pytest.approx(0.1 - 0.9 * 6 / 94, abs=1e-15)
    # A model that is sure of everybody is treat-all, whatever the prevalence.
    sure = decision_curve(y, np.ones(5), (0.3,), prevalence=0.2)
    assert sure.net_benefit[0] == pytest.approx(sure.treat_all[0], abs=1e-15)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1, float("nan")])
def test_bad_thresholds_are_refused(threshold):
    with pytest.raises(InputError, match="thresholds"):
        net_benefit([0, 1], [0.1, 0.2], threshold)


def test_other_bad_input_is_refused():
    with pytest.raises(InputError, match="outside"):
        net_benefit([0, 1], [0.1, 2.0], 0.5)
    with pytest.raises(InputError, match="prevalence"):
        decision_curve([0, 1], [0.1, 0.2], prevalence=1.0)
