"""Differences at operating points, and calls at thresholds from elsewhere with their reclassification counts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.comparison.operating_pairs import AMONG
from benchmark.metrics.registry import named_metric
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, p_value, threshold_text
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.differences import shown_pairs
from benchmark.report.tables.holm_family import family_size

NO_NRI = (
    "Net reclassification improvement is not offered: it adds changes among malignant and benign as if they "
    "weighed "
    "the same, and rises with a model that adds nothing (Hilden and Gerds 2014; Pepe et al. 2015). The counts are "
    "all that it is made of; net benefit weighs them."
)


def operating_pairs_table(pairs: pd.DataFrame, names: Names, *, reference: str = "", short: bool = False) -> Table:
    """Differences of FPR at recalls and of recall at specificities, a block a cohort and point.

    Args:
        pairs: Of `benchmark.comparison.operating_pairs.operating_differences`.
        names: Printed names.
        reference: The model that stands first in its pairs; with many models only its pairs are shown.
        short: Whether only the reference's pairs are shown.
    """
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    remarks: dict[str, None] = {}
    for (cohort, metric), part in pairs.groupby(["cohort", "metric"], sort=False):
        named = named_metric(str(metric))
        here = shown_pairs(part, reference)
        if short and (here["model_a"] == reference).any():
            here = here[here["model_a"] == reference]
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {named.heading}"))
        for row in here.to_dict("records"):
            rows.append((Cell(_pair_title(row, names)), *_difference_and_p(row)))
            if row["note"]:
                remarks[
                    f"{_pair_title(row, names)}, {named.title} ({names.cohort(str(cohort))}): {row['note']}."
                ] = None
    left_out = " All pairs are in operating_pairs.csv." if len(rows) < len(pairs) else ""
    note = (
        "Each model's threshold is chosen on these cases and again in every resample (paired bootstrap); p "
        "inverts the "
        "interval. Holm over all pairs of a cohort at all recalls that FPR is compared at"
        f"{_family(pairs, 'fpr')}, and at all specificities that recall is compared at"
        f"{_family(pairs, 'recall')}. ↓: below 0 the first model is better. Bold: Holm p < 0.05.{left_out}"
    )
    return Table(
        "Differences at operating points",
        ("Models", "Difference (95 % interval)", "p", "p (Holm)"),
        tuple(rows),
        (),
        (note, *remarks, *names.notes(pairs["cohort"])),
        "tab:operating-pairs",
        tuple(blocks),
    )


def calls_table(calls: pd.DataFrame, names: Names) -> Table:
    """Who is called by one model alone at thresholds from elsewhere: a block a cohort, a row a pair and class.

    Args:
        calls: Of `benchmark.comparison.operating_pairs.call_differences`.
        names: Printed names.
    """
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, among), part in calls.groupby(["cohort", "among"], sort=False):
        rate = "recall" if among == AMONG[0] else "specificity"
        what = "called" if among == AMONG[0] else "not called"
        size = f"{count(part['n'].iloc[0])} {among}"
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {size}: {what}, difference of {rate}"))
        for row in part.to_dict("records"):
            at = (threshold_text(row["threshold_a"]), threshold_text(row["threshold_b"]))
            first, second = (names.on(str(cohort), str(row[model])) for model in ("model_a", "model_b"))
            title = f"{first} ≥ {at[0]} − {second} ≥ {at[1]}"
            counts = [count(row[name]) for name in ("both", "only_a", "only_b", "neither")]
            exact = p_value(row["exact_p"]) if row["exact_p"] == row["exact_p"] else decimals(None)
            rows.append((Cell(title), *map(Cell, counts), *_difference_and_p(row), Cell(exact)))
    note = (
        "Of two models at their thresholds: cases that both, the first alone, the second alone and neither call "
        "(of the "
        "benign: leave uncalled). Interval: Tango's score limits; p: McNemar's, which they agree with, both with "
        "the "
        "design effect where patients repeat; p (exact): binomial, without repeats. Holm over all pairs and "
        f"thresholds of a cohort, for the malignant and the benign apart"
        f"{family_size(calls, ['cohort', 'among'])}. Bold: Holm p < 0.05."
    )
    return Table(
        "Calls at thresholds from elsewhere, model against model",
        ("Models", "Both", "First only", "Second only", "Neither", "Difference (95 % interval)", "p", "p (Holm)",
         "p (exact)"),
        tuple(rows),
        (),
        (note, NO_NRI, *names.notes(calls["cohort"])),
        "tab:calls",
        tuple(blocks),
    )  # fmt: skip


def _family(pairs: pd.DataFrame, quantity: str) -> str:
    """How many tests of one quantity there are."""
    here = pairs["metric"].map(lambda name: named_metric(name).quantity == quantity)
    return family_size(pairs[here.astype(bool)], ["cohort"])


def _pair_title(row: dict[Any, Any], names: Names) -> str:
    return names.pair(str(row["cohort"]), str(row["model_a"]), str(row["model_b"]))


def _difference_and_p(row: dict[Any, Any]) -> tuple[Cell, Cell, Cell]:
    """Difference with its interval, p, and Holm's p."""
    least = row.get("attainable_p")
    return (
        Cell(estimate_text(row["difference"], row["low"], row["high"])),
        Cell(p_value(row["p_value"], least)),
        Cell(p_value(row["p_holm"], least), bool(row["p_holm"] < 0.05)),
    )
