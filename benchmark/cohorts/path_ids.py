"""The patient that the path of an image names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from benchmark.errors import InputError, Problem

ENDINGS: Final = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
"""Ends of names that are no part of a patient's: those of `benchmark.imaging.scans.formats`."""
_ENDING: Final = re.compile(r"([-_.](mask|masks|seg|segmentation|label|labels|nodule|nodules))+$", re.IGNORECASE)


def patient_of(path: Path, pattern: str | None) -> str:
    """The patient that a path names.

    Raises:
        InputError: The pattern is wrong or does not match.
    """
    if pattern is None:
        name = path.name
        for suffix in ENDINGS:
            if name.lower().endswith(suffix):
                name = name[: -len(suffix)]
                break
        return _ENDING.sub("", name) or name
    try:
        match = re.search(pattern, path.as_posix())
    except re.error as error:
        raise InputError(
            Problem(f"is no regular expression: {error}", column="--id-pattern", value=pattern)
        ) from error
    groups = match.groupdict() if match else {}
    found = groups.get("pid") or (match.group(1) if match and match.lastindex else None)
    if not found:
        what = "--id-pattern finds no patient in this path"
        raise InputError(Problem(what, "write a group, e.g. '(?P<pid>[^/]+)/mask'", path, value=pattern))
    return found
