"""Models of a cohort against each other on the same cases, and the differences pooled over cohorts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.measured import AREAS
from benchmark.comparison.performance import METHODS, named_method
from benchmark.comparison.units import Scored
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.statistics import PairedBootstrap, Sample, auroc_difference_of, delong_joint_of, holm
from benchmark.statistics.differences import ONE_PATIENT, SQUARE_AND_ADD

COLUMNS = ["cohort", "metric", "model_a", "model_b", "difference", "low", "high", "p_value", "p_holm", "method"]
COLUMNS += ["n", "n_positive", "standard_error", "attainable_p", "note"]
POOLED = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "tau2", "q", "q_p_value"]
POOLED += ["i_squared", "prediction_low", "prediction_high", "cohorts", "note"]
Z = 1.959963984540054


def paired_differences(
    scored: Scored,
    drawn: PairedBootstrap | None,
    metrics: Sequence[NamedMetric] = AREAS,
    tested: Collection[str] | None = None,
) -> pd.DataFrame:
    """Differences of all pairs of models on the same units, the interval before the p-value.

    AUROC by the paired DeLong test, clustered by patient where units repeat; others by the paired bootstrap. Of
    every row the interval leaves 0 out exactly when p < 0.05; where there is no interval the note says why. Holm
    over all pairs of the cohort, for each metric apart.

    Args:
        scored: Units that every model scored.
        drawn: Their `metric_bootstrap`.
        metrics: What to compare.
        tested: Models to compare; all by default.

    Returns:
        ``cohort, metric, model_a, model_b, difference, low, high, p_value, p_holm, method, n, n_positive,
        standard_error, attainable_p, note``; ``attainable_p`` is 0 where any p can arise.
    """
    sample = scored.sample
    pairs = list(combinations(tested_of(scored, tested), 2))
    if not pairs or sample is None or drawn is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = [
        _auroc_row(sample, a, b)
        if metric.key == "auroc"
        else bootstrap_difference(sample, drawn, metric.canonical, a, b)
        for metric in metrics
        for a, b in pairs
    ]
    names = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "method", "standard_error"]
    table = pd.DataFrame(rows, columns=[*names, "attainable_p", "note"])
    table["p_holm"] = np.concatenate([holm(list(map(float, part))) for _, part in _by_metric(table)])
    size = {"n": len(scored.units), "n_positive": sample.n_positive}
    return table.assign(cohort=scored.cohort, **size)[COLUMNS]


def tested_of(scored: Scored, tested: Collection[str] | None) -> list[str]:
    """The models of a cohort that take part in tests; all of them where nobody says which."""
    return [model for model in scored.models if tested is None or model in tested]


def _standard_error(measured: float, low: float, high: float, method: str) -> float:
    """What a difference is pooled with: as measured, or that of its limits where these come from both models'."""
    return measured if measured > 0 and method != SQUARE_AND_ADD else (high - low) / (2 * Z)


def _auroc_row(sample: Sample, a: str, b: str) -> tuple[Any, ...]:
    test = auroc_difference_of(sample.of_models([sample.models.index(a), sample.models.index(b)]))
    chance = (test.low, test.high, test.p_value, METHODS.get(test.method, ""))
    error = _standard_error(float(np.sqrt(max(test.variance, 0.0))), test.low, test.high, test.method)
    return ("auroc", a, b, test.difference, *chance, error, 0.0, test.note)


def bootstrap_difference(sample: Sample, drawn: PairedBootstrap, metric: str, a: str, b: str) -> tuple[Any, ...]:
    """Columns ``metric`` to ``note`` of a pair, without Holm's p, from the differences on the same resamples."""
    found = drawn.difference(a, b, metric)
    if not sample.can_resample:
        chance = (np.nan, np.nan, np.nan, "", np.nan)
        return (metric, a, b, found.difference, *chance, found.attainable_p, ONE_PATIENT)
    method = named_method(found.method, drawn.replicates)
    error = _standard_error(found.standard_error, found.low, found.high, found.method)
    chance = (found.low, found.high, found.p_value, method, error)
    return (metric, a, b, found.difference, *chance, found.attainable_p, found.note)


def joint_p(scored: Scored, tested: Collection[str] | None = None) -> float:
    """P of the joint DeLong test that all models have the same AUROC; NaN with fewer than three models."""
    models = tested_of(scored, tested)
    if len(models) < 3 or scored.sample is None:
        return float("nan")
    chosen = scored.sample.of_models([scored.sample.models.index(model) for model in models])
    return float(delong_joint_of(chosen).p_value)


