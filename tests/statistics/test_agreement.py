"""Agreement of repeated scans: published and reference answers, what brute force gives, and degenerate tables."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.metrics.inputs import SampleError
from benchmark.statistics import agreement, flipped_calls, rate_interval
from benchmark.statistics.agreement import CONSTANT, IDENTICAL, ONE_PATIENT

SETS = ("s1_two_scans", "s2_three_scans_bias", "s3_ties_two_decimals")
# Shrout & Fleiss, Psychol Bull 1979;86:420, Table 2: six targets, four judges.
JUDGES = pd.DataFrame(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], columns=list("abcd")
)


@pytest.mark.parametrize("name", SETS)
def test_reference_answers(name, shared):
    folder = shared / "reference/icc"
    long = pd.read_csv(folder / f"{name}.csv", dtype={"score": str})
    frame = long.assign(score=long["score"].map(float)).pivot(index="nodule_id", columns="scan", values="score")
    expected = json.loads((folder / f"{name}.expected.json").read_text(encoding="utf-8"))["r"]
    found = agreement(frame)
    icc21, icc31 = expected["irr"]["icc2_1_agreement"], expected["irr"]["icc3_1_consistency"]
    within = expected["within_subject"]
    got = [found.icc21, found.icc21_low, found.icc21_high, found.icc31, found.icc31_low, found.icc31_high]
    wanted = [icc[key] for icc in (icc21, icc31) for key in ("icc", "lower", "upper")]
    got += [found.within_sd, found.repeatability, found.repeatability_low, found.repeatability_high]
    wanted += [within["wsd"], within["repeatability_coefficient_1.96"], *within["repeatability_coefficient_ci95"]]
    if "lin_ccc" in expected:
        limits, lin = expected["bland_altman_scan1_minus_scan2"], expected["lin_ccc"]
        got += [found.bias, found.bias_low, found.bias_high, *found.limits, found.limit_error]
        wanted += [limits["bias"], *limits["bias_ci95_t"], limits["lower_limit"], limits["upper_limit"]]
        wanted += [limits["se_of_limit_approx_sqrt3"], lin["ccc"], *lin["ci95_z"]]
        got += [found.ccc, found.ccc_low, found.ccc_high]
    else:
        assert math.isnan(found.bias)
        assert math.isnan(found.ccc)
    assert got == pytest.approx(wanted, abs=1e-9)


def test_shrout_and_fleiss():
    # ICC(2,1) and ICC(3,1) as the paper prints them; the limits are those of the R package psych (its help page).
    found = agreement(JUDGES)
    assert (found.icc21, found.icc31) == pytest.approx((0.29, 0.71), abs=0.005)
    assert (found.icc21_low, found.icc21_high) == pytest.approx((0.019, 0.761), abs=5e-4)
    assert (found.icc31_low, found.icc31_high) == pytest.approx((0.342, 0.946), abs=5e-4)
    assert (found.n_nodules, found.n_scans, found.n_incomplete) == (6, 4, 0)


def test_missing_scores_are_counted_and_used_within_nodules():
    frame = JUDGES.astype(float)
    frame.loc[6] = [3.0, math.nan, 5.0, math.nan]
    frame.loc[7] = [math.nan, 4.0, math.nan, math.nan]
    frame.loc[8] = [math.nan] * 4
    found, whole = agreement(frame), agreement(JUDGES)
    assert (found.n_nodules, found.n_incomplete, found.n_unscored) == (6, 2, 1)
    assert found.icc21 == whole.icc21
    # One more degree of freedom, with the squares (3 - 4)² + (5 - 4)².
    assert found.within_sd**2 == pytest.approx((18 * whole.within_sd**2 + 2) / 19)


scans = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 20), min_size=k, max_size=k), min_size=3, max_size=12)
)


@given(scans)
@example([[1, 2], [2, 1], [3, 0], [4, 0]])  # McGraw and Wong's limits of its ICC(2,1), -0.528, end at -0.530
def test_against_sums_written_out(rows):
    table = np.array(rows, float) / 20
    n, k = table.shape
    grand = sum(map(sum, table)) / (n * k)
    msr = sum(k * (sum(row) / k - grand) ** 2 for row in table) / (n - 1)
    msc = sum(n * (sum(column) / n - grand) ** 2 for column in table.T) / (k - 1)
    total = sum((x - grand) ** 2 for row in table for x in row)
    mse = (total - (n - 1) * msr - (k - 1) * msc) / ((n - 1) * (k - 1))
    found = agreement(pd.DataFrame(table))
    if total < 1e-12 or abs(msr) + abs(mse) < 1e-12:
        assert found.note == CONSTANT
        assert math.isnan(found.icc21)
        return
    assert found.icc31 == pytest.approx((msr - mse) / (msr + (k - 1) * mse), abs=1e-9)
    assert found.icc21 == pytest.approx((msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n), abs=1e-9)
    limits = (found.icc21_low, found.icc21_high), (found.icc31_low, found.icc31_high)
    for icc, (low, high) in zip((found.icc21, found.icc31), limits, strict=True):
        assert math.isnan(low) == math.isnan(high)
        assert not math.isnan(low) or icc < 0 or mse < 1e-12
        assert math.isnan(low) or low - 1e-9 <= icc <= high + 1e-9
    if k == 2:
        first, second = table.T
        assert found.bias == pytest.approx(sum(first - second) / n)
        assert found.ccc <= 1 + 1e-12
        assert math.isnan(found.ccc_low) or found.ccc_low - 1e-9 <= found.ccc <= found.ccc_high + 1e-9


def test_shift_counts_for_icc21_and_ccc_alone():
    first = np.array([0.1, 0.3, 0.5, 0.9])
    found = agreement({"a": first, "b": first + 0.1})
    assert found.icc31 == 1
    assert math.isnan(found.icc31_low)
    assert found.note == IDENTICAL
    assert found.icc21 < 1
    assert found.icc21_low <= found.icc21 <= found.icc21_high
    assert found.bias == pytest.approx(-0.1)
    # 2 s² / (2 s² + 0.01), variances divided by n.
    assert found.ccc == pytest.approx(2 * first.var() / (2 * first.var() + 0.01))


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ([0.1, 0.5, 0.9, 0.3], [0.1, 0.5, 0.9, 0.3], "the same score"),
        ([0.1, 0.5, 0.9, 0.3], [0.2, 0.6, 1.0, 0.4], "differ by one shift"),
        ([0.3] * 4, [0.4] * 4, "no scan tells one nodule from another"),
        ([0.1, 0.5, 0.9, 0.3], [0.9, 0.5, 0.1, 0.7], "means over the scans are all the same"),
    ],
)
def test_no_interval_is_without_width(first, second, says):
    found = agreement({"thin": first, "thick": second})
    for name in ("icc21", "icc31", "repeatability", "bias", "ccc"):
        low, high = getattr(found, f"{name}_low"), getattr(found, f"{name}_high")
        assert math.isnan(low) == math.isnan(high)
        assert low != high, name
    assert says in found.note


def test_equal_scans_agree_wholly_without_an_interval():
    found = agreement({"a": [0.1, 0.2, 0.7], "b": [0.1, 0.2, 0.7]})
    assert (found.icc21, found.icc31, found.ccc, found.repeatability) == (1, 1, 1, 0)
    assert math.isnan(found.icc21_low)
    assert found.note == IDENTICAL


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"a": [1, 2, 3]}, "1 scans"),
        ({"a": [1, 2, 3], "b": [1, 2]}, "different numbers"),
        ({"a": [1, 2, 3], "b": ["x", 2, 3]}, "not all values are numbers"),
        ({"a": [1, 2, 3], "b": [math.inf, 2, 3]}, "infinite scores: 1 of b"),
        ({"a": [1, 2, 3], "b": [None, 2, 3]}, "2 of 3 nodules have a score in each of the 2 scans"),
    ],
)
def test_bad_tables_are_refused(frame, says):
    with pytest.raises(SampleError, match=says):
        agreement(frame)


def test_flipped_calls_are_counted():
    frame = pd.DataFrame(
        {
            "a": [0.1, 0.5, 0.6, 0.2, 0.9, None],
            "b": [0.2, 0.5, 0.4, 0.5, 0.9, 1.0],
            "c": [0.1, 0.7, 0.6, 0.8, 0.9, 1],
        }
    )
    found = flipped_calls(frame, 0.5)
    # A score that equals the threshold is positive: the second nodule never flips; the third does and comes back.
    assert (found.flipped.count, found.flipped.total, found.up, found.down) == (2, 5, 1, 0)
    assert (found.always, found.never) == (2, 1)
    assert (found.flipped.low, found.flipped.high) == rate_interval(2, 5)


def test_flips_of_one_patient_count_less():
    frame = {"a": [0.1] * 20, "b": [0.9] * 5 + [0.1] * 15}
    alone, together = flipped_calls(frame, 0.5), flipped_calls(frame, 0.5, clusters=[k // 5 for k in range(20)])
    assert alone.flipped.rate == together.flipped.rate == 0.25
    assert together.flipped.high - together.flipped.low > alone.flipped.high - alone.flipped.low


def test_flips_need_a_threshold_and_a_nodule():
    with pytest.raises(SampleError, match="finite"):
        flipped_calls(JUDGES, math.nan)
    with pytest.raises(SampleError, match="none of 2 nodules"):
        flipped_calls({"a": [None, 1], "b": [1, None]}, 0.5)


def several_a_patient(scans: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Fourteen nodules of six patients, whose scores and changes are alike; one score is missing."""
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(6), (1, 2, 3, 4, 2, 2))
    own, shared = rng.normal(size=(14, scans)), rng.normal(size=(6, scans))[patient]
    scores = rng.normal(0, 2, 6)[patient][:, None] + rng.normal(size=(14, 1)) + 0.4 * own + 0.5 * shared
    scores[4, 0] = np.nan
    return pd.DataFrame(scores, columns=[f"s{k}" for k in range(scans)]), patient


