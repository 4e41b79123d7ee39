"""Cohorts that are used together: one nodule table, in which the patients that they share are one person each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.ids import match_ids
from benchmark.contracts.overlap import people_of, sharing_patients
from benchmark.errors import InputError, Problem
from benchmark.wording import first_few

COHORT, PERSON = "cohort", "person"


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
    nodules = tables[0] if len(tables) == 1 else pd.concat(_with_all_columns(tables), ignore_index=True)
    person = nodules["pid"] if len(tables) == 1 else nodules[COHORT].map(pool) + "/" + nodules["pid"]
    return JointCohort(tuple(cohorts), nodules.assign(**{PERSON: person}), tuple(notes))


def _with_all_columns(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The tables with the columns of all, in the order in which they first appear, each of one type."""
    types = {column: table[column].dtype for table in reversed(tables) for column in table}
    columns = list(dict.fromkeys(column for table in tables for column in table))
    whole = []
    for table in tables:
        lacking = {
            column: pd.array([pd.NA] * len(table), dtype=types[column])
            if not isinstance(types[column], np.dtype)
            else pd.Series(np.nan, index=table.index).astype(_holding_missing(types[column]))
            for column in columns
            if column not in table
        }
        whole.append(table.assign(**lacking)[columns])
    return whole


def _holding_missing(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind in "fOM" else np.dtype(float if dtype.kind in "iu" else object)


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
