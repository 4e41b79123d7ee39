"""Lung-RADS categories of a cohort's nodule table as a score table."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.cells import NOT_GIVEN, cell_text, plain_number, plain_words
from benchmark.contracts.cohort import TABLE, Cohort
from benchmark.contracts.overlap import exposure
from benchmark.contracts.score_card import ScoreCard, check_replaceable, write_score_card
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.contracts.text_table import nearest, write_table
from benchmark.errors import InputError, Problem, at_rows
from benchmark.producers import ProducerOptions
from benchmark.producers.lungrads import nodule as words
from benchmark.producers.lungrads.nodule import LungRadsNodule
from benchmark.producers.lungrads.rules import CATEGORIES, LungRads, lungrads

MODEL: Final = "lungrads"
REFERENCE: Final = "ACR Lung-RADS v2022; Christensen et al., J Am Coll Radiol 2024;21:473-488"
NUMBERS: Final = (
    "mean_diameter_mm", "long_axis_mm", "short_axis_mm", "solid_component_mm", "volume_mm3", "solid_volume_mm3",
    "prior_mean_diameter_mm", "prior_solid_component_mm", "interval_months",
)  # fmt: skip
REQUIRED: Final = ("nodule_type", "status")
INPUT_COLUMNS: Final = (*REQUIRED, *NUMBERS, "prior_category", "features")
"""What is read, all but the first two where the table has them."""
TYPE_WORDS: Final = {
    "solid": "solid", "part solid": "part_solid", "partsolid": "part_solid", "semi solid": "part_solid",
    "mixed": "part_solid", "non solid": "non_solid", "nonsolid": "non_solid", "ground glass": "non_solid",
    "pure ground glass": "non_solid", "ggn": "non_solid", "ggo": "non_solid", "juxtapleural": "juxtapleural",
    "juxta pleural": "juxtapleural", "airway": "airway", "cyst": "cyst",
}  # fmt: skip
"""Words for a type; subsolid is none, since it may be part-solid or non-solid."""
ADDED: Final = ("category", "also_defensible", "rule")
"""Columns of the score table beyond those of the contract."""


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
    nodules = read_lungrads_nodules(cohort, options.columns)
    found = [lungrads(nodule) for nodule in nodules]
    ranks = {category: rank for rank, category in enumerate(CATEGORIES, 1)}
    scored = [one.category in ranks for one in found]
    table = pd.DataFrame(
        {
            "model": name,
            "cohort": cohort.name,
            "pid": cohort.nodules["pid"].to_numpy(object),
            "nodule_id": cohort.nodules["nodule_id"].to_numpy(object),
            "fold": ENSEMBLE,
            "score": [float(ranks.get(one.category, float("nan"))) for one in found],
            "score_kind": "rank",
            "status": ["scored" if good else "failed" for good in scored],
            "reason": [_reason(one) for one in found],
        }
    )
    categories = pd.DataFrame(
        [(one.category, ";".join(one.also_defensible), one.rule) for one in found], columns=list(ADDED)
    )
    checked = check_score_table(table[list(COLUMNS)], path)
    write_score_card(_card(name, cohort, found), path)
    write_table(pd.concat([checked.reset_index(drop=True), categories], axis=1), path)


def _reason(found: LungRads) -> str:
    if found.category == "":
        return found.rule
    if found.category == "0":
        return f"category 0, {found.rule}"
    return f"also defensible: {', '.join(found.also_defensible)}" if found.also_defensible else ""


def _card(name: str, cohort: Cohort, found: list[LungRads]) -> ScoreCard:
    doubtful = sum(bool(one.also_defensible) for one in found)
    warnings = (
        f"{doubtful} of {len(found)} nodules allow another reading of the document: see also_defensible",
    ) if doubtful else ()  # fmt: skip
    return ScoreCard(
        model=name,
        cohort=cohort.name,
        title="Lung-RADS v2022",
        producer=f"calculator {MODEL}",
        trained_on=(),
        exposure=exposure((), cohort.manifest),
        recorded={"reference": REFERENCE, "score": "place in " + ", ".join(CATEGORIES)},
        warnings=warnings,
    )


def read_lungrads_nodules(cohort: Cohort, columns: Mapping[str, str]) -> list[LungRadsNodule]:
    """The nodules of a cohort as the rules take them.

    Raises:
        InputError: As `write_producer_scores`.
    """
    path = cohort.folder / TABLE
    unknown = [name for name in columns if name not in INPUT_COLUMNS]
    if unknown:
        fix = f"inputs: {', '.join(INPUT_COLUMNS)}"
        raise InputError([Problem("is no input", fix, column="--column", value=name) for name in unknown])
    named = {name: columns.get(name, name) for name in INPUT_COLUMNS}
    held = list(map(str, cohort.nodules.columns))
    absent = [
        name for name, column in named.items() if column not in held and (name in REQUIRED or name in columns)
    ]
    if absent:
        raise InputError(
            [
                Problem(
                    f"column is missing{nearest(named[name], held)}",
                    f"name it with --column {name}=COLUMN; Lung-RADS reads {', '.join(INPUT_COLUMNS)}",
                    path,
                    column=named[name],
                )
                for name in absent
            ]
        )
    cells = {
        name: [cell_text(cell) for cell in cohort.nodules[column]]
        if column in held
        else [""] * len(cohort.nodules)
        for name, column in named.items()
    }
    problems: list[Problem] = []
    nodules = [
        _nodule_of_row({name: texts[row] for name, texts in cells.items()}, row, named, path, problems)
        for row in range(len(cohort.nodules))
    ]
    if problems:
        raise InputError(problems)
    return nodules


def _nodule_of_row(
    cells: dict[str, str], row: int, named: Mapping[str, str], path: Path, problems: list[Problem]
) -> LungRadsNodule:
    """One row; what is wrong with it is added to ``problems``."""

    def wrong(name: str, what: str, fix: str) -> None:
        problems.extend(at_rows(Problem(what, fix, path, column=named[name]), [row + 2], [cells[name]]))

    kind = TYPE_WORDS.get(plain_words(cells["nodule_type"]), "")
    if not kind:
        wrong("nodule_type", "is no type of Lung-RADS", f"use one of {', '.join(words.TYPES)}")
    status = plain_words(cells["status"]).replace(" ", "_") or "unknown"
    if status not in words.STATUSES:
        wrong("status", "is no status", f"use one of {', '.join(words.STATUSES)}")
    prior = cells["prior_category"].upper()
    if prior not in ("", *words.PRIOR):
        wrong("prior_category", "is no category", f"use one of {', '.join(words.PRIOR)}, or leave it empty")
    features = [plain_words(word).replace(" ", "_") for word in cells["features"].split(";") if word.strip()]
    for word in features:
        if word not in words.FEATURE_WORDS:
            hint = nearest(word, list(words.FEATURE_WORDS))
            what = f"holds {word!r}, which might change the category{hint}"
            wrong("features", what, f"words, separated by semicolons: {', '.join(words.FEATURE_WORDS)}")
    numbers = {name: _decimal(cells[name]) for name in NUMBERS}
    for name, value in numbers.items():
        if cells[name] and plain_words(cells[name]) not in NOT_GIVEN and value is None:
            wrong(name, "is no number", "give a plain number, 0 or more, or leave the cell empty")
        elif value is not None and value > 100_000:
            wrong(name, "is too large", "lengths are in mm, volumes in mm³, intervals in months")
    nodule = LungRadsNodule(kind, status, prior_category=prior, features=frozenset(features), **numbers)
    for name, what, fix in _contradictions(nodule):
        wrong(name, what, fix)
    return nodule


def _decimal(text: str) -> Decimal | None:
    if plain_number(text) is None or text.startswith("-"):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _contradictions(nodule: LungRadsNodule) -> list[tuple[str, str, str]]:
    """Sizes that cannot all be true: column, what, and how to mend it."""
    found = []
    mean, long, short = nodule.mean_diameter_mm, nodule.long_axis_mm, nodule.short_axis_mm
    if long is not None and short is not None and short > long:
        found.append(("short_axis_mm", f"is larger than the long axis, {long}", "exchange the two"))
    elif (
        long is not None
        and short is not None
        and mean is not None
        and abs((long + short) / 2 - mean) > Decimal("0.1")
    ):
        what = f"is not the mean of the axes, {(long + short) / 2}"
        found.append(("mean_diameter_mm", what, "correct it, or leave it empty: the axes give it"))
    for name, part, whole in (
        ("solid_component_mm", nodule.solid_component_mm, nodule.diameter),
        ("solid_volume_mm3", nodule.solid_volume_mm3, nodule.volume_mm3),
    ):
        if part is not None and whole is not None and part > whole:
            found.append((name, f"is larger than the whole nodule, {whole}", "correct one of the two"))
        if part == 0 and nodule.nodule_type == "part_solid":
            found.append((name, "is 0 in a part-solid nodule", "give its size, or call the nodule non_solid"))
    zero = [name for name in ("mean_diameter_mm", "long_axis_mm", "volume_mm3") if getattr(nodule, name) == 0]
    found += [(name, "is 0", "leave the cell empty where the size is not known") for name in zero]
    return found
