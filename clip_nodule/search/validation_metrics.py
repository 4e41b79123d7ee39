"""What a run's folds say on their validation patients: numbers by which settings are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from clip_nodule.runs.run_folder import fold_folder, read_run
from clip_nodule.runs.run_hashes import check_hashes
from clip_nodule.training.validation import read_validation

AREAS_UNDER = ("auroc", "auprc")
LOG_LOSS = "log_loss"


def validation_metrics(run: Path) -> pd.DataFrame:
    """AUROC, AUPRC and log loss of a run on its validation folds: one row a fold, and their mean.

    Nodules are the units; ``at`` is the fold, empty for the mean, whose note has the SD. A run on several cohorts
    has rows of all together, under their names joined, and of each. The log loss is that of the probabilities of
    malignancy, every labelled nodule counted once: unlike the training's losses it depends on no loss weight,
    class weight or batch size, so that it compares runs which differ in these.
    """
    info = read_run(run)
    check_hashes(run, info.folds)
    tables = [read_validation(fold_folder(run, fold)).dropna(subset=["malignant"]) for fold in range(info.folds)]
    rows = _rows_of(tables, str(info.cohort))
    if len(info.cohorts) > 1:
        for cohort in info.cohorts:
            rows += _rows_of([table[table["cohort"] == cohort] for table in tables], cohort)
    common = {"model": info.name, "unit": "nodule", "subgroup": "", "method": "validation folds"}
    return pd.DataFrame(rows).assign(**common, low=np.nan, high=np.nan)


def validation_lines(run: Path) -> list[str]:
    """A line a cohort: the AUROC of its validation nodules, mean and SD over folds.

    Example::

        >>> from pathlib import Path
        >>> from clip_nodule.search.validation_metrics import validation_lines
        >>> validation_lines(Path("results/runs/first"))
        ['validation on balls: AUROC 1.000 (SD 0.000 over folds), 18 labelled nodules, 8 malignant']
    """
    table = validation_metrics(run)
    means = table[(table["metric"] == "auroc") & (table["at"] == "")]
    lines = []
    for row in means.to_dict("records"):
        value = "n/a: no fold has both classes" if pd.isna(row["value"]) else f"{row['value']:.3f} ({row['note']})"
        counts = f"{row['n']} labelled nodules, {row['n_positive']} malignant"
        lines.append(f"validation on {row['cohort']}: AUROC {value}, {counts}")
    return lines


def _rows_of(tables: Sequence[pd.DataFrame], cohort: str) -> list[dict[str, Any]]:
    """Metrics of each fold's labelled nodules, and their mean over the folds where they are defined."""
    rows: list[dict[str, Any]] = []
    for fold, table in enumerate(tables):
        truth, score = table["malignant"].to_numpy(int), table["score"].to_numpy(float)
        counts = {"n": len(truth), "n_positive": int(truth.sum())}
        for metric, value in _metrics_of_fold(truth, score).items():
            rows.append({"metric": metric, "at": str(fold), "value": value, **counts, "note": ""})
    found = pd.DataFrame(rows)
    for metric, lack in (*((name, "both classes") for name in AREAS_UNDER), (LOG_LOSS, "a label")):
        group = found[found["metric"] == metric]
        mean, deviation = group["value"].mean(), group["value"].std(ddof=1)
        lacking = int(group["value"].isna().sum())
        note = f"{_spread(deviation)} over folds" + (f", {lacking} without {lack}" if lacking else "")
        counts = {"n": int(group["n"].sum()), "n_positive": int(group["n_positive"].sum())}
        rows.append({"metric": metric, "at": "", "value": mean, **counts, "note": note})
    return [{"cohort": cohort, **row} for row in rows]


def _spread(deviation: float) -> str:
    """An SD with the decimals of the mean beside it; one that these cannot show is not printed as none."""
    if pd.isna(deviation):
        return "no SD"
    return "SD below 0.001" if 0 < deviation < 0.0005 else f"SD {deviation:.3f}"


def _metrics_of_fold(truth: npt.NDArray[np.int64], score: npt.NDArray[np.float64]) -> dict[str, float]:
    both = 0 < truth.sum() < len(truth)
    areas = (roc_auc_score, average_precision_score)
    found = {
        name: float(area(truth, score)) if both else np.nan for name, area in zip(AREAS_UNDER, areas, strict=True)
    }
    return found | {LOG_LOSS: float(log_loss(truth, score, labels=[0, 1])) if len(truth) else np.nan}
