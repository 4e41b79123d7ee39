"""Tests over folds against Demšar's paper, scipy, and what they can reach."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.errors import InputError
from benchmark.statistics import corrected_t, critical_difference, friedman_nemenyi, wilcoxon_folds
from benchmark.statistics.folds import nemenyi_p

DEMSAR = json.loads((Path(__file__).parent / "references" / "demsar.json").read_text(encoding="utf-8"))


def demsar(voting=0.9751):
    """Table 6; the paper's ranks split a tie of its printed digits in the data set voting."""
    table = pd.DataFrame(DEMSAR["auc"], columns=DEMSAR["models"])
    table.loc[12, "C4.5+cf"] = voting
    return table


def ordered(n, k):
    """n folds in which k models always rank the same."""
    return pd.DataFrame(np.arange(k, dtype=float) + np.arange(n)[:, None] * 0.01)


def test_demsars_table():
    found = friedman_nemenyi(demsar())
    assert list(found.mean_ranks) == pytest.approx([3.1429, 2.0, 2.8929, 1.9643], abs=5e-5)
    assert found.statistic_uncorrected == pytest.approx(9.278571, abs=1e-6)
    assert found.iman_davenport == pytest.approx(3.686313, abs=1e-6)
    assert found.statistic == pytest.approx(10.2283464566929, abs=1e-9)
    assert found.critical_difference == pytest.approx(1.253559, abs=1e-4)
    scipy = stats.friedmanchisquare(*demsar().to_numpy().T)
    assert (found.statistic, found.p_value) == pytest.approx(tuple(scipy), abs=1e-12)
    # As printed the tie stands, and the statistics are others than the paper's.
    printed = friedman_nemenyi(demsar(0.975))
    assert printed.statistic_uncorrected == pytest.approx(9.857143, abs=1e-6)
    assert printed.iman_davenport == pytest.approx(3.986667, abs=1e-6)
    assert printed.statistic == pytest.approx(10.952381, abs=1e-6)


def test_nemenyi_and_conover_of_demsars_table():
    found = friedman_nemenyi(demsar())
    ranks = found.mean_ranks
    for a in ranks.index:
        for b in ranks.index:
            if a != b:
                expected = nemenyi_p(abs(ranks[a] - ranks[b]), 14, 4)
                assert found.nemenyi.loc[a, b] == pytest.approx(expected, abs=1e-6)
    # The paper finds no pair beyond the critical difference of 1.25; C4.5 against C4.5+m+cf comes nearest (1.18).
    assert found.nemenyi.to_numpy().min() > 0.05
    assert found.conover.shape == (4, 4)
    assert list(found.conover.index) == DEMSAR["models"]
    assert found.conover.to_numpy().min() < found.nemenyi.to_numpy().min()
    adjusted = scikit_posthocs.posthoc_conover_friedman(demsar(), p_adjust="holm")
    assert found.conover.to_numpy() == pytest.approx(adjusted.to_numpy(), abs=1e-12)


@pytest.mark.parametrize(("k", "q"), [(2, 1.9600), (3, 2.3437), (4, 2.5690), (5, 2.7278), (6, 2.8497)])
def test_critical_values_of_nemenyi(k, q):
    # q.05 of [STATISTICS.md D1]; CD = q √(k(k+1)/6n) and p is 0.05 there.
    assert nemenyi_p(q * math.sqrt(k * (k + 1) / (6 * 14)), 14, k) == pytest.approx(0.05, abs=2e-5)
    assert critical_difference(14, k) == pytest.approx(q * math.sqrt(k * (k + 1) / (6 * 14)), abs=1e-4)
    with pytest.raises(InputError, match="no critical difference"):
        critical_difference(0, k)
    if k > 2:
        found = friedman_nemenyi(ordered(14, k))
        assert found.critical_difference == pytest.approx(q * math.sqrt(k * (k + 1) / (6 * 14)), abs=1e-4)


@pytest.mark.parametrize(
    ("k", "n", "friedman", "extremes", "adjacent"),
    [(3, 5, 0.0067, 0.0045, 0.254), (4, 5, 0.0018, 0.0014, 0.611)],
)
def test_what_perfectly_consistent_ranks_reach(k, n, friedman, extremes, adjacent):
    # STATISTICS.md 5b; Friedman for k=4 is χ²(3) beyond 15.
    found = friedman_nemenyi(ordered(n, k))
    assert found.attainable_p == found.p_value == pytest.approx(friedman, abs=5e-5)
    assert found.nemenyi_attainable_p == pytest.approx(extremes, abs=5e-5)
    assert found.nemenyi_adjacent_p == pytest.approx(adjacent, abs=5e-4)
    matrix = found.nemenyi.to_numpy()
    assert matrix[0, -1] == pytest.approx(extremes, abs=5e-5)
    assert matrix[0, 1] == pytest.approx(adjacent, abs=5e-4)
    if k == 4:
        assert matrix[0, 2] == pytest.approx(0.068, abs=5e-4)
    assert math.isinf(found.iman_davenport)
    assert found.conover.to_numpy()[0, 1] == 0
    assert "neighbours" in found.note
    assert "not independent" in found.note