@pytest.mark.parametrize("scans", [2, 4])
def test_design_effect_of_icc_is_that_of_the_jackknife_one_at_a_time(scans):
    frame, patient = several_a_patient(scans)
    complete = frame.notna().all(axis=1).to_numpy()
    frame, kept = frame[complete].reset_index(drop=True), patient[complete]

    def jackknife(units):
        left = [agreement(frame[units != unit]).icc31 for unit in np.unique(units)]
        scale = [0.5 * math.log((1 + (scans - 1) * icc) / (1 - icc)) for icc in left]
        return (len(left) - 1) * np.var(scale)

    expected = jackknife(kept) / jackknife(np.arange(len(kept)))
    assert expected > 1
    assert agreement(several_a_patient(scans)[0], clusters=patient).design_effect == pytest.approx(expected)


def test_one_nodule_a_patient_is_as_without_patients():
    frame, patient = several_a_patient(2)
    assert agreement(frame, clusters=[f"p{k}" for k in range(14)]) == agreement(frame)
    wider, plain = agreement(frame, clusters=patient), agreement(frame)
    for name in ("icc21", "icc31", "bias", "ccc", "repeatability"):
        assert getattr(wider, name) == getattr(plain, name)
        low, high = (f"{name}_{end}" for end in ("low", "high"))
        assert getattr(wider, low) <= getattr(plain, low)
        assert getattr(wider, high) >= getattr(plain, high)


def test_the_same_nodule_twice_tells_no_more_of_the_bias():
    frame, _ = several_a_patient(2)
    once = agreement(frame)
    twice = agreement(pd.concat([frame, frame]), clusters=[*range(14), *range(14)])
    assert (twice.bias_low, twice.bias_high) == pytest.approx((once.bias_low, once.bias_high))
    assert twice.icc31_high - twice.icc31_low > 0.95 * (once.icc31_high - once.icc31_low)
    assert twice.repeatability_high > 0.97 * once.repeatability_high


def test_nodules_of_one_patient_have_no_intervals():
    found = agreement(several_a_patient(2)[0], clusters=["p"] * 14)
    assert found.note == ONE_PATIENT
    assert all(
        math.isnan(getattr(found, f"{name}_low")) for name in ("icc21", "icc31", "bias", "ccc", "repeatability")
    )
    assert math.isfinite(found.icc31)


def test_patients_are_one_a_nodule():
    with pytest.raises(SampleError, match="14 cases but 3 patient ids"):
        agreement(several_a_patient(2)[0], clusters=["a", "b", "c"])