def pooled_differences(
    pairs: pd.DataFrame,
    shared: Collection[frozenset[str]] = (),
    title: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Random-effects means over cohorts of every pair's differences, for each metric apart.

    Only pairs with a standard error on two cohorts or more are pooled. Cohorts that share patients are no
    independent samples: a pair that was compared on two such cohorts is not pooled, and its note says why.

    Args:
        pairs: `paired_differences` of all cohorts.
        shared: Pairs of cohorts that share patients (`benchmark.contracts.overlap.sharing_patients`).
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
        # A difference of two areas or rates lies within −1 and 1; Student's t of few cohorts does not know that.
        most = 1.0 if named_metric(str(metric)).metric.unit_range else np.inf
        low, high, expected_low, expected_high = np.clip(
            [found.low, found.high, found.prediction_low, found.prediction_high], -most, most
        )
        ends = (found.difference, low, high, found.p_value, found.tau2, found.q, found.q_p_value)
        left_out = [title(str(cohort)) for cohort in all_rows["cohort"] if str(cohort) not in cohorts]
        without = f"without {', '.join(left_out)}: the difference has no spread there" if left_out else ""
        note = "; ".join(part for part in (found.note, without) if part)
        rows.append(
            (metric, a, b, *ends, found.i_squared, expected_low, expected_high, "; ".join(found.cohorts), note)
        )
    return pd.DataFrame(rows, columns=POOLED)


FEWEST_POOLED = 3
"""Cohorts below which a pooled interval, of one degree of freedom, says nothing that the cohorts' own do not."""


def enough_to_pool(pooled: pd.DataFrame) -> pd.DataFrame:
    """The rows of `pooled_differences` that stand on ``FEWEST_POOLED`` cohorts or more."""
    if pooled.empty:
        return pooled
    return pooled[pooled["cohorts"].astype(str).str.count("; ") + 1 >= FEWEST_POOLED]


def oriented(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Rows of ``pairs`` with ``reference`` in them, turned so that it stands first."""
    first, second = pairs["model_a"] == reference, pairs["model_b"] == reference
    return pd.concat([pairs[first], turned_rows(pairs[second])]).sort_index()


def reference_first(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """All rows of pairs of models, those with ``reference`` in them turned so that it stands first.

    Example:
        >>> pairs = pd.DataFrame({"model_a": ["a", "b"], "model_b": ["b", "c"], "gain": [0.1, 0.2]})
        >>> reference_first(pairs, "b").to_dict("list")
        {'model_a': ['b', 'b'], 'model_b': ['a', 'c'], 'gain': [-0.1, 0.2]}
    """
    if pairs.empty:
        return pairs
    pairs = pairs.reset_index(drop=True)
    second = pairs["model_b"] == reference
    return pd.concat([pairs[~second], turned_rows(pairs[second])]).sort_index()


def turned_rows(pairs: pd.DataFrame) -> pd.DataFrame:
    """The same differences the other way round: what is of the first and of the second model changes places."""
    signed = [name for name in ("difference", "gain") if name in pairs]
    ends = [(low, high) for low, high in (("low", "high"), ("prediction_low", "prediction_high")) if low in pairs]
    firsts = [name for name in pairs.columns if str(name).endswith("_a")]
    turned: dict[str, Any] = {name: -pairs[name] for name in signed}
    for low, high in ends:
        turned |= {low: -pairs[high], high: -pairs[low]}
    for first in firsts:
        second = f"{first.removesuffix('_a')}_b"
        turned |= {first: pairs[second], second: pairs[first]}
    return pairs.assign(**turned)


def strongest(tables: Iterable[pd.DataFrame]) -> str:
    """The model with the highest mean AUROC over the cohorts, among those on the most cohorts."""
    performance = pd.concat(list(tables), ignore_index=True)
    by_model = performance.groupby("model", sort=False)["auroc"].agg(["count", "mean"])
    ranked = by_model.sort_values(["count", "mean"], ascending=False, kind="stable")
    return str(ranked.index[0])


def _by_metric(table: pd.DataFrame) -> Iterable[tuple[Any, pd.Series[float]]]:
    return table.groupby("metric", sort=False)["p_value"]