def test_models_that_tie_in_every_fold_do_not_differ_by_conover():
    # Conover's t divides by a residual of 0: 0/0 for the tied pair (p 1 by hand), infinite for the others (p 0).
    table = pd.DataFrame({"a": [0.5, 0.6, 0.7, 0.4], "b": [0.5, 0.6, 0.7, 0.4], "c": [0.7, 0.8, 0.9, 0.6]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = friedman_nemenyi(table)
    assert found.statistic == pytest.approx(8.0, abs=1e-12)  # n (k − 1): the largest χ², corrected for ties
    assert found.conover.to_numpy().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_fold_tables_without_names():
    frame = ordered(5, 3)
    named = friedman_nemenyi(frame)
    for table in (frame.to_numpy(), frame.to_numpy().tolist(), {name: list(frame[name]) for name in frame}):
        assert friedman_nemenyi(table).p_value == named.p_value
    assert list(friedman_nemenyi(frame.to_numpy()).mean_ranks.index) == ["0", "1", "2"]
    with pytest.raises(InputError, match="models stand in more than one column: a"):
        friedman_nemenyi(pd.DataFrame([[1, 2, 3], [2, 3, 4]], columns=["a", "a", "b"]))
    with pytest.raises(InputError, match="same length — give folds in rows"):
        friedman_nemenyi({"a": [0.5, 0.6], "b": [0.5], "c": [0.7, 0.8]})


def test_neighbours_need_many_folds():
    # Adjacent ranks need n ≥ 11 for k = 3 and n ≥ 22 for k = 4 [STATISTICS.md 5b].
    for k, n in ((3, 11), (4, 22)):
        assert nemenyi_p(1, n, k) < 0.05 < nemenyi_p(1, n - 1, k)


def test_friedman_says_when_nothing_can_be_significant():
    found = friedman_nemenyi(ordered(2, 3))
    assert found.attainable_p > 0.05
    assert "Friedman's p cannot fall below 0.135: significance at 0.05 cannot be reached" in found.note
    assert "no pair can reach 0.05" in found.note


def test_direction_turns_ranks_round():
    table = demsar()
    up, down = friedman_nemenyi(table), friedman_nemenyi(table, higher_is_better=False)
    assert list(up.mean_ranks + down.mean_ranks) == pytest.approx([5] * 4, abs=1e-12)
    assert up.p_value == pytest.approx(down.p_value, abs=1e-12)


def test_tied_folds_do_not_break():
    same = friedman_nemenyi(pd.DataFrame(np.ones((5, 3))))
    assert (same.statistic, same.p_value) == (0, 1)
    assert (same.nemenyi.to_numpy() > 0.99).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame(np.ones((5, 2))), "5×2: Friedman's test needs 2 folds and 3 models"),
        (pd.DataFrame(np.ones((1, 3))), "1×3"),
        (pd.DataFrame([[1, 2, np.nan]] * 3), "3 values are missing"),
        (pd.DataFrame([["a", "b", "c"]] * 3), "not all values are numbers"),
    ],
)
def test_tables_that_cannot_be_tested_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        friedman_nemenyi(table)


@pytest.mark.parametrize(("n", "floor"), [(5, 0.0625), (6, 0.03125), (8, 0.0078125), (10, 0.001953125)])
def test_wilcoxon_floor(n, floor):
    found = wilcoxon_folds(np.arange(n) * 1.5 + 1, np.arange(n))
    assert found.p_value == found.attainable_p == floor
    assert ("cannot be reached" in found.note) == (n == 5)
    assert found.statistic == 0


def test_wilcoxon_on_demsars_table():
    table = demsar()
    found = wilcoxon_folds(table["C4.5+m"], table["C4.5"], zero_method="zsplit")
    assert (found.rank_sum_positive, found.rank_sum_negative) == (93, 12)
    found = wilcoxon_folds(table["C4.5+m"], table["C4.5"])
    assert found.statistic == 6.5
    assert found.n_used == 12


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=3, max_size=9).filter(any))
def test_wilcoxon_with_ties_is_scipys_full_enumeration(steps):
    a = np.array(steps, dtype=float)
    for zero_method in ("wilcox", "zsplit", "pratt"):
        method = stats.PermutationMethod(n_resamples=np.inf)
        expected = stats.wilcoxon(a, zero_method=zero_method, method=method).pvalue
        found = wilcoxon_folds(a, np.zeros(len(a)), zero_method)
        assert found.p_value == pytest.approx(expected, abs=1e-12)
        assert found.p_value >= found.attainable_p - 1e-12


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=4, max_size=20, unique_by=abs))
def test_wilcoxon_without_ties_is_scipys_exact_test(values):
    a = np.array([v for v in values if v != 0])
    found = wilcoxon_folds(a, np.zeros(len(a)))
    assert found.p_value == pytest.approx(stats.wilcoxon(a, method="exact").pvalue, abs=1e-12)
    assert found.low <= found.difference <= found.high
    # The interval excludes 0 exactly when p is below one minus its level.
    assert (found.low > 0 or found.high < 0) == (found.p_value <= 1 - found.level + 1e-9)


