"""A calculator, a cohort and a table of clinical columns to a score table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from benchmark.contracts.cohort import TABLE, Cohort
from benchmark.contracts.dates import canonical_dates, first_or_last
from benchmark.contracts.overlap import exposure
from benchmark.contracts.roles import check_roles
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.producers.calculators import formulas
from benchmark.producers.calculators.choices import Choices
from benchmark.producers.calculators.inputs import INPUTS, find_column, inputs_with_units
from benchmark.producers.calculators.reading import Inputs, read_calculator_inputs
from benchmark.producers.calculators.smoking import STATUS
from benchmark.producers.calculators.units import Array


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
        score_kind: What its numbers are.
        of_smokers: It is defined for people who have smoked.
    """

    formula: Callable[..., Array]
    title: str
    reference: str
    inputs: tuple[str, ...]
    unit: Literal["nodule", "patient"]
    trained_on: tuple[str, ...]
    score_kind: Literal["probability", "rank"] = "probability"
    of_smokers: bool = False


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
    "herder": Calculator(
        formulas.herder,
        "Herder, after PET",
        "Herder et al., Chest 128:2490-2496, 2005",
        ("age", "ever_smoker", "extrathoracic_cancer", "diameter_mm", "spiculation", "upper_lobe", "fdg_uptake"),
        "nodule",
        ("mayo", "herder"),
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
        of_smokers=True,
    ),
    "size": Calculator(formulas.size, "Nodule diameter", "", ("diameter_mm",), "nodule", (), "rank"),
}
"""Name → calculator."""


def score_with_calculator(
    name: str,
    cohort: Cohort,
    *,
    columns: Mapping[str, str] | None = None,
    codes: Mapping[str, Mapping[str, str]] | None = None,
    units: Mapping[str, str] | None = None,
    impute_from: Cohort | None = None,
    model: str | None = None,
) -> pd.DataFrame:
    """Scores of a published calculator for a cohort.

    Args:
        name: ``brock, mayo, va, herder, plco2012`` or ``size``.
        cohort: The cohort; its nodule table holds the inputs.
        columns: Input → column of the nodule table, where it is not a common name.
        codes: Input → cell → what it means, for codes that could mean several things, e.g.
            ``{"female": {"1": "male", "2": "female"}}``.
        units: Input → unit of its column, e.g. ``{"cigarettes_per_day": "packs"}``.
        impute_from: A training cohort: missing inputs are filled with its median (numbers) or most frequent
            value (codes), and every such row says so in ``reason``. None fills nothing: the row fails.
        model: Name in the table, default ``name``.

    Returns:
        A score table: one row a nodule, or one a patient for PLCOm2012 (of a patient's rows, the latest by
        ``study_date``). PLCOm2012 has no score for people who never smoked.

    Raises:
        InputError: No such calculator, inputs without a column (all of them, with their units), cells and columns
            that could mean several things or contradict each other (with the choices), or a patient whose rows
            contradict each other.
    """
    calculator = _calculator(name)
    choices = Choices(dict(columns or {}), dict(codes or {}), dict(units or {}))
    choices.check(calculator.inputs, name)
    check_roles(choices.columns, file=cohort.folder / TABLE)
    by_nodule = calculator.unit == "nodule"
    cases = cohort.nodules if by_nodule else _one_row_a_patient(cohort, calculator, choices.columns)
    names, of_smokers = calculator.inputs, calculator.of_smokers
    inputs = read_calculator_inputs(
        names, cases, cohort, choices, of_smokers=of_smokers, required=impute_from is None
    )
    values = inputs.values
    missing = np.array([np.isnan(values[item]) for item in calculator.inputs]).T
    if impute_from is not None:
        fill = _typical(calculator, impute_from, choices)
        values = {item: np.where(np.isnan(values[item]), fill[item], values[item]) for item in calculator.inputs}
    with np.errstate(over="ignore", divide="ignore"):
        scores = calculator.formula(*(values[item] for item in calculator.inputs))
    failed = np.isnan(scores) | np.array([bool(reason) for reason in inputs.undefined], dtype=bool)
    table = pd.DataFrame(
        {
            "model": model or name,
            "cohort": cohort.name,
            "pid": cases["pid"].to_numpy(object),
            "nodule_id": cases["nodule_id"].to_numpy(object) if by_nodule else "",
            "fold": ENSEMBLE,
            "score": np.where(failed, np.nan, scores),
            "score_kind": calculator.score_kind,
            "status": np.where(failed, "failed", "scored"),
            "reason": _reasons_without_score(calculator, missing, inputs, impute_from),
        }
    )
    return check_score_table(table[list(COLUMNS)])


