"""CSV files as tables of text: nothing is guessed, nothing is turned into a number or a missing value."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from benchmark.contracts.dialect import DELIMITERS, codec, decimal_mark, delimiter, number_fix, parse_numbers
from benchmark.contracts.text import TEXT, text_column
from benchmark.errors import InputError, Problem
from benchmark.files import replacing

_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_QUOTED = ',"\r\n'
_CHUNK = 100_000
_BLOCK = 1 << 20
_LONGEST = 1 << 30
# No threads of pyarrow, here or below: its pools are never ended, and a thread of theirs that lets go of a Python
# object while the interpreter ends brings the process down (status 134) after all work is done.
pa.enable_signal_handlers(False)
_SPREADSHEET_NUMBER = re.compile(r"\d(\.\d+)?E\+\d+|\d+\.0", re.IGNORECASE)


@dataclass
class TextTable:
    """A CSV file read as text, and the problems found in it so far.

    Attributes:
        path: The file.
        frame: One row a data row, every cell text; an empty cell is ``""``.
        problems: What is wrong with it; ``finish`` raises them together.
        decimal: Decimal mark of its numbers.
    """

    path: Path
    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    _lines: Sequence[int] | None = None
    _format: tuple[str, str] = (",", "utf-8")
    decimal: str = "."

    def line(self, row: int) -> int:
        """Line of the file on which data row ``row`` (from 0) begins."""
        if self._lines is None:
            self._lines = array("Q", _begins(self.path, *self._format))[1:]
        return self._lines[row]

    def report(self, rows: npt.NDArray[np.bool_] | pd.Series, column: str, what: str, fix: str = "") -> None:
        """Add a problem for every row where ``rows`` is true."""
        for row in np.flatnonzero(np.asarray(rows)):
            value = str(self.frame[column].iloc[row]) if column in self.frame else None
            self.problems.append(Problem(what, fix, self.path, self.line(int(row)), column, value))

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
        """Report cells that are no finite numbers; if all of them have a decimal comma, that is said."""
        self.report(rows, column, "is not a finite number", number_fix(self.frame[column][rows], fix))

    def check_ids(self, column: str, *, empty: bool = False) -> None:
        """Report ids that are empty, carry invisible characters, or were changed by a spreadsheet."""
        text = self.frame[column]
        if not empty:
            self.report(text == "", column, "is empty", "every row needs an id")
        unique = text_column(text.unique())
        plain_ascii = all(map(str.isascii, unique))
        for raw in [raw for raw in unique if (raw.strip() if plain_ascii else _plain(raw)) != raw]:
            points = " ".join(f"U+{ord(c):04X}" for c in raw[:8])
            self.report(text == raw, column, f"has outer blanks or invisible characters ({points})", "remove them")
        filled = unique[unique != ""]
        if len(filled) > 1 and all(map(_SPREADSHEET_NUMBER.fullmatch, filled)):
            what = f"all {len(filled)} ids look like spreadsheet numbers, e.g. {filled.iloc[0]!r}"
            fix = "a spreadsheet changed the ids: export the column again as text"
            self.problems.append(Problem(what, fix, self.path, column=column))
        if plain_ascii:
            return
        forms = filled.map(lambda text: unicodedata.normalize("NFC", text))
        for form in forms[forms.duplicated()].unique():
            twins = ", ".join(repr(t.encode("unicode_escape").decode()) for t in filled[forms == form])
            what = f"ids that differ only in their Unicode form: {twins}"
            self.problems.append(Problem(what, "use one form (NFC)", self.path, column=column))


def read_text_table(
    path: Path | str,
    required: Sequence[str] = (),
    *,
    sep: str = ",",
    encoding: str = "utf-8",
    decimal: str = ".",
) -> TextTable:
    """Read a CSV file without interpreting it.

    Args:
        path: The file; UTF-8, with or without a byte order mark, unless ``encoding`` says otherwise.
        required: Columns that must be there.
        sep: The delimiter, or its name.
        encoding: A Python codec name.
        decimal: Decimal mark of its numbers, or its name.

    Raises:
        InputError: The file is missing, empty, not text, ragged, or lacks or repeats a column; or ``sep``,
            ``encoding`` or ``decimal`` is none.
    """
    path, sep, encoding, decimal = Path(path), delimiter(sep), codec(encoding), decimal_mark(decimal)
    data = _read_bytes(path, encoding)
    header = _header(path, data, sep)
    _check_header(path, header, required, sep)
    try:
        if data.count(b'"') % 2:
            raise pa.ArrowInvalid("open quote")
        table = _parse(data, header, sep)
    except pa.ArrowInvalid as error:
        raise InputError(_ragged(path, data, len(header), sep) or [Problem(str(error), file=path)]) from error
    frame = table.to_pandas(split_blocks=True, self_destruct=True, use_threads=False).astype(TEXT)
    if frame.empty:
        raise InputError(Problem("has no rows below its header", "check that the export finished", path))
    return TextTable(path, frame, _format=(sep, encoding), decimal=decimal)


def _parse(data: bytes, header: list[str], sep: str, block_size: int = _BLOCK) -> pa.Table:
    """All cells as text; a record longer than a block is read with blocks as large as the file."""
    try:
        return pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(
                column_names=header, skip_rows_after_names=1, block_size=block_size, use_threads=False
            ),
            parse_options=pa.csv.ParseOptions(delimiter=sep, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "straddl" not in str(error) or block_size > len(data):
            raise
        return _parse(data, header, sep, len(data) + 1)


def write_table(frame: pd.DataFrame, path: Path | str) -> None:
    """Write a table as CSV, or as Parquet if ``path`` ends in ``.parquet``, atomically.

    Missing values become empty cells, floats keep all their digits, text is kept to the letter.
    """
    path = Path(path)
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            _write_parquet(frame, temporary)
            return
        if _write_plain(frame, temporary):
            return
        text = frame.select_dtypes(include=["object", "string"])
        # Python's csv writer leaves a lone carriage return unquoted, and readers take it for a line end.
        hostile = any(text[name].astype("string").str.contains("\r", regex=False).any() for name in text)
        quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if hostile else csv.QUOTE_MINIMAL
        frame.to_csv(temporary, index=False, lineterminator="\n", quoting=quoting)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """As ``DataFrame.to_parquet`` does, but by a path and in this thread."""
    from pyarrow import parquet  # slow to import

    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False, nthreads=1), str(path))


def read_parquet_table(path: Path) -> pd.DataFrame:
    """Read a Parquet file, in this thread.

    Raises:
        InputError: It is none, or cannot be read.
    """
    from pyarrow import parquet  # slow to import

    try:
        with parquet.ParquetFile(str(path), pre_buffer=False) as file:
            frame: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
            return frame
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read as Parquet: {error}", "write it again", path)) from error


def _write_plain(frame: pd.DataFrame, path: Path) -> bool:
    """Write a table of texts and numbers in which no cell needs quotes, several times as fast as pandas does.

    pyarrow's writer is faster still, but writes 1.0 as ``1`` and always quotes the names of the columns.

    Returns:
        Whether it was written; if not, nothing was.
    """
    names = [str(name) for name in frame.columns]
    if len(names) < 2 or not all(dtype.kind in "Ofiu" for dtype in frame.dtypes):
        return False
    if any(character in name for name in names for character in _QUOTED):
        return False
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(names) + "\n")
        for begin in range(0, len(frame), _CHUNK):
            columns = [_plain_cells(frame.iloc[begin : begin + _CHUNK, number]) for number in range(len(names))]
            if not all(column is not None for column in columns):
                return False
            stream.writelines(line + "\n" for line in map(",".join, zip(*columns, strict=True)))
    return True


def _plain_cells(column: pd.Series) -> list[str] | None:
    """The cells of a column as text, empty where missing; None if one of them is no text or needs quotes."""
    cells = column.tolist()
    if column.dtype.kind != "O":
        missing = column.isna().any()
        return (
            ["" if cell is pd.NA or cell != cell else repr(cell) for cell in cells]
            if missing
            else list(map(repr, cells))
        )
    try:
        joined = "".join(cells)
    except TypeError:
        cells = ["" if cell is None or cell is pd.NA or cell != cell else cell for cell in cells]
        if not all(isinstance(cell, str) for cell in cells):
            return None
        joined = "".join(cells)
    return None if any(character in joined for character in _QUOTED) else cells


def nearest(name: str, candidates: Sequence[str]) -> str:
    """``"; did you mean 'x'?"`` for the candidate closest to ``name``, else an empty text."""
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.4)
    return f"; did you mean {lowered[found[0]]!r}?" if found else ""


def _plain(text: str) -> str:
    return text.translate(_ZERO_WIDTH).strip()


def _read_bytes(path: Path, encoding: str) -> bytes:
    if not path.exists():
        raise InputError(Problem("does not exist", "check the path", path))
    if path.is_dir():
        raise InputError(Problem("is a folder", "give the file inside it", path))
    try:
        data = path.read_bytes()
    except PermissionError as error:
        raise InputError(Problem("cannot be read", "check its permissions", path)) from error
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(Problem("is an Excel or zip file", "save the sheet as CSV (UTF-8)", path))
    if encoding == "utf-8" and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(Problem("is UTF-16", "save it as UTF-8, or pass --encoding utf-16", path))
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeError as error:
        line = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else None
        raise InputError(
            Problem(f"is not {encoding}", "save it as UTF-8, or pass --encoding latin-1", path, line)
        ) from error
    if "\0" in text:
        raise InputError(Problem("holds NUL bytes", "this is not a text file: export it again", path))
    if not text.strip():
        raise InputError(Problem("is empty", "check that the export finished", path))
    return data.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else text.encode()


def _header(path: Path, data: bytes, sep: str) -> list[str]:
    """Names of the columns, without outer blanks."""
    begin = io.StringIO(data[:_BLOCK].decode(errors="ignore"), newline="")
    try:
        return [name.strip() for name in next(csv.reader(begin, delimiter=sep), [])]
    except csv.Error as error:
        raise InputError(Problem(f"its header cannot be read ({error})", "export it again", path, 1)) from error


def _check_header(path: Path, header: list[str], required: Sequence[str], sep: str) -> None:
    if header and header[0].lower().startswith("sep="):
        what = "begins with a line for Excel alone, not with the names of the columns"
        raise InputError(Problem(what, "delete that line", path, 1, value=sep.join(header)))
    if len(header) == 1 and list(required) != header:
        for name in ("semicolon", "tab", "comma", "pipe"):
            other = DELIMITERS[name]
            if other != sep and other in header[0]:
                spelled = "tab" if name == "tab" else f"'{other}'"
                fix = f"pass --sep {spelled}, or save it comma-separated"
                raise InputError(Problem(f"looks {name}-separated", fix, path, 1))
    problems = [
        Problem(f"column stands {count} times", "keep one of them", path, 1, name)
        if name
        else Problem(f"{count} columns have no name", "name them, or delete them if they are empty", path, 1)
        for name, count in Counter(header).items()
        if count > 1
    ]
    for name in required:
        if name not in header:
            what = f"column is missing{nearest(name, [h for h in header if h not in required])}"
            problems.append(Problem(what, f"columns found: {', '.join(header)}", path, 1, name))
    if problems:
        raise InputError(problems)


def _begins(path: Path, sep: str, encoding: str) -> Iterator[int]:
    """Line on which each record begins, the header first."""
    csv.field_size_limit(_LONGEST)
    begin = 1
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=sep)
        for row in reader:
            if row:
                yield begin
            begin = reader.line_num + 1


def _ragged(path: Path, data: bytes, width: int, sep: str) -> list[Problem]:
    csv.field_size_limit(_LONGEST)
    problems, begin = [], 1
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=sep, strict=True)
    try:
        for row in reader:
            if row and len(row) != width:
                what = f"has {len(row)} cells, the header has {width}"
                problems.append(Problem(what, "quote cells that hold the delimiter", path, begin))
            begin = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(f"quote opened on this line is never closed ({error})", "close it", path, begin))
    return problems
