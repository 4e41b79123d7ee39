"""Fleischner and BTS categories of a cohort's nodule table as a score table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.score_card import check_replaceable
from benchmark.producers import ProducerOptions
from benchmark.producers.calculators.inputs import INPUTS, find_column
from benchmark.producers.calculators.produce import CALCULATORS, score_with_calculator
from benchmark.producers.guidelines.bts import BTS, bts
from benchmark.producers.guidelines.fleischner import FLEISCHNER, fleischner
from benchmark.producers.guidelines.nodule import FEATURE_WORDS, RISKS, TYPES, GuidelineNodule
from benchmark.producers.lungrads.nodule import STATUSES
from benchmark.producers.nodule_cells import InputCells, size_contradictions
from benchmark.producers.ordinal import Guideline, GuidelineCategory, write_ordinal_scores

SIZES: Final = ("mean_diameter_mm", "long_axis_mm", "short_axis_mm", "solid_component_mm", "volume_mm3")
COMMON: Final = ("nodule_type", "status", *SIZES, "age", "features")
MODELS: Final = {"brock_risk": "brock", "herder_risk": "herder"}
"""Column of a risk → the calculator that stands in for it where there is none."""


@dataclass(frozen=True)
class NoduleGuideline:
    """A guideline and what it reads.

    Attributes:
        document: What table and card say of it.
        category: Its rules.
        inputs: What it reads, all but the nodule's type where the table has it.
    """

    document: Guideline
    category: Callable[[GuidelineNodule], GuidelineCategory]
    inputs: tuple[str, ...]


GUIDELINES: Final = {
    "fleischner": NoduleGuideline(
        Guideline(
            "fleischner", "Fleischner 2017", "MacMahon et al., Radiology 2017;284:228-243; the order is ours",
            FLEISCHNER,
        ),
        fleischner,
        (*COMMON, "nodule_count", "risk"),
    ),
    "bts": NoduleGuideline(
        Guideline(
            "bts", "BTS 2015", "Callister et al., Thorax 2015;70(Suppl 2):ii1-ii54; the order is ours", BTS
        ),
        bts,
        (*COMMON, *MODELS),
    ),
}  # fmt: skip
"""Name → guideline."""


def write_producer_scores(name: str, cohort: Cohort, path: Path, options: ProducerOptions) -> None:
    """Write category and ordinal score of each nodule, with a card; a table of its own is replaced.

    The score is the place of the category in ``FLEISCHNER`` or ``BTS``; nodules without one fail, with the reason.
    BTS takes the risks of the Brock and Herder models from the columns ``brock_risk`` and ``herder_risk`` (0 to
    1); without them it works them out where the table has the models' inputs.

    Args:
        name: ``fleischner`` or ``bts``.
        cohort: The cohort.
        path: The table.
        options: ``columns``: input, of the guideline or of a model → column; ``codes``, ``units`` of the models.

    Raises:
        InputError: Names every cell that could mean several things, contradicts another, or is none of the words.
    """
    check_replaceable(path, "calculator")
    guideline = GUIDELINES[name]
    own = {key: column for key, column in options.columns.items() if key in guideline.inputs}
    models = {key: column for key, column in options.columns.items() if key not in own}
    of_models = {item for model in MODELS.values() for item in CALCULATORS[model].inputs}
    foreign = {key: column for key, column in models.items() if name != "bts" or key not in of_models}
    cells = InputCells(cohort, guideline.inputs, ("nodule_type",), own | foreign, guideline.document.title)
    counts, warnings = dict[int, int](), list[str]()
    if name == "fleischner":
        counts, warnings = _nodule_counts(cells, cohort)
    risks: dict[str, Mapping[int, float]] = {}
    for column, model in MODELS.items() if name == "bts" else ():
        if column not in cells.held:
            shared = {key: value for key, value in own.items() if key in CALCULATORS[model].inputs}
            risks[column], said = _worked_out(model, cohort, options, shared | models)
            warnings += said
    nodules = [_nodule_of_row(cells, row, guideline.document.title, counts, risks) for row in range(cells.rows)]
    cells.finish()
    found = [guideline.category(nodule) for nodule in nodules]
    write_ordinal_scores(guideline.document, name, cohort, path, found, warnings)


def _nodule_of_row(
    cells: InputCells, row: int, title: str, counts: Mapping[int, int], risks: Mapping[str, Mapping[int, float]]
) -> GuidelineNodule:
    """One row; what is wrong with it is added to ``cells``."""
    kind = cells.nodule_type(row, TYPES, title)
    status = cells.word("status", row) or "baseline"
    if status not in STATUSES:
        cells.refuse("status", row, "is no status", f"use one of {', '.join(STATUSES)}, or leave it empty")
    risk = cells.word("risk", row)
    if risk and risk not in RISKS:
        cells.refuse("risk", row, "is no risk", f"use one of {', '.join(RISKS)}, or leave it empty")
    given = {column: _share(cells, column, row) for column in MODELS if column in cells.held}
    given |= {column: found.get(row) for column, found in risks.items()}
    mean, long, short, part, volume = (cells.number(name, row) for name in SIZES)
    nodule = GuidelineNodule(
        kind,
        status,
        nodule_count=counts.get(row),
        risk=RISKS.get(risk, ""),
        age=cells.number("age", row),
        features=cells.features(row, FEATURE_WORDS),
        mean_diameter_mm=mean,
        long_axis_mm=long,
        short_axis_mm=short,
        solid_component_mm=part,
        volume_mm3=volume,
        brock_risk=given.get("brock_risk"),
        herder_risk=given.get("herder_risk"),
    )
    for name, what, fix in size_contradictions(nodule):
        cells.refuse(name, row, what, fix)
    return nodule


def _share(cells: InputCells, name: str, row: int) -> float | None:
    value = cells.number(name, row)
    if value is not None and value > 1:
        cells.refuse(name, row, "is no probability from 0 to 1", "divide percentages by 100")
    return None if value is None else float(value)


def _nodule_counts(cells: InputCells, cohort: Cohort) -> tuple[dict[int, int], list[str]]:
    """Nodules on the scan of each row: as the column says, else the rows of the table."""
    if "nodule_count" in cells.held:
        found = {row: cells.number("nodule_count", row) for row in range(cells.rows)}
        for row, number in found.items():
            if number is not None and (number < 1 or number != int(number)):
                cells.refuse("nodule_count", row, "is no number of nodules", "give 1 or more, or leave it empty")
        return {row: int(number) for row, number in found.items() if number is not None}, []
    keys = [key for key in ("pid", "scan_id", "study_date") if key in cohort.nodules]
    sizes = cohort.nodules.groupby(keys, sort=False, dropna=False)["pid"].transform("size")
    what = f"no column nodule_count: a patient has as many nodules as the table has rows ({', '.join(keys)})"
    return dict(enumerate(sizes.astype(int).tolist())), [what]


def _worked_out(
    model: str, cohort: Cohort, options: ProducerOptions, columns: Mapping[str, str]
) -> tuple[dict[int, float], list[str]]:
    """Risk of each row by a calculator; none where the table lacks one of its inputs, with a sentence on it."""
    inputs = CALCULATORS[model].inputs
    named = {key: column for key, column in columns.items() if key in inputs}
    lacking = [item for item in inputs if find_column(INPUTS[item], cohort.nodules, named) is None]
    if lacking:
        return {}, [f"no {model} risk: the table has no column for {', '.join(lacking)}"]
    codes = {key: said for key, said in options.codes.items() if key in inputs}
    units = {key: unit for key, unit in options.units.items() if key in inputs}
    table = score_with_calculator(model, cohort, columns=named, codes=codes, units=units)
    scores = table["score"].to_numpy(np.float64).tolist()
    return {row: score for row, score in enumerate(scores) if not math.isnan(score)}, []
