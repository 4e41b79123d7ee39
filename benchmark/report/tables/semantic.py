"""The paper's Table 3: zero-shot AUROC of semantic features, in its groups."""

from __future__ import annotations

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, estimate_text
from benchmark.report.printing.table import Cell, Table

COLUMNS = ("feature", "group", "kind", "n", "n_positive", "auroc", "auroc_low", "auroc_high", "note")


def semantic_table(semantic: pd.DataFrame, cohort: str, names: Names) -> Table:
    """A row a feature, a block a group.

    Args:
        semantic: Columns ``feature, group, kind, n, n_positive, auroc, auroc_low, auroc_high, note``.
        cohort: Which cohort it is of.
        names: Printed names.
    """
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for group in dict.fromkeys(semantic["group"]):
        blocks.append((len(rows), str(group).capitalize()))
        for row in semantic[semantic["group"] == group].to_dict("records"):
            rows.append(
                (
                    Cell(str(row["feature"])),
                    Cell(f"{count(row['n_positive'])}/{count(row['n'])}"),
                    Cell(estimate_text(row["auroc"], row["auroc_low"], row["auroc_high"])),
                    Cell(str(row["note"])),
                )
            )
    return Table(
        f"{names.cohort(cohort)}: semantic features, zero-shot",
        ("Feature", "Nodules", "AUROC (95 % interval)", "Note"),
        tuple(rows),
        (),
        ("From the similarity of image and text alone; no classifier saw these labels.",),
        f"tab:semantic-{cohort}",
        tuple(blocks),
    )
