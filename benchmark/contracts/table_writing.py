"""Tables into files: CSV or Parquet, to the letter and all at once."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from benchmark.files import replacing

_QUOTED: Final = ',"\r\n'
_CHUNK: Final = 100_000


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
    import pyarrow as pa  # slow to import
    from pyarrow import parquet

    pa.enable_signal_handlers(False)
    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False, nthreads=1), str(path))


def _write_plain(frame: pd.DataFrame, path: Path) -> bool:
    """Write a table of texts and numbers in which no cell needs quotes, several times as fast as pandas does.

    pyarrow's writer is faster still, but writes 1.0 as ``1`` and always quotes the names of the columns.

    Returns:
        Whether it was written; if not, nothing was.
    """
    names = [str(name) for name in frame.columns]
    if not names or not all(dtype.kind in "Ofiu" for dtype in frame.dtypes):
        return False
    if any(character in name for name in names for character in _QUOTED):
        return False
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(names) + "\n")
        for begin in range(0, len(frame), _CHUNK):
            cells = [_plain_cells(frame.iloc[begin : begin + _CHUNK, number]) for number in range(len(names))]
            columns = [column for column in cells if column is not None]
            if len(columns) < len(names):
                return False
            if len(names) == 1 and "" in columns[0]:  # a blank line would be no row
                return False
            stream.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n")
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
