"""Models of a cohort against each other on the same cases, and the differences pooled over cohorts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.performance import (
    METHODS,
    auprc_bootstrap,
    can_resample,
    clusters_of,
    named_method,
)
from benchmark.comparison.units import Scored
from benchmark.statistics import PairedBootstrap, auroc_difference, delong_joint, holm
from benchmark.statistics.differences import ONE_PATIENT

COLUMNS = ["cohort", "metric", "model_a", "model_b", "difference", "low", "high", "p_value", "p_holm", "method"]
COLUMNS += ["n", "n_positive", "standard_error", "attainable_p", "note"]
POOLED = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "tau2", "q", "q_p_value"]
POOLED += ["i_squared", "prediction_low", "prediction_high", "cohorts", "note"]
Z = 1.959963984540054


def paired_differences(
    scored: Scored, drawn: PairedBootstrap | None = None, *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """AUROC and AUPRC differences of all pairs of models on the same units, the interval before the p-value.

    AUROC by the paired DeLong test, clustered by patient where units repeat; AUPRC by the paired bootstrap. Of
    every row the interval leaves 0 out exactly when p < 0.05; where there is no interval the note says why. Holm
    over all pairs of the cohort, for each metric apart.

    Args:
        scored: Units that every model scored.
        drawn: Their `auprc_bootstrap` (it may hold more models), if it was made already.
        replicates: Bootstrap replicates otherwise.
        seed: Seed of the bootstrap.

    Returns:
        ``cohort, metric, model_a, model_b, difference, low, high, p_value, p_holm, method, n, n_positive,
        standard_error, attainable_p, note``; ``attainable_p`` is 0 where any p can arise.
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
        test = auroc_difference(labels, scores[a], scores[b], clusters)
        chance = (test.low, test.high, test.p_value, METHODS.get(test.method, ""))
        error = float(np.sqrt(test.variance)) if test.variance > 0 else (test.high - test.low) / (2 * Z)
        rows.append(("auroc", a, b, test.difference, *chance, error, 0.0, test.note))
    for a, b in pairs:
        found = drawn.difference(a, b, "auprc")
        chance = (found.low, found.high, found.p_value, named_method(found.method, drawn.replicates))
        error = found.standard_error if found.standard_error > 0 else (found.high - found.low) / (2 * Z)
        note = found.note
        if not can_resample(scored):
            chance, error, note = (np.nan, np.nan, np.nan, ""), np.nan, ONE_PATIENT
        rows.append(("auprc", a, b, found.difference, *chance, error, found.attainable_p, note))
    names = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "method", "standard_error"]
    table = pd.DataFrame(rows, columns=[*names, "attainable_p", "note"])
    table["p_holm"] = np.concatenate([holm(list(map(float, part))) for _, part in _by_metric(table)])
    return table.assign(cohort=scored.cohort, n=len(labels), n_positive=int(labels.sum()))[COLUMNS]


def joint_p(scored: Scored) -> float:
    """P of the joint DeLong test that all models have the same AUROC; NaN with fewer than three models."""
    if len(scored.models) < 3 or not scored.both_classes:
        return float("nan")
    return float(delong_joint(scored.labels, scored.named(), clusters_of(scored)).p_value)


def pooled_differences(
    pairs: pd.DataFrame,
    shared: Collection[frozenset[str]] = (),
    title: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Random-effects means over cohorts of every pair's AUROC and AUPRC difference.

    Only pairs with a standard error on two cohorts or more are pooled. Cohorts that share patients are no
    independent samples: a pair that was compared on two such cohorts is not pooled, and its note says why.

    Args:
        pairs: `paired_differences` of all cohorts.
        shared: Pairs of cohorts that share patients (`benchmark.overlap.sharing_patients`).
        title: What a note calls a cohort.

    Returns:
        ``metric, model_a, model_b, difference, low, high, p_value, tau2, q, q_p_value, i_squared, prediction_low,
        prediction_high, cohorts, note``.
    """
    from benchmark.statistics.pooling import pool_differences

    rows: list[tuple[Any, ...]] = []
    for (metric, a, b), all_rows in pairs.groupby(["metric", "model_a", "model_b"], sort=False):
        part = all_rows[all_rows["standard_error"] > 0]
        cohorts = list(map(str, part["cohort"]))
        if len(part) < 2:
            continue
        twice = [" and ".join(map(title, pair)) for pair in combinations(cohorts, 2) if frozenset(pair) in shared]
        if twice:
            note = f"not pooled: {'; '.join(twice)} share patients; compare again without one of each"
            rows.append((metric, a, b, *[np.nan] * 10, "; ".join(cohorts), note))
            continue
        found = pool_differences(part["difference"].to_numpy(), part["standard_error"].to_numpy() ** 2, cohorts)
        # A difference of two areas lies within −1 and 1; Student's t of few cohorts knows nothing of that.
        low, high, expected_low, expected_high = np.clip(
            [found.low, found.high, found.prediction_low, found.prediction_high], -1.0, 1.0
        )
        ends = (found.difference, low, high, found.p_value, found.tau2, found.q, found.q_p_value)
        left_out = [title(str(cohort)) for cohort in all_rows["cohort"] if str(cohort) not in cohorts]
        without = f"without {', '.join(left_out)}: the difference has no spread there" if left_out else ""
        note = "; ".join(part for part in (found.note, without) if part)
        rows.append(
            (metric, a, b, *ends, found.i_squared, expected_low, expected_high, "; ".join(found.cohorts), note)
        )
    return pd.DataFrame(rows, columns=POOLED)


def oriented(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Rows of ``pairs`` with ``reference`` in them, turned so that it stands first."""
    first, second = pairs["model_a"] == reference, pairs["model_b"] == reference
    return pd.concat([pairs[first], turned_rows(pairs[second])]).sort_index()


def turned_rows(pairs: pd.DataFrame) -> pd.DataFrame:
    """The same differences the other way round."""
    ends = [(low, high) for low, high in (("low", "high"), ("prediction_low", "prediction_high")) if low in pairs]
    turned = {"model_a": pairs["model_b"], "model_b": pairs["model_a"], "difference": -pairs["difference"]}
    for low, high in ends:
        turned |= {low: -pairs[high], high: -pairs[low]}
    return pairs.assign(**turned)


def strongest(tables: Iterable[pd.DataFrame]) -> str:
    """The model with the highest mean AUROC over the cohorts, among those on the most cohorts."""
    performance = pd.concat(list(tables), ignore_index=True)
    by_model = performance.groupby("model", sort=False)["auroc"].agg(["count", "mean"])
    ranked = by_model.sort_values(["count", "mean"], ascending=False, kind="stable")
    return str(ranked.index[0])


def _by_metric(table: pd.DataFrame) -> Iterable[tuple[Any, pd.Series[float]]]:
    return table.groupby("metric", sort=False)["p_value"]
