"""A calculator, a cohort and a table of clinical columns to a score table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from benchmark.calculators import formulas
from benchmark.calculators.inputs import INPUTS, Array, find_column, join_margins, listed, read_input
from benchmark.contracts.cohort import TABLE, Cohort
from benchmark.contracts.roles import check_roles
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.overlap import exposure


@dataclass(frozen=True)
class Calculator:
    """One published equation.

    Attributes:
        formula: Its function of ``formulas``.
        title: As printed.
        reference: Its paper.
        inputs: Names of ``INPUTS``, in the order of the function's arguments.
        unit: What a score is about.
        trained_on: Cohorts it was fitted on.
    """

    formula: Callable[..., Array]
    title: str
    reference: str
    inputs: tuple[str, ...]
    unit: Literal["nodule", "patient"]
    trained_on: tuple[str, ...]
    score_kind: Literal["probability", "rank"] = "probability"


CALCULATORS: Final = {
    "brock": Calculator(
        formulas.brock,
        "Brock (PanCan 2b)",
        "McWilliams et al., N Engl J Med 369:910-919, 2013",
        (
            "age",
            "female",
            "family_history",
            "emphysema",
            "diameter_mm",
            "nodule_type",
            "upper_lobe",
            "nodule_count",
            "spiculation",
        ),
        "nodule",
        ("pancan",),
    ),
    "mayo": Calculator(
        formulas.mayo,
        "Mayo Clinic",
        "Swensen et al., Arch Intern Med 157:849-855, 1997",
        ("age", "ever_smoker", "extrathoracic_cancer", "diameter_mm", "spiculation", "upper_lobe"),
        "nodule",
        ("mayo",),
    ),
    "va": Calculator(
        formulas.va,
        "Veterans Affairs",
        "Gould et al., Chest 131:383-388, 2007",
        ("age", "ever_smoker", "diameter_mm", "years_quit"),
        "nodule",
        ("va",),
    ),
    "plco2012": Calculator(
        formulas.plco2012,
        "PLCOm2012",
        "Tammemagi et al., N Engl J Med 368:728-736, 2013",
        (
            "age",
            "education",
            "bmi",
            "copd",
            "cancer_history",
            "family_history",
            "race",
            "current_smoker",
            "cigarettes_per_day",
            "smoking_years",
            "years_quit",
        ),
        "patient",
        ("plco",),
    ),
    "size": Calculator(formulas.size, "Nodule diameter", "", ("diameter_mm",), "nodule", (), "rank"),
}
"""Name → calculator."""


def score_with_calculator(
    name: str,
    cohort: Cohort,
    *,
    columns: Mapping[str, str] | None = None,
    impute_from: Cohort | None = None,
    model: str | None = None,
) -> pd.DataFrame:
    """Scores of a published calculator for a cohort.

    Args:
        name: ``brock, mayo, va, plco2012`` or ``size``.
        cohort: The cohort; its nodule table holds the inputs.
        columns: Input → column of the nodule table, where it is not a common name.
        impute_from: A training cohort: missing inputs are filled with its median (numbers) or most frequent
            value (codes), and every such row says so in ``reason``. None fills nothing: the row fails.
        model: Name in the table, default ``name``.

    Returns:
        A score table: one row a nodule, or one a patient for PLCOm2012 (of a patient's rows, the latest by
        ``study_date``).

    Raises:
        InputError: No such calculator, inputs without a column (all of them, with their units), cells that are not
            what the unit says, or a patient whose rows contradict each other.
    """
    calculator = _calculator(name)
    columns = dict(columns or {})
    _check_names(columns, calculator, name)
    check_roles(columns, file=cohort.folder / TABLE)
    cases = cohort.nodules if calculator.unit == "nodule" else _one_row_a_patient(cohort, calculator, columns)
    values: dict[str, Array] = _read_inputs(calculator, cases, cohort, columns, required=impute_from is None)
    missing = np.array([np.isnan(values[item]) for item in calculator.inputs]).T
    if impute_from is not None:
        fill = _typical(calculator, impute_from, columns)
        values = {item: np.where(np.isnan(values[item]), fill[item], values[item]) for item in calculator.inputs}
    with np.errstate(over="ignore"):
        scores = calculator.formula(*(values[item] for item in calculator.inputs))
    failed = np.isnan(scores)
    table = pd.DataFrame(
        {
            "model": model or name,
            "cohort": cohort.name,
            "pid": cases["pid"].to_numpy(object),
            "nodule_id": cases["nodule_id"].to_numpy(object) if calculator.unit == "nodule" else "",
            "fold": ENSEMBLE,
            "score": scores,
            "score_kind": calculator.score_kind,
            "status": np.where(failed, "failed", "scored"),
            "reason": _reasons(calculator, missing, impute_from),
        }
    )
    return check_score_table(table[list(COLUMNS)])


def score_card(
    name: str, cohort: Cohort, *, impute_from: Cohort | None = None, model: str | None = None
) -> ScoreCard:
    """The card to write beside a calculator's score table."""
    calculator = _calculator(name)
    recorded = {"reference": calculator.reference} if calculator.reference else {}
    if impute_from is not None:
        recorded["imputed from"] = impute_from.name
    return ScoreCard(
        model=model or name,
        cohort=cohort.name,
        title=calculator.title,
        producer=f"calculator {name}",
        trained_on=calculator.trained_on,
        exposure=exposure(calculator.trained_on, cohort.manifest),
        recorded=recorded,
    )


