"""The smallest p that a test over folds can reach at all, whatever the scores."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import scipy

from benchmark.statistics.folds import nemenyi_p


class Attainable(NamedTuple):
    """What a test over folds can reach.

    Attributes:
        test: Name of the test that was assumed.
        p: Smallest two-sided p; 0 where the folds set no limit.
        reason: Why, in words.
    """

    test: str
    p: float
    reason: str


def friedman_p(folds: int, models: int) -> float:
    """Value of p of the Friedman test when all folds rank alike: its χ² is then folds × (models − 1)."""
    return float(scipy.stats.chi2.sf(folds * (models - 1), models - 1))


def smallest_p(test: str | None, folds: int, models: int, starred: int = 1) -> Attainable | None:
    """The smallest p with which ``starred`` of ``models`` models can all differ from the best one.

    Args:
        test: Name of the test as a paper writes it. None assumes what fold-wise comparisons of models mostly use:
            the Wilcoxon signed-rank test for two models, Friedman's with Nemenyi's for more.
        folds: Number of folds.
        models: Models compared in one block.
        starred: Models that are called different from the best.

    Returns:
        The limit, or None for a test that is not known here.
    """
    name = re.sub(r"[^a-z]+", " ", (test or ("wilcoxon" if models < 3 else "friedman nemenyi")).lower())
    for words, limit in _LIMITS.items():
        if any(word in name for word in words):
            found = limit(folds, models, starred)
            break
    else:
        return None
    if re.search(r"bonferroni|holm", name) and models > 2:
        p = min(1.0, found.p * (models - 1))
        return Attainable(found.test, p, f"{found.reason}, times {models - 1} comparisons with the best")
    return found


def _nemenyi(folds: int, models: int, starred: int) -> Attainable:
    starred = min(max(starred, 1), models - 1)
    # The best ranks first in every fold, the starred share the last ranks as evenly as whole ranks allow.
    rank_sum = folds * sum(range(models - starred + 1, models + 1))
    difference = rank_sum // starred / folds - 1
    p = nemenyi_p(difference, folds, models)
    reason = (
        f"{models} models on {folds} folds: average ranks of {starred} starred differ by {difference:g} at most"
    )
    if p < friedman_p(folds, models):
        return Attainable("Friedman and Nemenyi", friedman_p(folds, models), reason)
    return Attainable("Friedman and Nemenyi", p, reason)


def _signed(folds: int, models: int, starred: int) -> Attainable:
    return Attainable("Wilcoxon signed-rank", min(1.0, 2.0 ** (1 - folds)), f"2 of 2^{folds} sign patterns")


def _sign(folds: int, models: int, starred: int) -> Attainable:
    return Attainable("sign or permutation", min(1.0, 2.0 ** (1 - folds)), f"2 of 2^{folds} sign patterns")


def _rank_sum(folds: int, models: int, starred: int) -> Attainable:
    orders = math.comb(2 * folds, folds)
    return Attainable("Mann-Whitney", min(1.0, 2 / orders), f"2 of {orders} orders of {folds} and {folds} folds")


def _friedman(folds: int, models: int, starred: int) -> Attainable:
    return Attainable("Friedman", friedman_p(folds, models), f"χ² is at most {folds * (models - 1)}")


def _unlimited(folds: int, models: int, starred: int) -> Attainable:
    return Attainable("t", 0.0, "a t statistic over folds has no upper limit")


_LIMITS = {
    ("nemenyi", "autorank"): _nemenyi,
    ("friedman", "iman"): _friedman,
    ("mann", "rank sum", "ranksum"): _rank_sum,
    ("wilcoxon", "signed rank"): _signed,
    ("sign test", "permutation", "randomi"): _sign,
    ("t test", "ttest", "student", "nadeau", "delong", "bootstrap", "anova"): _unlimited,
}
