"""Which column of a table is what: names that are recognised, and no column is two things."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.column_names import NAMES as COMMON
from benchmark.contracts.column_names import plain_name
from benchmark.errors import InputError, Problem

_MORE: Final[dict[str, tuple[str, ...]]] = {
    "pid": ("patient", "participant_id", "participant"),
    "path": (
        "image_path",
        "path",
        "file_path",
        "file_name",
        "file",
        "image_file",
        "image",
        "scan_path",
        "img_path",
    ),
    "coordX": ("coordX",),
    "coordY": ("coordY",),
    "coordZ": ("coordZ",),
}
NAMES: Final = {role: (*COMMON.get(role, ()), *_MORE.get(role, ())) for role in (*COMMON, *list(_MORE)[1:])}
"""Role → names of its column that are recognised, in any letter case and with any blanks, dots or dashes.

The first is that of this project's own tables.
"""
ROLES: Final = {names[0]: role for role, names in NAMES.items()}
"""Column of this project's own tables → its role."""


def check_roles(columns: Mapping[str, str], option: str = "--column", file: Path | str | None = None) -> None:
    """Refuse a column that is named for two roles.

    Args:
        columns: Role → column of the file.
        option: How the user names them.
        file: The file, where it is known.

    Raises:
        InputError: Names each such column and its roles.
    """
    roles: dict[str, list[str]] = {}
    for role, column in columns.items():
        roles.setdefault(column, []).append(role)
    problems = [
        Problem(f"is named for {len(of)} roles: {', '.join(of)}", "give each role a column of its own", file,
                column=option, value=column)
        for column, of in roles.items()
        if len(of) > 1
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


def recognised_columns(columns: Sequence[str], role: str) -> list[str]:
    """The columns whose name is one of a role's, the best first."""
    names = NAMES[role]
    rank = {plain_name(name): number for number, name in reversed(list(enumerate(names)))}
    found = [column for column in columns if plain_name(column) in rank]
    return sorted(found, key=lambda column: (column != names[0], rank[plain_name(column)]))


def column_of(
    columns: Sequence[str], role: str, cells: Callable[[str], pd.Series], file: Path | str | None = None
) -> str | None:
    """The column of a table that has a role by its name; None if there is none.

    The name that this project itself gives wins; of several others one is taken only if all hold the same.

    Args:
        columns: The columns that have no other role.
        role: A key of ``NAMES``.
        cells: Gives the cells of a column.
        file: The file, for the message.

    Raises:
        InputError: Several columns could have it, and they differ.
    """
    found = recognised_columns(columns, role)
    if not found:
        return None
    first, *others = found
    if first != NAMES[role][0] and any(not cells(first).equals(cells(other)) for other in others):
        what = f"several columns could be the {role}: {', '.join(found)}"
        raise InputError(Problem(what, f"say which with --column {role}=NAME", file, 1))
    return first


def by_role(columns: Mapping[str, str]) -> dict[str, str]:
    """Role → column, where the user may have named the column of this project instead of the role.

    Raises:
        InputError: Both are given.
    """
    named: dict[str, str] = {}
    for name, column in columns.items():
        role = ROLES.get(name, name)
        if role in named:
            what = f"is given twice, as {NAMES[role][0]} and as {role}"
            raise InputError(Problem(what, "give it once", column="--column", value=column))
        named[role] = column
    return named
