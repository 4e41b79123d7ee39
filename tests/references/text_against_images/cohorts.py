"""The phantoms of the study, and who of them trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.cohorts.phantom.prepare import prepare_phantom
from benchmark.cohorts.ratings import SEMANTIC
from benchmark.contracts.cohort import MANIFEST, load_cohort, write_cohort
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.vocabulary import SEMANTIC_COLUMNS
from benchmark.imaging.cropping.cohort import crops_of

TRAINING, SECOND, HELD_OUT, START = "nlst", "lidc", "held-out", "start"


@dataclass(frozen=True)
class Phantoms:
    """A phantom cohort: its preset, seed and number of patients."""

    preset: str
    seed: int
    patients: int


PHANTOMS = {
    TRAINING: Phantoms("nlst", 5101, 800),
    HELD_OUT: Phantoms("nlst", 5102, 500),
    SECOND: Phantoms("features", 5103, 250),
    START: Phantoms("features", 5104, 250),
}
"""No other phantom of the project has these seeds, and no cohort has a patient of another."""
RATED = (*SEMANTIC, "longest_axial_diameter_(mm)")
"""Semantic columns of the second cohort: LIDC's ratings and outlines give no others."""
LABELLED = 0.15
"""Share of the second cohort's patients with a diagnosis; LIDC has one of 157 of its 1,010."""
VALIDATED = 5
"""One of so many patients validates, as in five folds."""


def make_cohorts(work: Path, share: float = 1.0, workers: int = 1) -> None:
    """Draw the phantoms that are missing, and cut out their nodules.

    Args:
        work: Gets ``cohorts/`` and ``crops/``.
        share: Of the patients, for a trial.
        workers: Processes that draw.
    """
    for name, phantoms in PHANTOMS.items():
        folder = work / "cohorts" / name
        count = max(20, round(share * phantoms.patients))
        if not (folder / MANIFEST).is_file():
            prepare_phantom(phantoms.preset, folder, phantoms.seed, count, workers=workers)
        cohort = load_cohort(name, work / "cohorts")
        drawn = cohort.manifest.details
        if (drawn["phantom"], drawn["seed"], drawn["patients"]) != (phantoms.preset, phantoms.seed, count):
            raise SystemExit(f"{folder} holds other phantoms than {phantoms}: give another --work")
        if name == SECOND:
            as_lidc(work / "cohorts")
        crops_of(load_cohort(name, work / "cohorts"), work)


def as_lidc(cohorts: Path) -> None:
    """Take from the second cohort what LIDC has not: labels of most patients, and features that nobody rated."""
    cohort = load_cohort(SECOND, cohorts)
    table = cohort.nodules.copy()
    lacking = [column for column in SEMANTIC_COLUMNS if column in table and column not in RATED]
    if not lacking:
        return
    patients = table["pid"].drop_duplicates()
    random = np.random.default_rng(PHANTOMS[SECOND].seed)
    known = set(random.choice(patients.to_numpy(str), max(2, round(LABELLED * len(patients))), replace=False))
    table.loc[~table["pid"].isin(known), "malignant"] = pd.NA
    write_cohort(cohort.folder, cohort.manifest, table.drop(columns=lacking))


def chosen_patients(nodules: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """The first ``count`` patients of a seed's order; of a larger count they are among them.

    Both classes come in the cohort's proportion, whatever the count.

    Returns:
        Columns ``pid`` and ``validates``: one patient of ``VALIDATED`` of each class.
    """
    label = nodules.groupby("pid", sort=False)["malignant"].max()
    random = np.random.default_rng([seed, 0x57])
    parts = []
    for value in (0, 1):
        ids = random.permutation(label.index[label == value].to_numpy(str))
        ids = ids[: round(count * len(ids) / len(label))]
        parts.append(pd.DataFrame({"pid": ids, "validates": np.arange(len(ids)) % VALIDATED == VALIDATED - 1}))
    return pd.concat(parts, ignore_index=True)


def write_fold(folder: Path, chosen: pd.DataFrame, cohort: str, cohorts: Path, second: str | None = None) -> Path:
    """One fold for ``TrainingRequest.splits``; patients that are not chosen are set aside.

    Args:
        folder: Gets ``fold_0`` and ``test_pid.csv``.
        chosen: See ``chosen_patients``.
        cohort: Whose they are.
        cohorts: Folder of the cohorts.
        second: A cohort all of whose patients train.
    """
    everyone = load_cohort(cohort, cohorts).nodules["pid"].drop_duplicates()
    train = chosen.loc[~chosen["validates"], ["pid"]].assign(cohort=cohort)
    if second is not None:
        more = load_cohort(second, cohorts).nodules[["pid"]].drop_duplicates()
        train = pd.concat([train, more.assign(cohort=second)])
    write_table(train, folder / "fold_0" / "train_pid.csv")
    write_table(chosen.loc[chosen["validates"], ["pid"]].assign(cohort=cohort), folder / "fold_0" / "val_pid.csv")
    rest = everyone[~everyone.isin(set(chosen["pid"]))]
    if len(rest):
        write_table(pd.DataFrame({"pid": rest, "cohort": cohort}), folder / "test_pid.csv")
    return folder
