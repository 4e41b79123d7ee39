"""Differences between models on the same patients, in one cohort and pooled over cohorts."""

from __future__ import annotations

import pandas as pd

from benchmark.report.names import Names
from benchmark.report.numbers import estimate, p_value, percent
from benchmark.report.table import Cell, Table

SHOWN_MODELS = 6
"""Up to this many models every pair is shown; beyond it only the pairs of the reference."""


def pairs_table(pairs: pd.DataFrame, names: Names, *, metric: str = "auroc", reference: str = "") -> Table:
    """Differences of one metric, a block of rows a cohort, the interval before the p-value.

    Args:
        pairs: Rows of `benchmark.comparison.pairs.paired_differences`.
        names: Printed names.
        metric: ``auroc`` or ``auprc``.
        reference: The model that stands first in its pairs; with many models only its pairs are shown.
    """
    here = shown_pairs(pairs[pairs["metric"] == metric], reference)
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for cohort in dict.fromkeys(here["cohort"]):
        part = here[here["cohort"] == cohort]
        blocks.append((len(rows), names.cohort(cohort)))
        rows += [
            (
                Cell(f"{names.model(row['model_a'])} − {names.model(row['model_b'])}"),
                Cell(estimate(row["difference"], row["low"], row["high"])),
                Cell(p_value(row["p_value"])),
                Cell(p_value(row["p_holm"]), bool(row["p_holm"] < 0.05)),
            )
            for row in part.to_dict("records")
        ]
    method = "Paired DeLong test" if metric == "auroc" else "Paired bootstrap of patients"
    left_out = "" if len(here) == (pairs["metric"] == metric).sum() else " All pairs are in pairs.csv."
    return Table(
        f"{metric.upper()} differences on the same {names.unit}s",
        ("Models", "Difference (95 % interval)", "p", "p (Holm)"),
        tuple(rows),
        (),
        (f"{method}; Holm over all pairs of a cohort. Bold: Holm p < 0.05.{left_out}",),
        f"tab:pairs-{metric}",
        tuple(blocks),
    )


def pooled_table(pooled: pd.DataFrame, names: Names, *, reference: str = "") -> Table:
    """Random-effects means of the differences over cohorts, a block of rows a metric."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for metric in dict.fromkeys(pooled["metric"]):
        blocks.append((len(rows), str(metric).upper()))
        for row in shown_pairs(pooled[pooled["metric"] == metric], reference).to_dict("records"):
            rows.append(
                (
                    Cell(f"{names.model(row['model_a'])} − {names.model(row['model_b'])}"),
                    Cell(estimate(row["difference"], row["low"], row["high"])),
                    Cell(p_value(row["p_value"])),
                    Cell(percent(row["i_squared"], 0)),
                    Cell(str(row["cohorts"].count(";") + 1)),
                )
            )
    return Table(
        "Differences pooled over cohorts",
        ("Models", "Difference (95 % interval)", "p", "I²", "Cohorts"),
        tuple(rows),
        (),
        (
            "Random effects with the Hartung–Knapp interval; I² is the share of the spread that lies between "
            "cohorts. AUPRC depends on prevalence, so its pooled difference is of these cohorts only.",
        ),
        "tab:pooled",
        tuple(blocks),
    )


def shown_pairs(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The pairs that a reader's table shows, the reference first in its own."""
    if pairs.empty:
        return pairs
    second = (pairs["model_b"] == reference).to_numpy()
    turned = pairs.copy()
    turned.loc[second, ["model_a", "model_b"]] = pairs.loc[second, ["model_b", "model_a"]].to_numpy()
    turned.loc[second, "difference"] = -pairs.loc[second, "difference"]
    turned.loc[second, ["low", "high"]] = -pairs.loc[second, ["high", "low"]].to_numpy()
    models = set(pairs["model_a"]) | set(pairs["model_b"])
    if len(models) > SHOWN_MODELS and reference in models:
        turned = turned[turned["model_a"] == reference]
    return turned