def _calculator(name: str) -> Calculator:
    if name not in CALCULATORS:
        known = ", ".join(CALCULATORS)
        raise InputError(
            Problem(f"no calculator {name!r}{nearest(name, list(CALCULATORS))}", f"there are {known}")
        )
    return CALCULATORS[name]


def _check_names(columns: Mapping[str, str], calculator: Calculator, name: str) -> None:
    alien = [item for item in columns if item not in calculator.inputs]
    if alien:
        fix = f"its inputs: {', '.join(calculator.inputs)}"
        raise InputError(
            [Problem(f"{name} has no input {a!r}{nearest(a, calculator.inputs)}", fix) for a in alien]
        )


def _read_inputs(
    calculator: Calculator, cases: pd.DataFrame, cohort: Cohort, columns: Mapping[str, str], *, required: bool
) -> dict[str, Array]:
    table = join_margins(cases)
    where = str(cohort.folder / TABLE)
    values: dict[str, Array] = {}
    absent: list[str] = []
    problems: list[Problem] = []
    for item in calculator.inputs:
        column = find_column(INPUTS[item], table, columns)
        if column is None:
            absent.append(item)
            values[item] = np.full(len(table), np.nan)
        elif column not in table:
            problems.append(Problem("column is missing", "", where, 1, column))
        else:
            values[item], found = read_input(INPUTS[item], table, column, where)
            problems += found
    if absent and required:
        what = f"has no column for {listed(absent)}"
        fix = "name the columns, add them to the nodule table, or fill them in from a training cohort"
        problems.insert(0, Problem(what, fix, where, 1))
    if problems:
        raise InputError(problems)
    return _by_definition(values)


def _by_definition(values: dict[str, Array]) -> dict[str, Array]:
    """What smoking status settles: nobody who smokes, or never did, has years since quitting.

    Returns:
        The same inputs: ``years_quit`` is 0 where it is empty for current and never smokers; zero cigarettes a day
        are missing, since PLCOm2012 is defined for people who smoked.
    """
    if "years_quit" in values:
        settled = np.zeros(len(values["years_quit"]), dtype=bool)
        for name, value in (("current_smoker", 1), ("ever_smoker", 0)):
            settled |= values[name] == value if name in values else False
        quit_time = values["years_quit"]
        values["years_quit"] = np.where(np.isnan(quit_time) & settled, 0.0, quit_time)
    if "cigarettes_per_day" in values:
        daily = values["cigarettes_per_day"]
        values["cigarettes_per_day"] = np.where(daily == 0, np.nan, daily)
    return values


def _typical(calculator: Calculator, training: Cohort, columns: Mapping[str, str]) -> dict[str, float]:
    """Median of each numeric input of a training cohort, the most frequent value of each coded one."""
    values = _read_inputs(calculator, training.nodules, training, columns, required=True)
    typical, empty = {}, []
    for item in calculator.inputs:
        known = values[item][np.isfinite(values[item])]
        if not len(known):
            empty.append(item)
            continue
        numeric = np.isfinite(INPUTS[item].high)
        typical[item] = float(np.median(known)) if numeric else float(pd.Series(known).mode().iloc[0])
    if empty:
        what = f"no value of {listed(empty)} to fill in from"
        raise InputError(Problem(what, "choose another training cohort", str(training.folder / TABLE)))
    return typical


def _reasons(calculator: Calculator, missing: np.ndarray[Any, Any], impute_from: Cohort | None) -> list[str]:
    lead = "missing: " if impute_from is None else f"filled in from {impute_from.name}: "
    names = np.array(calculator.inputs)
    return [lead + ", ".join(names[row]) if row.any() else "" for row in missing]


def _one_row_a_patient(cohort: Cohort, calculator: Calculator, columns: Mapping[str, str]) -> pd.DataFrame:
    """The latest row of each patient; without dates, all rows of a patient must say the same."""
    nodules = cohort.nodules
    if "study_date" in nodules and nodules["study_date"].notna().all():
        latest = nodules.sort_values("study_date", kind="stable").drop_duplicates("pid", keep="last")
        return latest.sort_index().reset_index(drop=True)
    names = [find_column(INPUTS[item], nodules, columns) for item in calculator.inputs]
    there = [name for name in dict.fromkeys(names) if name is not None and name in nodules]
    problems = []
    for name in there:
        several = nodules.groupby("pid", sort=False)[name].nunique(dropna=False)
        for pid in several.index[several > 1]:
            what = f"patient {pid!r} has several values"
            fix = "give study_date, so that the latest counts"
            problems.append(Problem(what, fix, str(cohort.folder / TABLE), column=name))
    if problems:
        raise InputError(problems)
    return nodules.drop_duplicates("pid").reset_index(drop=True)
