"""Models against each other at operating points: FPR at a recall, recall at a specificity, calls at thresholds."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import combinations, product
from typing import Final

import numpy as np
import pandas as pd

from benchmark.comparison.pairs import COLUMNS, bootstrap_difference, tested_of
from benchmark.comparison.thresholds import ChosenThreshold
from benchmark.comparison.units import Scored
from benchmark.metrics.registry import named_metric
from benchmark.statistics import PairedBootstrap, holm
from benchmark.statistics.mcnemar import mcnemar_of

CALLS: Final = (
    "cohort", "model_a", "model_b", "threshold_a", "threshold_b", "origin", "rule_a", "rule_b", "among", "n",
    "both", "only_a", "only_b", "neither", "difference", "low", "high", "p_value", "p_holm", "exact_p",
    "effective_n",
)  # fmt: skip
AMONG: Final = ("malignant", "benign")
"""Recall is compared among the malignant, specificity among the benign."""


def operating_differences(
    scored: Scored, drawn: PairedBootstrap | None, tested: Collection[str] | None = None
) -> pd.DataFrame:
    """Differences of FPR at recalls and of recall at specificities, thresholds chosen again in each resample.

    Holm's family is all pairs of the cohort at all points of one quantity: all recalls that FPR is compared at,
    and all specificities that recall is compared at.

    Args:
        scored: Units that every model scored.
        drawn: Their `metric_bootstrap`, with these recalls and specificities; None without intervals.
        tested: Models to compare; all by default.

    Returns:
        Columns of `paired_differences`.
    """
    pairs, sample = list(combinations(tested_of(scored, tested), 2)), scored.sample
    if not pairs or sample is None or drawn is None:
        return pd.DataFrame(columns=COLUMNS)
    names = [name for name in drawn.metrics if named_metric(name).quantity != "precision"]
    rows = [bootstrap_difference(sample, drawn, name, a, b) for name in names for a, b in pairs]
    columns = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "method", "standard_error"]
    table = pd.DataFrame(rows, columns=[*columns, "attainable_p", "note"])
    quantity = table["metric"].map(lambda name: named_metric(name).quantity)
    table["p_holm"] = table.groupby(quantity, sort=False)["p_value"].transform(lambda p: holm(p.to_list()))
    size = {"n": len(scored.units), "n_positive": sample.n_positive}
    table["metric"] = table["metric"].map(lambda name: named_metric(name).canonical)
    return table.assign(cohort=scored.cohort, **size)[COLUMNS]


def call_differences(
    scored: Scored, chosen: Sequence[ChosenThreshold], untested: Collection[str] = ()
) -> pd.DataFrame:
    """Calls of every pair of models at thresholds from elsewhere: counts, McNemar's test and Tango's interval.

    Two models are compared at the thresholds that came about in the same way, by one rule on one cohort or as the
    same number; where there are none, at every threshold of one against every one of the other. A threshold that
    was chosen on the same cohort is left out. Holm's family is all pairs and thresholds of the cohort, for the
    malignant and the benign apart.

    Args:
        scored: Units that every model scored.
        chosen: The thresholds.
        untested: Models that take part in no test.

    Returns:
        ``CALLS``, two rows a pair and thresholds: among the malignant the calls, whose difference is that of the
        recalls; among the benign those not called, whose difference is that of the specificities.
    """
    sample = scored.sample
    if sample is None:
        return pd.DataFrame(columns=list(CALLS))
    rows = []
    for a, b in combinations([model for model in scored.models if model not in untested], 2):
        two = sample.of_models([sample.models.index(a), sample.models.index(b)])
        for first, second in _compared_thresholds(chosen, a, b, scored.cohort):
            found = mcnemar_of(two, (first.threshold, second.threshold))
            named: dict[str, object] = {
                "cohort": scored.cohort,
                "model_a": a,
                "model_b": b,
                "rule_a": first.rule,
                "rule_b": second.rule,
            }
            named |= {"threshold_a": first.threshold, "threshold_b": second.threshold}
            named |= {"origin": first.origin or second.origin}
            for among, shares in zip(AMONG, (found.recall, found.specificity), strict=True):
                counts = {name: getattr(shares, name) for name in ("both", "only_a", "only_b", "neither")}
                ends = {
                    name: getattr(shares, name) for name in ("difference", "low", "high", "p_value", "exact_p")
                }
                size = {"n": shares.total, "effective_n": shares.effective_total}
                rows.append(named | {"among": among} | counts | ends | size | {"p_holm": math.nan})
    table = pd.DataFrame(rows, columns=list(CALLS))
    for among in AMONG:
        here = (table["among"] == among).to_numpy(bool)
        table.loc[here, "p_holm"] = np.asarray(holm(table.loc[here, "p_value"].to_list()))
    return table


def _compared_thresholds(
    chosen: Sequence[ChosenThreshold], a: str, b: str, cohort: str
) -> list[tuple[ChosenThreshold, ChosenThreshold]]:
    first, second = ([one for one in chosen if one.model == m and one.origin != cohort] for m in (a, b))
    alike = [(x, y) for x, y in product(first, second) if _way_of(x) == _way_of(y)]
    return alike or list(product(first, second))


def _way_of(one: ChosenThreshold) -> tuple[str, str, float]:
    """How a threshold came about: where and by which rule, or as which number."""
    return (one.origin, one.rule, 0.0 if one.origin else one.threshold)
