"""Lung-RADS categories of a cohort's nodule table as a score table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.score_card import check_replaceable
from benchmark.producers import ProducerOptions
from benchmark.producers.lungrads import nodule as words
from benchmark.producers.lungrads.nodule import LungRadsNodule
from benchmark.producers.lungrads.rules import CATEGORIES, lungrads
from benchmark.producers.nodule_cells import InputCells, part_contradictions, size_contradictions
from benchmark.producers.ordinal import Guideline, write_ordinal_scores

MODEL: Final = "lungrads"
REFERENCE: Final = "ACR Lung-RADS v2022; Christensen et al., J Am Coll Radiol 2024;21:473-488"
GUIDELINE: Final = Guideline(MODEL, "Lung-RADS v2022", REFERENCE, CATEGORIES)
NUMBERS: Final = (
    "mean_diameter_mm", "long_axis_mm", "short_axis_mm", "solid_component_mm", "volume_mm3", "solid_volume_mm3",
    "prior_mean_diameter_mm", "prior_solid_component_mm", "interval_months",
)  # fmt: skip
REQUIRED: Final = ("nodule_type", "status")
INPUT_COLUMNS: Final = (*REQUIRED, *NUMBERS, "prior_category", "features")
"""What is read, all but the first two where the table has them."""


def write_producer_scores(name: str, cohort: Cohort, path: Path, options: ProducerOptions) -> None:
    """Write category and ordinal score of each nodule, with a card; a table of its own is replaced.

    The score is the place of the category in 1, 2, 3, 4A, 4B, 4X. Category 0 and nodules without one fail, with
    the reason. ``category``, ``also_defensible`` and ``rule`` stand in columns behind those of the contract.

    Args:
        name: Name in the table.
        cohort: The cohort; its nodule table holds ``INPUT_COLUMNS``.
        path: The table.
        options: ``columns``: input → column, where a column is called otherwise.

    Raises:
        InputError: Names every cell that could mean several things, contradicts another, or is none of the words.
    """
    check_replaceable(path, "calculator")
    found = [lungrads(nodule) for nodule in read_lungrads_nodules(cohort, options.columns)]
    write_ordinal_scores(GUIDELINE, name, cohort, path, found)


def read_lungrads_nodules(cohort: Cohort, columns: Mapping[str, str]) -> list[LungRadsNodule]:
    """The nodules of a cohort as the rules take them.

    Raises:
        InputError: As `write_producer_scores`.
    """
    cells = InputCells(cohort, INPUT_COLUMNS, REQUIRED, columns, "Lung-RADS")
    nodules = [_nodule_of_row(cells, row) for row in range(cells.rows)]
    cells.finish()
    return nodules


def _nodule_of_row(cells: InputCells, row: int) -> LungRadsNodule:
    """One row; what is wrong with it is added to ``cells``."""
    kind = cells.nodule_type(row, words.TYPES, "Lung-RADS")
    status = cells.word("status", row) or "unknown"
    if status not in words.STATUSES:
        cells.refuse("status", row, "is no status", f"use one of {', '.join(words.STATUSES)}")
    prior = cells.text("prior_category", row).upper()
    if prior not in ("", *words.PRIOR):
        fix = f"use one of {', '.join(words.PRIOR)}, or leave it empty"
        cells.refuse("prior_category", row, "is no category", fix)
    features = cells.features(row, words.FEATURE_WORDS)
    numbers = {name: cells.number(name, row) for name in NUMBERS}
    nodule = LungRadsNodule(kind, status, prior_category=prior, features=features, **numbers)
    volumes = part_contradictions("solid_volume_mm3", nodule.solid_volume_mm3, nodule.volume_mm3, kind)
    for name, what, fix in (*size_contradictions(nodule), *volumes):
        cells.refuse(name, row, what, fix)
    return nodule
