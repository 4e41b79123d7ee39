"""Ids of a table that names its cases by a path alone, found by the user's regular expression."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adapters.tables import Tables
from benchmark.contracts.column_guesses import no_column_of_paths
from benchmark.contracts.path_ids import FINDS_NONE, SYNTAX, ids_in_paths
from benchmark.contracts.roles import column_of
from benchmark.errors import InputError, Problem

ROLE_OF_GROUP = {"pid": "pid", "scan_id": "scan_id", "nodule_id": "nodule_id", "id": "case"}


def add_ids_of_paths(tables: Tables, roles: Mapping[str, str], path: str | None, pattern: str) -> dict[str, str]:
    """Add columns with what a pattern finds in the paths of a table.

    Args:
        tables: The tables; each gets a column for each group of the pattern.
        roles: Role → column of what the tables say themselves.
        path: The column of paths; None takes one by its name.
        pattern: See ``benchmark.contracts.path_ids``.

    Returns:
        Role → column for what was added.

    Raises:
        InputError: There is no column of paths, the pattern is wrong, finds nothing in some of them, or finds what
            a column says already.
    """
    file, first = tables.tables[0].path, tables.tables[0].frame
    path = path or column_of(tables.columns, "path", tables.text, file)
    if path is None:
        raise InputError(no_column_of_paths(first, file))
    found = ids_in_paths(tables.text(path).tolist(), pattern)
    groups = sorted({group for ids in found for group in ids}) or ["pid"]
    twice = [ROLE_OF_GROUP[group] for group in groups if ROLE_OF_GROUP[group] in roles]
    if twice:
        what = f"{', '.join(f'{roles[role]!r} says the {role}' for role in twice)}, and --id-pattern finds it too"
        fix = f"leave the pattern out, or pass --column {twice[0]}= to leave the column out"
        raise InputError(Problem(what, fix, file, 1))
    begin = 0
    for table in tables.tables:
        own, begin = found[begin : begin + len(table.frame)], begin + len(table.frame)
        for group in groups:
            missing = np.array([group not in ids for ids in own])
            table.report(missing, path, FINDS_NONE, SYNTAX)
            table.frame[f"{path} ({group})"] = [ids.get(group, "") for ids in own]
    tables.finish()
    return {ROLE_OF_GROUP[group]: f"{path} ({group})" for group in groups}
