"""The first thing on the page: AUROC of every model on every cohort, with rank and difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.pairs import oriented
from benchmark.report.content import Content
from benchmark.report.printing.numbers import MISSING, count, decimals, interval, percent

STEPS = (0.01, 0.03, 0.06, 0.1)
"""Differences of AUROC from the reference at which a cell's colour gets stronger."""


@dataclass(frozen=True)
class GridCell:
    """One model on one cohort.

    Attributes:
        value: AUROC with the mark of training overlap; a dash where there is none.
        interval: Its 95 % interval; empty without one.
        rank: ``#1`` for the highest AUROC among the models that may be the best; empty for the others.
        tint: Class of its colour, ``better1`` to ``better4`` or ``worse1`` to ``worse4``; empty for none.
        clear: ``▲`` or ``▼`` where it differs from the reference beyond chance (Holm p < 0.05).
        order: What the column is sorted by; empty where there is no AUROC.
    """

    value: str
    interval: str = ""
    rank: str = ""
    tint: str = ""
    clear: str = ""
    order: str = ""


@dataclass(frozen=True)
class ModelGrid:
    """Models × cohorts.

    Attributes:
        cohorts: Title and size of each cohort.
        rows: Title of each model and its cells; the highest mean AUROC first, models on fewer cohorts last.
        notes: How to read it.
        reference: The title of the model that colours are taken from.
    """

    cohorts: list[tuple[str, str]]
    rows: list[tuple[str, list[GridCell]]]
    notes: list[str]
    reference: str


def performance_grid(content: Content) -> ModelGrid:
    """AUROC of every model on every cohort, on the cases that all models of the cohort scored."""
    names = content.names
    columns = [_cells_of_cohort(content, result) for result in content.results]
    values = content.joined("performance").groupby("model", sort=False)["auroc"].agg(["count", "mean"])
    ranked = values.sort_values(["count", "mean"], ascending=False, kind="stable")
    rows = [
        (names.model(str(model)), [cells.get(str(model), GridCell(MISSING)) for cells in columns])
        for model in ranked.index
    ]
    cohorts = [(names.cohort(result.scored.cohort), _size(result)) for result in content.results]
    return ModelGrid(cohorts, rows, _notes(content, columns), names.model(content.reference))


def _cells_of_cohort(content: Content, result: CohortResult) -> dict[str, GridCell]:
    cohort, names = result.scored.cohort, content.names
    table = result.performance.dropna(subset="auroc")
    ranks = names.competing(table, cohort).set_index("model")["auroc"].rank(method="min", ascending=False)
    pairs = result.pairs[result.pairs["metric"] == "auroc"].reset_index(drop=True)
    rivals = oriented(pairs, content.reference) if len(pairs) else pairs
    found = {str(row["model_b"]): row for row in rivals.to_dict("records")}
    return {
        str(row["model"]): GridCell(
            decimals(row["auroc"]) + names.mark(cohort, str(row["model"])),
            interval(row["auroc_low"], row["auroc_high"]),
            f"#{int(ranks[row['model']])}" if row["model"] in ranks.index and len(ranks) > 1 else "",
            *_colour(found.get(str(row["model"]))),
            f"{row['auroc']:.6f}",
        )
        for row in table.to_dict("records")
    }


def _colour(pair: dict[Any, Any] | None) -> tuple[str, str]:
    """Class and mark of a difference ``reference − model``."""
    if pair is None or not np.isfinite(pair["difference"]):
        return "", ""
    steps = int(np.searchsorted(STEPS, abs(pair["difference"]), side="right"))
    worse = pair["difference"] > 0
    clear = ("▼" if worse else "▲") if pair["p_holm"] < 0.05 else ""
    return (f"{'worse' if worse else 'better'}{steps}" if steps else ""), clear


def _size(result: CohortResult) -> str:
    n, positives = len(result.scored.units), int(result.scored.labels.sum())
    share = f" ({percent(positives / n)})" if n else ""
    return f"{count(n)} {result.scored.unit}s, {count(positives)} positive{share}"


def _notes(content: Content, columns: list[dict[str, GridCell]]) -> list[str]:
    names, cohorts = content.names, [result.scored.cohort for result in content.results]
    said = (
        f"AUROC with its 95 % interval, on the {names.unit}s that all models of the cohort scored. # is the rank "
        "in the column"
    )
    said += f"; {left_out}." if (left_out := _unranked(content)) else "."
    if any(cell.tint or cell.clear for cells in columns for cell in cells.values()):
        said += (
            f" Colour: the difference from {names.model(content.reference)}, from {STEPS[0]:g} on in steps at "
            f"{', '.join(f'{step:g}' for step in STEPS[1:])}. ▲ better and ▼ worse beyond chance: Holm p < 0.05, "
            f"the family being {holm_family(content)}."
        )
    return [said, *names.notes(cohorts)]


def _unranked(content: Content) -> str:
    shown = pd.concat([result.performance[["cohort", "model"]] for result in content.results])
    some = any(
        not content.names.competes(str(row["cohort"]), str(row["model"])) for row in shown.to_dict("records")
    )
    return "a model in no test has none" if some else ""


def holm_family(content: Content) -> str:
    """What Holm's correction is over: the pairs of one cohort's models and one metric, with their number."""
    sizes = {
        int((result.pairs["metric"] == "auroc").sum()) for result in content.results if len(result.pairs)
    } or {0}
    number = f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    return f"all {number} pairs of a cohort's models" if sizes != {1} else "the one pair of a cohort's models"
