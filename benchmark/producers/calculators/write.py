"""A calculator's score table and its card, on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.score_card import check_replaceable, write_scores
from benchmark.errors import InputError, Problem
from benchmark.producers import ProducerOptions
from benchmark.producers.calculators.choices import Choices
from benchmark.producers.calculators.logistic import logistic_card, score_with_logistic
from benchmark.producers.calculators.produce import score_card, score_with_calculator

LOGISTIC: Final = "clinical-logistic"
"""Not published: fitted to the cohort itself, out of fold."""


def write_producer_scores(name: str, cohort: Cohort, path: Path, options: ProducerOptions) -> None:
    """Score with a calculator as its entry in ``PRODUCERS`` asks for; a table that is there is replaced."""
    choices = Choices(options.columns, options.codes, options.units)
    write_calculator_scores(name, cohort, path, choices, impute_from=options.impute_from, overwrite=True)


def write_calculator_scores(
    name: str,
    cohort: Cohort,
    out: Path,
    choices: Choices | None = None,
    *,
    impute_from: Cohort | None = None,
    model: str | None = None,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Score a cohort with a calculator and write the table and its card; see ``score_with_calculator``.

    Args:
        name: A calculator, or ``clinical-logistic``: cross-validated logistic regression on this cohort.
        cohort: The cohort.
        out: The table, ``.csv`` or ``.parquet``.
        choices: What is said about the columns: where an input stands, what a code means, what unit it has.
        impute_from: Training cohort to fill in missing inputs from; not for ``clinical-logistic``, which fills in
            from its own training folds.
        model: Name in the table.
        overwrite: Replace a table of a calculator that is there.
    """
    if out.exists() and not overwrite:
        raise InputError(Problem("exists", "pass --overwrite, or choose another --out", out))
    check_replaceable(out, "logistic" if name == LOGISTIC else "calculator")
    said = choices or Choices()
    columns, codes, units = said.columns, said.codes, said.units
    if name == LOGISTIC:
        if impute_from is not None:
            what = f"{name} fills in missing inputs from its own training folds"
            raise InputError(Problem(what, "leave --impute-from out", column="--impute-from"))
        table = score_with_logistic(cohort, columns=columns, codes=codes, units=units, model=model or name)
        card = logistic_card(cohort, model or name)
    else:
        table = score_with_calculator(
            name, cohort, columns=columns, codes=codes, units=units, impute_from=impute_from, model=model
        )
        card = score_card(name, cohort, codes=codes, units=units, impute_from=impute_from, model=model)
    write_scores(table, card, out)
    return table
