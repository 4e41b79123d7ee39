"""A file that lists patients: a published split of the ids that a model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmark.contracts.roles import columns_called, recognised_columns
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from benchmark.formats.csv import find_delimiter
from benchmark.formats.opening import read_text
from benchmark.wording import first_few

PLAIN: Final = (".txt", ".lst")
"""Endings of files with one id a line and no header."""


def read_patient_list(path: Path) -> tuple[str, ...]:
    """The patients that a file lists, each once, in its order.

    A ``.txt`` holds one id a line. Any other file is a table with a column of patient ids, whatever else it holds.
    One that also says to which of several parts of a split each row belongs is refused: all parts would count.

    Raises:
        InputError: It cannot be read, lists nobody, or it is not clear which column or which rows are meant.
    """
    if path.suffix.lower() in PLAIN:
        ids = [line.strip() for line in read_text(path).splitlines()]
        found = tuple(dict.fromkeys(pid for pid in ids if pid))
        _check_one_id_a_line(found, path)
        return found
    table = read_text_table(path, sep=find_delimiter(path))
    columns = list(table.frame.columns)
    of_patients = recognised_columns(columns, "pid")
    if len(of_patients) != 1:
        what = "several columns could be the patients" if of_patients else "no column of patients is recognised"
        fix = f"call the one that holds them pid, or give a {PLAIN[0]} with one id a line"
        raise InputError(Problem(f"{what}: {first_few(of_patients or columns)}", fix, path, 1))
    (name,) = of_patients
    table.check_ids(name)
    table.finish()
    for part in columns_called(columns, "part"):
        if len(parts := sorted(set(table.frame[part].tolist()))) > 1:
            what = f"lists patients of several parts of a split: {first_few(parts)}"
            raise InputError(Problem(what, "keep the rows of those the model was trained on", path, column=part))
    return tuple(dict.fromkeys(table.frame[name].tolist()))


def _check_one_id_a_line(ids: tuple[str, ...], path: Path) -> None:
    if not ids:
        raise InputError(Problem("lists no patient", "write one id a line", path))
    if several := [pid for pid in ids if any(mark in pid for mark in ",;\t")]:
        what = "holds more than an id a line"
        raise InputError(Problem(what, "save it as .csv with a header", path, value=several[0]))
    if recognised_columns([ids[0]], "pid"):
        fix = "take its header away, or save it as .csv"
        raise InputError(Problem("is the name of a column, not a patient", fix, path, 1, value=ids[0]))
