"""Scans that a nodule table names: whether they are there, without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.cohorts.findings import CohortFinding, nodule_at
from benchmark.contracts.cohort import Cohort


def without_image(nodules: pd.DataFrame) -> list[CohortFinding]:
    """Nodules that name no scan."""
    empty = np.flatnonzero(nodules["image_path"].fillna("") == "").tolist()
    return [
        CohortFinding("case", "has no image_path", "add the scan's", *nodule_at(nodules, row)) for row in empty
    ]


def absent_scans(cohort: Cohort) -> tuple[list[str], int]:
    """Scans that the nodule table names and that are not there, and how many it names: looked for, not read."""
    named = [path for path in dict.fromkeys(cohort.nodules["image_path"].fillna("")) if path]
    return [path for path in named if not _is_there(cohort.image_root / path)], len(named)


def without_scan(nodules: pd.DataFrame, absent: Sequence[str]) -> list[CohortFinding]:
    """Nodules whose scan is one of those that are not there."""
    rows = np.flatnonzero(nodules["image_path"].isin(absent)).tolist()
    fix = "check image_path and the image root"
    return [
        CohortFinding("case", f"{nodules['image_path'].iloc[row]} — no such file", fix, *nodule_at(nodules, row))
        for row in rows
    ]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False
