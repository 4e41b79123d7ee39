"""What thresholds from elsewhere promised, and what they gave."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import decimals, estimate_text, threshold_text
from benchmark.report.printing.table import Cell, Table

RULE = (
    "Thresholds are applied as they are; a score at or above one is positive. Promised: recall and specificity on "
    "the cohort that the threshold was chosen on, where it is optimistic. Intervals: Wilson's, with the design "
    "effect where patients repeat, taking the threshold as given; LR: by the logarithm. PPV and NPV are those at "
    "each cohort's own prevalence."
)


def threshold_table(rows: pd.DataFrame, names: Names, notes: tuple[str, ...] = ()) -> Table:
    """A row a model and threshold, a block a cohort.

    Args:
        rows: Of `benchmark.comparison.thresholds.threshold_rows`.
        names: Printed names.
        notes: What could not be chosen.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for cohort in dict.fromkeys(rows["cohort"]):
        blocks.append((len(cells), names.cohort(str(cohort))))
        for row in rows[rows["cohort"] == cohort].to_dict("records"):
            promised = f"{decimals(row['promised_recall'])} / {decimals(row['promised_specificity'])}"
            texts = [
                names.model(str(row["model"])) + names.mark(str(cohort), str(row["model"])),
                f"{threshold_text(row['threshold'])} ({_origin(row, names)})",
                promised if math.isfinite(row["promised_recall"]) else decimals(None),
                f"{_rate(row, 'recall')}, {row['tp']}/{row['tp'] + row['fn']}",
                f"{_rate(row, 'specificity')}, {row['tn']}/{row['tn'] + row['fp']}",
            ]
            texts += [_rate(row, name) for name in ("ppv", "npv")]
            texts += [_rate(row, name, 2) for name in ("lr_positive", "lr_negative")]
            cells.append(tuple(map(Cell, texts)))
    return Table(
        "Thresholds from elsewhere",
        (
            "Model",
            "Threshold",
            "Promised recall / specificity",
            "Recall",
            "Specificity",
            "PPV",
            "NPV",
            "LR+",
            "LR−",
        ),
        tuple(cells),
        (),
        (RULE, *notes, *names.notes(list(dict.fromkeys(map(str, rows["cohort"]))))),
        "tab:thresholds",
        tuple(blocks),
    )


def _rate(row: dict[Any, Any], name: str, places: int = 3) -> str:
    return estimate_text(row[name], row[f"{name}_low"], row[f"{name}_high"], places)


def _origin(row: dict[Any, Any], names: Names) -> str:
    return f"{names.cohort(str(row['origin']))}, {row['rule']}" if row["origin"] else "given"
