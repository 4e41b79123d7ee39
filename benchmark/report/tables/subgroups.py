"""Metrics by the groups of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.comparison.groups import ByColumn
from benchmark.report.names import Names
from benchmark.report.numbers import count, estimate, p_value
from benchmark.report.table import Cell, Table


def subgroup_table(found: Sequence[ByColumn], names: Names) -> Table:
    """A row a group and model, a block a cohort; groups with too few events have counts only."""
    rows: list[tuple[Cell, ...]] = []
    blocks, notes = [], []
    column = found[0].column
    for part in found:
        notes += [f"{names.cohort(part.cohort)}: {sentence}" for sentence in part.united]
        if part.result is None:
            notes.append(f"{names.cohort(part.cohort)}: {part.note}.")
            continue
        blocks.append((len(rows), names.cohort(part.cohort)))
        metrics = part.result.metrics
        estimated = set(metrics.loc[metrics["value"].notna(), "subgroup"])
        for (group, model), of in metrics.groupby(["subgroup", "model"], sort=False):
            if group not in estimated and model != metrics["model"].iloc[0]:
                continue
            by = {row["metric"]: row for row in of.to_dict("records")}
            first = by["auroc"]
            cells = [
                Cell(estimate(by[m]["value"], by[m]["low"], by[m]["high"])) for m in ("auroc", "auprc") if m in by
            ]
            size = f"{count(first['n'])} ({count(first['n_positive'])})"
            note = str(first["note"])
            title = f"{group}: {names.model(str(model))}" if group in estimated else str(group)
            rows.append((Cell(title), Cell(size), *cells, Cell(note)))
        tests = part.result.interactions
        for row in tests.to_dict("records"):
            if str(row["what"]).startswith("AUROC of ") and np.isfinite(row["p_value"]):
                model = names.model(str(row["what"]).removeprefix("AUROC of "))
                text = f"{model}'s AUROC differs between groups with p {p_value(row['p_value'])}"
                notes.append(f"{names.cohort(part.cohort)}: {text} (Holm {p_value(row['p_holm'])}).")
    return Table(
        f"By {column}",
        ("Group and model", "n (positive)", "AUROC ↑", "AUPRC ↑", "Note"),
        tuple(rows),
        (),
        (
            "Groups are compared by the interaction test, never by whether intervals overlap; AUPRC follows the "
            "prevalence of a group.",
            *notes,
        ),
        "tab:subgroups",
        tuple(blocks),
    )
