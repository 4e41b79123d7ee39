"""Score tables and labels, brought to one row a patient (or nodule) and one column a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import FoldStructure, fold_structures, with_pooled_scores
from benchmark.contracts.patients import patient_labels
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.text import TEXT
from benchmark.errors import InputError, Problem
from benchmark.statistics.samples import Sample, as_paired_sample

Unit = Literal["patient", "nodule"]


@dataclass(frozen=True)
class Scored:
    """What the models of one cohort say of its labelled units.

    Attributes:
        cohort: Name of the cohort.
        unit: What a row is.
        units: One row a unit with a known label, in the order of the nodule table: ``pid``, ``nodule_id`` (``""``
            for patients), ``label`` (0 or 1).
        scores: Same rows, one column a model: its pooled score (`with_pooled_scores`), NaN where it has none.
        folds: Same rows, columns ``(model, fold)``: scores of single folds.
        unlabelled: Number of units left out because their label is not known.
        kinds: ``score_kind`` of each model's scores.
        structures: What the folds of each model are.
    """

    cohort: str
    unit: Unit
    units: pd.DataFrame
    scores: pd.DataFrame
    folds: pd.DataFrame
    unlabelled: int
    kinds: Mapping[str, str] = field(default_factory=dict)
    structures: Mapping[str, FoldStructure] = field(default_factory=dict)

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

    @property
    def repeated(self) -> npt.NDArray[np.object_] | None:
        """Patient of each unit, or None where every unit is a patient."""
        return self.clusters if self.unit == "nodule" else None

    @property
    def both_classes(self) -> bool:
        """Whether there is a positive and a negative."""
        positives = int(self.labels.sum())
        return 0 < positives < len(self.labels)

    @cached_property
    def sample(self) -> Sample | None:
        """Labels, scores and patients as statistics take them, checked once; None without both classes.

        Every unit must have a score of every model (`common`).
        """
        if not self.both_classes or not self.models:
            return None
        return as_paired_sample(self.labels, self.named(), self.repeated)

    def named(self) -> dict[str, npt.NDArray[np.float64]]:
        """Scores of each model ``(units,)``."""
        return {model: self.scores[model].to_numpy(np.float64) for model in self.models}

    def common(self) -> Scored:
        """The units that every model scored."""
        return self.only(self.scores.notna().all(axis=1).to_numpy())

    def only(self, rows: npt.NDArray[np.bool_]) -> Scored:
        """The units where ``rows`` is true."""
        units, scores, folds = (f[rows].reset_index(drop=True) for f in (self.units, self.scores, self.folds))
        return replace(self, units=units, scores=scores, folds=folds)

    def of(self, model: str) -> Scored:
        """The units that ``model`` scored, with its scores alone."""
        return self.keeping([model]).common()

    def keeping(self, models: Iterable[str]) -> Scored:
        """The same units with the scores of ``models`` alone."""
        kept = [model for model in models if model in self.scores]
        folds = self.folds.loc[:, [column for column in self.folds.columns if column[0] in kept]]
        return replace(self, scores=self.scores[kept], folds=folds)


def scores_by_unit(cohort: Cohort, scores: pd.DataFrame, unit: Unit = "patient") -> Scored:
    """Bring score tables of one cohort to its units.

    A patient is positive if any nodule is, negative if all are benign, and left out if that cannot be told. A
    model's score of a patient is the one it gave for the whole patient, else the highest of its nodules (the
    paper's rule, Section 3.4). A model without an ensemble is pooled over its folds first, case by case.

    Args:
        cohort: The cohort that was scored.
        scores: Rows of score tables (``read_score_table``); rows of other cohorts are ignored.
        unit: What a row of the result is. With ``nodule``, models that score patients only are left out.

    Raises:
        InputError: Scored ids that the cohort does not have.
    """
    scores = scores[scores["cohort"] == cohort.name]
    _check_known(cohort, scores)
    if unit == "nodule":
        scores = scores[scores["nodule_id"] != ""]
    structures = fold_structures(scores)
    scores = with_pooled_scores(scores, structures)
    units, unlabelled = labelled_units(cohort.nodules, unit)
    scored = scores[scores["status"] == "scored"]
    keys = ["pid", "nodule_id"] if unit == "nodule" else ["pid"]
    index = pd.MultiIndex.from_frame(units[keys]) if unit == "nodule" else pd.Index(units["pid"])
    # A score of the whole patient stands for itself; nodules of the same patient do not outvote it.
    whole = scored["nodule_id"] == ""
    has_whole = scored[["model", "fold", "pid"]].merge(
        scored.loc[whole, ["model", "fold", "pid"]].drop_duplicates(), how="left", indicator=True
    )
    keep = whole.to_numpy() | (has_whole["_merge"] == "left_only").to_numpy()
    best = scored[keep].groupby(["model", "fold", *keys], sort=False)["score"].max()
    table = best.unstack(["model", "fold"]).reindex(index)
    models = [model for model in scored["model"].unique() if (model, ENSEMBLE) in table.columns]
    pooled = {model: table[(model, ENSEMBLE)].to_numpy() for model in models}
    numbered = [column for column in table.columns if column[1] != ENSEMBLE]
    kinds = scored.groupby("model", sort=False)["score_kind"].last()
    return Scored(
        cohort.name,
        unit,
        units,
        pd.DataFrame(pooled, index=units.index, columns=models, dtype=float),
        table[numbered].reset_index(drop=True),
        unlabelled,
        {str(model): str(kind) for model, kind in kinds.items()},
        structures,
    )


def labelled_units(nodules: pd.DataFrame, unit: Unit) -> tuple[pd.DataFrame, int]:
    """Units with a known label, ``pid, nodule_id, label``, and how many have none."""
    if unit == "nodule":
        known = nodules[nodules["malignant"].notna()]
        units = known[["pid", "nodule_id"]].assign(label=known["malignant"].astype(int))
        return units.reset_index(drop=True), len(nodules) - len(units)
    labels = patient_labels(nodules)
    label = labels.dropna()
    units = pd.DataFrame({"pid": label.index.astype(TEXT), "nodule_id": "", "label": label.to_numpy(np.int64)})
    return units, len(labels) - len(label)


def _check_known(cohort: Cohort, scores: pd.DataFrame) -> None:
    known = set(cohort.nodules["pid"])
    unknown = scores[~scores["pid"].astype(object).isin(known)]
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
