"""Patients into folds: stratified by label and cohort, grouped by patient, each patient validated exactly once."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from benchmark.contracts.patients import patient_labels
from benchmark.errors import InputError, Problem

UNLABELLED = 2
"""Stratum of nodules, or of patients, without a label."""
LARGE = 30_000
"""Patients beyond which most are dealt out: scikit-learn takes a tenth of a millisecond for each."""
ROUNDS = 50
"""Patients of each kind a fold gets that are not dealt out, to make up for what others brought out of balance."""


def assign_folds(nodules: pd.DataFrame, k: int, seed: int) -> pd.DataFrame:
    """Assign every patient to one of ``k`` validation folds.

    Folds are balanced in nodules and in malignant nodules (scikit-learn's ``StratifiedGroupKFold``); nodules
    without a label are a stratum of their own. Where several cohorts are split together, each has strata of its
    own. The assignment depends on the patients and ``seed``, not on the order of rows. Of more than ``LARGE``
    patients, most are dealt out first: patients with equal numbers of nodules in every stratum are drawn into all
    folds equally often, which leaves every stratum as balanced as ``StratifiedGroupKFold`` makes the others.

    Args:
        nodules: A nodule table with ``pid`` and ``malignant``, and ``cohort`` where there are several.
        k: Number of folds.
        seed: Seed of the assignment.

    Returns:
        Columns ``pid`` (text, in the order of first appearance) and ``fold`` (0..k-1), one row a patient.

    Raises:
        InputError: ``k`` is below 2, or there are fewer than ``k`` patients with or without a malignant nodule
            among those that have labels.
    """
    # folds are of nodules: a benign nodule counts although its patient has another without a label
    _check_count(k, patient_labels(nodules[nodules["malignant"].notna()]))
    several = "cohort" in nodules and nodules["cohort"].nunique() > 1
    ordered = nodules.sort_values(["pid", "cohort"] if several else "pid", kind="stable")
    strata = np.asarray(ordered["malignant"].astype("Float64").fillna(UNLABELLED), dtype=np.int64)
    strata = _with_cohorts(strata, ordered["cohort"].to_numpy(object), k) if several else _merged(strata, k)
    person, pids = pd.factorize(ordered["pid"])
    fold = _dealt(person, strata, k, seed) if len(pids) > LARGE else np.full(len(pids), -1)
    rows = np.flatnonzero(fold[person] < 0)
    splitter = StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)
    with np.errstate(all="ignore"):
        for number, (_, validation) in enumerate(splitter.split(rows, strata[rows], person[rows])):
            fold[person[rows[validation]]] = number
    appearing = nodules["pid"].drop_duplicates()
    return pd.DataFrame({"pid": appearing.array, "fold": fold[pids.get_indexer(pd.Index(appearing))]})


def hold_out(nodules: pd.DataFrame, fraction: float, seed: int) -> list[str]:
    """Patients to set aside as a test set, drawn per stratum of the patient label (``patient_labels``).

    Args:
        nodules: A nodule table with ``pid`` and ``malignant``.
        fraction: Share of the patients of each stratum, in ``[0, 1)``; rounded to the nearest whole patient.
        seed: Seed of the draw.

    Returns:
        Their ids, sorted; the draw does not depend on the order of rows.

    Raises:
        InputError: ``fraction`` is outside ``[0, 1)``.
    """
    if not (math.isfinite(fraction) and 0 <= fraction < 1):
        raise InputError(
            Problem("is no share of the patients", "give a number from 0 to below 1", value=str(fraction))
        )
    if not fraction:
        return []
    strata = patient_labels(nodules).fillna(UNLABELLED).astype(int)
    random = np.random.default_rng([seed, 0x7E57])
    chosen: list[str] = []
    for stratum in sorted(strata.unique()):
        pids = sorted(strata.index[strata == stratum])
        chosen += list(random.permutation(np.array(pids, dtype=object))[: round(fraction * len(pids))])
    return sorted(map(str, chosen))


def _dealt(person: npt.NDArray[np.intp], strata: npt.NDArray[np.int64], k: int, seed: int) -> npt.NDArray[np.intp]:
    """Fold of each patient who is dealt out, -1 for the others, ``(patients,)``.

    Args:
        person: Patient of each nodule, ``(nodules,)``.
        strata: Stratum of each nodule, ``(nodules,)``.
        k: Number of folds.
        seed: Seed of the draw.
    """
    count = int(person.max()) + 1
    kind = np.zeros(count, dtype=np.int64)
    for stratum in np.unique(strata):
        nodules = np.bincount(person[strata == stratum], minlength=count)
        kind = pd.factorize(kind * (nodules.max() + 1) + nodules)[0].astype(np.int64)
    drawn = np.random.default_rng([seed, 0xDEA1]).permutation(count)
    drawn = drawn[np.argsort(kind[drawn], kind="stable")]
    of_kind = np.bincount(kind)
    place = np.arange(count) - (np.cumsum(of_kind) - of_kind)[kind[drawn]]
    dealt = np.maximum(of_kind // k - ROUNDS, 0) * k
    fold = np.empty(count, dtype=np.intp)
    fold[drawn] = np.where(place < dealt[kind[drawn]], place % k, -1)
    return fold


def _check_count(k: int, labels: pd.Series) -> None:
    positive, negative = int((labels == 1).sum()), int((labels == 0).sum())
    most = min(positive, negative)
    if not most:
        lacking = (
            "with a label" if positive == negative else "labelled malignant" if negative else "labelled benign"
        )
        fix = "training needs both classes: check the column `malignant` of the nodule table"
        raise InputError(Problem(f"the cohort has no patient {lacking}", fix, column="malignant"))
    if k < 2:
        raise InputError(Problem("is too few folds", f"give 2 to {most}", column="folds", value=str(k)))
    if k > most:
        which = "with" if positive == most else "without"
        what = f"more folds than patients {which} a malignant nodule ({most})"
        raise InputError(Problem(what, f"give at most {most}" if most > 1 else "", column="folds", value=str(k)))


def _merged(strata: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Unlabelled nodules too few to be split into ``k`` folds count as benign for the balance."""
    if 0 < (strata == UNLABELLED).sum() < k:
        return np.where(strata == UNLABELLED, 0, strata)
    return strata


def _with_cohorts(
    strata: npt.NDArray[np.int64], cohorts: npt.NDArray[np.object_], k: int
) -> npt.NDArray[np.int64]:
    """Strata of label and cohort; those too few to be split into ``k`` folds are of the label alone."""
    width = UNLABELLED + 1
    of_cohort = np.unique(cohorts, return_inverse=True)[1].astype(np.int64)
    both = strata + width * of_cohort
    size = np.bincount(both)[both]
    both = np.where(size < k, strata + width * (of_cohort.max() + 1), both)
    for label in range(width):
        own = both == label + width * (of_cohort.max() + 1)
        if 0 < own.sum() < k:
            others = both[(strata == label) & ~own]
            values, counts = np.unique(others if len(others) else both[~own], return_counts=True)
            both[own] = values[counts.argmax()]
    return both
