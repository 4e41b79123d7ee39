"""Ids that stand in paths, found by the user's own regular expression: ``--id-pattern``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmark.errors import InputError, Problem
from benchmark.work import Lost, TaskLimits, limited_processes, run

GROUPS: Final = ("pid", "scan_id", "nodule_id", "id")
"""Groups of a pattern that say what they find; ``id`` is a patient's or a scan's."""
SYNTAX: Final = "Python's regular expressions, e.g. '.*/(?P<pid>[^/]+)/[^/]+$' takes the last folder"
FINDS_NONE: Final = "--id-pattern finds no id in this path"
MEMORY: Final = 1_000_000_000
SECONDS: Final = 5
"""Of processor time for searching any number of paths: a good pattern takes microseconds for each."""
PATHS_PER_SECOND: Final = 20_000
"""Paths that are given one second more."""


def ids_in_paths(paths: Sequence[str], pattern: str) -> list[dict[str, str]]:
    r"""What a pattern finds in each path; the backslashes of a path without ``/`` count as ``/``.

    A pattern such as ``(a+)+b`` can take longer than the universe is old: it is tried in a process whose time is
    limited, where the system can do that (not on Windows).

    Args:
        paths: The paths.
        pattern: Regular expression that is searched in each, with groups of ``GROUPS``, or one without a name.

    Returns:
        Group → text that it found, a dict for each path; the first group is ``id`` where none has a known name.
        Empty where the pattern does not match, or its groups find nothing.

    Raises:
        InputError: The pattern is none, has no group, or takes too long.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(_pattern_problem(f"is no regular expression: {error}", pattern)) from error
    named = [name for name in GROUPS if name in compiled.groupindex]
    if not compiled.groups:
        raise InputError(_pattern_problem("has no group for the id", pattern))
    groups: dict[str, str | int] = dict(zip(named, named, strict=True)) or {"id": 1}
    limits = partial(_search_limits, len(paths))
    (found,) = run([list(paths)], partial(_searched, pattern, groups), limited_processes(1, 1, limits))
    if isinstance(found, Lost):
        broken = limits(None).broken(found.status) or f"ended its process (status {found.status})"
        what = f"{broken} on {len(paths):,} paths"
        fix = "write it without repeats inside repeats, such as (a+)+"
        raise InputError(Problem(what, fix, column="--id-pattern", value=pattern))
    return found


def _search_limits(paths: int, task: object) -> TaskLimits:
    del task
    return TaskLimits(MEMORY, SECONDS + paths // PATHS_PER_SECOND)


def _searched(pattern: str, groups: dict[str, str | int], paths: Sequence[str]) -> list[dict[str, str]]:
    compiled = re.compile(pattern)
    found = []
    for path in paths:
        match = compiled.search(path if "/" in path else path.replace("\\", "/"))
        texts = {name: match[group] for name, group in groups.items()} if match else {}
        found.append({name: text for name, text in texts.items() if text})
    return found


def _pattern_problem(what: str, pattern: str) -> Problem:
    return Problem(what, SYNTAX, column="--id-pattern", value=pattern)
