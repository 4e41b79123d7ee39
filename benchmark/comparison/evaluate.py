"""Every number of a comparison: metrics with intervals, paired differences, folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.metrics import auprc, auroc, operating_point
from benchmark.statistics import (
    auroc_interval,
    delong_test,
    friedman_nemenyi,
    holm,
    paired_bootstrap,
    wilcoxon_folds,
)

RECALLS = (0.6, 0.7, 0.8, 0.9)
AREAS = ("auroc", "auprc")
UNDEFINED = "undefined: only one class"


@dataclass(frozen=True)
class CohortResult:
    """The numbers of one cohort; every table has a column ``cohort``.

    Attributes:
        scored: Units that every model scored; all numbers are of these.
        available: Units that any model scored.
        performance: ``model, n, n_positive, auroc, auroc_low, auroc_high, auprc, auprc_low, auprc_high, note``.
        operating_points: ``model, recall_target, recall, tp, fp, n_positive, n_negative, fpr, precision,
            threshold`` and the limits of FPR and precision, the choice of the threshold included.
        pairs: ``metric, model_a, model_b, difference, low, high, p_value, p_holm, method``.
        folds: ``model, fold, metric, value``.
        fold_tests: ``metric, test, model_a, model_b, n_folds, statistic, p_value, attainable_p, note``.
        metrics: The metric table of the contract.
    """

    scored: Scored
    available: Scored
    performance: pd.DataFrame
    operating_points: pd.DataFrame
    pairs: pd.DataFrame
    folds: pd.DataFrame
    fold_tests: pd.DataFrame
    metrics: pd.DataFrame = field(repr=False)


def evaluate(
    available: Scored, *, recalls: Sequence[float] = RECALLS, replicates: int = 2000, seed: int = 0
) -> CohortResult:
    """Evaluate the models of one cohort on the units that all of them scored.

    Args:
        available: The cohort's units (``gather``).
        recalls: Recalls of the operating points.
        replicates: Bootstrap replicates; patients are resampled with all their units, stratified by label.
        seed: Seed of the bootstrap.
    """
    scored = available.common()
    names = [*AREAS, *(f"{rate}@recall={t:g}" for t in recalls for rate in ("fpr", "precision"))]
    limits = _limits(scored, names, replicates, seed)
    performance = pd.DataFrame([_performance(scored, model, limits) for model in scored.models])
    points = pd.DataFrame([_point(scored, model, t, limits) for model in scored.models for t in recalls])
    folds = fold_metrics(available)
    return CohortResult(
        scored,
        available,
        performance,
        points,
        paired_differences(scored, replicates=replicates, seed=seed),
        folds,
        fold_tests(folds, scored.cohort),
        _metric_table(scored, performance, points),
    )


def paired_differences(scored: Scored, *, replicates: int = 2000, seed: int = 0) -> pd.DataFrame:
    """AUROC and AUPRC differences of all pairs of models on the same units.

    AUROC by the paired DeLong test, clustered by patient where units repeat; AUPRC by the paired bootstrap. Holm
    over all pairs of the cohort, for each metric apart.
    """
    columns = [
        "cohort",
        "metric",
        "model_a",
        "model_b",
        "difference",
        "low",
        "high",
        "p_value",
        "p_holm",
        "method",
    ]
    pairs = list(combinations(scored.models, 2))
    if not pairs or not _both_classes(scored):
        return pd.DataFrame(columns=columns)
    labels, clusters = scored.labels, _clusters(scored)
    rows = []
    for a, b in pairs:
        test = delong_test(labels, scored.scores[a].to_numpy(), scored.scores[b].to_numpy(), clusters=clusters)
        rows.append((a, b, test.difference, test.low, test.high, test.p_value))
    table = pd.DataFrame(rows, columns=["model_a", "model_b", "difference", "low", "high", "p_value"])
    table = table.assign(metric="auroc", p_holm=holm(table["p_value"].to_numpy()), method="paired DeLong")
    drawn = paired_bootstrap(labels, _named(scored), ["auprc"], clusters, replicates=replicates, seed=seed)
    second = drawn.differences_table().assign(method=f"paired bootstrap, {replicates} replicates")
    both = pd.concat([table, second], ignore_index=True).assign(cohort=scored.cohort)
    return both[columns]


def fold_metrics(available: Scored) -> pd.DataFrame:
    """AUROC and AUPRC of each model's folds, on the units that all folds of all models scored."""
    columns = ["cohort", "model", "fold", "metric", "value"]
    numbered = available.folds
    rows_all = numbered.notna().all(axis=1).to_numpy()
    labels = available.labels[rows_all]
    if numbered.shape[1] == 0 or labels.min(initial=1) == labels.max(initial=0):
        return pd.DataFrame(columns=columns)
    functions: dict[str, Callable[..., float]] = {"auroc": auroc, "auprc": auprc}
    rows = [
        (available.cohort, *column, name, function(labels, numbered[column].to_numpy()[rows_all]))
        for column in list(numbered.columns)
        for name, function in functions.items()
    ]
    return pd.DataFrame(rows, columns=columns)


