"""Which column of a file is what: a column is never two things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.errors import InputError, Problem


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
