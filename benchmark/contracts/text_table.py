"""CSV files as tables of text: nothing is guessed, nothing is turned into a number or a missing value."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.delimiters import recognised_delimiter, refuse_other_delimiter
from benchmark.contracts.dialect import (
    are_infinite,
    decimal_mark,
    delimiter,
    number_fix,
    parse_numbers,
    text_codec,
)
from benchmark.contracts.text import TEXT
from benchmark.errors import GROUPED, InputError, Problem, at_rows
from benchmark.formats.csv import filled_rows, lines_of_rows, read_csv

_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
INFINITE = "is infinite"
"""What is wrong with a cell that says infinity."""
_SPREADSHEET_NUMBER = re.compile(r"\d(\.\d+)?E\+\d+|\d+\.0", re.IGNORECASE)


@dataclass
class TextTable:
    """A CSV file read as text, and the problems found in it so far.

    Attributes:
        path: The file.
        frame: One row a data row, every cell text; an empty cell is ``""``.
        problems: What is wrong with it; ``finish`` raises them together.
        decimal: Decimal mark of its numbers.
        options: Whether the user can say which it is.
        renamed: Column of ``frame`` → how the file calls it, where that differs.
    """

    path: Path
    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    _lines: Sequence[int] | None = None
    _format: tuple[str, str] = (",", "utf-8")
    decimal: str = "."
    options: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)

    def line(self, row: int) -> int:
        """Line of the file on which data row ``row`` (from 0) begins."""
        if self._lines is None:
            self._lines = lines_of_rows(self.path, *self._format)
        return self._lines[row]

    def report(self, rows: npt.NDArray[np.bool_] | pd.Series, column: str, what: str, fix: str = "") -> None:
        """Add a problem for every row where ``rows`` is true, one for all of them where they are very many."""
        bad = np.flatnonzero(np.asarray(rows))
        if not len(bad):
            return
        values = list(map(str, self.frame[column].iloc[bad])) if column in self.frame else []
        problem = Problem(what, fix, self.path, column=self.renamed.get(column, column))
        self.problems += at_rows(problem, [self.line(int(row)) for row in bad], values)

    def finish(self) -> None:
        """Raise ``InputError`` with all problems, in the order of the file, if there are any."""
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem.row or 0)
            raise InputError(ordered)

    def number(self, column: str, *, empty: bool = True) -> npt.NDArray[np.float64]:
        """A column as float64 ``(rows,)``; empty cells become NaN, anything else not finite is a problem."""
        text = self.frame[column]
        values = parse_numbers(text, self.decimal)
        is_empty = (text == "").to_numpy()
        self.report_no_numbers(
            np.isnan(values) & ~is_empty, column, "correct it, or leave the cell empty if it is missing"
        )
        if not empty:
            self.report(is_empty, column, "is empty", "give a number")
        return values

    def report_no_numbers(self, rows: npt.NDArray[np.bool_], column: str, fix: str) -> None:
        """Report cells that are infinite or no numbers; if all of these have a decimal comma, that is said."""
        wrong = self.frame[column][rows]
        infinite = np.zeros(len(rows), dtype=bool)
        infinite[rows] = are_infinite(wrong)
        self.report(infinite, column, INFINITE, fix)
        rest = rows & ~infinite
        fix = number_fix(self.frame[column][rest], fix, options=self.options)
        self.report(rest, column, "is not a finite number", fix)

    def check_ids(self, column: str, *, empty: bool = False) -> None:
        """Report ids that are empty, carry invisible characters, or were changed by a spreadsheet."""
        text = self.frame[column]
        if not empty:
            self.report(text == "", column, "is empty", "every row needs an id")
        unique: list[str] = text.unique().tolist()
        joined = "".join(unique)
        plain_ascii = joined.isascii()
        odd: list[str] = []
        if not plain_ascii or joined.split() != [joined]:
            odd = [raw for raw in unique if (raw.strip() if plain_ascii else _trimmed(raw)) != raw]
        what, fix = "has outer blanks or invisible characters", "remove them"
        if len(odd) > GROUPED:
            self.report(text.isin(odd), column, what, fix)
        for raw in odd if len(odd) <= GROUPED else []:
            points = " ".join(f"U+{ord(c):04X}" for c in raw[:8])
            self.report(text == raw, column, f"{what} ({points})", fix)
        steering = [] if joined.isprintable() else [raw for raw in unique if _control_characters(raw)]
        marks = sorted({mark for raw in steering for mark in _control_characters(raw)})
        points = " ".join(f"U+{ord(mark):04X}" for mark in marks[:8])
        self.report(text.isin(steering), column, f"holds characters that steer a terminal ({points})", fix)
        name = self.renamed.get(column, column)
        filled = [raw for raw in unique if raw]
        if len(filled) > 1 and all(map(_SPREADSHEET_NUMBER.fullmatch, filled)):
            what = f"all {len(filled)} ids look like spreadsheet numbers, e.g. {filled[0]!r}"
            fix = "a spreadsheet changed the ids: export the column again as text"
            self.problems.append(Problem(what, fix, self.path, column=name))
        if plain_ascii:
            return
        by_form: dict[str, list[str]] = {}
        for raw in filled:
            by_form.setdefault(unicodedata.normalize("NFC", raw), []).append(raw)
        twin_forms = [forms for forms in by_form.values() if len(forms) > 1]
        if len(twin_forms) > GROUPED:
            what = f"{len(twin_forms):,} ids stand in several Unicode forms"
            self.problems.append(Problem(what, "use one form (NFC)", self.path, column=name))
            return
        for forms in twin_forms:
            twins = ", ".join(repr(raw.encode("unicode_escape").decode()) for raw in forms)
            what = f"ids that differ only in their Unicode form: {twins}"
            self.problems.append(Problem(what, "use one form (NFC)", self.path, column=name))


def read_text_table(
    path: Path | str,
    required: Sequence[str] = (),
    *,
    sep: str | None = None,
    encoding: str = "utf-8",
    decimal: str = ".",
) -> TextTable:
    """Read a CSV file without interpreting it. Rows of empty cells alone, as spreadsheets leave behind, are none.

    Args:
        path: The file; UTF-8, with or without a byte order mark, unless ``encoding`` says otherwise.
        required: Columns that must be there.
        sep: The delimiter, or its name; None where the user cannot say it, nor the decimal mark: a comma then, or
            what else gives all the columns required.
        encoding: A Python codec name.
        decimal: Decimal mark of its numbers, or its name.

    Raises:
        InputError: The file is missing, empty, not text, ragged, or lacks or repeats a column; or ``sep``,
            ``encoding`` or ``decimal`` is none.
    """
    path, encoding, decimal, options = Path(path), text_codec(encoding), decimal_mark(decimal), sep is not None
    sep = recognised_delimiter(path, required) if sep is None else delimiter(sep)

    def check(header: list[str]) -> None:
        refuse_other_delimiter(path, header, required, sep, encoding, options=options)
        require_columns(path, header, required)

    frame = read_csv(path, sep=sep, encoding=encoding, check_header=check, options=options).astype(TEXT)
    filled = filled_rows(frame)
    if not filled.any():
        raise InputError(Problem("has no rows below its header", "check that the export finished", path))
    table = TextTable(path, frame, _format=(sep, encoding), decimal=decimal, options=options)
    if not filled.all():
        table._lines = [table.line(int(row)) for row in np.flatnonzero(filled)]
        table.frame = frame[filled].reset_index(drop=True)
    return table


def read_numbers(path: Path | str, texts: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV file of numbers as float64, NaN where a cell is empty; the columns ``texts`` must be there, as text.

    Raises:
        InputError: As ``read_text_table``, or a cell is neither empty nor a finite number.
    """
    table = read_text_table(path, texts)
    values = {str(name): table.number(str(name)) for name in table.frame.columns.difference(list(texts))}
    table.finish()
    return table.frame.assign(**values)


def nearest(name: str, candidates: Sequence[str]) -> str:
    """``"; did you mean 'x'?"`` for the candidate closest to ``name``, else an empty text."""
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.4)
    return f"; did you mean {lowered[found[0]]!r}?" if found else ""


def _control_characters(text: str) -> list[str]:
    return [mark for mark in text if unicodedata.category(mark) == "Cc" and not mark.isspace()]


def _trimmed(text: str) -> str:
    return text.translate(_ZERO_WIDTH).strip()


def require_columns(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    """Check the names of a table's columns.

    Raises:
        InputError: One stands twice, several have none, or one that is required is missing.
    """
    no_names = "name them, or delete them if they are empty"
    if len([name for name in header if name]) == 1:
        no_names = "begin with the names of the columns: delete what stands above them"
    problems = [
        Problem(f"column stands {count} times", "keep one of them", path, 1, name)
        if name
        else Problem(f"{count} columns have no name", no_names, path, 1)
        for name, count in Counter(header).items()
        if count > 1
    ]
    for name in required:
        if name not in header:
            what = f"column is missing{nearest(name, [h for h in header if h not in required])}"
            problems.append(Problem(what, f"columns found: {', '.join(header)}", path, 1, name))
    if problems:
        raise InputError(problems)
