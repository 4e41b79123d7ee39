"""A reader study: one row a reading of a case by a reader, in one modality or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.units import Unit, labelled_units
from benchmark.contracts.any_table import TableForm, read_any_table, without_missing
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.column_guesses import columns_found
from benchmark.contracts.ids import twin_ids
from benchmark.contracts.odd_scores import note_on_codes, note_on_inversion
from benchmark.contracts.readings import RATINGS, READERS
from benchmark.contracts.roles import check_roles, plain_name
from benchmark.contracts.text_table import TextTable, nearest
from benchmark.errors import InputError, Problem
from benchmark.wording import first_few

READER_ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "reader": READERS,
    "case": ("case", "case_id", "pid", "patient_id", "patient", "subject", "subject_id"),
    "rating": RATINGS,
    "modality": ("modality", "condition", "arm", "treatment", "session"),
    "nodule_id": ("nodule_id", "nodule", "lesion", "lesion_id"),
    "label": ("label", "malignant", "truth", "ground_truth", "y", "y_true"),
}
"""Role → names of its column that are recognised."""
NEEDED: Final = ("reader", "case", "rating")
ONE_MODALITY: Final = "readers"
MOST_CUTS: Final = 20
"""Ratings with more values than that are a scale without steps: no point is given for each."""


@dataclass(frozen=True)
class ReaderStudy:
    """Readings of the labelled cases.

    Attributes:
        readings: ``reader, modality, case, nodule_id, rating, label``: rating float64, NaN where it is missing;
            ``nodule_id`` empty where the case is the patient.
        unit: What a case is.
        crossed: Whether the table names several modalities.
        notes: Sentences on what was taken for what and what was left out.
    """

    readings: pd.DataFrame
    unit: Unit
    crossed: bool
    notes: tuple[str, ...]

    @property
    def modalities(self) -> list[str]:
        """Modalities, by name."""
        return sorted(map(str, self.readings["modality"].unique()))

    @property
    def readers(self) -> list[str]:
        """Readers, by name."""
        return sorted(map(str, self.readings["reader"].unique()))

    def of_modality(self, modality: str) -> tuple[pd.DataFrame, pd.Series]:
        """Ratings, a row a case and a column a reader (NaN where missing), and the label of each case."""
        rows = self.readings[self.readings["modality"] == modality]
        wide = rows.pivot(index=["case", "nodule_id"], columns="reader", values="rating")
        label = rows.groupby(["case", "nodule_id"])["label"].first().reindex(wide.index)
        return wide.rename_axis(columns=None), label.astype(np.int64)


def read_reader_study(
    path: Path,
    cohort: Cohort | None = None,
    columns: Mapping[str, str] | None = None,
    form: TableForm | None = None,
) -> ReaderStudy:
    """Read a long table of readings.

    Args:
        path: CSV, TSV, Excel or Parquet, a row a reading: ``reader, case, rating``, and where there are such
            ``modality``, ``nodule_id`` and ``label``.
        cohort: Where labels come from; ``case`` is then its patient, ``nodule_id`` its nodule.
        columns: Role → column, where a column is called otherwise.
        form: How the file is written, where that is not to be found.

    Raises:
        InputError: A column is missing or could be several, a reading stands twice or is no number, labels
            contradict each other or the cohort, or there are none.
    """
    table = read_any_table(path, form or TableForm(), [name for name in (columns or {}).values() if name])
    taken = _named_roles(table, dict(columns or {}))
    for role in ("rating", "label"):
        if role in taken:
            table.frame[taken[role]] = without_missing(table.frame[taken[role]])
    frame = pd.DataFrame({role: table.frame[name] for role, name in taken.items()})
    for role in ("reader", "case", *(role for role in ("modality", "nodule_id") if role in frame)):
        table.check_ids(taken[role])
    frame["rating"] = table.number(taken["rating"])
    for role, missing in (("modality", ONE_MODALITY), ("nodule_id", "")):
        frame[role] = frame.get(role, missing)
    key = ["reader", "modality", "case", "nodule_id"]
    table.report(frame.duplicated(key), taken["case"], "is read twice by one reader", "keep one reading")
    stated = _stated_labels(table, taken, frame)
    unit: Unit = "nodule" if "nodule_id" in taken else "patient"
    label, notes = stated, list[str]()
    if cohort is not None:
        label, notes = _labels_of_cohort(table, taken, frame, stated, cohort, unit)
    if label is None:
        what = "holds no label, and no cohort was named"
        fix = "name the cohort with --cohort, or the column of the label with --column label=NAME"
        raise InputError(Problem(what, fix, path, 1))
    table.finish()
    known = label.notna().to_numpy()
    readings = frame[[*key, "rating"]].assign(label=label)[known].reset_index(drop=True)
    if readings.empty or readings["label"].nunique() < 2:
        raise InputError(Problem("the labelled cases are of one class", "readers are judged on both", path))
    said = [f"{role} from {name!r}" for role, name in taken.items() if role != name]
    notes = [*([f"Columns: {', '.join(said)}."] if said else []), *notes, *_notes_on_missing(frame, known)]
    notes += [*_notes_on_twins(readings), *_notes_on_inversion(readings)]
    if why := note_on_codes(readings["rating"].to_numpy(np.float64), "ratings"):
        notes.append(f"Warning: {why}.")
    return ReaderStudy(
        readings.astype({"label": np.int64}), unit, readings["modality"].nunique() > 1, tuple(notes)
    )


def _notes_on_twins(readings: pd.DataFrame) -> list[str]:
    """Readers and cases that are taken for several and are probably one."""
    found = []
    for role in ("reader", "case"):
        pairs = [" and ".join(map(repr, twins)) for twins in twin_ids(readings[role].astype(str).unique())]
        if pairs:
            what = f"{role}s {first_few(pairs)} differ only in zeros, blanks or case, and are taken for several"
            found.append(f"Warning: {what}: if they are one {role}, write it in one way.")
    return found


def _notes_on_inversion(readings: pd.DataFrame) -> list[str]:
    """Readers whose ratings rank the wrong way round, as where 5 means benign; they are never turned."""
    known = readings[readings["rating"].notna()]
    found = []
    for (reader, modality), rows in known.groupby(["reader", "modality"], sort=True):
        why = note_on_inversion(rows["rating"].to_numpy(np.float64), rows["label"].to_numpy(np.float64))
        where = "" if modality == ONE_MODALITY else f" in {modality}"
        found += [f"Warning: {reader}{where}: {why.replace('scores', 'ratings')}."] if why else []
    return found


def _named_roles(table: TextTable, columns: dict[str, str]) -> dict[str, str]:
    """Role → column of the table, as the user says or by a known name."""
    wrong = [role for role in columns if role not in READER_ROLES]
    if wrong:
        fix = f"roles: {', '.join(READER_ROLES)}"
        raise InputError(
            [
                Problem(f"is no role{nearest(role, list(READER_ROLES))}", fix, column="--column", value=role)
                for role in wrong
            ]
        )
    check_roles({role: name for role, name in columns.items() if name}, file=table.path)
    taken = {role: name for role, name in columns.items() if name}
    problems = []
    for role, names in READER_ROLES.items():
        if role in columns:
            continue
        known = set(map(plain_name, names))
        free = [str(name) for name in table.frame.columns if name not in taken.values()]
        found = [name for name in free if plain_name(name) in known]
        if len(found) > 1:
            fix = f"say which with --column {role}=NAME"
            problems.append(
                Problem(f"several columns could be the {role}: {', '.join(found)}", fix, table.path, 1)
            )
        elif found:
            taken[role] = found[0]
        elif role in NEEDED:
            fix = f"pass --column {role}=NAME; a row is one reading; {columns_found(table.frame)}"
            problems.append(Problem(f"has no column for the {role}", fix, table.path, 1))
    if problems:
        raise InputError(problems)
    return taken


def _stated_labels(table: TextTable, taken: Mapping[str, str], frame: pd.DataFrame) -> pd.Series | None:
    """Labels that the table itself gives; missing where a cell is empty."""
    if "label" not in taken:
        return None
    column = taken["label"]
    label = table.frame[column].map({"0": 0, "1": 1, "0.0": 0, "1.0": 1}).astype("Int8")
    unread = label.isna() & (table.frame[column] != "")
    table.report(unread, column, "is neither 0 nor 1", "1: malignant, 0: benign, empty: not known")
    several = label.groupby([frame["case"], frame["nodule_id"]]).transform("nunique") > 1
    table.report(several, column, "differs between readings of one case", "give each case one label")
    # A label that one reading of a case lacks is that of the others.
    filled = label.groupby([frame["case"], frame["nodule_id"]]).transform("first")
    return filled.astype("Int8")


def _labels_of_cohort(
    table: TextTable,
    taken: Mapping[str, str],
    frame: pd.DataFrame,
    stated: pd.Series | None,
    cohort: Cohort,
    unit: Unit,
) -> tuple[pd.Series, list[str]]:
    """The cohort's label of each reading, checked against what the table says."""
    keys = ["pid", "nodule_id"] if unit == "nodule" else ["pid"]
    whole = cohort.nodules[keys].drop_duplicates()
    units, _ = labelled_units(cohort.nodules, unit)
    rows = frame[["case", "nodule_id"]].rename(columns={"case": "pid"})[keys]
    there = rows.merge(whole, how="left", on=keys, indicator="found")["found"].eq("both").to_numpy()
    fix = "give ids as in its nodule table; --column case=NAME chooses another column"
    table.report(
        ~there, taken["nodule_id" if unit == "nodule" else "case"], f"is not in cohort {cohort.name}", fix
    )
    label = rows.merge(units[[*keys, "label"]], how="left", on=keys)["label"].astype("Int8").set_axis(frame.index)
    if stated is not None:
        differ = (stated != label) & stated.notna() & label.notna()
        what = f"contradicts the label of cohort {cohort.name}"
        table.report(differ.fillna(False).to_numpy(bool), taken["label"], what, "find out which is right")
    unread = len(units) - len(rows[label.notna().to_numpy()].drop_duplicates())
    return label, [
        f"{unread:,} of {len(units):,} labelled {unit}s of {cohort.name} were read by nobody."
    ] if unread else []


