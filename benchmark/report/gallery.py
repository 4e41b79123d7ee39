"""Galleries: each model's worst errors, and the cases that models disagree on, with their images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.vocabulary import BY_COLUMN, SEMANTIC_COLUMNS
from benchmark.contracts.workspace import Workspace
from benchmark.report.gallery_images import CropPictures, open_crops
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import threshold_text

CASES = 3
"""Cases of each kind."""
CALLS = ("\u00a0−", "\u00a0+")
"""What stands beside a score that is not called, and beside one that is; on the same line."""


@dataclass(frozen=True)
class Case:
    """One case of the gallery; all text, nothing of it escaped.

    Attributes:
        name: Pseudonym of the patient, or its id.
        nodule: Which of its nodules is shown; empty where no nodules are known.
        image: Data URI of the nine planes; empty without a crop.
        scores: Title and score of every model.
        profile: Semantic features: name and value.
        bar: Length of the image's scale bar in its pixels; 0 without an image.
        key: Patient and nodule by their ids, by which the crop is found; the page shows neither.
    """

    name: str
    nodule: str
    image: str
    scores: list[tuple[str, str]]
    profile: list[tuple[str, str]]
    bar: float = 0.0
    key: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Gallery:
    """The errors of one model on one cohort, or the cases that models disagree on.

    Attributes:
        model: Its title; empty for the cases that models disagree on.
        rule: What is shown, in words.
        false_positives: Negatives at or above the threshold, highest scores first.
        false_negatives: Positives below it, lowest scores first.
        note: Why there are no images; empty otherwise.
    """

    model: str
    rule: str
    false_positives: list[Case]
    false_negatives: list[Case]
    note: str

    @property
    def title(self) -> str:
        """Heading of the gallery."""
        return f"Errors of {self.model}" if self.model else "Cases that models disagree on"


def gallery(
    result: CohortResult,
    cohort: Cohort,
    scores: pd.DataFrame,
    model: str,
    workspace: Workspace,
    name_of: Callable[[str, str], str],
    names: Names,
) -> Gallery | None:
    """Collect the errors of ``model``.

    Args:
        result: The cohort's numbers.
        cohort: The cohort.
        scores: Rows of score tables of this cohort, for the scores of single nodules.
        model: Whose errors.
        workspace: Where the crops are.
        name_of: Printed name of a patient (`pseudonyms`).
        names: Printed names of models.

    Returns:
        The gallery, or None where the model has no operating point here.
    """
    points = operating_points_at(result, [model])
    if points.empty:
        return None
    nearest = points.iloc[0]
    threshold, values = float(nearest["threshold"]), result.scored.scores[model].to_numpy(float)
    positive = result.scored.labels == 1
    store, note = open_crops(cohort, workspace)
    alarms = _extreme(~positive & (values >= threshold), -values)
    misses = _extreme(positive & (values < threshold), values)
    pids = set(result.scored.units["pid"].to_numpy()[[*alarms, *misses]])
    shown = _Shown(result, cohort, nodule_scores(scores, model, pids), store, name_of, names)
    rule = (
        f"At recall ≥ {nearest['recall_target']:g}, threshold {threshold_text(threshold)}: the negatives with the "
    )
    rule += "highest scores and the positives with the lowest."
    return Gallery(
        names.model(model), rule, [shown.case(row) for row in alarms], [shown.case(row) for row in misses], note
    )


def disagreements(
    result: CohortResult,
    cohort: Cohort,
    scores: pd.DataFrame,
    reference: str,
    workspace: Workspace,
    name_of: Callable[[str, str], str],
    names: Names,
) -> Gallery | None:
    """Collect the cases that the most models call positive while the most others do not.

    Args:
        result: As `gallery` takes it, and so the others.
        cohort: The cohort.
        scores: Rows of score tables.
        reference: The model whose highest nodule is shown.
        workspace: Where the crops are.
        name_of: Printed name of a patient.
        names: Printed names of models.

    Returns:
        The gallery, or None with fewer than two models that have an operating point.
    """
    points = operating_points_at(result, result.scored.models)
    if len(points) < 2:
        return None
    thresholds = points.set_index("model")["threshold"].astype(float)
    values = result.scored.scores[list(thresholds.index)]
    calls = (values >= thresholds).to_numpy()
    split = np.minimum(calls.sum(axis=1), (~calls).sum(axis=1))
    spread = values.rank(pct=True).std(axis=1).to_numpy(float)
    positive, key = result.scored.labels == 1, -(split + np.clip(spread, 0, 0.99))
    rows = {kind: _extreme((split > 0) & (positive == kind), key) for kind in (False, True)}
    pids = set(result.scored.units["pid"].to_numpy()[[*rows[False], *rows[True]]])
    store, note = open_crops(cohort, workspace)
    shown = _Shown(result, cohort, nodule_scores(scores, reference, pids), store, name_of, names)
    called = dict(zip(thresholds.index, calls.T, strict=True))
    targets = " or ".join(f"{target:g}" for target in dict.fromkeys(points["recall_target"]))
    rule = f"Each model at its own threshold for recall ≥ {targets}; + where it calls the case positive."
    return Gallery(
        "",
        rule,
        [shown.case(row, called) for row in rows[False]],
        [shown.case(row, called) for row in rows[True]],
        note,
    )


def operating_points_at(result: CohortResult, models: Sequence[str], recall: float = 0.8) -> pd.DataFrame:
    """A row a model that has an operating point: the one whose target is nearest to ``recall``."""
    points = result.operating_points.dropna(subset="threshold")
    points = points[points["model"].isin(models)]
    away = (points["recall_target"] - recall).abs()
    return points.loc[away.groupby(points["model"], sort=False).idxmin()]


@dataclass(frozen=True)
class _Shown:
    """What cases are shown with."""

    result: CohortResult
    cohort: Cohort
    nodules: dict[tuple[str, str], float]
    store: CropPictures | None
    name_of: Callable[[str, str], str]
    names: Names

    def case(self, row: int, called: Mapping[str, npt.NDArray[np.bool_]] | None = None) -> Case:
        """The case of a row of the units, with the models' calls beside their scores if they are given."""
        scored = self.result.scored
        unit = scored.units.iloc[row]
        own = self.cohort.nodules[self.cohort.nodules["pid"] == unit["pid"]].reset_index(drop=True)
        at = _shown_nodule(own, unit, self.nodules)
        nodule = own.iloc[at]
        image, bar = self.store.image(str(nodule["pid"]), str(nodule["nodule_id"])) if self.store else ("", 0.0)
        shown = [
            (
                self.names.model(model),
                threshold_text(float(scored.scores[model].iloc[row]))
                + ("" if called is None or model not in called else CALLS[bool(called[model][row])]),
            )
            for model in scored.models
        ]
        profile = [
            (BY_COLUMN[column].name, str(nodule[column]))
            for column in SEMANTIC_COLUMNS
            if column in own and not pd.isna(nodule[column])
        ]
        place = f"nodule {at + 1} of {len(own)}" if self.cohort.lists_nodules else ""
        key = str(nodule["pid"]), str(nodule["nodule_id"])
        return Case(self.name_of(self.cohort.name, str(unit["pid"])), place, image, shown, profile, bar, key)


