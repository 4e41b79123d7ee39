"""Score tables and labels, brought to one row a patient (or nodule) and one column a model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.scores import ENSEMBLE, read_score_table
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem

Unit = Literal["patient", "nodule"]


@dataclass(frozen=True)
class Scored:
    """What the models of one cohort say of its labelled units.

    Attributes:
        cohort: Name of the cohort.
        unit: What a row is.
        units: One row a unit with a known label, in the order of the nodule table: ``pid``, ``nodule_id`` (``""``
            for patients), ``label`` (0 or 1).
        scores: Same rows, one column a model: its ensemble's score, NaN where it has none.
        folds: Same rows, columns ``(model, fold)``: scores of single folds.
        unlabelled: Number of units left out because their label is not known.
    """

    cohort: str
    unit: Unit
    units: pd.DataFrame
    scores: pd.DataFrame
    folds: pd.DataFrame
    unlabelled: int

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order they were given."""
        return list(self.scores.columns)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Labels ``(units,)``."""
        return self.units["label"].to_numpy(np.int64)

    @property
    def clusters(self) -> npt.NDArray[np.object_]:
        """Patient of each unit ``(units,)``."""
        return self.units["pid"].to_numpy(object)

    def common(self) -> Scored:
        """The units that every model scored."""
        return self.only(self.scores.notna().all(axis=1).to_numpy())

    def only(self, rows: npt.NDArray[np.bool_]) -> Scored:
        """The units where ``rows`` is true."""
        parts = (frame[rows].reset_index(drop=True) for frame in (self.units, self.scores, self.folds))
        units, scores, folds = parts
        return Scored(self.cohort, self.unit, units, scores, folds, self.unlabelled)

    def of(self, model: str) -> Scored:
        """The units that ``model`` scored, with its scores alone."""
        kept = self.only(self.scores[model].notna().to_numpy())
        folds = kept.folds.loc[:, [column for column in kept.folds.columns if column[0] == model]]
        return Scored(kept.cohort, kept.unit, kept.units, kept.scores[[model]], folds, kept.unlabelled)


def gather(cohort: Cohort, scores: pd.DataFrame, unit: Unit = "patient") -> Scored:
    """Bring score tables of one cohort to its units.

    A patient is positive if any nodule is, negative if all are, and left out if that cannot be told. A model's
    score of a patient is the one it gave for the whole patient, else the highest of its nodules (the paper's
    rule, Section 3.4).

    Args:
        cohort: The cohort that was scored.
        scores: Rows of score tables (``read_score_table``); rows of other cohorts are ignored.
        unit: What a row of the result is. With ``nodule``, models that score patients only are left out.

    Raises:
        InputError: Scored ids that the cohort does not have.
    """
    scores = scores[scores["cohort"] == cohort.name]
    _check_known(cohort, scores)
    units, unlabelled = _units(cohort.nodules, unit)
    scored = scores[scores["status"] == "scored"]
    if unit == "nodule":
        scored = scored[scored["nodule_id"] != ""]
        keys = ["pid", "nodule_id"]
    else:
        keys = ["pid"]
    index = pd.MultiIndex.from_frame(units[keys]) if unit == "nodule" else pd.Index(units["pid"])
    # A score of the whole patient stands for itself; nodules of the same patient do not outvote it.
    whole = scored["nodule_id"] == ""
    has_whole = scored[["model", "fold", "pid"]].merge(
        scored.loc[whole, ["model", "fold", "pid"]].drop_duplicates(), how="left", indicator=True
    )
    keep = whole.to_numpy() | (has_whole["_merge"] == "left_only").to_numpy()
    best = scored[keep].groupby(["model", "fold", *keys], sort=False)["score"].max()
    table = best.unstack(["model", "fold"]).reindex(index)
    models = list(dict.fromkeys(scored["model"]))
    main = {model: table[(model, _main_fold(table, model))].to_numpy() for model in models}
    numbered = [column for column in table.columns if column[1] != ENSEMBLE]
    return Scored(
        cohort.name,
        unit,
        units,
        pd.DataFrame(main, index=units.index, columns=models, dtype=float),
        table[numbered].reset_index(drop=True),
        unlabelled,
    )


def find_scores(results: Path, cohort: str, models: Iterable[str] = ()) -> pd.DataFrame:
    """Read the score tables ``<results>/scores/<cohort>/*``.

    Args:
        results: The results folder.
        cohort: Name of the cohort.
        models: Which models; all when empty.

    Raises:
        InputError: There are none, or one of ``models`` has no table.
    """
    folder = results / "scores" / cohort
    paths = {path.stem: path for path in sorted(folder.glob("*")) if path.suffix in (".csv", ".parquet")}
    wanted = list(models) or list(paths)
    problems = [
        Problem(
            f"no scores of model {name!r}{nearest(name, list(paths))}",
            "run `bench score` or `bench adapt`",
            folder,
        )
        for name in wanted
        if name not in paths
    ]
    if not paths:
        problems = [Problem("holds no score tables", "run `bench score` or `bench adapt` for this cohort", folder)]
    if problems:
        raise InputError(problems)
    return pd.concat([read_score_table(paths[name]) for name in wanted], ignore_index=True)


def _units(nodules: pd.DataFrame, unit: Unit) -> tuple[pd.DataFrame, int]:
    if unit == "nodule":
        known = nodules[nodules["malignant"].notna()]
        units = known[["pid", "nodule_id"]].assign(label=known["malignant"].astype(int))
        return units.reset_index(drop=True), len(nodules) - len(units)
    by_patient = nodules.groupby("pid", sort=False)["malignant"]
    positive = by_patient.max() == 1
    known_patient = (positive.fillna(False) | by_patient.apply(lambda labels: labels.notna().all())).astype(bool)
    label = positive[known_patient].astype(int)
    units = pd.DataFrame({"pid": label.index.astype(object), "nodule_id": "", "label": label.to_numpy()})
    return units, int((~known_patient).sum())


def _main_fold(table: pd.DataFrame, model: str) -> str:
    folds = [column[1] for column in table.columns if column[0] == model]
    if ENSEMBLE in folds:
        return ENSEMBLE
    if len(folds) == 1:
        return str(folds[0])
    message = f"model {model!r} has folds {', '.join(folds)} but no ensemble"
    raise InputError(Problem(message, "write the mean of its folds as fold 'ensemble'"))


def _check_known(cohort: Cohort, scores: pd.DataFrame) -> None:
    known = set(cohort.nodules["pid"])
    unknown = scores[~scores["pid"].isin(known)]
    problems = [
        Problem(
            f"{len(set(rows['pid']))} patients scored by {model} are not in cohort {cohort.name}",
            "score the cohort's own patients, or adapt the file with the right ids",
            value=str(rows["pid"].iloc[0]),
        )
        for model, rows in unknown.groupby("model", sort=False)
    ]
    if problems:
        raise InputError(problems)
