"""Non-inferiority: differences from one model against a margin."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import decimals, estimate_text, p_value
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.holm_family import family_size

FEW_POSITIVES = 50


def noninferiority_table(
    rows: pd.DataFrame, names: Names, versus: str, margin: float, untested: Mapping[str, str]
) -> Table:
    """A row a model, a block a cohort: difference, interval, one-sided p and what they say.

    Args:
        rows: Of `benchmark.comparison.margins.noninferiority_rows`.
        names: Printed names.
        versus: The model that others must not be worse than.
        margin: By how much.
        untested: Why a cohort has no test, by cohort.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for cohort in dict.fromkeys(rows["cohort"]):
        blocks.append((len(cells), names.cohort(str(cohort))))
        for row in rows[rows["cohort"] == cohort].to_dict("records"):
            cells.append(
                (
                    Cell(names.on(str(cohort), str(row["model"]))),
                    Cell(estimate_text(row["difference"], row["low"], row["high"])),
                    Cell(decimals(row["z"], 2)),
                    Cell(p_value(row["p_value"])),
                    Cell(p_value(row["p_holm"])),
                    Cell(p_value(row["p_equivalence"])),
                    Cell(_verdict(row["low"], row["high"], margin), bool(row["noninferior"])),
                )
            )
    loss = f"{margin:g}"
    notes = [
        f"Difference: AUROC of the model minus that of {names.model(versus)}, DeLong's interval (clustered where "
        f"patients repeat). Margin {loss}: non-inferior where the lower limit is above −{loss}, which is a "
        f"one-sided p below 0.025; equivalent where both limits are within ±{loss}. p (one-sided): of being worse "
        f"by {loss} or more; Holm over the models of a cohort"
        f"{family_size(rows, ['cohort'])}. p (equivalence): the larger of two one-sided "
        "tests. The verdict stands on the interval, not on Holm's p. A margin chosen after the scores were "
        "seen proves nothing.",
    ]
    few = rows.loc[rows["n_positive"] < FEW_POSITIVES, "cohort"].unique()
    if len(few):
        where = ", ".join(names.cohort(str(cohort)) for cohort in few)
        notes.append(
            f"{where}: fewer than {FEW_POSITIVES} positives, where this test finds non-inferiority too often (up "
            "to twice as often as it should with 10)."
        )
    notes += [
        f"{names.model(str(row['model']))} ({names.cohort(str(row['cohort']))}): {row['note']}."
        for row in rows[rows["note"] != ""].to_dict("records")
    ]
    notes += [
        f"{names.cohort(cohort)}: no test against {names.model(versus)}: {why}."
        for cohort, why in untested.items()
    ]
    notes += names.notes(rows["cohort"])
    return Table(
        f"Non-inferiority to {names.model(versus)}, AUROC, margin {loss}",
        ("Model", "Difference (95 % interval)", "z", "p (one-sided)", "p (Holm)", "p (equivalence)", "Verdict"),
        tuple(cells),
        (),
        tuple(notes),
        "tab:noninferiority",
        tuple(blocks),
    )


def _verdict(low: float, high: float, margin: float) -> str:
    """What an interval says of a margin."""
    if pd.isna(low):
        return "no test"
    if high < -margin:
        return "inferior"
    if low > 0:
        return "superior"
    if low > -margin:
        return "equivalent" if high < margin else "non-inferior"
    return "not shown"
