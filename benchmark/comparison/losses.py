"""Who was lost on the way from a cohort to a comparison: the ledger, and what is left to compare."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.contracts.cohort import Cohort
from benchmark.ledger import COLUMNS as LEDGER
from benchmark.ledger import ledger

COLUMNS = [*LEDGER, "compared", "compared_positive"]


def losses(
    cohort: Cohort,
    available: Scored,
    scores: pd.DataFrame,
    extra: Mapping[str, Sequence[str]] | None = None,
    odd: Collection[str] = (),
) -> pd.DataFrame:
    """The ledger's rows of all models with rows of the unit, and the number of cases that are compared.

    Models that are compared come first; one whose rows all failed follows, with what was lost.

    Args:
        cohort: The cohort.
        available: Its units with a known label.
        scores: Rows of score tables of this cohort.
        extra: Model → ids of its files that the cohort does not have.
        odd: Models that are left out of the comparison.
    """
    models = [model for model in available.models if model not in odd]
    compared = available.keeping(models).common()
    table = ledger(cohort, scores, extra)
    table = table[table["unit"] == available.unit]
    order = {model: place for place, model in enumerate(dict.fromkeys([*available.models, *table["model"]]))}
    table = table.sort_values("model", key=lambda column: column.map(order), kind="stable")
    size = {"compared": len(compared.units), "compared_positive": int(compared.labels.sum())}
    taking_part = table["model"].isin(models)
    return table.assign(**{name: taking_part * number for name, number in size.items()}).reset_index(drop=True)[
        COLUMNS
    ]
