"""Folds of a cohort, or of several together, drawn and written where nothing of another split stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmark.cohorts.joint import COHORT, HELD_OUT, PERSON, JointCohort, join_cohorts, split_together
from benchmark.cohorts.splits import TEST, TRAIN, VALIDATION, write_splits
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.patients import patient_labels
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, files_below, move_in


class PatientCount(NamedTuple):
    """Patients of one part, and how many of them are positive."""

    patients: int
    positive: int


@dataclass(frozen=True)
class DrawnSplit:
    """What was drawn.

    Attributes:
        folds: Patients that each fold validates on, in the order of the folds.
        test: Patients set aside; None where there are none.
        notes: What was assumed about patients of several cohorts.
    """

    folds: tuple[PatientCount, ...]
    test: PatientCount | None
    notes: tuple[str, ...] = ()


def split_cohort(
    cohort: Cohort | Sequence[Cohort],
    out: Path,
    *,
    folds: int = 5,
    test: float | Mapping[str, float] = 0.0,
    seed: int = 0,
    overwrite: bool = False,
) -> DrawnSplit:
    """Draw patient folds, stratified by label, and write ``fold_k/train_pid.csv`` and ``fold_k/val_pid.csv``.

    Several cohorts are split together, as ``bench train`` splits them: stratified by cohort too, patients that
    they share on one side. Files then have the column ``cohort`` beside ``pid``.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from benchmark.cohorts.split_cohort import split_cohort
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> rows = {"pid": [f"p{k}" for k in range(40)], "nodule_id": "1", "malignant": [0, 1] * 20}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> cohort = write_cohort("cohorts/mine", CohortManifest(name="mine", title="Mine"), pd.DataFrame(rows))
        >>> drawn = split_cohort(cohort, Path("splits/mine"), folds=4, test=0.2, seed=1)
        >>> drawn.test, drawn.folds[0]
        (PatientCount(patients=8, positive=4), PatientCount(patients=8, positive=4))

    Args:
        cohort: The cohort, or several.
        out: Folder that gets ``fold_0``, ``fold_1``, ...
        folds: Number of folds.
        test: Share of the patients to set aside first: of every cohort, or by cohort, nobody of those not named.
        seed: Seed of the draw.
        overwrite: Replace folds that are there.

    Raises:
        InputError: Folds are there already, some of them belong to a split of more folds, there are too few
            patients, or a share is that of another cohort.
    """
    cohorts = (cohort,) if isinstance(cohort, Cohort) else tuple(cohort)
    names = [each.name for each in cohorts]
    shares = dict.fromkeys(names, test) if isinstance(test, float | int) else dict(test)
    if strange := [name for name in shares if name not in names]:
        fix = f"cohorts of this split: {', '.join(names)}"
        raise InputError([Problem("is not split here", fix, column="hold_out", value=name) for name in strange])
    with holding(out):
        return _split(join_cohorts(cohorts), out, folds, shares, seed, overwrite)


def _split(
    joint: JointCohort, out: Path, folds: int, shares: Mapping[str, float], seed: int, overwrite: bool
) -> DrawnSplit:
    there = [*list_finished(out, "fold_*"), *list_finished(out, TEST)]
    if there and not overwrite:
        raise InputError(Problem("holds folds already", "pass --overwrite, or choose another --out", out))
    parts = split_together(joint.nodules, folds, shares, seed)
    tested = parts["fold"] == HELD_OUT
    kept = {f"fold_{fold}" for fold in range(folds)} | ({TEST} if tested.any() else set())
    for stale in there:
        if stale.name not in kept:
            raise InputError(Problem("belongs to another split", "remove it, or choose another --out", stale))
    columns = ["pid", "cohort"] if len(joint.cohorts) > 1 else ["pid"]
    with aside(out) as made:
        write_splits(parts.loc[~tested, [*columns, "fold"]], made, parts.loc[tested, columns])
        _check_written(made, parts, columns)
        files = [path.relative_to(made).as_posix() for path in files_below(made)]
        move_in(made, out, seal=f"fold_0/{TRAIN}", replaceable=files)
    key = [COHORT, "pid"]
    drawn = parts.merge(joint.nodules[[*key, PERSON]].drop_duplicates(key), on=key, how="left")
    label = patient_labels(joint.nodules.assign(pid=joint.nodules[PERSON]))

    def count(part: str) -> PatientCount:
        return _patient_count(label, drawn[PERSON][drawn["fold"] == part])

    test = count(HELD_OUT) if tested.any() else None
    return DrawnSplit(tuple(count(str(fold)) for fold in range(folds)), test, joint.notes)


def _check_written(folder: Path, parts: pd.DataFrame, columns: list[str]) -> None:
    """Read every file as ``bench train`` does, and refuse folds that are not read back to the letter."""
    kept = parts["fold"] != HELD_OUT
    expected: dict[Path, pd.Series[bool]] = {Path(TEST): ~kept} if not kept.all() else {}
    for fold in parts["fold"][kept].unique():
        expected[Path(f"fold_{fold}", TRAIN)] = kept & (parts["fold"] != fold)
        expected[Path(f"fold_{fold}", VALIDATION)] = parts["fold"] == fold
    for name, rows in expected.items():
        found = read_text_table(folder / name, columns).frame[columns]
        if not found.equals(parts.loc[rows, columns].reset_index(drop=True)):
            what = "ids are not read back as they were written"
            raise InputError(Problem(what, "use ids of letters, digits and usual marks", name))


def _patient_count(label: pd.Series[int], persons: pd.Series[str]) -> PatientCount:
    chosen = persons.drop_duplicates()
    return PatientCount(len(chosen), int((label.reindex(chosen) == 1).sum()))
