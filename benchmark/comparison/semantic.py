"""How well predicted semantic features agree with the radiologists': the numbers of the paper's Table 3."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.vocabulary import BY_COLUMN, PRESENT, Feature
from benchmark.metrics import auroc
from benchmark.metrics.semantic import MINIMUM, semantic_auroc
from benchmark.statistics import auroc_interval
from benchmark.statistics.conservative import NEAR

FEATURES = ("feature", "group", "kind", "n", "n_positive", "auroc", "auroc_low", "auroc_high", "note")
CLASSES = ("feature", "class", "n", "n_positive", "auroc", "auroc_low", "auroc_high", "note")


def semantic_tables(
    nodules: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    minimum: int = MINIMUM,
    replicates: int = 1000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """AUROC of every predicted feature, and of each of its classes, over the nodules that have a value.

    Binary features: the usual AUROC of "Present". Features with several classes: one-vs-rest, weighted by the
    nodules of the classes. Features with several labels at once: one-vs-rest of each label, averaged. Intervals
    resample patients; for single classes they are DeLong's, clustered by patient.

    Args:
        nodules: Nodule table with semantic columns, classes spelled as in the vocabulary.
        predictions: Columns ``pid, nodule_id, feature, class, probability``.
        minimum: Fewest positives and negatives that a class needs for a number.
        replicates: Bootstrap replicates for features with several classes.
        seed: Seed of the bootstrap.

    Returns:
        A row a feature, columns ``FEATURES``; ``n_positive`` is the number of nodules of the rarest class that the
        figure rests on. And a row a class of the features that are not binary, columns ``CLASSES``.
    """
    rows, classes = [], []
    for column in dict.fromkeys(predictions["feature"]):
        feature = BY_COLUMN[column]
        part = predictions[predictions["feature"] == column]
        wide = part.pivot(index=["pid", "nodule_id"], columns="class", values="probability")
        ids = pd.MultiIndex.from_frame(nodules[["pid", "nodule_id"]])
        here = nodules[ids.isin(wide.index)]
        scores = wide.loc[pd.MultiIndex.from_frame(here[["pid", "nodule_id"]])]
        values = [_classes_of_case(feature, cells) for cells in _cells(here, feature)]
        known = np.array([value is not None for value in values], dtype=bool)
        truth = {name: np.array([v is not None and name in v for v in values])[known] for name in scores.columns}
        case = _Feature(feature, truth, scores[known], here["pid"].to_numpy(object)[known])
        rows.append(case.row(minimum, replicates, seed))
        if feature.kind != "binary":
            classes += [case.class_row(name, minimum) for name in feature.classes if name in truth]
    return pd.DataFrame(rows, columns=list(FEATURES)), pd.DataFrame(classes, columns=list(CLASSES))


class _Feature:
    """One feature's truth and scores over the nodules that have a value."""

    def __init__(
        self,
        feature: Feature,
        truth: dict[str, npt.NDArray[np.bool_]],
        scores: pd.DataFrame,
        patients: npt.NDArray[np.object_],
    ) -> None:
        self.feature, self.truth, self.patients = feature, truth, patients
        self.scores = {name: scores[name].to_numpy(np.float64) for name in scores.columns}
        self.n = len(patients)

    def row(self, minimum: int, replicates: int, seed: int) -> dict[str, Any]:
        feature = self.feature
        common = {"feature": feature.name, "group": feature.group, "kind": feature.kind, "n": self.n}
        if feature.kind == "binary":
            return common | self._single(PRESENT, minimum)
        if not self.n:
            return common | _too_few(0, 0)
        counts = {name: int(self.truth[name].sum()) for name in self.scores}
        values = [frozenset(name for name in self.truth if self.truth[name][i]) for i in range(self.n)]
        given: list[Any] = values if feature.kind == "labels" else [next(iter(value), None) for value in values]
        found = semantic_auroc(given, self.scores, "labels" if feature.kind == "labels" else "classes", minimum)
        if not found.by_class:
            return common | _too_few(min(counts.values(), default=0), self.n, found.note)
        low, high = self._bootstrap(list(found.by_class), replicates, seed)
        note = found.note
        if high - low < NEAR:
            low = high = float("nan")
            note = "; ".join(part for part in (note, "no interval: all resamples have this AUROC") if part)
        rarest = min(counts[name] for name in found.by_class)
        return common | {
            "n_positive": rarest, "auroc": found.auroc, "auroc_low": low, "auroc_high": high, "note": note,
        }  # fmt: skip

    def class_row(self, name: str, minimum: int) -> dict[str, Any]:
        return {"feature": self.feature.name, "class": name, "n": self.n} | self._single(name, minimum)

    def _single(self, name: str, minimum: int) -> dict[str, Any]:
        positive = int(self.truth[name].sum())
        if not max(minimum, 1) <= positive <= self.n - max(minimum, 1):
            return _too_few(positive, self.n)
        found = auroc_interval(self.truth[name], self.scores[name], clusters=self.patients)
        return {"n_positive": positive, "auroc": found.auroc, "auroc_low": found.low, "auroc_high": found.high,
                "note": found.note}  # fmt: skip

    def _bootstrap(self, names: list[str], replicates: int, seed: int) -> tuple[float, float]:
        """Percentile limits of the mean over classes, patients resampled with all their nodules."""
        random = np.random.default_rng(seed)
        codes, patients = pd.factorize(self.patients)
        drawn = np.full(replicates, np.nan)
        for b in range(replicates):
            count = np.bincount(random.integers(0, len(patients), len(patients)), minlength=len(patients))
            weights = count[codes].astype(np.float64)
            mass = {name: float(weights[self.truth[name]].sum()) for name in names}
            usable = [name for name in names if 0 < mass[name] < weights.sum()]
            if usable:
                areas = [auroc(self.truth[name], self.scores[name], weights) for name in usable]
                by = [mass[name] if self.feature.kind == "classes" else 1.0 for name in usable]
                drawn[b] = np.average(areas, weights=by)
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        return float(low), float(high)


def _cells(nodules: pd.DataFrame, feature: Feature) -> list[tuple[Any, ...]]:
    columns = [nodules[column] if column in nodules else [None] * len(nodules) for column in feature.columns]
    return list(zip(*columns, strict=True))


def _classes_of_case(feature: Feature, cells: tuple[Any, ...]) -> frozenset[str] | None:
    names = frozenset(str(cell) for cell in cells if not pd.isna(cell) and cell != "")
    return names & frozenset(feature.classes) or None


def _too_few(positive: int, n: int, note: str = "") -> dict[str, Any]:
    undefined = dict.fromkeys(("auroc", "auroc_low", "auroc_high"), float("nan"))
    return {"n_positive": positive, **undefined, "note": note or f"too few: {positive} of {n}"}
