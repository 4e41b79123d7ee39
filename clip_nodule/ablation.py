"""The rows of the paper's Table 4: tuning methods, and modalities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.contracts.metrics import read_metric_table, write_metric_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.outputs.locks import holding
from benchmark.progress import Progress
from benchmark.report.printing.table import Cell, Table
from clip_nodule.runs.configuration import settings_by_place
from clip_nodule.runs.run_folder import MANIFEST, fold_folder, read_run
from clip_nodule.runs.run_hashes import check_hashes
from clip_nodule.runs.settings import PLACES
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.validation import read_validation

ROW = "row"
METRICS = ("auroc", "auprc")
ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "tuning": {"full": {"tuning": "full"}, "probe": {"tuning": "probe"}, "lora": {"tuning": "lora"}},
    "modality": {"vision": {"modality": "vision", "select": "pred"}, "clip": {"modality": "clip"}},
}
"""Settings of each row, by ablation. Table 4's row of semantic features alone is a baseline of ``bench``."""


def run_ablation(
    ablation: str,
    cohort: str | Sequence[str],
    request: TrainingRequest | None = None,
    workspace: Workspace | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train every row of an ablation and tabulate them; rows that are trained already are not trained again.

    Args:
        ablation: ``tuning`` or ``modality``.
        cohort: See ``train_run``, as the arguments not listed here.
        request: What all rows have in common, by default a ``TrainingRequest()``; the seed too, so that folds are
            the same patients.
        workspace: See ``train_run``.
        name: Runs are named ``<name>-<row>``; default ``ablation-<ablation>``.
        progress: Called with what is done, the total and a line; ``ROW`` begins the line of a row that begins.

    Returns:
        A metric table: AUROC and AUPRC over validation folds, nodules as units, mean ± SD. Score each run with
        ``bench score`` to compare them on other patients with ``bench compare``.
    """
    request, workspace = request or TrainingRequest(), workspace or Workspace()
    if ablation not in ROWS:
        raise InputError(
            Problem("is no ablation", f"ablations: {', '.join(ROWS)}", column="ablation", value=ablation)
        )
    fixed = {PLACES[key] for row in ROWS[ablation].values() for key in row}
    given = settings_by_place(request.settings, "settings")
    if clash := sorted(name for place, name, _ in given if place in fixed):
        raise InputError(Problem(f"is what the ablation {ablation!r} varies", "leave it out", column=clash[0]))
    prefix = name or f"ablation-{ablation}"
    path = workspace.ablation(prefix)
    runs = []
    rows = ROWS[ablation]
    with holding(path):
        for number, (row, own) in enumerate(rows.items(), 1):
            if progress is not None:
                progress(0, 1, f"{ROW} {number} of {len(rows)}: {row}, as the run {prefix}-{row}")
            there = (workspace.run(f"{prefix}-{row}") / MANIFEST).is_file()
            runs.append(
                train_run(
                    cohort,
                    replace(request, settings={**request.settings, **own}),
                    workspace,
                    name=f"{prefix}-{row}",
                    resume=there,
                    progress=progress,
                )
            )
            write_metric_table(pd.concat([validation_metrics(run) for run in runs], ignore_index=True), path)
    return path


def ablation_table(path: Path) -> Table:
    """The metric table of an ablation for readers: a row a run, means ± SD over its validation folds."""
    metrics = read_metric_table(path)
    rows = []
    for run in metrics["model"].unique():
        own = metrics[metrics["model"] == run]
        cells = [str(run)]
        for metric in METRICS:
            folds = own.loc[(own["metric"] == metric) & (own["at"] != ""), "value"]
            cells.append(f"{folds.mean():.3f} ± {folds.std(ddof=1):.3f}" if folds.notna().any() else "undefined")
        whole = own[(own["metric"] == METRICS[0]) & (own["at"] == "")].iloc[0]
        cells += [f"{whole['n']:.0f}", f"{whole['n_positive']:.0f}", str(len(folds))]
        rows.append(tuple(map(Cell, cells)))
    columns = ("run", "AUROC", "AUPRC", "nodules", "positive", "folds")
    notes = ("Validation folds, nodules as units; mean ± SD over folds.",)
    return Table(f"Ablation on {metrics['cohort'].iloc[0]}", columns, tuple(rows), notes=notes)


def validation_metrics(run: Path) -> pd.DataFrame:
    """AUROC and AUPRC of a run on its validation folds: one row a fold, and their mean with the SD as a note.

    Nodules are the units; ``at`` is the fold, empty for the mean. A run on several cohorts has rows of all
    together, under their names joined, and of each.
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
        >>> from clip_nodule.ablation import validation_lines
        >>> validation_lines(Path("results/runs/first"))
        ['validation on balls: AUROC 1.000 (SD 0.000000 over folds), 18 labelled nodules, 8 malignant']
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
    """Metrics of each fold's labelled nodules, and their mean over the folds that have both classes."""
    rows: list[dict[str, Any]] = []
    for fold, table in enumerate(tables):
        truth, score = table["malignant"].to_numpy(int), table["score"].to_numpy(float)
        counts = {"n": len(truth), "n_positive": int(truth.sum())}
        both = 0 < truth.sum() < len(truth)
        for metric, function in zip(METRICS, (roc_auc_score, average_precision_score), strict=True):
            value = float(function(truth, score)) if both else np.nan
            rows.append({"metric": metric, "at": str(fold), "value": value, **counts, "note": ""})
    found = pd.DataFrame(rows)
    for metric in METRICS:
        group = found[found["metric"] == metric]
        mean, deviation = group["value"].mean(), group["value"].std(ddof=1)
        lacking = int(group["value"].isna().sum())
        note = f"SD {deviation:.6f} over folds" + (f", {lacking} without both classes" if lacking else "")
        counts = {"n": int(group["n"].sum()), "n_positive": int(group["n_positive"].sum())}
        rows.append({"metric": metric, "at": "", "value": mean, **counts, "note": note})
    return [{"cohort": cohort, **row} for row in rows]
