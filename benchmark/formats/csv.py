"""CSV files as columns of text: nothing is guessed, nothing is turned into a number or a missing value."""

from __future__ import annotations

import codecs
import csv
import io
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmark.errors import InputError, Problem, at_rows
from benchmark.formats.csv_quotes import wrong_quotes
from benchmark.formats.opening import opened, read_bytes, read_text, refusing
from benchmark.redaction import note_table, note_values

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

LARGEST: Final = 512 * 2**20
"""Bytes of the largest file: five million rows of scores. Reading takes three to four times that in memory."""
LARGEST_HEADER: Final = 4 * 2**20
"""Bytes within which the first line must end."""
MOST_COLUMNS: Final = 20_000
"""Columns of the widest table: features of deep networks are some thousands."""
MOST_CELLS: Final = 50_000_000
"""Cells of the largest table: each takes 8 bytes in memory though it is empty."""
_LOOKED_FOR: Final = (",", ";", "\t", "|")
"""Delimiters that are tried where nobody names one; the first wins a tie."""
_BLOCK = 1 << 20
_LONGEST = 1 << 30


def read_csv(
    path: Path | str,
    *,
    sep: str = ",",
    encoding: str = "utf-8",
    check_header: Callable[[list[str]], None] | None = None,
    options: bool = True,
) -> pd.DataFrame:
    """A CSV file as text, one row a data row; an empty cell is ``""``.

    Args:
        path: The file; UTF-8, with or without a byte order mark, unless ``encoding`` says otherwise.
        sep: The delimiter.
        encoding: A Python codec name.
        check_header: Called with the names of the columns, without outer blanks, before the rows are read.
        options: Whether the user can say the codec (``--encoding``), so that a message may ask for it.

    Raises:
        InputError: The file is missing, empty, not text, ragged, too large or too wide.
    """
    path = Path(path)
    data = _utf8(path, read_bytes(path, LARGEST), encoding, options=options)
    header = _header(path, data, sep)
    if check_header is not None:
        check_header(header)
    cells = data.count(sep.encode()) + data.count(b"\n")
    if cells > MOST_CELLS:
        raise InputError(Problem(f"holds more than {MOST_CELLS:,} cells", "split it", path))
    import pyarrow as pa

    with refusing(path, "cannot be read as CSV"):
        try:
            frame = note_table(_frame(_parsed(data, header, sep)))
        except pa.ArrowInvalid as error:
            problems = wrong_quotes(path, data, len(header), sep, len(data)) or _ragged(
                path, data, len(header), sep
            )
            raise InputError(problems or [Problem(str(error)[:200], file=path)]) from error
    if problems := wrong_quotes(path, data, len(header), sep, len(frame)):
        raise InputError(problems)
    return frame


def read_csv_header(path: Path | str, sep: str = ",") -> list[str]:
    """Names of the columns of a CSV file, without outer blanks and quotes; what is no text is replaced.

    Raises:
        InputError: The file is missing or no regular one.
    """
    with opened(path) as stream, refusing(path, "cannot be read"):
        line = stream.readline(LARGEST_HEADER).decode("utf-8-sig", errors="replace")
    return [name.strip().strip('"') for name in line.split(sep)]


def find_delimiter(path: Path | str, encoding: str = "utf-8") -> str:
    """The delimiter of a CSV file: that of comma, semicolon, tab and pipe which parts its first line most often.

    Args:
        path: The file.
        encoding: A Python codec name.

    Raises:
        InputError: The file is missing or no regular one.
    """
    with opened(path) as stream, refusing(path, "cannot be read"):
        text = stream.read(LARGEST_HEADER).decode(
            "utf-8-sig" if encoding == "utf-8" else encoding, errors="replace"
        )
    lines = text.splitlines()
    line = next((line for line in lines if line.strip()), "")
    parts = {sep: len(next(csv.reader([line], delimiter=sep), [])) for sep in _LOOKED_FOR}
    return max(parts, key=lambda sep: parts[sep])


def read_csv_rows(path: Path | str) -> list[tuple[int, list[str]]]:
    """Line and cells of each row of a CSV file whose rows may have any length, as a sheet saved from Excel has.

    The delimiter is the semicolon where the first line has more of them than of commas.

    Raises:
        InputError: The file is missing, not UTF-8, too large, or no CSV.
    """
    text = read_text(path)
    first = text.split("\n", 1)[0]
    sep = ";" if first.count(";") > first.count(",") else ","
    if text.count(sep) > MOST_CELLS // 10:  # each cell is a text of its own here, of some 60 bytes
        raise InputError(Problem(f"holds more than {MOST_CELLS // 10:,} cells", "split it", path))
    if "\0" in text:
        raise InputError(Problem("holds NUL bytes", "this is not a text file: export it again", path))
    csv.field_size_limit(_LONGEST)
    rows, begin = [], 1
    with refusing(path, "cannot be read as CSV"):
        if problems := wrong_quotes(Path(path), text.encode(), 0, sep, text.count("\n")):
            raise InputError(problems)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
        for row in reader:
            rows.append((begin, row))
            begin = reader.line_num + 1
    note_values([cells for _, cells in rows])
    return rows


