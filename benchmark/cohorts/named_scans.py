"""Scans that a nodule table names: what can be seen of them without opening one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.cohorts.findings import CohortFinding, nodule_at, unfit_nodules
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.scan_paths import as_written, check_place, path_under
from benchmark.errors import InputError, Problem


@dataclass(frozen=True)
class NamedScans:
    """What was seen of the scans that a nodule table names.

    Attributes:
        refused: Scan as the table names it → why ``bench crop`` would refuse it.
        elsewhere: Scans that may be on another machine: nothing that the table names is under the image root.
    """

    refused: Mapping[str, Sequence[Problem]]
    elsewhere: Sequence[str]


def without_image(nodules: pd.DataFrame) -> list[CohortFinding]:
    """Nodules that name no scan."""
    empty = np.flatnonzero(nodules["image_path"].fillna("") == "").tolist()
    return [
        CohortFinding("case", "has no image_path", "add the scan's", *nodule_at(nodules, row)) for row in empty
    ]


def look_at_scans(cohort: Cohort) -> NamedScans:
    """Look at each scan that the nodule table names, as ``bench crop`` does before it opens one."""
    refused: dict[str, Sequence[Problem]] = {}
    absent: dict[str, Sequence[Problem]] = {}
    some_here = False
    for image in filter(None, dict.fromkeys(cohort.nodules["image_path"].fillna("").astype(str))):
        try:
            path = path_under(image, cohort.image_root)
        except InputError as error:
            refused[image] = error.problems
            continue
        there = path.exists()
        some_here = some_here or there
        try:
            check_place(path, cohort.image_root)
        except InputError as error:
            (refused if there else absent)[image] = [as_written(one, image, path) for one in error.problems]
    return NamedScans(refused | absent, []) if some_here else NamedScans(refused, list(absent))


def refused_scans(nodules: pd.DataFrame, refused: Mapping[str, Sequence[Problem]]) -> list[CohortFinding]:
    """Nodules whose scan is refused, in the order of the table.

    Args:
        nodules: The nodule table.
        refused: Scan as it names it → why.
    """
    images = nodules["image_path"].fillna("").astype(str)
    rows = np.flatnonzero(images.isin(list(refused))).tolist()
    return [finding for row in rows for finding in unfit_nodules(refused[images.iloc[row]], nodules, [row])]