def _notes_on_missing(frame: pd.DataFrame, known: npt.NDArray[np.bool_]) -> list[str]:
    notes = []
    cases = frame.loc[~known, ["case", "nodule_id"]].drop_duplicates()
    if len(cases):
        notes.append(f"{len(cases):,} cases without a label are left out.")
    empty = int(frame.loc[known, "rating"].isna().sum())
    if empty:
        notes.append(f"{empty:,} readings have no rating.")
    return notes


def calls_by_reader(study: ReaderStudy, given: Sequence[str]) -> dict[str, float]:
    """Rating from which each reader calls a case positive.

    Args:
        study: The readings.
        given: ``4`` for all readers, ``READER=3`` for one. Without any, ratings of 0 and 1 alone are calls.

    Returns:
        Reader → rating; empty where nobody said it, and it is not plain.

    Raises:
        InputError: Names every one that is no number, of no reader, or given twice.
    """
    ratings = study.readings["rating"].dropna()
    if not given:
        return dict.fromkeys(study.readers, 1.0) if set(ratings.unique()) <= {0.0, 1.0} else {}
    found: dict[str, float] = {}
    problems = []
    for text in sorted(given, key=lambda text: "=" not in text):
        reader, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        wanted = [reader.strip()] if equals else [name for name in study.readers if name not in found]
        if not np.isfinite(value):
            problems.append(Problem("is no rating", "write 4, or READER=4", column="--call-from", value=text))
        elif equals and wanted[0] not in study.readers:
            what = f"is of no reader{nearest(wanted[0], study.readers)}"
            fix = f"readers: {', '.join(study.readers)}"
            problems.append(Problem(what, fix, column="--call-from", value=text))
        elif not equals and len([one for one in given if "=" not in one]) > 1:
            problems.append(Problem("is given twice", "give one rating for all", column="--call-from", value=text))
        else:
            found |= dict.fromkeys(wanted, value)
    outside = [name for name, value in found.items() if not ratings.min() <= value <= ratings.max()]
    for name in outside:
        what = f"lies outside the ratings, {ratings.min():g} to {ratings.max():g}"
        problems.append(Problem(what, "choose one of them", column="--call-from", value=f"{name}={found[name]:g}"))
    without = [name for name in study.readers if name not in found]
    if without and not problems:
        fix = "give one rating for all, or one for each"
        problems.append(Problem(f"says nothing of {', '.join(without)}", fix, column="--call-from"))
    if problems:
        raise InputError(problems)
    return {name: found[name] for name in study.readers}
