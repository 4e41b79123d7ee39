"""Outputs that come as one small file an exam, with the id in the path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmark.errors import InputError, Problem
from benchmark.files import list_finished

IdKind = Literal["case", "pid", "scan_id"]
GROUPS: tuple[IdKind, ...] = ("pid", "scan_id", "case")


def exam_files(paths: Sequence[Path], suffixes: Sequence[str], name: str) -> list[Path]:
    """Files with one of ``suffixes`` among ``paths``; a folder stands for every file ``name`` below it.

    Raises:
        InputError: A path does not exist, or a folder holds no such file.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        if path.is_dir():
            inside = list_finished(path, f"**/{name}")
            if not inside:
                problems.append(Problem(f"holds no {name}", "give the folder that the run wrote", path))
            found += inside
        elif not path.exists():
            problems.append(Problem("does not exist", "check the path", path))
        elif path.name.lower().endswith(tuple(suffixes)):
            found.append(path)
    if problems:
        raise InputError(problems)
    return found


def exam_id(file: Path, pattern: str | None) -> tuple[IdKind, str]:
    """The id of an exam from the path of its file.

    Args:
        file: The file.
        pattern: Regular expression searched in the path (``/`` between its parts). Its group ``pid``,
            ``scan_id`` or ``id`` is the id, else its first group. None takes the name of the file's folder.

    Returns:
        Whether the id is a patient's, a scan's, or not said (``case``), and the id.

    Raises:
        InputError: The pattern is wrong or does not match.
    """
    path = file.absolute().as_posix()
    if pattern is None:
        return "case", file.absolute().parent.name
    try:
        match = re.search(pattern, path)
    except re.error as error:
        what = f"is no regular expression: {error}"
        raise InputError(Problem(what, column="--id-pattern", value=pattern)) from error
    if match is None:
        what = "--id-pattern does not match this path"
        raise InputError(Problem(what, "try it on the path above", file, value=pattern))
    named = {key: value for key, value in match.groupdict().items() if value}
    for kind in GROUPS:
        if kind in named:
            return kind, named[kind]
    if "id" in named:
        return "case", named["id"]
    if match.lastindex:
        return "case", match.group(1)
    fix = "write e.g. '(?P<pid>[^/]+)/scan'"
    raise InputError(Problem("has no group for the id", fix, column="--id-pattern", value=pattern))
