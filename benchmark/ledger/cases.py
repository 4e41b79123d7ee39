"""Counts of the ledger, and the list of every case that was not scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.ids import IdMatch, match_ids
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.text import TEXT

Unit = Literal["patient", "nodule"]
UNITS: Final[tuple[Unit, ...]] = ("patient", "nodule")
COLUMNS: Final = (
    "cohort",
    "model",
    "unit",
    "expected",
    "scored",
    "failed",
    "missing",
    "extra",
    "expected_positive",
    "scored_positive",
    "failed_positive",
    "missing_positive",
    "scored_in_part",
    "scored_in_part_positive",
    "malignant_unscored",
    "unlabelled",
    "censored",
    "reasons",
)
"""One row a model and unit; ``failed`` has a row that says so, ``missing`` has no row at all, ``censored`` are
those of the ``unlabelled`` whose follow-up ended before the cohort's horizon.

``scored_in_part`` are patients among ``scored`` whose score is of some of their nodules only, and
``malignant_unscored`` the positive ones of whom no malignant nodule was scored.
"""
CASE_COLUMNS: Final = ("cohort", "model", "unit", "pid", "nodule_id", "state", "reason", "nearest", "malignant")
"""One row a case that is not scored, or that the cohort does not have."""
_SEPARATOR: Final = "\x1f"
_SHOWN: Final = 4


def ledger(cohort: Cohort, scores: pd.DataFrame, extra: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
    """Who was expected, scored and lost, for each model of a score table.

    A patient counts as scored if the model scored the patient or any of its nodules; those of whom it scored some
    nodules and others not are counted. A model with an ensemble is judged by it; one without by any of its folds.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> from benchmark.ledger import ledger
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "malignant": [1, 0]}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> cohort = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> scores = {"model": "clip", "cohort": "ucla", "pid": ["p1", "p2"], "nodule_id": "", "fold": "ensemble"}
        >>> scores |= {"score": [0.9, None], "status": ["scored", "failed"], "reason": ["", "no lung found"]}
        >>> ledger(cohort, pd.DataFrame(scores))[["expected", "scored", "failed", "reasons"]].to_dict("records")
        [{'expected': 2, 'scored': 1, 'failed': 1, 'reasons': 'no lung found: 1'}]

    Args:
        cohort: The cohort.
        scores: Rows of score tables; rows of other cohorts are ignored.
        extra: Model → ids of its files that the cohort does not have (``ScoreCard.extra``), besides those in
            ``scores``.

    Returns:
        Columns ``COLUMNS``: one row a model for patients, and one for nodules if it scores nodules. ``reasons`` is
        ``reason: count`` of the failures, the most frequent first, separated by ``; ``.
    """
    own = scores[scores["cohort"] == cohort.name]
    cases_of = {unit: _expected(cohort, unit) for unit in UNITS}
    cases = _all_cases(cohort, cases_of, own, extra)
    rows = []
    for model in own["model"].unique():
        by_nodule = bool((own.loc[own["model"] == model, "nodule_id"] != "").any())
        for unit in UNITS if by_nodule else UNITS[:1]:
            expected = cases_of[unit]
            label = expected["malignant"]
            lost = cases[(cases["model"] == model) & (cases["unit"] == unit)]
            number = {state: lost["state"] == state for state in ("failed", "missing", "extra")}
            positive = lost["malignant"] == 1
            in_part = _Counts()
            if unit == "patient" and by_nodule:
                in_part = _scored_in_part(cohort, own[own["model"] == model], cases[cases["model"] == model])
            gone = number["failed"] | number["missing"]
            rows.append(
                {
                    "cohort": cohort.name,
                    "model": model,
                    "unit": unit,
                    "expected": len(label),
                    "scored": len(label) - int(gone.sum()),
                    **{state: int(mask.sum()) for state, mask in number.items()},
                    "expected_positive": int((label == 1).sum()),
                    "scored_positive": int((label == 1).sum()) - int((gone & positive).sum()),
                    "failed_positive": int((number["failed"] & positive).sum()),
                    "missing_positive": int((number["missing"] & positive).sum()),
                    "scored_in_part": in_part.patients,
                    "scored_in_part_positive": in_part.positive,
                    "malignant_unscored": in_part.malignant_unscored,
                    "unlabelled": int(label.isna().sum()),
                    "censored": int((label.isna() & expected["censored"]).sum()),
                    "reasons": _counted_reasons(lost[number["failed"]]),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def ledger_cases(
    cohort: Cohort, scores: pd.DataFrame, extra: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """Every case that a model did not score, and every id that the cohort does not have, with its nearest match.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> from benchmark.ledger import ledger_cases
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "malignant": [1, 0]}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> cohort = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> scores = {"model": "clip", "cohort": "ucla", "pid": ["p1", "P2"], "nodule_id": "", "fold": "ensemble"}
        >>> scores |= {"score": [0.9, 0.2], "status": "scored", "reason": ""}
        >>> ledger_cases(cohort, pd.DataFrame(scores))[["pid", "state", "nearest"]].to_dict("records")
        [{'pid': 'p2', 'state': 'missing', 'nearest': ''}, {'pid': 'P2', 'state': 'extra', 'nearest': 'p2'}]

    Returns:
        Columns ``CASE_COLUMNS``; ``state`` is ``failed``, ``missing`` or ``extra``; ``malignant`` is ``Int8``.
    """
    expected = {unit: _expected(cohort, unit) for unit in UNITS}
    return _all_cases(cohort, expected, scores[scores["cohort"] == cohort.name], extra)


def _all_cases(
    cohort: Cohort,
    expected: Mapping[Unit, pd.DataFrame],
    own: pd.DataFrame,
    extra: Mapping[str, Sequence[str]] | None,
) -> pd.DataFrame:
    parts = [_cases(cohort, expected, own[own["model"] == model], str(model)) for model in own["model"].unique()]
    for model, ids in (extra or {}).items():
        if len(ids):
            parts.append(_extra_cases(cohort, model, list(ids)))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=TEXT) for name in CASE_COLUMNS})
    table = _stacked(parts)[list(CASE_COLUMNS)]
    return table.astype({"malignant": "Int8"})


@dataclass(frozen=True)
class _Counts:
    """Patients who were scored on some of their nodules only."""

    patients: int = 0
    positive: int = 0
    malignant_unscored: int = 0


def _scored_in_part(cohort: Cohort, rows: pd.DataFrame, cases: pd.DataFrame) -> _Counts:
    """Patients without a score of their own of whom some nodules were scored and others not.

    Args:
        cohort: The cohort.
        rows: A model's scores.
        cases: What it did not score (``ledger_cases``).
    """
    rows = _rows_that_count(rows)
    nodules, lost = cohort.nodules[["pid", "nodule_id", "malignant"]], cases[cases["unit"] == "nodule"]
    lost = lost.loc[lost["state"].isin(("failed", "missing")), ["pid", "nodule_id"]].assign(lost=True)
    whole = rows.loc[(rows["nodule_id"] == "") & (rows["status"] == "scored"), "pid"]
    each = nodules[~nodules["pid"].isin(whole)].merge(lost, how="left", on=["pid", "nodule_id"])
    each["scored"] = each["lost"].isna()
    each["malignant_scored"] = each["scored"] & (each["malignant"] == 1).fillna(value=False)
    patients = each.groupby("pid", sort=False).agg(
        some=("scored", "any"), every=("scored", "all"), malignant_scored=("malignant_scored", "any")
    )
    found = patients[patients["some"] & ~patients["every"]]
    positive = (cohort.patient_labels.reindex(found.index) == 1).fillna(value=False).to_numpy(bool)
    unscored = positive & ~found["malignant_scored"].to_numpy(bool)
    return _Counts(len(found), int(positive.sum()), int(unscored.sum()))


def _rows_that_count(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a model's ensemble, of one without all."""
    ensemble = rows["fold"] == ENSEMBLE
    return rows[ensemble] if ensemble.any() else rows


