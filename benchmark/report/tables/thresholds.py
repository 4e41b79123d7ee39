"""What thresholds from elsewhere promised, and what they gave."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.comparison.thresholds import ChosenThreshold
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, percent, threshold_text
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
                names.on(str(cohort), str(row["model"])),
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
        (RULE, *notes, *names.notes(rows["cohort"])),
        "tab:thresholds",
        tuple(blocks),
    )


def threshold_notes(
    chosen: Sequence[ChosenThreshold],
    shares: Mapping[str, int],
    models: Sequence[str],
    cohorts: Sequence[str],
    names: Names,
) -> tuple[str, ...]:
    """What a reader of thresholds from elsewhere must know: models without one, and patients who took part twice.

    Args:
        chosen: The thresholds.
        shares: Cohort → patients that it shares with the one they were chosen on.
        models: Models that are compared.
        cohorts: Cohorts that are compared.
        names: Printed names.
    """
    held = {one.model for one in chosen}
    without = [names.model(model) for model in models if model not in held]
    notes = [f"No threshold: {', '.join(without)}."] if without else []
    origins = [origin for origin in dict.fromkeys(one.origin for one in chosen) if origin]
    for cohort in cohorts:
        if cohort in origins:
            notes.append(f"{names.cohort(cohort)}: thresholds were chosen on it and are not applied to it.")
    for cohort, common in shares.items():
        where = ", ".join(map(names.cohort, origins))
        known = f"{count(common)} patients of {names.cohort(cohort)} are also in {where}"
        if not common:
            known = f"{names.cohort(cohort)} shares patients with {where} by its manifest, under other ids"
        notes.append(
            f"Warning: {known}, where the thresholds were chosen: what they give here is optimistic. Choose them "
            "on "
            "other patients."
        )
    return tuple(notes)


def notes_beyond_scores(rows: pd.DataFrame, names: Names) -> tuple[str, ...]:
    """Models of which a threshold calls no case, or every one: it may be told on another scale than the scores."""
    found = []
    for row in rows.to_dict("records"):
        called, left = int(row["tp"] + row["fp"]), int(row["fn"] + row["tn"])
        if called and left:
            continue
        what = "every case reaches" if called else "no case reaches"
        found.append(
            f"{names.cohort(str(row['cohort']))}: {what} {threshold_text(row['threshold'])} of "
            f"{names.model(str(row['model']))}: is the threshold on the scale of the scores?"
        )
    return tuple(dict.fromkeys(found))


def predictive_table(rows: pd.DataFrame, names: Names) -> Table:
    """Predictive values at other prevalences: a row a model, threshold and prevalence, a block a cohort.

    Args:
        rows: Of `benchmark.comparison.thresholds.predictive_rows`.
        names: Printed names.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for cohort in dict.fromkeys(rows["cohort"]):
        blocks.append((len(cells), f"Recall and specificity of {names.cohort(str(cohort))}"))
        for row in rows[rows["cohort"] == cohort].to_dict("records"):
            texts = [
                names.on(str(cohort), str(row["model"])),
                f"{threshold_text(row['threshold'])} ({_origin(row, names)})",
                percent(row["prevalence"]),
                _rate(row, "ppv"),
                _rate(row, "npv", 4),
                decimals(1000 * row["called"], 1),
                decimals(1000 * row["missed"], 2),
            ]
            cells.append(tuple(map(Cell, texts)))
    note = (
        "By Bayes from the recall and specificity measured on the cohort, taken to be the same at another "
        "prevalence; "
        "limits by the logit (Mercaldo et al. 2007). Called: positive calls in 1,000 cases. Missed: positives in "
        "1,000 cases that are not called."
    )
    return Table(
        "Predictive values of thresholds from elsewhere at other prevalences",
        ("Model", "Threshold", "Prevalence", "PPV", "NPV", "Called / 1,000", "Missed / 1,000"),
        tuple(cells),
        (),
        (note, *names.notes(rows["cohort"])),
        "tab:predictive-values",
        tuple(blocks),
    )


def _rate(row: dict[Any, Any], name: str, places: int = 3) -> str:
    return estimate_text(row[name], row[f"{name}_low"], row[f"{name}_high"], places)


def _origin(row: dict[Any, Any], names: Names) -> str:
    return f"{names.cohort(str(row['origin']))}, {row['rule']}" if row["origin"] else "given"
