"""Non-inferiority: pROC's answers, what follows from the definition, and clusters."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from benchmark.metrics.inputs import SampleError
from benchmark.statistics import delong_test, noninferiority

RNG = np.random.default_rng(7)
LABELS = np.repeat([1, 0], [30, 90])
NEW, REFERENCE = (RNG.normal(size=120) + 1.2 * LABELS for _ in range(2))


@pytest.mark.parametrize("name", ["s1_plain", "s2_ties", "s3_clearly_inferior", "s4_few_positives"])
def test_reference_answers(name, shared):
    folder = shared / "reference/noninferiority"
    text = pd.read_csv(folder / f"{name}.csv", dtype=str)
    labels, new, reference = (text[column].map(float) for column in ("label", "new", "reference"))
    expected = json.loads((folder / f"{name}.expected.json").read_text(encoding="utf-8"))
    for case in expected["margins"]:
        for level, alpha in ((0.95, "0.025"), (0.9, "0.05")):
            found = noninferiority(labels, new, reference, case["margin"], level=level)
            got = [
                found.difference,
                found.error,
                found.z,
                found.p_value,
                found.p_equivalence,
                found.low,
                found.high,
            ]
            wanted = [expected["difference_new_minus_reference"], expected["se_difference"], case["z"]]
            wanted += [case["p_one_sided"], case["p_tost_equivalence"]]
            wanted += expected["ci95_two_sided" if level == 0.95 else "ci90_two_sided"]
            assert got == pytest.approx(wanted, abs=1e-9)
            assert found.noninferior is case[f"noninferior_alpha_{alpha}"]


@given(st.floats(0.001, 0.5), st.floats(0.5, 0.99))
def test_the_limits_and_the_p_values_say_the_same(margin, level):
    found = noninferiority(LABELS, NEW, REFERENCE, margin, level=level)
    alpha = (1 - level) / 2
    assert found.noninferior == (found.p_value < alpha) or math.isclose(found.p_value, alpha, rel_tol=1e-9)
    assert found.equivalent == (found.p_equivalence < alpha) or math.isclose(
        found.p_equivalence, alpha, rel_tol=1e-9
    )
    turned = noninferiority(LABELS, REFERENCE, NEW, margin, level=level)
    assert turned.p_equivalence == pytest.approx(found.p_equivalence)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_a_small_case_by_hand():
    # Placements of the positives: new 1, 1, 1/2, reference 1, 1/2, 1; of the negatives: 1 and 2/3 for both.
    labels = [1, 1, 1, 0, 0]
    found = noninferiority(labels, [5, 4, 1, 0, 3], [5, 2, 4, 1, 3], 0.2)
    contrast_positive, contrast_negative = np.array([0, 0.5, -0.5]), np.array([0.0, 0.0])
    error = math.sqrt(contrast_positive.var(ddof=1) / 3 + contrast_negative.var(ddof=1) / 2)
    assert (found.auroc_new, found.auroc_reference) == pytest.approx((5 / 6, 5 / 6))
    assert found.error == pytest.approx(error)
    assert found.p_value == pytest.approx(norm.sf(0.2 / error))


def test_patients_with_several_cases_widen_the_interval():
    copies = [np.tile(values, 3) for values in (LABELS, NEW, REFERENCE)]
    patients = np.tile(np.arange(120), 3)
    plain, clustered = noninferiority(LABELS, NEW, REFERENCE, 0.1), noninferiority(*copies, 0.1, patients)
    assert clustered.error == pytest.approx(delong_test(*copies, clusters=patients).variance ** 0.5)
    # Three copies of each case hold no more than one.
    assert clustered.error == pytest.approx(plain.error, rel=0.02)
    assert noninferiority(*copies, 0.1).error < 0.7 * plain.error


def test_without_variance_there_is_no_test():
    found = noninferiority(LABELS, NEW, 2 * NEW, 0.05)
    assert found.difference == 0
    assert math.isnan(found.p_value)
    assert math.isnan(found.p_equivalence)
    assert not found.noninferior
    assert "variance of the difference is zero" in found.note
    alone = noninferiority([1, 0, 0, 0], [4, 1, 2, 3], [1, 2, 3, 4], 0.05)
    assert math.isnan(alone.p_value)
    assert alone.note


@pytest.mark.parametrize("margin", [0, -0.05, 1, 5, math.nan])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(SampleError, match="margin"):
        noninferiority(LABELS, NEW, REFERENCE, margin)