def _expected(cohort: Cohort, unit: Unit) -> pd.DataFrame:
    """Every case of a cohort: ``pid``, ``nodule_id``, label, and whether follow-up ended before the horizon.

    Its index are its rows from 0.
    """
    early = cohort.censored_early
    if unit == "nodule":
        return cohort.nodules[["pid", "nodule_id", "malignant"]].assign(censored=early).reset_index(drop=True)
    label = cohort.patient_labels
    ended = early.groupby(cohort.nodules["pid"], sort=False).any().reindex(label.index)
    return pd.DataFrame({"pid": label.index, "nodule_id": "", "malignant": label.array, "censored": ended.array})


def _cases(cohort: Cohort, expected: Mapping[Unit, pd.DataFrame], rows: pd.DataFrame, model: str) -> pd.DataFrame:
    rows = _rows_that_count(rows)
    parts = [_unit_cases(cohort, expected["patient"], rows, "patient", model)]
    if (rows["nodule_id"] != "").any():
        parts.append(_unit_cases(cohort, expected["nodule"], rows[rows["nodule_id"] != ""], "nodule", model))
    return _stacked(parts)


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Parts below each other; empty ones would blur the types of the rest."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _unit_cases(
    cohort: Cohort, expected: pd.DataFrame, rows: pd.DataFrame, unit: Unit, model: str
) -> pd.DataFrame:
    place = _keys(expected, unit).get_indexer(_keys(rows, unit))
    known = place >= 0
    scored = np.zeros(len(expected), dtype=bool)
    scored[place[known & (rows["status"] == "scored").to_numpy(bool)]] = True
    failed = known & (rows["status"] == "failed").to_numpy(bool)
    reasons = pd.Series(rows["reason"].to_numpy(object)[failed], index=place[failed], dtype=TEXT)
    lost = expected[~scored]
    lost = lost.assign(reason=reasons[~reasons.index.duplicated()].reindex(lost.index), nearest="")
    lost["state"] = np.where(lost["reason"].notna(), "failed", "missing")
    lost["reason"] = lost["reason"].fillna("no row in the score table")
    strange = rows[~known].drop_duplicates(["pid", "nodule_id"] if unit == "nodule" else ["pid"])
    match = match_ids(strange["pid"], cohort.nodules["pid"]) if len(strange) else IdMatch()
    unknown = pd.DataFrame(
        {
            "pid": strange["pid"],
            "nodule_id": strange["nodule_id"] if unit == "nodule" else "",
            "state": "extra",
            "reason": "not in the cohort",
            "nearest": [match.nearest(pid) for pid in strange["pid"]],
        }
    )
    unknown["malignant"] = pd.array([pd.NA] * len(unknown), dtype="Int8")
    table = _stacked([lost, unknown])
    return table.assign(cohort=cohort.name, model=model, unit=unit)