def filled_rows(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether any cell of a row holds more than blanks, ``(rows,)``; every cell is text."""
    filled = np.zeros(len(frame), dtype=bool)
    for _, cells in frame.items():
        rest = np.flatnonzero(~filled)
        if not rest.size:
            break
        filled[rest] = (cells.iloc[rest].str.strip() != "").to_numpy(bool)
    return filled


def lines_of_rows(path: Path | str, sep: str, encoding: str) -> array[int]:
    """Line on which each row of a CSV file begins, without the header's."""
    data = _utf8(Path(path), read_bytes(path, LARGEST), encoding)
    return array("Q", _begins(data, sep))[1:]


def _begins(data: bytes, sep: str) -> Iterator[int]:
    csv.field_size_limit(_LONGEST)
    begin = 1
    reader = csv.reader(_text(data), delimiter=sep)
    for row in reader:
        if row:
            yield begin
        begin = reader.line_num + 1


def _text(data: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")


def _parsed(data: bytes, header: list[str], sep: str, block_size: int = _BLOCK) -> Any:  # noqa: ANN401
    """All cells as text; a record longer than a block is read with blocks as large as the file."""
    import pyarrow as pa
    import pyarrow.csv

    pa.enable_signal_handlers(False)

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
        return _parsed(data, header, sep, len(data) + 1)


def _frame(table: Any) -> pd.DataFrame:  # noqa: ANN401
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True, use_threads=False)
    return frame


def _utf8(path: Path, data: bytes, encoding: str, *, options: bool = True) -> bytes:
    """The bytes of a text file in UTF-8 without a byte order mark."""
    fix = "save it as UTF-8" + (", or pass --encoding {}" if options else "")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(Problem("is an Excel or zip file", "save the sheet as CSV (UTF-8)", path))
    if data.startswith(b"bplist"):
        what = "is a binary property list, such as Safari's web archive, and no CSV"
        raise InputError(Problem(what, "download the table itself, or save it as text", path))
    if encoding == "utf-8" and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(Problem("is UTF-16", fix.format("utf-16"), path))
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        encoded = data if encoding == "utf-8" else text.encode()
    except UnicodeError as error:
        line = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else None
        raise InputError(Problem(f"is not {encoding}", fix.format("latin-1"), path, line)) from error
    if "\0" in text:
        raise InputError(Problem("holds NUL bytes", "this is not a text file: export it again", path))
    if not text.strip():
        raise InputError(Problem("is empty", "check that the export finished", path))
    return encoded.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else encoded


def _header(path: Path, data: bytes, sep: str) -> list[str]:
    """Names of the columns, without outer blanks."""
    begin = io.StringIO(data[:LARGEST_HEADER].decode(errors="ignore"), newline="")
    try:
        header = [name.strip() for name in next(csv.reader(begin, delimiter=sep), [])]
    except csv.Error as error:
        raise InputError(Problem(f"its header cannot be read ({error})", "export it again", path, 1)) from error
    if header in ([], [""]):  # pyarrow would take the next line for the names, and guess types
        raise InputError(Problem("its first line is blank", "begin with the names of the columns", path, 1))
    fix = "this is no table with named columns: export it again"
    if len(data) > LARGEST_HEADER and not begin.read(1):
        raise InputError(Problem(f"its first line is longer than {LARGEST_HEADER >> 20} MiB", fix, path, 1))
    if len(header) > MOST_COLUMNS:
        what = f"has {len(header):,} columns, more than {MOST_COLUMNS:,}"
        raise InputError(Problem(what, fix, path, 1))
    return header


def _ragged(path: Path, data: bytes, width: int, sep: str) -> list[Problem]:
    """What is wrong with the lengths of rows; very many of one length are one problem."""
    csv.field_size_limit(_LONGEST)
    found: dict[int, array[int]] = {}
    problems, begin = [], 1
    reader = csv.reader(_text(data), delimiter=sep, strict=True)
    try:
        for row in reader:
            if row and len(row) != width:
                found.setdefault(len(row), array("Q")).append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(f"quote opened on this line is never closed ({error})", "close it", path, begin))
    fix = "quote cells that hold the delimiter"
    if found and min(found) > width and not problems:
        fix += ", or give every column a name in the header"
    if found and width == 1 and not problems:
        fix = f"begin with the names of the columns: delete what stands above them, or {fix.partition(',')[0]}"
    for length, lines in found.items():
        what = f"has {length} cells, the header has {width}"
        problems += at_rows(Problem(what, fix, path), lines)
    return sorted(problems, key=lambda problem: problem.row or 0)