def test_hodges_lehmann_limits_cover_what_they_say():
    # n = 6: the smallest and largest of the 21 Walsh averages hold the median of a symmetric law with 1 − 2/64;
    # n = 10: the 9th of 55 from either end, with 1 − 2 · 25/1024 (tables of the signed-rank statistic).
    rng = np.random.default_rng(0)
    for n, level, rank in ((5, 1 - 2 / 32, 1), (6, 1 - 2 / 64, 1), (10, 1 - 2 * 25 / 1024, 9)):
        a = rng.normal(size=n).round(3)
        found = wilcoxon_folds(a, np.zeros(n))
        walsh = np.sort([(a[i] + a[j]) / 2 for i in range(n) for j in range(i + 1)])
        assert found.level == pytest.approx(level, abs=1e-12)
        assert (found.low, found.high) == pytest.approx((walsh[rank - 1], walsh[-rank]), abs=1e-9)
    held = 0
    for _ in range(600):
        found = wilcoxon_folds(rng.normal(size=8), np.zeros(8))
        held += found.low <= 0 <= found.high
    assert held / 600 == pytest.approx(found.level, abs=3.29 * math.sqrt(found.level * (1 - found.level) / 600))


def test_wilcoxon_over_very_many_repeats_of_folds():
    # 2ⁿ is no float beyond n = 1023; the normal approximation of scipy is close there.
    rng = np.random.default_rng(0)
    a, b = rng.random(1100), rng.random(1100) + 0.01
    found = wilcoxon_folds(a, b)
    assert found.p_value == pytest.approx(stats.wilcoxon(a, b, method="approx").pvalue, rel=1e-3)
    assert found.low < found.difference < found.high
    assert found.level == pytest.approx(0.95, abs=1e-5)


def test_last_bits_do_not_break_ties():
    # 0.82 − 0.80 and 0.79 − 0.77 are both 0.02, but not in floats.
    found = wilcoxon_folds([0.82, 0.79, 0.91, 0.70], [0.80, 0.77, 0.90, 0.73])
    assert (found.rank_sum_positive, found.rank_sum_negative) == (1 + 2.5 + 2.5, 4)


def test_wilcoxon_of_equal_folds():
    found = wilcoxon_folds([0.8, 0.9], [0.8, 0.9])
    assert (found.p_value, found.n_used, found.difference) == (1, 0, 0)
    assert "all folds are equal" in found.note


def test_unpaired_folds_are_refused():
    with pytest.raises(InputError, match="unpaired: 3 folds of a, 2 of b"):
        wilcoxon_folds([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="b: 1 of 2 values are missing"):
        wilcoxon_folds([1, 2], [1, np.nan])
    with pytest.raises(InputError, match="zero_method"):
        wilcoxon_folds([1, 2], [1, 3], zero_method="drop")


def test_corrected_t_by_hand_and_in_the_limit():
    a, b = np.array([0.80, 0.82, 0.79, 0.85, 0.80]), np.array([0.78, 0.80, 0.79, 0.80, 0.77])
    d = a - b
    found = corrected_t(a, b, test_fraction=0.2)
    # (1/5 + 1/4) s²: the variance of a plain t-test times 2.25.
    assert found.statistic == pytest.approx(d.mean() / math.sqrt(0.45 * d.var(ddof=1)), abs=1e-12)
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.statistic, 4), abs=1e-12)
    plain = stats.ttest_rel(a, b)
    assert corrected_t(a, b, test_fraction=1e-12).statistic == pytest.approx(plain.statistic, abs=1e-9)
    assert found.low < found.difference < found.high
    assert found.attainable_p == 0
    assert corrected_t([1, 2], [1, 2], 0.2).p_value == 1
    assert math.isnan(corrected_t([2, 3], [1, 2], 0.2).p_value)
    with pytest.raises(InputError, match="test_fraction"):
        corrected_t(a, b, 1.0)
    with pytest.raises(InputError, match="two folds"):
        corrected_t([1], [2], 0.2)


def test_a_model_may_have_any_name() -> None:
    # scikit-posthocs melts the table into columns of these names, and some of its releases stumble over a model's.
    table = demsar()
    names = ["y", "groups", "blocks", "block_ids"]
    found, expected = friedman_nemenyi(table.set_axis(names, axis=1)), friedman_nemenyi(table)
    for pairs in ("nemenyi", "conover"):
        np.testing.assert_allclose(getattr(found, pairs), getattr(expected, pairs), rtol=1e-12)
        assert getattr(found, pairs).index.tolist() == getattr(found, pairs).columns.tolist() == names
