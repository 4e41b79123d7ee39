"""The rows of the paper's Table 4: tuning methods, and modalities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.contracts.metrics import read_metric_table, write_metric_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.outputs.locks import holding
from benchmark.progress import Progress
from benchmark.report.printing.table import Cell, Table
from clip_nodule.runs.configuration import settings_by_place
from clip_nodule.runs.run_folder import MANIFEST
from clip_nodule.runs.settings import PLACES
from clip_nodule.search.same import input_files, require_same_files
from clip_nodule.search.validation_metrics import AREAS_UNDER, validation_metrics
from clip_nodule.train import TrainingRequest, train_run

ROW = "row"
INPUTS = ".inputs.json"
"""Ending of the file beside an ablation's table that holds hashes of what its rows are trained on."""
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

    Example::

        >>> from clip_nodule.ablation import run_ablation
        >>> from clip_nodule.train import TrainingRequest
        >>> few = {"folds": 2, "epochs": 1, "test_fraction": 0, "parallel": 1}
        >>> run_ablation("modality", "nlst", TrainingRequest("tiny-cpu", few)).as_posix()
        'results/tables/ablation-modality.csv'

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
    names = (cohort,) if isinstance(cohort, str) else tuple(cohort)
    with holding(path):
        request_there = _request_to_go_on(request, names, workspace, path, [f"{prefix}-{row}" for row in rows])
        for number, (row, own) in enumerate(rows.items(), 1):
            if progress is not None:
                progress(0, 1, f"{ROW} {number} of {len(rows)}: {row}, as the run {prefix}-{row}")
            there = (workspace.run(f"{prefix}-{row}") / MANIFEST).is_file()
            runs.append(
                train_run(
                    cohort,
                    replace(request_there if there else request, settings={**request.settings, **own}),
                    workspace,
                    name=f"{prefix}-{row}",
                    resume=there,
                    progress=progress,
                )
            )
            write_metric_table(pd.concat([validation_metrics(run) for run in runs], ignore_index=True), path)
    return path


def _request_to_go_on(
    request: TrainingRequest, cohorts: Sequence[str], workspace: Workspace, path: Path, runs: Sequence[str]
) -> TrainingRequest:
    """What rows that were begun are asked for: they keep the folds and texts that they were begun with.

    Raises:
        InputError: Folds, texts or a cohort are not those that the first row was trained on.
    """
    listing = path.with_suffix(INPUTS)
    begun = any((workspace.run(run) / MANIFEST).is_file() for run in runs)
    if begun and not listing.is_file():
        return request  # of an earlier version: a run refuses folds and texts, for they may be other ones
    files = input_files([workspace.cohort(name) for name in cohorts], request.texts, request.splits)
    require_same_files(files, listing, begun=begun, of="ablation")
    return replace(request, splits=None, texts=None)


def ablation_table(path: Path) -> Table:
    """The metric table of an ablation for readers: a row a run, means ± SD over its validation folds."""
    metrics = read_metric_table(path)
    rows = []
    for run in metrics["model"].unique():
        own = metrics[metrics["model"] == run]
        cells = [str(run)]
        for metric in AREAS_UNDER:
            folds = own.loc[(own["metric"] == metric) & (own["at"] != ""), "value"]
            cells.append(f"{folds.mean():.3f} ± {folds.std(ddof=1):.3f}" if folds.notna().any() else "undefined")
        whole = own[(own["metric"] == AREAS_UNDER[0]) & (own["at"] == "")].iloc[0]
        cells += [f"{whole['n']:.0f}", f"{whole['n_positive']:.0f}", str(len(folds))]
        rows.append(tuple(map(Cell, cells)))
    columns = ("run", "AUROC", "AUPRC", "nodules", "positive", "folds")
    notes = ("Validation folds, nodules as units; mean ± SD over folds.",)
    return Table(f"Ablation on {metrics['cohort'].iloc[0]}", columns, tuple(rows), notes=notes)
