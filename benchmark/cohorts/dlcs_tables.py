"""What the other tables of a DLCS release say of its patients and scans, joined to the nodules."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.nodules import COLUMNS
from benchmark.contracts.roles import recognised_columns
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem

_IMAGE: Final = "ct_nifti_file"
_OF_NODULES: Final = ("coordX", "coordY", "coordZ", "Malignant_lbl")
"""What the annotations say, and no other table changes."""
_AGAIN: Final = "\u241fagain"
"""Ends the name of a column that both tables have, while they are compared."""


def add_columns(nodules: pd.DataFrame, file: Path) -> tuple[pd.DataFrame, list[str]]:
    """Add the columns of a table such as ``DLCSD24_metadata_v1.1.csv`` under their own names.

    Rows are joined by patient, and by ``nodule_id`` or ``ct_nifti_file`` as well where the table has it.

    Args:
        nodules: The nodule table, ``image_path`` being the release's ``ct_nifti_file``.
        file: The table.

    Returns:
        The nodule table with the columns, and sentences on what was joined by what and what has no row.

    Raises:
        InputError: It has no column of the patient, a row twice, or columns of the nodule table in other words.
    """
    table = read_text_table(file)
    patients = recognised_columns(list(map(str, table.frame)), "pid")
    if not patients:
        what = f"has no column of the patient: {', '.join(map(repr, table.frame))}"
        raise InputError(Problem(what, "rename it to patient-id, or leave the file out of --from", file, 1))
    by = {patients[0]: "pid"}
    by |= {name: own for name, own in (("nodule_id", "nodule_id"), (_IMAGE, "image_path")) if name in table.frame}
    names = [str(name) for name in table.frame if name not in by and name not in (*patients, *_OF_NODULES)]
    _check_rows(table, list(by))
    others = table.frame[[*by, *names]].rename(columns=by)
    for name in names:
        others[name] = others[name].str.strip().replace("", None)
    key = list(by.values())
    found = nodules.merge(
        others, how="left", on=key, validate="many_to_one", indicator=True, suffixes=("", _AGAIN)
    )
    _drop_repeated(found, table)
    names = [name for name in names if name in found and name not in nodules]
    alone = int((found.pop("_merge") == "left_only").sum())
    spare = others.merge(nodules[key].drop_duplicates(), how="left", on=key, indicator=True)["_merge"]
    notes = [f"{file.name}: {', '.join(map(repr, names))} by {', '.join(map(repr, by))}"]
    notes += [f"{file.name}: no row of it is of {alone:,} of {len(nodules):,} nodules"] if alone else []
    unused = int((spare == "left_only").sum())
    notes += [f"{file.name}: {unused:,} of {len(others):,} rows are of none of the nodules"] if unused else []
    return found, notes


def _check_rows(table: TextTable, by: list[str]) -> None:
    """Refuse rows that cannot be told apart."""
    table.check_ids(by[0])
    fix = "keep one row, or leave the file out of --from"
    table.report(table.frame.duplicated(by), by[-1], "has a second row, and nothing says which counts", fix)
    table.finish()


def _drop_repeated(found: pd.DataFrame, table: TextTable) -> None:
    """Drop columns that the nodule table has already, and refuse those that say something else there."""
    problems = []
    for again in [str(name) for name in found if str(name).endswith(_AGAIN)]:
        name = again.removesuffix(_AGAIN)
        own, other = found[name], found.pop(again)
        if (other.notna() & (own.astype("string") != other.astype("string")).fillna(True)).any():
            what = "the nodule table has this column already, with other values"
            problems.append(Problem(what, "rename it", table.path, 1, value=name))
    problems += [
        Problem("is a column of the nodule table", "rename it", table.path, 1, value=name)
        for name in table.frame
        if name in COLUMNS and name not in ("nodule_id", "pid", *_OF_NODULES)
    ]
    if problems:
        raise InputError(problems)
