"""Agreement of scores over repeated scans, and the calls that flip between them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report.printing.numbers import count, estimate_text, interval, percent, threshold_text
from benchmark.report.printing.table import Cell, Table
from benchmark.wording import in_words

HOW = (
    "ICC(2,1): a shift between scans counts; ICC(3,1): it does not (Shrout and Fleiss). Repeatability "
    "coefficient: 1.96 √2 wSD; 95 % of repeated scans of a nodule differ by less, if differences are normal."
)
OF_TWO = (
    "Bias: mean of {0} minus {1}, with t interval; limits of agreement: bias ∓ 1.96 sd (Bland and Altman). CCC: "
    "Lin's concordance correlation coefficient."
)


def agreement_table(rows: pd.DataFrame, scans: Sequence[str]) -> Table:
    """A row a model; what only two scans have is left out with more.

    Args:
        rows: Of `benchmark.comparison.agreement_numbers.agreement_rows`.
        scans: What the scans are called.
    """
    two = len(scans) == 2
    columns = ["Model", "Nodules", "ICC(2,1)", "ICC(3,1)", "Repeatability coefficient"]
    columns += ["Bias", "Limits of agreement", "CCC"] if two else []
    body = []
    for row in rows.to_dict("records"):
        cells = [str(row["model"]), count(row["n_nodules"])]
        names = ["icc21", "icc31", "repeatability", *(["bias"] if two else [])]
        cells += [estimate_text(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in names]
        if two:
            cells.append(interval(row["limit_low"], row["limit_high"]))
            cells.append(estimate_text(row["ccc"], row["ccc_low"], row["ccc_high"]))
        body.append(tuple(map(Cell, cells)))
    level = percent(float(rows["level"].iloc[0]), 0)
    notes = [f"Scans: {in_words(scans)}. {level} intervals.", HOW, *([OF_TWO.format(*scans)] if two else [])]
    return Table(
        f"Agreement of {len(scans)} scans of the same nodules", tuple(columns), tuple(body), (),
        (*notes, *_notes_of_models(rows)), "tab:agreement",
    )  # fmt: skip


def _notes_of_models(rows: pd.DataFrame) -> list[str]:
    """What is missing, whose nodules depend on each other, and what has no interval."""
    notes = []
    for row in rows.to_dict("records"):
        incomplete, unscored = int(row["n_incomplete"]), int(row["n_unscored"])
        if incomplete or unscored:
            notes.append(
                f"{row['model']}: {incomplete:,} nodules lack a score in some scans and stand in the "
                f"repeatability coefficient alone, where they have two; {unscored:,} have none at all."
            )
        if not pd.isna(row["n_patients"]) and row["n_patients"] < row["n_nodules"]:
            notes.append(
                f"{row['model']}: the nodules are of {row['n_patients']:,} patients; intervals count with design "
                f"effects (jackknife of patients; {row['design_effect']:.2f} for ICC)."
            )
        if row["note"]:
            notes.append(f"{row['model']}: {row['note']}.")
    if rows["n_patients"].isna().any():
        notes.append("No column pid: each nodule counts as a patient.")
    return notes


def flipped_calls_table(rows: pd.DataFrame, scans: Sequence[str], level: float = 0.95) -> Table:
    """A row a model and threshold: how many nodules are called positive in one scan and negative in another."""
    body = [
        tuple(
            map(
                Cell,
                (
                    str(row["model"]), threshold_text(row["threshold"]),
                    f"{count(row['flipped'])}/{count(row['n'])}",
                    estimate_text(row["share"], row["low"], row["high"]), count(row["up"]), count(row["down"]),
                    count(row["always"]), count(row["never"]),
                ),
            )
        )
        for row in rows.to_dict("records")
    ]  # fmt: skip
    first, last = scans[0], scans[-1]
    return Table(
        "Calls that flip between scans",
        (
            *("Model", "Threshold", "Flipped/n", f"Share ({percent(level, 0)} interval)"),
            *(f"Positive in {last} alone", f"Positive in {first} alone", "Always positive", "Never positive"),
        )
        if len(scans) == 2
        else (
            *("Model", "Threshold", "Flipped/n", f"Share ({percent(level, 0)} interval)"),
            *("First −, last +", "First +, last −", "Always positive", "Never positive"),
        ),
        tuple(body),
        (),
        (
            "A score at or above the threshold is positive. Nodules with a score in every scan. Wilson's "
            "interval, with the design effect where patients have several nodules.",
        ),
        "tab:flipped-calls",
    )
