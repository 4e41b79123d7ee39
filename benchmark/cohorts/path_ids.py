"""The patients that the paths of images name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmark.contracts.path_ids import ids_in_paths
from benchmark.errors import InputError, Problem

ENDINGS: Final = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
"""Ends of names that are no part of a patient's: those of `benchmark.imaging.scans.formats`."""
_ENDING: Final = re.compile(r"([-_.](mask|masks|seg|segmentation|label|labels|nodule|nodules))+$", re.IGNORECASE)


def patients_of(paths: Sequence[Path], pattern: str | None) -> list[str]:
    """The patient that each path names.

    Args:
        paths: The paths.
        pattern: The user's regular expression (see ``ids_in_paths``); by default the name without what is usual
            at its end names the patient.

    Raises:
        InputError: The pattern is wrong, takes too long, or finds no patient in some of the paths.
    """
    if pattern is None:
        return [_name_without_ending(path) for path in paths]
    found = ids_in_paths([path.as_posix() for path in paths], pattern)
    named = [ids.get("pid") or ids.get("id", "") for ids in found]
    what, fix = "--id-pattern finds no patient in this path", "write a group, e.g. '(?P<pid>[^/]+)/mask'"
    problems = [Problem(what, fix, p, value=pattern) for p, name in zip(paths, named, strict=True) if not name]
    if problems:
        raise InputError(problems)
    return named


def _name_without_ending(path: Path) -> str:
    name = path.name
    for suffix in ENDINGS:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    return _ENDING.sub("", name) or name
