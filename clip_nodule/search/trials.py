"""The trials of a search: what came of each, which is chosen, and the table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.errors import BenchError
from benchmark.formats.json import read_json
from clip_nodule.runs.run_folder import HASHES, read_run
from clip_nodule.runs.run_hashes import RECORD, check_hashes
from clip_nodule.search.proposals import Tried
from clip_nodule.search.space import Sweep, shown
from clip_nodule.search.validation_metrics import AREAS_UNDER, LOG_LOSS, validation_metrics

CHOSEN_BY: Final[Mapping[str, str]] = {"auroc": "auroc", "auprc": "auprc", "loss": LOG_LOSS}
"""What trials can be chosen by → the metric of validation folds whose mean decides."""
BY: Final = "auroc"
"""The paper says that "mean validation results" chose, not which ones; AUROC is its first measure."""
DONE, DIVERGED, FAILED = "done", "diverged", "failed"
CHOSEN, TIED = "chosen", "tied"
_COUNTS = ("folds", "n", "n_positive")


class NothingToChoose(BenchError):
    """No trial has a value to be chosen by; the table of trials says why."""

    exit_status = 3


@dataclass(frozen=True)
class Trial:
    """One combination of values.

    Attributes:
        number: Counts from 0.
        run: Name of its run.
        values: What it varied, by the settings' plain names.
        state: ``done``, ``diverged`` or ``failed``.
        reason: Why it diverged or failed.
        metrics: See ``validation_metrics``; None unless it is done.
    """

    number: int
    run: str
    values: Mapping[str, Any]
    state: str
    reason: str = ""
    metrics: pd.DataFrame | None = None

    def mean(self, by: str) -> float | None:
        """Mean over validation folds of what trials are chosen by; None where it has none."""
        if self.metrics is None:
            return None
        rows = self.metrics[(self.metrics["metric"] == CHOSEN_BY[by]) & (self.metrics["at"] == "")]
        value = float(rows["value"].iloc[0])  # of all cohorts together
        return value if np.isfinite(value) else None

    def tried(self, by: str) -> Tried:
        """The trial as the next proposal takes it."""
        return Tried(self.values, self.mean(by))

    def row(self) -> dict[str, Any]:
        """Its row of the table, but for the choice."""
        cells: dict[str, Any] = {"trial": self.number, "run": self.run, "state": self.state}
        cells |= {name: value if _is_number(value) else shown(value) for name, value in self.values.items()}
        return cells | _means(self.metrics) | {"reason": self.reason}


def read_trial(number: int, run: Path, values: Mapping[str, Any]) -> Trial | None:
    """The trial of a run; None where its training is not at its end.

    Raises:
        InputError: The run's files are not those that it was finished with.
    """
    if not (run / HASHES).is_file():
        return None
    info = read_run(run)
    check_hashes(run, info.folds)
    metrics: pd.DataFrame | None = None
    stopped = read_json(run / RECORD).get("stopped") or {}
    if not stopped:
        metrics = validation_metrics(run)
    reason = "; ".join(f"fold {fold}: {why}" for fold, why in stopped.items())
    return Trial(number, info.name, values, DIVERGED if stopped else DONE, reason, metrics)


def largest_is_best(by: str) -> bool:
    """Whether what trials are chosen by is better where it is larger."""
    return CHOSEN_BY[by] in AREAS_UNDER


def best_trials(trials: Sequence[Trial], by: str) -> list[Trial]:
    """The trials with the best mean, the first of which is chosen; several where they tie.

    Raises:
        NothingToChoose: None has a mean.
    """
    means = {trial.number: mean for trial in trials if (mean := trial.mean(by)) is not None}
    if not means:
        states = ", ".join(f"{trial.run} {trial.state}" for trial in trials)
        raise NothingToChoose(f"no trial has a mean {CHOSEN_BY[by]} on validation folds: {states}")
    best = max(means.values()) if largest_is_best(by) else min(means.values())
    return [trial for trial in trials if means.get(trial.number) == best]


def trials_frame(trials: Sequence[Trial], sweeps: Sequence[Sweep], best: Sequence[Trial]) -> pd.DataFrame:
    """A row a trial: what it varied, whether it is chosen, and means and SDs over validation folds.

    Columns are ``trial, run, state, choice``, a column a setting, ``auroc, auroc_sd``, the same of ``auprc`` and
    ``log_loss``, ``folds`` where AUROC is defined, ``n`` labelled nodules and ``n_positive`` malignant ones, of
    several cohorts ``auroc_of_<cohort>``, and ``reason``. Means are missing of trials that are not done.
    """
    choices = {trial.number: CHOSEN if place == 0 else TIED for place, trial in enumerate(best)}
    frame = pd.DataFrame([trial.row() for trial in trials])
    frame.insert(3, "choice", [choices.get(trial.number, "") for trial in trials])
    varied = [sweep.name for sweep in sweeps]
    leading = ["trial", "run", "state", "choice", *varied]
    between = [name for name in _means(None) if name in frame]
    rest = [name for name in frame if name not in (*leading, *between, "reason")]
    for name in (*between, *rest):
        frame[name] = frame[name].astype("Int64" if name in _COUNTS else "float64")
    return frame[[*leading, *between, *rest, "reason"]]


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool)


def _means(metrics: pd.DataFrame | None) -> dict[str, Any]:
    """Means and SDs over folds; of all cohorts together, then the AUROC of each."""
    measured = (*AREAS_UNDER, LOG_LOSS)
    cells: dict[str, Any] = {name: None for metric in measured for name in (metric, f"{metric}_sd")}
    cells |= dict.fromkeys(_COUNTS)
    if metrics is None:
        return cells
    cohorts = list(metrics["cohort"].unique())
    for metric in measured:
        own = metrics[(metrics["metric"] == metric) & (metrics["cohort"] == cohorts[0])]
        folds, whole = own.loc[own["at"] != "", "value"], own[own["at"] == ""].iloc[0]
        cells[metric], cells[f"{metric}_sd"] = float(whole["value"]), float(folds.std(ddof=1))
        if metric == AREAS_UNDER[0]:
            counts = (int(folds.notna().sum()), int(whole["n"]), int(whole["n_positive"]))
            cells |= dict(zip(_COUNTS, counts, strict=True))
    means = metrics[(metrics["metric"] == AREAS_UNDER[0]) & (metrics["at"] == "")].set_index("cohort")["value"]
    return cells | {f"{AREAS_UNDER[0]}_of_{cohort}": float(means[cohort]) for cohort in cohorts[1:]}
