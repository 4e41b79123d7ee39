"""Cohorts that are used together: one nodule table, in which the patients that they share are one person each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmark.cohorts.folds import assign_folds, hold_out
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.ids import match_ids
from benchmark.contracts.overlap import people_of, sharing_patients
from benchmark.contracts.series_uids import series_uids
from benchmark.errors import InputError, Problem
from benchmark.wording import first_few

COHORT, PERSON, HELD_OUT = "cohort", "person", "test"


@dataclass(frozen=True)
class JointCohort:
    """Several cohorts as one.

    Attributes:
        cohorts: In the order given.
        nodules: Their nodule tables one below the other, a column that a cohort lacks missing in its rows, with
            ``cohort`` and ``person``: equal for nodules of one patient in whichever cohorts.
        notes: What was assumed about patients of several cohorts.
    """

    cohorts: tuple[Cohort, ...]
    nodules: pd.DataFrame
    notes: tuple[str, ...] = ()


def join_cohorts(cohorts: Sequence[Cohort]) -> JointCohort:
    """Join cohorts.

    Equal ids of two cohorts are one patient where the cohorts share patients (`sharing_patients`), and where a
    manifest does not say whose patients they are; they are two patients where the manifests tell them apart.
    Patients who have one series are one person, whatever they are called.

    Args:
        cohorts: One or more, each once.

    Raises:
        InputError: A cohort is given twice, or cohorts share patients whose ids differ in zeros, blanks or case.
    """
    names = [cohort.name for cohort in cohorts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError([Problem("is given twice", "give it once", column="--cohort", value=n) for n in twice])
    declared = sharing_patients([cohort.manifest for cohort in cohorts])
    pool = {name: name for name in names}
    notes, problems = [], []
    for first, second in combinations(cohorts, 2):
        shares = frozenset((first.name, second.name)) in declared
        if not shares and None not in (people_of(first.manifest), people_of(second.manifest)):
            continue
        ids = match_ids(second.nodules["pid"], first.nodules["pid"])
        if shares and ids.mapping:
            problems.append(_other_spelling(first, second, ids.mapping))
        if shares or ids.joined:
            notes.append(_shared_note(first, second, len(ids.joined), declared=shares))
        old, new = pool[second.name], pool[first.name]
        pool = {name: new if of == old else of for name, of in pool.items()}
    if problems:
        raise InputError(problems)
    tables = [cohort.nodules.assign(**{COHORT: cohort.name}) for cohort in cohorts]
    nodules = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    person = nodules["pid"] if len(tables) == 1 else nodules[COHORT].map(pool) + "/" + nodules["pid"]
    person, united = _one_person_a_series(person, series_uids(nodules))
    return JointCohort(tuple(cohorts), nodules.assign(**{PERSON: person}), (*notes, *united))


def split_together(nodules: pd.DataFrame, folds: int, shares: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Hold patients out of each cohort, and split the others into folds over all.

    A patient of several cohorts who is held out of one is held out of all. Who is held out of a cohort does not
    depend on the others.

    Args:
        nodules: ``JointCohort.nodules``.
        folds: Number of folds.
        shares: Share of the patients to hold out by cohort; a cohort that it does not name holds nobody out.
        seed: Seed of both draws.

    Returns:
        ``pid``, ``fold`` (a number as text, or ``HELD_OUT``) and ``cohort``, one row a patient and cohort; those
        held out last, in the order of their ids.

    Raises:
        InputError: See ``hold_out`` and ``assign_folds``.
    """
    held: set[str] = set()
    for cohort, own in nodules.groupby(COHORT, sort=False):
        pids = hold_out(own, shares.get(str(cohort), 0.0), seed)
        held |= set(own[PERSON][own["pid"].isin(pids)])
    rest = nodules[~nodules[PERSON].isin(held)]
    drawn = assign_folds(rest[["malignant", COHORT]].assign(pid=rest[PERSON]), folds, seed)
    fold_of = dict(zip(drawn["pid"].tolist(), drawn["fold"].astype(str).tolist(), strict=True))
    each = nodules.drop_duplicates([COHORT, "pid"])
    fold = [fold_of.get(person, HELD_OUT) for person in each[PERSON].tolist()]
    parts = each[["pid"]].assign(fold=fold, cohort=each[COHORT])
    tested = parts["fold"] == HELD_OUT
    return pd.concat([parts[~tested], parts[tested].sort_values([COHORT, "pid"])], ignore_index=True)


def _one_person_a_series(person: pd.Series, uids: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """Persons of whom several have one SeriesInstanceUID united under the first one's name, and a note on them."""
    named = (uids != "").to_numpy(bool)
    if not (person[named].groupby(uids[named]).nunique() > 1).any():
        return person, ()
    people, names = pd.factorize(person)
    series, _ = pd.factorize(uids[named])
    size = len(names) + len(series)
    pairs = (np.ones(len(series)), (people[named], len(names) + series))
    _, part = connected_components(coo_array(pairs, shape=(size, size)), directed=False)
    first = pd.Series(names).groupby(part[: len(names)]).transform("first")
    united = pd.Series(first.to_numpy()[people], index=person.index, dtype=person.dtype)
    count = len(names) - united.nunique()
    what = f"{count} patients have the SeriesInstanceUID of another: taken for one patient, and kept on one side"
    return united, (what,)


def _other_spelling(first: Cohort, second: Cohort, mapping: dict[str, str]) -> Problem:
    shown = first_few([f"{new} ({old} in {first.name})" for new, old in sorted(mapping.items())], 5)
    what = f"shares patients with {first.name}, whose ids differ in zeros, blanks or case: {shown}"
    return Problem(what, "write the ids of one patient the same way in both cohorts", second.folder)


def _shared_note(first: Cohort, second: Cohort, count: int, *, declared: bool) -> str:
    if declared:
        return (
            f"{first.name} and {second.name} share patients: {count} ids are in both, each on one side of a fold"
        )
    return (
        f"{count} ids are in {first.name} and {second.name}, which do not say whether they share patients: taken "
        "for the same patients, each on one side of a fold (say so with shares_patients_with)"
    )
