"""Models of a cohort against each other on the same cases, and the differences pooled over cohorts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.performance import METHODS, ONE_PATIENT, auprc_bootstrap, can_resample, clusters_of
from benchmark.comparison.units import Scored
from benchmark.statistics import PairedBootstrap, delong_joint, delong_test, holm

COLUMNS = ["cohort", "metric", "model_a", "model_b", "difference", "low", "high", "p_value", "p_holm", "method"]
COLUMNS += ["n", "n_positive"]
POOLED = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "i_squared", "cohorts", "note"]
Z = 1.959963984540054


def paired_differences(
    scored: Scored, drawn: PairedBootstrap | None = None, *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """AUROC and AUPRC differences of all pairs of models on the same units, the interval before the p-value.

    AUROC by the paired DeLong test, clustered by patient where units repeat; AUPRC by the paired bootstrap. Holm
    over all pairs of the cohort, for each metric apart.

    Args:
        scored: Units that every model scored.
        drawn: Their `auprc_bootstrap` (it may hold more models), if it was made already.
        replicates: Bootstrap replicates otherwise.
        seed: Seed of the bootstrap.
    """
    pairs = list(combinations(scored.models, 2))
    if not pairs or not scored.both_classes:
        return pd.DataFrame(columns=COLUMNS)
    drawn = drawn or auprc_bootstrap(scored, replicates=replicates, seed=seed)
    if drawn is None:
        raise ValueError("a bootstrap needs both classes")
    labels, clusters, scores = scored.labels, clusters_of(scored), scored.named()
    rows: list[tuple[Any, ...]] = []
    for a, b in pairs:
        test = delong_test(labels, scores[a], scores[b], clusters=clusters)
        rows.append(("auroc", a, b, test.difference, test.low, test.high, test.p_value, "paired DeLong"))
    method = f"paired {METHODS[drawn.method]} bootstrap, {drawn.replicates} replicates"
    for a, b in pairs:
        found = drawn.difference(a, b, "auprc")
        chance = (found.low, found.high, found.p_value, method)
        rows.append(
            ("auprc", a, b, found.difference, *(chance if can_resample(scored) else (*[np.nan] * 3, ONE_PATIENT)))
        )
    names = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "method"]
    table = pd.DataFrame(rows, columns=names)
    table["p_holm"] = np.concatenate([holm(list(map(float, part))) for _, part in _by_metric(table)])
    return table.assign(cohort=scored.cohort, n=len(labels), n_positive=int(labels.sum()))[COLUMNS]


def joint_p(scored: Scored) -> float:
    """P of the joint DeLong test that all models have the same AUROC; NaN with fewer than three models."""
    if len(scored.models) < 3 or not scored.both_classes:
        return float("nan")
    return float(delong_joint(scored.labels, scored.named(), clusters_of(scored)).p_value)


def pooled_differences(pairs: pd.DataFrame) -> pd.DataFrame:
    """Random-effects means over cohorts of every pair's AUROC and AUPRC difference.

    Only pairs with an interval on two cohorts or more are pooled. The variance of a cohort's difference is that of
    its symmetric 95 % interval.
    """
    from benchmark.statistics.pooling import pool_differences

    rows: list[tuple[Any, ...]] = []
    if pairs.empty:
        return pd.DataFrame(columns=POOLED)
    width = (pairs["high"] - pairs["low"]).to_numpy(float)
    usable = pairs.assign(variance=(width / (2 * Z)) ** 2)[np.isfinite(width) & (width > 0)]
    for (metric, a, b), part in usable.groupby(["metric", "model_a", "model_b"], sort=False):
        if len(part) < 2:
            continue
        found = pool_differences(part["difference"].to_numpy(), part["variance"].to_numpy(), list(part["cohort"]))
        ends = (found.difference, found.low, found.high, found.p_value, found.i_squared)
        rows.append((metric, a, b, *ends, "; ".join(found.cohorts), found.note))
    return pd.DataFrame(rows, columns=POOLED)


def oriented(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Rows of ``pairs`` with ``reference`` in them, turned so that it stands first."""
    first, second = pairs["model_a"] == reference, pairs["model_b"] == reference
    turned = pairs[second].assign(
        model_a=pairs.loc[second, "model_b"],
        model_b=pairs.loc[second, "model_a"],
        difference=-pairs.loc[second, "difference"],
        low=-pairs.loc[second, "high"],
        high=-pairs.loc[second, "low"],
    )
    return pd.concat([pairs[first], turned]).sort_index()


def strongest(tables: Iterable[pd.DataFrame]) -> str:
    """The model with the highest mean AUROC over the cohorts, among those on the most cohorts."""
    performance = pd.concat(list(tables), ignore_index=True)
    by_model = performance.groupby("model", sort=False)["auroc"].agg(["count", "mean"])
    ranked = by_model.sort_values(["count", "mean"], ascending=False, kind="stable")
    return str(ranked.index[0])


def _by_metric(table: pd.DataFrame) -> Iterable[tuple[Any, pd.Series[float]]]:
    return table.groupby("metric", sort=False)["p_value"]
