"""Folds as the paper's files: ``fold_k/train_pid.csv`` and ``fold_k/val_pid.csv``, with the column ``pid``."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from benchmark.contracts.ids import match_ids
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished
from benchmark.wording import first_few

TRAIN, VALIDATION, TEST = "train_pid.csv", "val_pid.csv", "test_pid.csv"
_SHOWN: Final = 20


class SplitFile(list[str]):
    """Patients of one file.

    Attributes:
        cohorts: The cohort of each, where the file has a column ``cohort``.
    """

    cohorts: list[str] | None = None


class Split(NamedTuple):
    """One fold: patients to train on and to validate on."""

    train: list[str]
    validation: list[str]


def write_splits(folds: pd.DataFrame, folder: Path, test: Sequence[str] | pd.DataFrame = ()) -> list[Path]:
    """Write one folder a fold.

    Args:
        folds: Columns ``pid`` and ``fold`` (``assign_folds``): where each patient is validated; and ``cohort``,
            which is written too, where there are several.
        folder: Gets ``fold_0``, ``fold_1``, ...
        test: Patients that are in no fold; written to ``test_pid.csv`` if there are any. Of several cohorts a
            table of the same columns.

    Returns:
        The files.
    """
    paths = []
    for fold in sorted(folds["fold"].unique()):
        for name, chosen in ((TRAIN, folds["fold"] != fold), (VALIDATION, folds["fold"] == fold)):
            path = folder / f"fold_{fold}" / name
            write_table(folds.loc[chosen].drop(columns="fold"), path)
            paths.append(path)
    tested = test if isinstance(test, pd.DataFrame) else pd.DataFrame({"pid": list(test)})
    if len(tested):
        write_table(tested, folder / TEST)
        paths.append(folder / TEST)
    return paths


def read_splits(folder: Path) -> dict[int, Split]:
    """Read folds by number.

    Raises:
        InputError: There is no fold, a fold lacks a file, or a file is wrong.
    """
    found: dict[int, Path] = {}
    for path in list_finished(folder):
        if match := re.fullmatch(r"fold_([0-9]+)", path.name):
            other = found.setdefault(int(match.group(1)), path)
            if other != path:
                what = f"is the fold {int(match.group(1))} too, as {other.name} is"
                raise InputError(Problem(what, "keep one of the two", path))
    if not found:
        raise InputError(Problem("holds no folder fold_0, fold_1, ...", "give the splits folder", folder))
    splits, problems = {}, []
    for fold in sorted(found):
        sides = []
        for name in (TRAIN, VALIDATION):
            try:
                sides.append(_read_file(found[fold] / name))
            except InputError as error:
                problems += error.problems
        if len(sides) == 2:
            splits[fold] = Split(*sides)
    if problems:
        raise InputError(problems)
    return splits


def read_test(folder: Path) -> list[str]:
    """Patients that were set aside when the folds were made; empty if there is no ``test_pid.csv``."""
    if not os.path.lexists(folder / TEST):
        return []
    return _read_file(folder / TEST)


def _read_file(path: Path) -> SplitFile:
    table = read_text_table(path, ("pid",))
    table.check_ids("pid")
    keys = [name for name in ("cohort", "pid") if name in table.frame]
    table.report(table.frame.duplicated(keys), "pid", "stands in the file twice", "keep one row")
    table.finish()
    ids = SplitFile(table.frame["pid"].tolist())
    ids.cohorts = table.frame["cohort"].tolist() if "cohort" in table.frame else None
    return ids


def splits_of_cohort(splits: dict[int, Split], test: list[str], cohort: str) -> tuple[dict[int, Split], list[str]]:
    """What folds of several cohorts say of one of them; folds without a column ``cohort`` stay as they are."""

    def own(ids: list[str]) -> list[str]:
        if not isinstance(ids, SplitFile) or ids.cohorts is None:
            return ids
        return [pid for pid, of in zip(ids, ids.cohorts, strict=True) if of == cohort]

    return {fold: Split(own(split.train), own(split.validation)) for fold, split in splits.items()}, own(test)


def check_splits(
    splits: dict[int, Split],
    pids: Sequence[str],
    test: Sequence[str] = (),
    same_image: Sequence[set[str]] = (),
) -> list[str]:
    """Check folds against a cohort.

    Args:
        splits: The folds.
        pids: Patients of the cohort.
        test: Patients that are set aside on purpose.
        same_image: Groups of patients who have one image (``same_images``): they must be on one side.

    Returns:
        Warnings: patients who are validated more than once or never, as shuffled splits (the paper's) have them.

    Raises:
        InputError: A patient is on both sides of a fold or in the test set too, a fold names a patient whom the
            cohort does not have, or a patient is in no fold. Names them.
    """
    problems = []
    for fold, split in splits.items():
        both = sorted(set(split.train) & set(split.validation))
        if both:
            what = f"{len(both)} patients are in train and in validation of fold {fold}: {first_few(both, _SHOWN)}"
            problems.append(Problem(what, "a patient belongs to one side"))
        for group in same_image:
            if group & set(split.train) and group & {*split.validation, *test}:
                what = (
                    f"patients {first_few(sorted(group), _SHOWN)} have the same image on both sides of fold {fold}"
                )
                problems.append(Problem(what, "one patient under two ids? keep them on one side"))
    everyone = list(dict.fromkeys(pid for split in splits.values() for side in split for pid in side))
    leaked = sorted(set(everyone) & set(test))
    if leaked:
        problems.append(
            Problem(f"{len(leaked)} test patients are in the folds: {first_few(leaked, _SHOWN)}", "take them out")
        )
    match = match_ids(everyone, pids)
    if match.extra:
        hint = f" ({len(match.mapping)} differ only in zeros, blanks or case)" if match.mapping else ""
        what = f"{len(match.extra)} patients of the folds are not in the cohort{hint}: "
        what += first_few(match.extra, _SHOWN)
        problems.append(Problem(what, "make the folds for this cohort"))
    absent = [pid for pid in match.missing if pid not in set(test)]
    if absent:
        what = f"{len(absent)} patients of the cohort are in no fold: {first_few(absent, _SHOWN)}"
        problems.append(Problem(what, f"make the folds for this cohort, or list those set aside in {TEST}"))
    if problems:
        raise InputError(problems)
    times = Counter(pid for split in splits.values() for pid in split.validation)
    often = [pid for pid in everyone if times[pid] > 1]
    never = [pid for pid in everyone if times[pid] == 0]
    warnings = []
    if often or never:
        warnings.append(
            f"no cross-validation: {len(never)} patients are never validated, {len(often)} more than once "
            f"(shuffled splits); e.g. {first_few([*never[:3], *often[:3]], _SHOWN)}"
        )
    return warnings