def score_card(
    name: str,
    cohort: Cohort,
    *,
    codes: Mapping[str, Mapping[str, str]] | None = None,
    units: Mapping[str, str] | None = None,
    impute_from: Cohort | None = None,
    model: str | None = None,
) -> ScoreCard:
    """The card to write beside a calculator's score table; arguments as for ``score_with_calculator``."""
    calculator = _calculator(name)
    recorded = {"reference": calculator.reference} if calculator.reference else {}
    recorded |= Choices(codes=codes or {}, units=units or {}).recorded()
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


def _typical(calculator: Calculator, training: Cohort, choices: Choices) -> dict[str, float]:
    """Median of each numeric input of a training cohort, the most frequent value of each coded one.

    Rows for which the calculator is not defined, such as never smokers for PLCOm2012, play no part.
    """
    names, of_smokers = calculator.inputs, calculator.of_smokers
    inputs = read_calculator_inputs(names, training.nodules, training, choices, of_smokers=of_smokers)
    defined = np.array([not reason for reason in inputs.undefined], dtype=bool)
    typical, empty = {}, []
    for item in calculator.inputs:
        known = inputs.values[item][np.isfinite(inputs.values[item]) & defined]
        if not len(known):
            empty.append(item)
            continue
        coded = INPUTS[item].coded
        typical[item] = float(pd.Series(known).mode().iloc[0]) if coded else float(np.median(known))
    if empty:
        what = f"no value of {inputs_with_units(empty)} to fill in from"
        raise InputError(Problem(what, "choose another training cohort", str(training.folder / TABLE)))
    return typical


def _reasons_without_score(
    calculator: Calculator, missing: np.ndarray[Any, Any], inputs: Inputs, impute_from: Cohort | None
) -> list[str]:
    lead = "missing: " if impute_from is None else f"filled in from {impute_from.name}: "
    names = np.array(calculator.inputs)
    reasons = []
    for row, undefined, note in zip(missing, inputs.undefined, inputs.notes, strict=True):
        gone = lead + ", ".join(names[row]) if row.any() and not undefined else ""
        reasons.append("; ".join(filter(None, (undefined, gone, note))))
    return reasons


def _one_row_a_patient(cohort: Cohort, calculator: Calculator, columns: Mapping[str, str]) -> pd.DataFrame:
    """A row of each patient's latest date; all rows of that date (without dates, all rows) must say the same."""
    nodules, fix = cohort.nodules, "give study_date, so that the latest counts"
    dates = canonical_dates(nodules["study_date"]) if "study_date" in nodules else None
    if dates is not None and (dates != "").all():
        nodules = nodules[first_or_last([nodules["pid"]], dates, last=True)]
        fix = "the rows of its latest study_date contradict each other: correct them"
    names = [find_column(INPUTS[item], nodules, columns) for item in (*calculator.inputs, *STATUS)]
    there = [name for name in dict.fromkeys(names) if name is not None and name in nodules]
    problems = []
    for name in there:
        several = nodules.groupby("pid", sort=False)[name].nunique(dropna=False)
        for pid in several.index[several > 1]:
            what = f"patient {pid!r} has several values"
            problems.append(Problem(what, fix, str(cohort.folder / TABLE), column=name))
    if problems:
        raise InputError(problems)
    return nodules.drop_duplicates("pid")
