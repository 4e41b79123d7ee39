"""Folds that were made before, for cohorts that are trained on: who is on which side of which fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.cohorts.splits import SplitFile, check_splits, read_splits, read_test
from benchmark.errors import InputError, Problem
from benchmark.wording import first_few

NEITHER, TRAINED, VALIDATED = 0, 1, 2
_SHOWN: Final = 10


@dataclass(frozen=True)
class GivenFolds:
    """Folds by person, as ``join_cohorts`` tells persons apart.

    Attributes:
        sides: Of each person the side in each fold, ``[folds]``: ``NEITHER``, ``TRAINED`` or ``VALIDATED``.
        test: Persons that are set aside.
        notes: Who is validated more than once or never.
    """

    sides: Mapping[str, npt.NDArray[np.int8]]
    test: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def folds(self) -> int:
        """Number of folds."""
        return len(next(iter(self.sides.values())))

    def part(self, person: str) -> str:
        """What a person is, as the table of a run's patients has it: validating folds, ``train``, or ``test``."""
        if person in self.test:
            return "test"
        return "+".join(map(str, np.flatnonzero(self.sides[person] == VALIDATED))) or "train"


def read_given_folds(folder: Path, nodules: pd.DataFrame) -> GivenFolds:
    """Read ``fold_k/train_pid.csv`` and ``fold_k/val_pid.csv``, and ``test_pid.csv`` if there is one.

    Args:
        folder: What ``bench cohort split`` or the paper's notebook wrote.
        nodules: The nodule table of the cohorts joined.

    Raises:
        InputError: Folds are not numbered from 0, see ``check_splits``, or an id without its cohort is of several
            patients.
    """
    splits = read_splits(folder)
    if sorted(splits) != list(range(len(splits))):
        what = f"holds the folds {first_few(list(map(str, sorted(splits))), _SHOWN)}"
        raise InputError(Problem(what, "they are numbered from 0 without gaps: give all of them", folder))
    persons = _Persons(nodules)
    named = {
        fold: split._replace(train=persons.of(split.train), validation=persons.of(split.validation))
        for fold, split in splits.items()
    }
    test = persons.of(read_test(folder))
    persons.finish(folder)
    notes = check_splits(named, persons.everyone, test)
    sides = {person: np.zeros(len(named), np.int8) for person in persons.everyone}
    for fold, split in named.items():
        for side, members in ((TRAINED, split.train), (VALIDATED, split.validation)):
            for person in members:
                sides[person][fold] = side
    return GivenFolds(sides, frozenset(test), tuple(notes))


class _Persons:
    """Persons behind the ids of files."""

    def __init__(self, nodules: pd.DataFrame) -> None:
        each = nodules.drop_duplicates(["cohort", "pid"])
        self.everyone = list(dict.fromkeys(each["person"]))
        self.by_key = dict(zip(zip(each["cohort"], each["pid"], strict=True), each["person"], strict=True))
        self.by_pid: dict[str, set[str]] = {}
        for pid, person in zip(each["pid"], each["person"], strict=True):
            self.by_pid.setdefault(pid, set()).add(person)
        self.ambiguous: dict[str, None] = {}

    def of(self, ids: SplitFile | list[str]) -> list[str]:
        """Persons of the ids of a file; one that no cohort has stays as it is, to be named by ``check_splits``."""
        cohorts = ids.cohorts if isinstance(ids, SplitFile) else None
        found: dict[str, None] = {}
        for place, pid in enumerate(ids):
            if cohorts is not None:
                person = self.by_key.get((cohorts[place], pid), f"{cohorts[place]}/{pid}")
            else:
                several = self.by_pid.get(pid, {pid})
                self.ambiguous |= dict.fromkeys([pid] if len(several) > 1 else [])
                person = min(several)
            found[person] = None
        return list(found)

    def finish(self, folder: Path) -> None:
        if self.ambiguous:
            what = f"{len(self.ambiguous)} ids are those of patients of several cohorts: "
            what += first_few(list(self.ambiguous), _SHOWN)
            raise InputError(Problem(what, "say whose they are in a column `cohort` of every file", folder))
