"""AUROC of models among cases that another model, or a column such as size, already calls alike."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from benchmark.comparison.groups import group_of_units, holds_numbers, values_of_units
from benchmark.comparison.units import Scored
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.nodules import COLUMNS as CONTRACT
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import Array, Codes, Labels
from benchmark.statistics import holm
from benchmark.statistics.conditional_auroc import FIFTHS, conditional_auroc_of, strata_of_scores

WITHIN: Final = (
    "cohort", "within", "model", "n", "n_positive", "strata", "pairs", "all_pairs", "auroc", "low", "high",
    "p_value", "p_holm", "unconditional", "note",
)  # fmt: skip
_PART = re.compile(r"(?P<name>.+?)(?P<sign><|>=)(?P<value>[^<>=]+)")


@dataclass(frozen=True)
class Restriction:
    """Cases to look at.

    Attributes:
        text: As it was given, such as ``brock<0.06`` or ``brock``.
        name: A model, or a column of the nodule tables; a model where both have the name.
        sign: ``<`` or ``>=`` for a part of the cases; empty for all of them in strata.
        value: What scores, or the column's numbers, are compared with; NaN for strata.
    """

    text: str
    name: str
    sign: str = ""
    value: float = math.nan


def split_restriction(text: str) -> Restriction:
    """``MODEL``, ``COLUMN``, ``MODEL<0.06`` or ``COLUMN>=8``, taken apart.

    Raises:
        InputError: It is none.
    """
    found = _PART.fullmatch(text.strip())
    if found is None and text.strip() and not any(sign in text for sign in "<>"):
        return Restriction(text.strip(), text.strip())
    try:
        value = float(found["value"]) if found else math.nan
    except ValueError:
        value = math.nan
    if found is None or not math.isfinite(value):
        fix = "write MODEL or COLUMN for strata, MODEL<0.06 or COLUMN>=8 for a part of the cases"
        raise InputError(Problem("says no part of the cases", fix, column="--within", value=text))
    return Restriction(text.strip(), found["name"].strip(), found["sign"], value)


def check_restrictions(asked: Sequence[Restriction], models: Collection[str], cohorts: Sequence[Cohort]) -> None:
    """Refuse what is neither a model nor a column, and parts by a column that holds no numbers.

    Raises:
        InputError: All of them, with what there is.
    """
    columns = {str(name) for cohort in cohorts for name in cohort.nodules.columns} - set(CONTRACT)
    problems = []
    for one in asked:
        known = [*models, *sorted(columns)]
        if one.name not in known:
            what = f"is neither a model nor a column here{nearest(one.name, known)}"
            problems.append(Problem(what, f"known: {', '.join(known[:20])}", column="--within", value=one.text))
        elif one.sign and one.name not in models:
            for cohort in cohorts:
                if one.name in cohort.nodules and not holds_numbers(cohort, one.name):
                    what = f"the column {one.name!r} of {cohort.name} does not hold numbers alone"
                    fix = f"--within {one.name} takes its values as strata"
                    problems.append(Problem(what, fix, column="--within", value=one.text))
    if problems:
        raise InputError(problems)


def within_rows(
    scored: Scored, cohort: Cohort, asked: Sequence[Restriction], untested: Collection[str] = ()
) -> pd.DataFrame:
    """AUROC within strata of a score or column, or among the cases below or above a value of it.

    Strata of a model are fifths of the cases by its score, of a column its groups (`group_of_units`: sizes are cut
    at 6, 8 and 15 mm); pairs of the same stratum alone are counted. A patient has the largest number of its
    nodules. Cases without a value of the column are left out, which the note says. p is of an AUROC of 0.5; Holm
    over the models of the cohort.

    Args:
        scored: Units that every model scored.
        cohort: Their cohort.
        asked: Where to look.
        untested: Models whose numbers are shown without a test.

    Returns:
        ``WITHIN``, a row a model, without the one whose strata they are; ``unconditional`` is the AUROC on the
        same cases without strata. Without rows where the cohort has neither the model nor the column.
    """
    tables = [pd.DataFrame(columns=list(WITHIN))]
    for one in asked:
        chosen = _cases_and_strata(scored, cohort, one)
        models = [model for model in scored.models if one.sign or model != one.name]
        rows: list[dict[str, object]]
        if chosen is None:
            nothing: dict[str, object] = {
                "cohort": scored.cohort,
                "note": f"{one.name} is not among what every case here has",
            }
            rows = [nothing | {"model": model} for model in models]
        else:
            rows = [_within_row(scored, model, chosen) for model in models]
        table = pd.DataFrame([row | {"within": one.text} for row in rows], columns=list(WITHIN))
        tested = ~table["model"].isin(set(untested))
        table["p_value"] = table["p_value"].astype(np.float64).where(tested)
        table["p_holm"] = holm(table["p_value"].to_list()) if len(table) else np.nan
        tables.append(table)
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


@dataclass(frozen=True)
class _Part:
    """Cases that are taken, the strata of these, and what a reader must know of the others."""

    rows: Labels
    strata: Codes
    note: str = ""


def _cases_and_strata(scored: Scored, cohort: Cohort, one: Restriction) -> _Part | None:
    """Cases to take, and the strata of these; None where the cohort has neither the model nor the column."""
    if one.name in scored.models:
        values = scored.scores[one.name].to_numpy(np.float64)
        if not one.sign:
            return _Part(np.ones(values.size, dtype=bool), strata_of_scores(values, FIFTHS))
        return _Part(*_below_or_above(values, one))
    if one.name not in cohort.nodules:
        return None
    if one.sign:
        values = values_of_units(scored, cohort, one.name).to_numpy(np.float64, na_value=np.nan)
        return _Part(*_below_or_above(values, one), _without_value(np.isnan(values), scored, one))
    codes, _ = pd.factorize(group_of_units(scored, cohort, one.name))
    return _Part(codes >= 0, codes[codes >= 0].astype(np.int64), _without_value(codes < 0, scored, one))


def _below_or_above(values: Array, one: Restriction) -> tuple[Labels, Codes]:
    rows = values < one.value if one.sign == "<" else values >= one.value
    return rows, np.zeros(int(rows.sum()), dtype=np.int64)


def _without_value(missing: Labels, scored: Scored, one: Restriction) -> str:
    count = int(missing.sum())
    return f"{count:,} {scored.unit}s without a value of {one.name} are left out" if count else ""


def _within_row(scored: Scored, model: str, part: _Part) -> dict[str, object]:
    labels = scored.labels[part.rows]
    named = {"cohort": scored.cohort, "model": model, "n": labels.size, "n_positive": int(labels.sum())}
    if scored.sample is None or labels.size == 0 or labels.min() == labels.max():
        notes = ("there are no cases there" if labels.size == 0 else "the cases there are of one class", part.note)
        return named | {"strata": 0, "pairs": 0, "all_pairs": 0, "note": "; ".join(filter(None, notes))}
    sample = scored.sample.of_model(scored.models.index(model)).of_cases(part.rows)
    found = conditional_auroc_of(sample, part.strata)
    whole = conditional_auroc_of(sample, np.zeros(labels.size, dtype=np.int64))
    told = {
        name: getattr(found, name) for name in ("strata", "pairs", "all_pairs", "auroc", "low", "high", "p_value")
    }
    note = "; ".join(filter(None, (found.note, part.note)))
    return named | told | {"unconditional": whole.auroc, "note": note}
