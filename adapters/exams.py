"""Outputs that come as one small file an exam, with the id in the path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from benchmark.contracts.path_ids import FINDS_NONE, ids_in_paths
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished
from benchmark.formats.json import P, read_json_files

IdKind = Literal["case", "pid", "scan_id"]
GROUPS: Final[dict[str, IdKind]] = {"pid": "pid", "scan_id": "scan_id", "id": "case"}
"""Group of a pattern → what its id is."""


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


def exam_contents(files: Sequence[P], *, drop_missing: bool) -> Iterator[tuple[P, Any]]:
    """Each JSON file with its content or error (``read_json_files``); NaN is null where scores may be missing."""
    return read_json_files(files, nan="null" if drop_missing else "refused", lines=True)


class ExamIds:
    """The id of each exam, from the path of its file.

    Args:
        files: The files.
        pattern: Regular expression searched in their absolute paths (see ``benchmark.contracts.path_ids``). Its
            group ``pid``, ``scan_id`` or ``id`` is the id, else its first. None takes the name of the folder.

    Raises:
        InputError: The pattern is wrong or takes too long.
    """

    def __init__(self, files: Sequence[Path | str], pattern: str | None) -> None:
        self.pattern = pattern
        self.found: dict[str, dict[str, str]] = {}
        if pattern is not None:
            paths = [Path(file).absolute().as_posix() for file in files]
            self.found = dict(zip(map(str, files), ids_in_paths(paths, pattern), strict=True))

    def of(self, file: Path | str) -> tuple[IdKind, str]:
        """Whether the id is a patient's, a scan's, or not said (``case``), and the id.

        Raises:
            InputError: The pattern does not match the path.
        """
        if self.pattern is None:
            return "case", Path(file).absolute().parent.name
        named = self.found[str(file)]
        for group, kind in GROUPS.items():
            if group in named:
                return kind, named[group]
        raise InputError(Problem(FINDS_NONE, "try it on the path above", file, value=self.pattern))
