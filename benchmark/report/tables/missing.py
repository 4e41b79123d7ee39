"""Missing scores: what is reported, and between what it lies."""

from __future__ import annotations

import pandas as pd

from benchmark.metrics.registry import named_metric
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, percent
from benchmark.report.printing.table import Cell, Table

HOW = (
    "Common cases: those that every model scored; own cases: all that the model scored (95 % interval). Worst and "
    "best case: every missing positive below (above), every missing negative above (below) all scores. No "
    "assumption is made, and sampling comes on top."
)
WEIGHTED = (
    "Weighted by {columns}: each case counts as the inverse of its chance to have a score, by a logistic "
    "regression on the label and these columns; right where, given them, it is chance who has none, which "
    "nothing can show. Limits on the logit scale by bootstrap, with the weights fitted again in each resample."
)


def missing_table(rows: pd.DataFrame, names: Names) -> Table:
    """A row a model and metric, a block a cohort.

    Args:
        rows: Of `benchmark.comparison.missing_scores.missing_rows`.
        names: Printed names.
    """
    columns = next((text for text in rows["columns"] if text), "")
    cells: list[tuple[Cell, ...]] = []
    blocks: list[tuple[int, str]] = []
    for cohort in dict.fromkeys(map(str, rows["cohort"])):
        part = rows[rows["cohort"] == cohort]
        n, positive = part["n"].iloc[0], part["n_positive"].iloc[0]
        unit = names.unit
        blocks.append(
            (len(cells), f"{names.cohort(cohort)}: {count(n)} labelled {unit}s, {count(positive)} positive")
        )
        for row in part.to_dict("records"):
            texts = [
                names.on(cohort, row["model"]),
                named_metric(row["metric"]).title,
            ]
            texts.append(
                f"{count(row['missing'])} ({count(row['missing_positive'])}), {percent(row['missing'] / n)}"
            )
            texts += [decimals(row["common"])]
            texts.append(estimate_text(row["available"], row["available_low"], row["available_high"]))
            texts += [decimals(row["worst"]), decimals(row["best"])]
            if columns:
                texts.append(estimate_text(row["weighted"], row["weighted_low"], row["weighted_high"]))
            cells.append(tuple(map(Cell, texts)))
    headings: tuple[str, ...] = (
        "Model",
        "Metric",
        "Missing (positive)",
        "Common cases",
        "Own cases",
        "Worst case",
        "Best case",
    )
    notes = [HOW, *([WEIGHTED.format(columns=columns)] if columns else []), *_notes(rows, names)]
    notes += names.notes(rows["cohort"])
    headings += ("Weighted",) if columns else ()
    title = "Missing scores: what they could change"
    return Table(title, headings, tuple(cells), (), tuple(notes), "tab:missing", tuple(blocks))


def _notes(rows: pd.DataFrame, names: Names) -> list[str]:
    """How much the weights leave, and why there are none."""
    notes = []
    for row in rows[rows["metric"] == "auroc"].to_dict("records"):
        who = f"{names.model(row['model'])} on {names.cohort(row['cohort'])}"
        if row["note"]:
            notes.append(f"{who}: {row['note']}.")
        if not pd.isna(row["largest_weight"]):
            notes.append(
                f"{who}: largest weight {decimals(row['largest_weight'], 1)} times its class's mean; the weighted "
                f"cases are worth {decimals(row['effective_positive'], 0)} positives and "
                f"{decimals(row['effective_negative'], 0)} negatives."
            )
    return notes