def fold_tests(folds: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """Friedman and Nemenyi over folds for three models or more, Wilcoxon for every pair.

    Only models with the same folds take part; a fold is a block.
    """
    columns = [
        "cohort",
        "metric",
        "test",
        "model_a",
        "model_b",
        "n_folds",
        "statistic",
        "p_value",
        "attainable_p",
        "note",
    ]
    rows: list[tuple[Any, ...]] = []
    for metric, part in folds.groupby("metric", sort=False):
        wide = part.pivot(index="fold", columns="model", values="value").dropna(axis=1)
        wide = wide[[model for model in dict.fromkeys(part["model"]) if model in wide]]
        k, n = wide.shape[1], wide.shape[0]
        if k >= 3 and n >= 2:
            result = friedman_nemenyi(wide)
            rows.append(
                (metric, "Friedman", "", "", n, result.statistic, result.p_value, result.attainable_p, result.note)
            )
            for a, b in combinations(wide.columns, 2):
                p = result.nemenyi.at[a, b]
                rows.append((metric, "Nemenyi", a, b, n, np.nan, p, result.nemenyi_attainable_p, ""))
        if n >= 2:
            for a, b in combinations(wide.columns, 2):
                test = wilcoxon_folds(wide[a].to_numpy(), wide[b].to_numpy())
                rows.append(
                    (metric, "Wilcoxon", a, b, n, test.statistic, test.p_value, test.attainable_p, test.note)
                )
    return pd.DataFrame([(cohort, *row) for row in rows], columns=columns)


def _limits(
    scored: Scored, names: list[str], replicates: int, seed: int
) -> dict[tuple[str, str], tuple[float, float]]:
    if not _both_classes(scored):
        return {}
    drawn = paired_bootstrap(
        scored.labels, _named(scored), names, _clusters(scored), replicates=replicates, seed=seed
    )
    return {(e.model, e.metric): (e.low, e.high) for e in drawn.estimates}


def _performance(scored: Scored, model: str, limits: dict[tuple[str, str], tuple[float, float]]) -> dict[str, Any]:
    row: dict[str, Any] = {"cohort": scored.cohort, "model": model, "n": len(scored.units)}
    row["n_positive"] = int(scored.labels.sum())
    defined = _both_classes(scored)
    for name, function in (("auroc", auroc), ("auprc", auprc)):
        row[name] = function(scored.labels, scored.scores[model].to_numpy()) if defined else np.nan
        row[f"{name}_low"], row[f"{name}_high"] = limits.get((model, name), (np.nan, np.nan))
    return row | {"note": "" if defined else UNDEFINED}


def _point(
    scored: Scored, model: str, target: float, limits: dict[tuple[str, str], tuple[float, float]]
) -> dict[str, Any]:
    row: dict[str, Any] = {"cohort": scored.cohort, "model": model, "recall_target": target}
    names = ("recall", "tp", "fp", "n_positive", "n_negative", "fpr", "precision", "threshold")
    if _both_classes(scored):
        point = operating_point(scored.labels, scored.scores[model].to_numpy(), target)
        row |= {name: getattr(point, name) for name in names}
        row |= {name: int(row[name]) for name in ("tp", "fp", "n_positive", "n_negative")}
    else:
        row |= dict.fromkeys(names, np.nan)
    for rate in ("fpr", "precision"):
        row[f"{rate}_low"], row[f"{rate}_high"] = limits.get(
            (model, f"{rate}@recall={target:g}"), (np.nan, np.nan)
        )
    return row


def _metric_table(scored: Scored, performance: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    rows = []
    common = {"cohort": scored.cohort, "unit": scored.unit, "subgroup": "", "n": len(scored.units)}
    common["n_positive"] = int(scored.labels.sum())
    for record in performance.to_dict("records"):
        for name in AREAS:
            rows.append(
                {
                    "model": record["model"],
                    "metric": name,
                    "at": "",
                    "value": record[name],
                    "low": record[f"{name}_low"],
                    "high": record[f"{name}_high"],
                    "method": "percentile bootstrap",
                    "note": record["note"],
                }
            )
        rows.append({"model": record["model"], "metric": "auroc", "at": "", **_delong(scored, record["model"])})
    for record in points.to_dict("records"):
        for rate in ("fpr", "precision"):
            rows.append(
                {
                    "model": record["model"],
                    "metric": rate,
                    "at": f"recall>={record['recall_target']:g}",
                    "value": record[rate],
                    "low": record[f"{rate}_low"],
                    "high": record[f"{rate}_high"],
                    "method": "percentile bootstrap, threshold chosen again",
                    "note": f"tp={record['tp']} fp={record['fp']}",
                }
            )
    return pd.DataFrame([{**common, **row} for row in rows])


def _delong(scored: Scored, model: str) -> dict[str, Any]:
    if not _both_classes(scored):
        return {"value": np.nan, "low": np.nan, "high": np.nan, "method": "DeLong", "note": UNDEFINED}
    found = auroc_interval(scored.labels, scored.scores[model].to_numpy(), clusters=_clusters(scored))
    return {
        "value": found.auroc,
        "low": found.low,
        "high": found.high,
        "method": f"DeLong, {found.method}",
        "note": found.note,
    }


def _both_classes(scored: Scored) -> bool:
    return 0 < int(scored.labels.sum()) < len(scored.labels)


def _named(scored: Scored) -> dict[str, Any]:
    return {model: scored.scores[model].to_numpy() for model in scored.models}


def _clusters(scored: Scored) -> Any:  # noqa: ANN401
    return scored.clusters if scored.unit == "nodule" else None
