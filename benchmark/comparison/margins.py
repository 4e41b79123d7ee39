"""Models against one of them with a margin: is any of them worse by more than that?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.noninferiority import noninferiority_of

MARGIN_COLUMNS = (
    "cohort", "model", "versus", "n", "n_positive", "margin", "difference", "low", "high", "z", "p_value",
    "p_holm", "p_equivalence", "noninferior", "equivalent", "note",
)  # fmt: skip


def noninferiority_rows(
    scored: Scored, versus: str, margin: float, untested: Collection[str] = ()
) -> pd.DataFrame:
    """AUROC of each model of a cohort against one of them, on the units that all of them scored.

    Args:
        scored: Units that every model scored.
        versus: The model that others must not be worse than.
        margin: By how much.
        untested: Models that take part in no test.

    Returns:
        ``MARGIN_COLUMNS``, a row a model; Holm's p is over the models of the cohort. Empty where ``versus`` is not
        tested, or the cohort has one class alone.
    """
    sample = scored.sample
    models = [model for model in scored.models if model not in untested]
    if sample is None or versus not in models:
        return pd.DataFrame(columns=list(MARGIN_COLUMNS))
    place = sample.models.index
    rows = []
    for model in models:
        if model == versus:
            continue
        found = noninferiority_of(sample.of_models([place(model), place(versus)]), margin)
        verdicts = {"noninferior": found.noninferior, "equivalent": found.equivalent}
        named = {"cohort": scored.cohort, "model": model, "versus": versus, "n": len(scored.units)}
        rows.append(asdict(found) | named | verdicts)
    if not rows:
        return pd.DataFrame(columns=list(MARGIN_COLUMNS))
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p_value"].to_list()))[list(MARGIN_COLUMNS)]


def without_margin_test(results: Sequence[tuple[Scored, Collection[str]]], versus: str) -> dict[str, str]:
    """Why a cohort has no test against ``versus``, by cohort."""
    found = {}
    for scored, untested in results:
        if versus not in scored.models:
            found[scored.cohort] = "has no scores there, or is left out of the comparison"
        elif versus in untested:
            found[scored.cohort] = "is in no test there"
        elif not scored.both_classes:
            found[scored.cohort] = "all cases are of one class"
        elif not set(scored.models) - {versus, *untested}:
            found[scored.cohort] = "no other model is tested"
    return found