def _keys(rows: pd.DataFrame, unit: Unit) -> pd.Index[Any]:
    """What tells a case from others, as Python's texts: they are looked up ten times as fast as pandas' own."""
    keys = rows["pid"] if unit == "patient" else rows["pid"] + _SEPARATOR + rows["nodule_id"]
    found: pd.Index[Any] = pd.Index(keys.to_numpy(object))
    return found


def _extra_cases(cohort: Cohort, model: str, ids: list[str]) -> pd.DataFrame:
    match = match_ids(ids, cohort.nodules["pid"])
    return pd.DataFrame(
        {
            "cohort": cohort.name,
            "model": model,
            "unit": "patient",
            "pid": ids,
            "nodule_id": "",
            "state": "extra",
            "reason": "in the model's file, not in the cohort",
            "nearest": [match.nearest(name) for name in ids],
            "malignant": pd.array([pd.NA] * len(ids), dtype="Int8"),
        }
    )


def _counted_reasons(failed: pd.DataFrame) -> str:
    found = failed["reason"].value_counts()
    parts = [f"{reason}: {number}" for reason, number in found.head(_SHOWN).items()]
    rest = int(found.iloc[_SHOWN:].sum())
    return "; ".join([*parts, f"other reasons: {rest}"] if rest else parts)
