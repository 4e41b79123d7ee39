"""Which columns of a wide table are the scores of models, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from benchmark.contracts.any_table import UNNAMED
from benchmark.contracts.feature_columns import renamed_features
from benchmark.contracts.nodules import COORDINATES
from benchmark.contracts.odd_scores import missing_codes
from benchmark.contracts.readings import are_ratings
from benchmark.contracts.roles import SCORES, plain_name
from benchmark.contracts.text_table import TextTable
from benchmark.contracts.vocabulary import BY_COLUMN
from benchmark.errors import InputError, Problem
from benchmark.evaluation.numbers import (
    MOSTLY,
    Numbers,
    add_up_to_one,
    read_column_of_numbers,
    report_wrong_numbers,
)
from benchmark.evaluation.options import ReadingOptions
from benchmark.evaluation.roles import Roles
from benchmark.producers.calculators.inputs import INPUTS
from benchmark.producers.calculators.words import name_words

_COVARIATES: Final = {
    plain_name(name)
    for name in (*(n for item in INPUTS.values() for n in (item.name, *item.columns)), *BY_COLUMN, *COORDINATES)
}
_OF_A_COVARIATE: Final = frozenset(
    name_words(
        "age bmi weight height year years month months day days date time diameter size volume mm cm mass density "
        "hu coord coordx coordy coordz thickness spacing slice slices kvp count number pack packs index row"
    )
)
"""Words of the names of columns that hold numbers beyond 1, and no scores."""
_BESIDE_A_SCORE: Final = frozenset(
    name_words("std sd se ci var variance lower upper low high uncertainty entropy weight threshold cutoff pvalue")
)
"""Words of the names of columns that say something of a score and are none."""
_MOST_FOUND: Final = 30
"""More models than that nobody compares without naming them: they are features."""
_OF_A_SCORE: Final = frozenset((*SCORES, "scores", "probs", "proba", "preds", "logit", "logits"))

_CODES: Final = 3
_PARTED: Final = r"[+-]?[1-9]\d{0,2}\.\d{3}"


@dataclass
class ScoreColumns:
    """Scores of the models of a table.

    Attributes:
        scores: A float column a model, NaN where the model failed.
        left_out: Column → why it is no model.
        notes: Sentences on how scores were read.
        percent: Columns that were written with ``%``.
    """

    scores: pd.DataFrame
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def score_columns(table: TextTable, roles: Roles, options: ReadingOptions) -> ScoreColumns:
    """The models of a wide table: those that are named, or every column that can only be one.

    Raises:
        InputError: No column is a model, some could be models or covariates, or two are the classes of one model.
    """
    if options.models:
        numbers = {name: read_column_of_numbers(table, name) for name in options.models if name in table.frame}
        for name, column in numbers.items():
            report_wrong_numbers(table, name, column, "correct it, or leave it empty if the model failed")
        others = [name for name in map(str, table.frame) if name not in numbers and name not in roles.taken]
        left_out = {name: roles.left_out.get(name, "not named") for name in others if name != options.by}
    else:
        numbers, left_out = _found_models(table, roles, options)
    if not numbers and not table.problems:
        reasons = "; ".join(f"{name!r}: {why}" for name, why in left_out.items()) or "none is left"
        what = f"no column holds a model's scores ({reasons})"
        raise InputError(Problem(what, "name them: --model COLUMN, once each", table.path, 1))
    if options.form.decimal is None:
        _refuse_parted_thousands(table, list(numbers))
    if not options.models:
        _refuse_two_classes(table, numbers)
    frame = pd.DataFrame({name: column.values for name, column in numbers.items()}, index=table.frame.index)
    return ScoreColumns(frame, left_out, _notes_on_scores(numbers))


def _found_models(
    table: TextTable, roles: Roles, options: ReadingOptions
) -> tuple[dict[str, Numbers], dict[str, str]]:
    taken = {*roles.taken, options.by, *options.only}
    numbers: dict[str, Numbers] = {}
    left_out = dict(roles.left_out)
    doubtful: dict[str, Numbers] = {}
    for name in [name for name in map(str, table.frame) if name not in taken and name not in left_out]:
        if UNNAMED.fullmatch(name):
            left_out[name] = "numbers of the rows"
            continue
        column = read_column_of_numbers(table, name)
        reason = _no_model(name, column)
        if reason:
            left_out[name] = reason
        elif column.wrong.any():
            fix = "correct it, or leave the cell empty if the model failed, or name the models with --model"
            report_wrong_numbers(table, name, column, fix)
        elif column.are_probabilities or set(name_words(name)) & _OF_A_SCORE:
            numbers[name] = column
        else:
            doubtful[name] = column
    if len(numbers) > _MOST_FOUND:
        what = f"{len(numbers):,} columns could be models: {', '.join(map(repr, list(numbers)[:3]))}, ..."
        raise InputError(Problem(what, "name those that are: --model COLUMN, once each", table.path, 1))
    if doubtful:
        _refuse_doubtful(table, list(numbers), doubtful)
    return numbers, left_out


def _no_model(name: str, column: Numbers) -> str:
    """Why a column is certainly no model; empty where it may be one."""
    words = set(name_words(name))
    if plain_name(name) in _COVARIATES or renamed_features([name]):
        return "a covariate by its name"
    if column.mixed or column.foreign:
        return ""
    if not len(column.known) and not column.wrong.any():
        return "empty"
    if column.share < MOSTLY:
        if column.are_broken and len(column.known):
            return ""
        return "errors of a spreadsheet, or numbers of parted thousands" if column.are_broken else "text"
    if not column.are_probabilities and words & _OF_A_COVARIATE and not words & _OF_A_SCORE:
        return "a covariate by its name"
    if words & _BESIDE_A_SCORE:
        return "no score by its name"
    if column.are_flags:
        return "nothing but 0 and 1"
    if column.constant and (column.known[0] % 1 == 0 or not column.are_probabilities):
        return f"{column.known[0]:g} in every row"
    return ""


def _refuse_doubtful(table: TextTable, models: Sequence[str], doubtful: Mapping[str, Numbers]) -> None:
    """Ask of columns that could be scores or covariates, with the options to give."""
    sure = "".join(f" --model {_quoted(name)}" for name in models)
    also = "".join(f" --model {_quoted(name)}" for name in doubtful)
    ranges = ", ".join(
        f"{name!r} ({column.known.min():g} to {column.known.max():g})" for name, column in doubtful.items()
    )
    fix = f"say which are models:{sure}{also}, without those that are not"
    what = f"numbers that could be scores (no probabilities) or covariates: {ranges}"
    raise InputError(Problem(what, fix, table.path, 1))


def _refuse_parted_thousands(table: TextTable, names: Sequence[str]) -> None:
    """Ask of columns whose points may part thousands: three digits behind each, and other cells without a point.

    A program that writes decimals writes 12.26 and 939.0.
    """
    problems = []
    for name in names:
        cells = table.frame[name][table.frame[name] != ""].str.strip()
        pointed = cells[cells.str.contains(".", regex=False)]
        whole = cells.str.fullmatch(r"[+-]?[1-9]\d*")
        if len(pointed) and whole.any() and pointed.str.fullmatch(_PARTED).all():
            example = pointed.iloc[0]
            what = (
                f"may part thousands by points: {example!r} is {example.replace('.', '')} or {float(example):g}?"
            )
            fix = "pass --decimal point if the point is the decimal mark; else write the numbers without it"
            problems.append(Problem(what, fix, table.path, 1, name))
    if problems:
        raise InputError(problems)


def _quoted(name: str) -> str:
    return f'"{name}"' if any(not (mark.isalnum() or mark in "-_.") for mark in name) else name


def _refuse_two_classes(table: TextTable, numbers: Mapping[str, Numbers]) -> None:
    problems = []
    for first, second in combinations(numbers, 2):
        if add_up_to_one(pd.Series(numbers[first].values), pd.Series(numbers[second].values)):
            what = f"{first!r} and {second!r} add up to 1 in every row: the two classes of one model"
            fix = "name the one of malignancy: --model COLUMN, once for each model"
            problems.append(Problem(what, fix, table.path, 1))
    if problems:
        raise InputError(problems)


def _notes_on_scores(numbers: Mapping[str, Numbers]) -> list[str]:
    notes = []
    percent = [name for name, column in numbers.items() if column.percent]
    if percent:
        notes.append(f"Percentages are read as hundredths: {', '.join(map(repr, percent))}.")
    scores = [name for name, column in numbers.items() if not column.are_probabilities]
    if scores:
        named = ", ".join(map(repr, scores))
        notes.append(f"Not in 0 to 1, so scores and no probabilities (no calibration): {named}.")
    for name, column in numbers.items():
        outside = missing_codes(column.known)
        if len(outside):
            codes = ", ".join(f"{value:g}" for value in np.unique(outside)[:_CODES])
            what = f"{len(outside):,} whole numbers ({codes}) beside others that all lie in 0 to 1"
            notes.append(
                f"Warning: {name!r} has {what}: leave these cells empty if they stand for no score. They count as "
                "scores."
            )
        if column.are_probabilities and (why := are_ratings(name, column.values)):
            notes.append(f"{name!r}: {why}: ranked, and taken for no probabilities (no calibration).")
        if column.constant:
            notes.append(
                f"{name!r}: all {len(column.known):,} scores are {column.known[0]:g}, so its AUROC is 0.5."
            )
        elif not len(column.known):
            notes.append(f"{name!r}: the column is empty.")
    return notes


def pivoted(table: TextTable, roles: Roles, key: Sequence[str]) -> tuple[TextTable, pd.DataFrame]:
    """A long table as a wide one: a row a case, a column of score texts a model.

    Args:
        table: A table with the columns ``roles.model`` and ``roles.score``.
        roles: What its columns are.
        key: Columns that tell cases apart.

    Returns:
        The wide table, whose lines are those of each case's first row, and where a model has no row of a case.

    Raises:
        InputError: A row names no model, a case stands twice for one model, or has two labels.
    """
    frame, model, score = table.frame, str(roles.model), str(roles.score)
    table.report(frame[model] == "", model, "names no model", "fill it")
    twice = frame.duplicated([*key, model])
    table.report(twice, key[0], "is scored twice by this model", "keep one row, or name the nodule with --nodule")
    cases = frame.groupby(list(key), sort=False).ngroup().to_numpy()
    first = np.unique(cases, return_index=True)[1]
    label_of_case = frame[roles.label].to_numpy()[first][cases]
    other = (frame[roles.label] != label_of_case).to_numpy()
    table.report(other, roles.label, "is another label than in the case's first row", "correct one of them")
    table.finish()
    names = list(dict.fromkeys(frame[model]))
    wide = frame.iloc[first].drop(columns=[model, score]).reset_index(drop=True)
    absent = pd.DataFrame(True, index=wide.index, columns=names)
    for name in names:
        rows = (frame[model] == name).to_numpy()
        cells = pd.Series("", index=wide.index, dtype=frame[score].dtype)
        cells.iloc[cases[rows]] = frame[score].to_numpy()[rows]
        wide[name] = cells
        absent.loc[cases[rows], name] = False
    lines = [table.line(int(row)) for row in first]
    return TextTable(table.path, wide, _lines=lines, decimal=table.decimal), absent