def nodule_scores(scores: pd.DataFrame, model: str, pids: set[str]) -> dict[tuple[str, str], float]:
    """A model's score of each nodule of some patients: the ensemble's, else its only fold's.

    Args:
        scores: Rows of score tables of one cohort.
        model: Which model.
        pids: Which patients.
    """
    own = scores[(scores["model"] == model) & (scores["status"] == "scored")]
    own = own[own["pid"].isin(pids) & (own["nodule_id"] != "")]
    if (own["fold"] == ENSEMBLE).any():
        own = own[own["fold"] == ENSEMBLE]
    return dict(zip(zip(own["pid"], own["nodule_id"], strict=True), own["score"].astype(float), strict=True))


def _extreme(wrong: npt.NDArray[np.bool_], key: npt.NDArray[np.float64]) -> list[int]:
    """Rows of the first cases that are wrong, the smallest key first."""
    at = np.flatnonzero(wrong)
    return [int(row) for row in at[np.argsort(key[at], kind="stable")][:CASES]]


def _shown_nodule(own: pd.DataFrame, unit: Any, nodules: dict[tuple[str, str], float]) -> int:  # noqa: ANN401
    """Position of the nodule to show: the unit's own, else the highest, of a positive among its malignant."""
    if unit["nodule_id"]:
        return int(np.flatnonzero(own["nodule_id"] == unit["nodule_id"])[0])
    malignant = (own["malignant"] == 1).fillna(False).to_numpy(bool)
    candidates = np.flatnonzero(malignant) if unit["label"] == 1 else np.arange(len(own))
    values = [nodules.get((unit["pid"], nodule), -np.inf) for nodule in own["nodule_id"].iloc[candidates]]
    return int(candidates[int(np.argmax(values))])
