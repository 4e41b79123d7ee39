from __future__ import annotations

import itertools

import pytest
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy.stats import friedmanchisquare, mannwhitneyu, wilcoxon

from benchmark.published.attainable import friedman_p, smallest_p
from benchmark.statistics.folds import nemenyi_p


@pytest.mark.parametrize(("folds", "p"), [(5, 0.0625), (6, 0.03125), (8, 0.0078125), (10, 0.001953125)])
def test_wilcoxon_is_scipys_for_differences_of_one_sign(folds: int, p: float) -> None:
    assert smallest_p("Wilcoxon", folds, 2).p == pytest.approx(p, rel=1e-12)
    assert wilcoxon(range(1, folds + 1), method="exact").pvalue == pytest.approx(p, rel=1e-12)


def test_rank_sum_is_scipys_for_separated_groups() -> None:
    p = mannwhitneyu(range(5), range(10, 15), method="exact").pvalue
    assert smallest_p("Mann-Whitney U", 5, 2).p == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(
    ("models", "apart", "p"),
    # STATISTICS.md 5b: five folds, perfectly separated ranks.
    [(3, 1, 0.254), (3, 2, 0.0045), (4, 1, 0.611), (4, 2, 0.068), (4, 3, 0.0014)],
)
def test_nemenyi(models: int, apart: int, p: float) -> None:
    assert nemenyi_p(apart, 5, models) == pytest.approx(p, abs=6e-4 if p > 0.01 else 6e-5)
    table = [[float(rank) for rank in range(models)]] * 5
    assert nemenyi_p(apart, 5, models) == pytest.approx(posthoc_nemenyi_friedman(table).iloc[0, apart], rel=1e-3)


def test_neighbouring_ranks_need_eleven_and_twenty_two_folds() -> None:
    assert nemenyi_p(1, 10, 3) > 0.05 > nemenyi_p(1, 11, 3)
    assert nemenyi_p(1, 21, 4) > 0.05 > nemenyi_p(1, 22, 4)


def test_friedman_is_scipys_for_folds_that_agree() -> None:
    assert friedman_p(5, 3) == pytest.approx(friedmanchisquare([1] * 5, [2] * 5, [3] * 5).pvalue, rel=1e-12)
    assert friedman_p(5, 3) == pytest.approx(0.0067, abs=5e-5)


def test_no_ranks_of_three_models_on_three_folds_beat_the_stated_limit() -> None:
    """All 6³ rank tables: the smallest Nemenyi p with which one or two models differ from the best."""
    orders = list(itertools.permutations(range(3)))
    for starred in (1, 2):
        best = 1.0
        for table in itertools.product(orders, repeat=3):
            means = sorted(sum(column) / 3 for column in zip(*table, strict=True))
            best = min(best, nemenyi_p(means[3 - starred] - means[0], 3, 3))
        limit = smallest_p("Nemenyi", 3, 3, starred)
        assert limit.p == pytest.approx(max(best, friedman_p(3, 3)), rel=1e-9)


def test_corrections_multiply_and_unknown_tests_have_no_limit() -> None:
    assert smallest_p("Wilcoxon with Holm", 6, 4).p == pytest.approx(3 * 0.03125)
    assert smallest_p("t test", 5, 2).p == 0
    assert smallest_p("tea leaves", 5, 2) is None
