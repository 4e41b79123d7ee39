"""Bringing the columns of somebody's table to the names of a nodule table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.contracts.column_guesses import columns_found, guesses, no_column_of_paths
from benchmark.contracts.nodules import COORDINATES, REQUIRED
from benchmark.contracts.path_ids import FINDS_NONE, SYNTAX, ids_in_paths
from benchmark.contracts.roles import NAMES, by_role, check_roles, column_of, plain_name
from benchmark.contracts.text_table import TextTable, nearest
from benchmark.errors import InputError, Problem

_OWN = {role: names[0] for role, names in NAMES.items() if role != "fold"}
_PATH = _OWN["path"]


@dataclass(frozen=True)
class NamedColumns:
    """Which column of a table became which.

    Attributes:
        renamed: Column of ours → theirs, where the two differ.
        missing: Columns of ours that are left empty.
    """

    renamed: Mapping[str, str]
    missing: list[str]


def name_columns(source: TextTable, columns: Mapping[str, str], id_pattern: str | None = None) -> NamedColumns:
    """Give the columns of a table the names of a nodule table, and add those that it lacks.

    Args:
        source: The table; its frame is replaced.
        columns: Role, or column of ours → column of theirs, as the user says; ``""`` says that there is none.
        id_pattern: Regular expression for the ids in the path of the image.

    Raises:
        InputError: A named column is missing or has two roles, several could have one, nothing names the patients,
            or the pattern finds nothing in some path.
    """
    given = {_OWN.get(role, role): theirs for role, theirs in by_role(columns).items()}
    found_before = columns_found(source.frame)
    check_roles({ours: theirs for ours, theirs in given.items() if theirs}, file=source.path)
    _need(source, [theirs for theirs in given.values() if theirs])
    source.frame = source.frame.drop(
        columns=[ours for ours, theirs in given.items() if not theirs and ours in source.frame]
    )
    taken = {ours: theirs for ours, theirs in given.items() if theirs}
    for role, ours in _OWN.items():
        if ours in given:
            continue
        free = [name for name in map(str, source.frame.columns) if name not in taken.values()]
        found = column_of(free, role, source.frame.__getitem__, source.path)
        if found is not None:
            taken[ours] = found
    renamed = {ours: theirs for ours, theirs in taken.items() if ours != theirs}
    clash = [ours for ours in renamed if ours in source.frame and ours not in taken.values()]
    if clash:
        what = "exists already, and another column was mapped to it"
        raise InputError([Problem(what, "rename one of them", source.path, 1, name) for name in clash])
    source.frame = source.frame.rename(columns={theirs: ours for ours, theirs in renamed.items()})
    source.renamed = renamed
    if id_pattern is not None:
        _add_ids_of_paths(source, id_pattern)
    if "pid" not in source.frame:
        raise InputError(_no_patient(source, found_before))
    return NamedColumns(renamed, _fill_missing(source))


def _need(source: TextTable, columns: list[str]) -> None:
    names = [str(name) for name in source.frame.columns]
    absent = [theirs for theirs in columns if theirs not in names]
    if absent:
        found = columns_found(source.frame)
        raise InputError(
            [Problem(f"column is missing{nearest(name, names)}", found, source.path, 1, name) for name in absent]
        )


def _add_ids_of_paths(source: TextTable, pattern: str) -> None:
    if _PATH not in source.frame:
        raise InputError(no_column_of_paths(source.frame, source.path))
    found = ids_in_paths(source.frame[_PATH].tolist(), pattern)
    groups = sorted({group for ids in found for group in ids})
    for group in groups:
        ours = "pid" if group == "id" else group
        if ours in source.frame:
            what = (
                f"has a column for the {ours} ({source.renamed.get(ours, ours)}), and --id-pattern finds one too"
            )
            raise InputError(
                Problem(
                    what,
                    f"leave the pattern out, or pass --column {ours}= to leave the column out",
                    source.path,
                    1,
                )
            )
    for group in groups or ["pid"]:
        none = np.array([group not in ids for ids in found])
        source.report(none, _PATH, FINDS_NONE, SYNTAX)
    source.finish()
    for group in groups:
        source.frame["pid" if group == "id" else group] = [ids[group] for ids in found]


def _no_patient(source: TextTable, found: str) -> Problem:
    spellings = {plain_name(name): name for name in reversed(NAMES["pid"])}
    what = f"has no column for the patient (looked for {', '.join(reversed(spellings.values()))})"
    likely = guesses(source.frame, "pid")
    if likely:
        fix = f"pass --column pid={_quoted(likely[0])}" + "".join(f", or {_quoted(name)}," for name in likely[1:2])
        fix += " if that is the patient"
    elif _PATH in source.frame or guesses(source.frame, "path"):
        fix = "is the patient in a path? pass --id-pattern '.*/(?P<pid>[^/]+)/[^/]+$' for the last folder"
    else:
        fix = "pass --column pid=NAME"
    return Problem(what, f"{fix}; {found}", source.path, 1)


def _fill_missing(source: TextTable) -> list[str]:
    """Add the columns that are required and not there, empty but for the number of the nodule."""
    missing = [name for name in REQUIRED if name not in source.frame]
    for name in missing:
        source.frame[name] = source.frame.groupby("pid").cumcount().astype(str) if name == "nodule_id" else ""
    lacking = [name for name in COORDINATES if name in missing]
    if 0 < len(lacking) < len(COORDINATES):
        fix = f"map all three coordinates, or none; {columns_found(source.frame)}"
        raise InputError(Problem(f"lacks {', '.join(lacking)}", fix, source.path, 1))
    return missing


def _quoted(name: str) -> str:
    return name if name.replace("_", "").isalnum() else f"'{name}'"
