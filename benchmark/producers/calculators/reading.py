"""Columns of a nodule table as the numbers of a formula; what cannot mean one thing is refused, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmark.contracts.cells import NOT_GIVEN, NOT_GIVEN_OR_NOTHING, cell_text, plain_number
from benchmark.contracts.cohort import TABLE, Cohort
from benchmark.errors import InputError, Problem
from benchmark.producers.calculators.choices import Choices, code_key
from benchmark.producers.calculators.inputs import (
    INPUTS,
    Input,
    find_column,
    inputs_with_units,
    join_margins,
    known_columns,
)
from benchmark.producers.calculators.smoking import (
    STATUS,
    contradictions,
    never_smoked,
    settle_years_quit,
    smoking_of,
)
from benchmark.producers.calculators.units import Array, named_otherwise, unit_problem, unlikely_unit
from benchmark.producers.calculators.words import Said

_SHOWN = 5


@dataclass
class Column:
    """An input read from a column.

    Attributes:
        values: Numbers ``(rows,)``, NaN where missing.
        notes: What a reader of each row's score must know ``(rows,)``; mostly empty.
        problems: What is refused.
    """

    values: Array
    notes: list[str]
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Inputs:
    """The inputs of all rows.

    Attributes:
        values: Input → numbers ``(rows,)``, NaN where missing.
        undefined: Why the model has no score for a row whatever its inputs; empty where it has.
        notes: What a reader of a row's score must know; mostly empty.
    """

    values: dict[str, Array]
    undefined: list[str]
    notes: list[str]


def read_calculator_inputs(
    names: Sequence[str],
    cases: pd.DataFrame,
    cohort: Cohort,
    choices: Choices,
    *,
    of_smokers: bool = False,
    required: bool = True,
) -> Inputs:
    """Read several inputs, and see that what they say about smoking fits together.

    Args:
        names: The inputs.
        cases: Rows of the cohort's nodule table on its own index.
        cohort: The cohort.
        choices: What the user says about columns, codes and units.
        of_smokers: The model is defined for people who have smoked.
        required: Every input needs a column.

    Raises:
        InputError: Everything that is missing, could mean several things or contradicts itself.
    """
    table, where = join_margins(cases), str(cohort.folder / TABLE)
    rows = len(table)
    values: dict[str, Array] = {}
    places: dict[str, str] = {}
    problems: list[Problem] = []
    notes: list[list[str]] = [[] for _ in range(rows)]
    smokes = any(name in STATUS for name in names)
    for name in dict.fromkeys((*names, *(STATUS if smokes else ()))):
        column = find_column(INPUTS[name], table, choices.columns)
        if column is None or column not in table:
            values[name] = np.full(rows, np.nan)
            problems += [] if column is None else [Problem("column is missing", "", where, 1, column)]
            continue
        read = read_input(INPUTS[name], table, column, choices, cohort.manifest.details.get("source"), where)
        if name in names or column not in places.values():
            problems += read.problems
        values[name], places[name] = read.values, column
        for row, note in enumerate(read.notes):
            notes[row] += [f"{name}: {note}"] if note else []
    absent = [name for name in names if find_column(INPUTS[name], table, choices.columns) is None]
    if absent and required:
        what = f"has no column for {inputs_with_units(absent)}"
        fix = (
            f"name the columns (--column {absent[0]}=COLUMN), add them to the nodule table, or fill them in from "
            "a training cohort (--impute-from COHORT)"
        )
        problems.insert(0, Problem(what, fix, where, 1))
    undefined = [""] * rows
    if smokes and not problems:
        smoking = smoking_of(values, rows)
        problems += contradictions(values, smoking, places, lambda row: int(table.index[row]) + 2, where)
        settle_years_quit(values, smoking)
        undefined = never_smoked(values, smoking) if of_smokers else undefined
    if problems:
        raise InputError(problems)
    return Inputs(values, undefined, ["; ".join(row) for row in notes])


def read_input(
    item: Input, table: pd.DataFrame, column: str, choices: Choices, source: object, where: str
) -> Column:
    """Read an input.

    Args:
        item: The input.
        table: Nodule table; its index counts the rows of the file.
        column: The column that holds it.
        choices: What the user says about codes and units.
        source: What the cohort was prepared from.
        where: The file, for messages.
    """
    texts = [cell_text(cell) for cell in table[column]]
    lines = [int(index) + 2 for index in table.index]
    codes = choices.meanings(item.name, column, source)
    said = {text: _read_cell(item, column, text, codes) for text in dict.fromkeys(texts)}
    if recoded := _recoded(item, column, codes):
        said |= {text: recoded for text in said if _is_bare_number(text) and code_key(text) not in codes}
    read = Column(np.array([said[text].value for text in texts], dtype=float), [said[text].note for text in texts])
    for text, cell in said.items():
        if cell.refused:
            at = [line for line, other in zip(lines, texts, strict=True) if other == text]
            read.problems.append(_refusal(item, column, text, cell, at, where))
    if not item.coded:
        _settle_unit(item, read, column, choices.units.get(item.name), where, texts, lines)
    elif item.name not in choices.columns:
        read.problems += _contradictions(item, table, column, choices, source, where, read.values)
    return read


def _read_cell(item: Input, column: str, text: str, codes: dict[str, str]) -> Said:
    if text and code_key(text) in codes:
        return item.read(item.name)(codes[code_key(text)])
    if not text or text.lower() in NOT_GIVEN:
        return Said()
    if text.lower() in NOT_GIVEN_OR_NOTHING:
        return Said(refused="can mean no, or that it is not known") if item.coded else Said()
    return item.read(column)(text)


def _recoded(item: Input, column: str, codes: dict[str, str]) -> Said | None:
    """Why numbers without a code are refused: a code turns what its number usually means into another thing."""
    for key, meaning in codes.items():
        usual, said = item.read(column)(key), item.read(item.name)(meaning)
        if _is_bare_number(key) and not usual.refused and usual.value != said.value:
            return Said(refused=f"the numbers have another meaning here: {key} is said to be {meaning}")
    return None


def _is_bare_number(text: str) -> bool:
    return plain_number(text) is not None


def _refusal(item: Input, column: str, text: str, cell: Said, lines: list[int], where: str) -> Problem:
    what = f"is no {item.name} ({item.unit}): {cell.refused}{_row_numbers(lines)}"
    fix = "correct it, or leave it empty"
    if item.coded:
        option, meanings = f"--code '{item.name}:{text}=...'", ", ".join(item.meanings)
        fix = f"say what it means, {option} with one of {meanings}; or leave it empty"
    return Problem(what, fix, where, lines[0], column, text)


def _settle_unit(
    item: Input, read: Column, column: str, unit: str | None, where: str, texts: list[str], lines: list[int]
) -> None:
    """Bring a column to the input's own unit, or refuse it whole; then refuse single values out of range."""
    if unit is not None:
        read.values = read.values * next(u.factor for u in item.units if u.name == unit)
    elif item.units:
        other = named_otherwise(column, item.units, item.alien)
        what = f"the column's name says {other!r}, not {item.unit}" if other else ""
        known = np.where(item.zero_is_none & (read.values == 0), np.nan, read.values)
        what = what or unlikely_unit(known, item.units, item.typical or (item.low, item.high))
        if what:
            read.problems.append(unit_problem(what, item.name, item.units, where, column))
            return
    with np.errstate(invalid="ignore"):
        low = (read.values < item.low) & ~(item.zero_is_none & (read.values == 0))
        outside = low | (read.values > item.high)
    for text in dict.fromkeys(text for text, out in zip(texts, outside, strict=True) if out):
        at = [line for line, other in zip(lines, texts, strict=True) if other == text]
        what = f"is outside {item.low:g} to {item.high:g} {item.unit}{_row_numbers(at)}"
        read.problems.append(Problem(what, "check the unit", where, at[0], column, text))
    read.values = np.where(outside, np.nan, read.values)


def _contradictions(
    item: Input, table: pd.DataFrame, column: str, choices: Choices, source: object, where: str, values: Array
) -> list[Problem]:
    """Rows in which two columns say different things about one code."""
    problems = []
    for other in known_columns(item, table):
        if other == column:
            continue
        codes = choices.meanings(item.name, other, source)
        theirs = np.array(
            [_read_cell(item, other, cell_text(cell), codes).value for cell in table[other]], dtype=float
        )
        differ = np.flatnonzero(np.isfinite(values) & np.isfinite(theirs) & (values != theirs))
        if differ.size:
            lines = [int(table.index[row]) + 2 for row in differ.tolist()]
            what = f"contradicts column {column!r} about {item.name}{_row_numbers(lines)}"
            fix = f"correct them, or choose one: --column {item.name}={column}"
            problems.append(Problem(what, fix, where, lines[0], other, cell_text(table[other].iloc[differ[0]])))
    return problems


def _row_numbers(lines: list[int]) -> str:
    if len(lines) == 1:
        return ""
    rest = f" and {len(lines) - _SHOWN:,} more" if len(lines) > _SHOWN else ""
    return f" (rows {', '.join(map(str, lines[:_SHOWN]))}{rest})"
