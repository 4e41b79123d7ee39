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
    sides = np.zeros((len(persons.everyone), len(named)), np.int8)
    row = {person: number for number, person in enumerate(persons.everyone)}
    for fold, split in named.items():
        for side, members in ((TRAINED, split.train), (VALIDATED, split.validation)):
            sides[[row[person] for person in members], fold] = side
    return GivenFolds(dict(zip(persons.everyone, sides, strict=True)), frozenset(test), tuple(notes))


class _Persons:
    """Persons behind the ids of files."""

    def __init__(self, nodules: pd.DataFrame) -> None:
        each = nodules.drop_duplicates(["cohort", "pid"])
        self.everyone = each["person"].drop_duplicates().tolist()
        keys = zip(each["cohort"].tolist(), each["pid"].tolist(), strict=True)
        self.by_key = dict(zip(keys, each["person"].tolist(), strict=True))
        named = each.drop_duplicates(["pid", "person"]).sort_values("person", ascending=False, kind="stable")
        self.by_pid = dict(zip(named["pid"].tolist(), named["person"].tolist(), strict=True))
        self.several = set(named["pid"][named["pid"].duplicated()])
        self.ambiguous: dict[str, None] = {}

    def of(self, ids: SplitFile | list[str]) -> list[str]:
        """Persons of the ids of a file; one that no cohort has stays as it is, to be named by ``check_splits``."""
        cohorts = ids.cohorts if isinstance(ids, SplitFile) else None
        if cohorts is None:
            self.ambiguous |= dict.fromkeys(pid for pid in ids if pid in self.several)
            return list(dict.fromkeys(self.by_pid.get(pid, pid) for pid in ids))
        keys = zip(cohorts, ids, strict=True)
        return list(dict.fromkeys(self.by_key.get(key, "/".join(key)) for key in keys))

    def finish(self, folder: Path) -> None:
        if self.ambiguous:
            what = f"{len(self.ambiguous)} ids are those of patients of several cohorts: "
            what += first_few(list(self.ambiguous), _SHOWN)
            raise InputError(Problem(what, "say whose they are in a column `cohort` of every file", folder))
