"""Metrics by subgroup with counts, minimum events, and a test of whether groups differ (interaction)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import scipy

from benchmark.metrics.inputs import Array, check_level, matched
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.statistics.auroc import auroc_interval_of
from benchmark.statistics.bootstrap import metric_interval_of
from benchmark.statistics.delong import placement_values, structural_components
from benchmark.statistics.delong_difference import auroc_difference_of
from benchmark.statistics.groups import MISSING, group_names, in_order
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

REFUSED = 5
"""Below this number of positive, or negative, patients a group gets counts but no metric."""

WARNED = 10
"""Below this number the metric carries a warning."""


@dataclass(frozen=True)
class Subgroups:
    """Metrics by subgroup.

    Attributes:
        metrics: Rows ``subgroup, model, metric, value, low, high, method, n, n_positive, n_negative,
            n_clusters, note``; value and limits are NaN where a group has too few events, with the reason
            in ``note``.
        differences: Rows ``subgroup, model_a, model_b, difference, low, high, method, statistic, p_value,
            p_holm, note``: AUROC differences of all pairs; Holm's correction runs over groups and pairs.
        interactions: Rows ``what, model_a, model_b, statistic, df, p_value, p_holm, note``: whether a model's
            AUROC, or a difference of two, is the same in all groups; Holm's correction runs over all rows.
    """

    metrics: pd.DataFrame
    differences: pd.DataFrame
    interactions: pd.DataFrame


def subgroup_metrics(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    groups: Any,  # noqa: ANN401
    metrics: Sequence[str] = ("auroc", "auprc"),
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
    compared: Collection[str] | None = None,
) -> Subgroups:
    """Metrics of every model in every group of cases.

    Groups are compared by the interaction test, never by whether their intervals overlap. AUPRC and
    precision follow the prevalence of a group and are not to be compared between groups.

    Example::

        >>> from benchmark.statistics import Resampling, subgroup_metrics
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> sexes = ["F", "M"] * 30
        >>> found = subgroup_metrics(labels, {"a": scores}, sexes, ["auroc"], resampling=Resampling(100))
        >>> found.metrics[["subgroup", "n", "value"]].round(3).to_dict("records")
        [{'subgroup': 'F', 'n': 30, 'value': 0.68}, {'subgroup': 'M', 'n': 30, 'value': 0.76}]

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model on the same cases, ``(n,)`` each: a mapping, or a table with a column a model.
        groups: Group of each case, ``(n,)``; missing values form a group of their own that is tested with
            no other.
        metrics: Names of metrics.
        clusters: Patient of each case, ``(n,)``; a patient may have nodules in several groups.
        level: Confidence level.
        resampling: Replicates, seed and threads.
        compared: Models that take part in the tests; all by default.

    Raises:
        SampleError: As `paired_bootstrap`; as many groups as cases.
    """
    sample = as_paired_sample(labels, scores, clusters)
    return subgroup_metrics_of(
        sample,
        matched(labels, groups, "groups"),
        metrics,
        level=level,
        resampling=resampling,
        compared=compared,
    )


def subgroup_metrics_of(
    sample: Sample,
    groups: Any,  # noqa: ANN401
    metrics: Sequence[str] = ("auroc", "auprc"),
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
    compared: Collection[str] | None = None,
) -> Subgroups:
    """`subgroup_metrics` of a sample that is checked already, with the group of each of its cases.

    Example::

        >>> from benchmark.statistics import as_paired_sample, subgroup_metrics_of
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": scores})
        >>> found = subgroup_metrics_of(sample, ["F", "M"] * 30, ["auroc"])
        >>> found.interactions["what"].tolist()
        ['AUROC of a']
    """
    check_level(level)
    resampling = resampling.seeded()
    names = group_names(groups, sample.labels.size)
    parts = {group: sample.of_cases(names == group) for group in in_order(names)}
    named = [named_metric(metric) for metric in metrics]
    rows = [row for group, part in parts.items() for row in _metric_rows(group, part, named, level, resampling)]
    kept = {group: part for group, part in parts.items() if group != MISSING and part.smaller_class() >= REFUSED}
    tested = [k for k, model in enumerate(sample.models) if compared is None or model in compared]
    differences = _differences(kept, tested, level)
    return Subgroups(pd.DataFrame(rows), differences, _interactions(sample, tested, names, list(kept)))


def _metric_rows(
    group: str,
    part: Sample,
    metrics: Sequence[NamedMetric],
    level: float,
    resampling: Resampling,
) -> list[dict[str, object]]:
    positives, negatives = part.patients_by_class()
    rows: list[dict[str, object]] = []
    for k, model in enumerate(part.models):
        for metric in metrics:
            row: dict[str, object] = {"subgroup": group, "model": model, "metric": metric.name}
            if min(positives, negatives) < REFUSED:
                row |= {"value": math.nan, "low": math.nan, "high": math.nan, "method": ""}
                note = f"too few: {positives} positive and {negatives} negative patients, under {REFUSED}"
            else:
                row |= _with_interval(part, k, metric.name, level, resampling)
                note = _few(part)
            row |= {"n": part.labels.size, "n_positive": part.n_positive, "n_negative": part.n_negative}
            rows.append(row | {"n_clusters": part.n_clusters, "note": note})
    return rows


def _with_interval(part: Sample, k: int, metric: str, level: float, resampling: Resampling) -> dict[str, object]:
    if metric == "auroc":
        found = auroc_interval_of(part.of_model(k), level=level)
        return {"value": found.auroc, "low": found.low, "high": found.high, "method": found.method}
    drawn = metric_interval_of(part.of_model(k), metric, "auto", level=level, resampling=resampling)
    return {"value": drawn.value, "low": drawn.low, "high": drawn.high, "method": drawn.method}


def _few(part: Sample) -> str:
    """A caution on a group that is small, else nothing."""
    positives, negatives = part.patients_by_class()
    if min(positives, negatives) >= WARNED:
        return ""
    return f"few: {positives} positive and {negatives} negative patients, under {WARNED}"


def _differences(parts: Mapping[str, Sample], tested: Sequence[int], level: float) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for group, part in parts.items():
        for i, j in combinations(tested, 2):
            test = auroc_difference_of(part.of_models((i, j)), level=level)
            rows.append(
                {
                    "subgroup": group,
                    "model_a": part.models[i],
                    "model_b": part.models[j],
                    "difference": test.difference,
                    "low": test.low,
                    "high": test.high,
                    "statistic": test.statistic,
                    "p_value": test.p_value,
                    "method": test.method,
                    "note": "; ".join(text for text in (test.note, _few(part)) if text),
                }
            )
    return _with_holm(
        rows, ["subgroup", "model_a", "model_b", "difference", "low", "high", "method", "statistic", "p_value"]
    )


def _interactions(
    sample: Sample, tested: Sequence[int], names: np.ndarray[Any, np.dtype[np.object_]], groups: list[str]
) -> pd.DataFrame:
    """χ² tests that each AUROC, and each difference, is equal over the groups."""
    count = len(sample.models)
    contrasts = {(sample.models[k], ""): np.eye(count)[k] for k in tested}
    for i, j in combinations(tested, 2):
        contrasts[sample.models[i], sample.models[j]] = np.eye(count)[i] - np.eye(count)[j]
    columns = ["what", "model_a", "model_b", "statistic", "df", "p_value"]
    if len(groups) < 2:
        return _with_holm([], columns)
    rows: list[dict[str, object]] = []
    for (model, other), contrast in contrasts.items():
        values, covariance = _group_covariance(sample, names, groups, contrast)
        between = np.eye(len(groups))[:-1] - np.eye(len(groups))[1:]
        middle = between @ covariance @ between.T
        row: dict[str, object] = {"what": f"{model} − {other}" if other else f"AUROC of {model}"}
        row |= {"model_a": model, "model_b": other, "df": len(groups) - 1, "note": ""}
        if np.linalg.matrix_rank(middle) < len(groups) - 1:
            row |= {"statistic": math.nan, "p_value": math.nan, "note": "a group's variance is zero"}
        else:
            gap = between @ values
            statistic = float(gap @ np.linalg.solve(middle, gap))
            row |= {"statistic": statistic, "p_value": float(scipy.stats.chi2.sf(statistic, len(groups) - 1))}
        rows.append(row)
    return _with_holm(rows, columns)


def _group_covariance(
    sample: Sample, names: np.ndarray[Any, np.dtype[np.object_]], groups: list[str], contrast: Array
) -> tuple[Array, Array]:
    """A contrast of AUROCs in each group and its covariance over groups, which share patients."""
    count = sample.n_clusters
    values, influence = np.empty(len(groups)), np.zeros((len(groups), count))
    own = np.empty(len(groups))
    for g, group in enumerate(groups):
        rows = names == group
        truth, codes = sample.labels[rows], sample.clusters[rows]
        placed = contrast @ np.stack([placement_values(truth, row[rows]) for row in sample.scores])
        values[g] = placed[truth].mean()
        part = (placed - values[g]) / np.where(truth, truth.sum(), (~truth).sum())
        influence[g] = np.bincount(codes, part, count)
        components = structural_components(sample.of_cases(rows))
        own[g] = contrast @ components.covariance @ contrast
    covariance = influence @ influence.T * count / (count - 1)
    np.fill_diagonal(covariance, own)
    return values, covariance


def _with_holm(rows: list[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*columns, "note"])
    table.insert(len(columns), "p_holm", pd.Series(holm(table["p_value"].to_numpy(dtype=float))))
    return table
