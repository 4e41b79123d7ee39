"""What a model adds to another: AUROC within strata, and fusions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, p_value, percent, threshold_text
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.holm_family import family_size


def within_table(rows: pd.DataFrame, names: Names) -> Table:
    """AUROC within strata or a part of the cases: a block a cohort and restriction, a row a model.

    Args:
        rows: Of `benchmark.comparison.within.within_rows`.
        names: Printed names.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, within), part in rows.groupby(["cohort", "within"], sort=False):
        first = part.iloc[0]
        cases = f"{count(first['n'])} {names.unit}s, {count(first['n_positive'])} positive"
        strata = f", {count(first['strata'])} strata with a pair" if first["strata"] > 1 else ""
        where = _restriction_title(str(within), names)
        blocks.append((len(cells), f"{names.cohort(str(cohort))}, {where}: {cases}{strata}"))
        for row in part.to_dict("records"):
            share = row["pairs"] / row["all_pairs"] if row["all_pairs"] else float("nan")
            cells.append(
                (
                    Cell(names.on(str(cohort), str(row["model"]))),
                    Cell(estimate_text(row["auroc"], row["low"], row["high"])),
                    Cell(p_value(row["p_value"])),
                    Cell(p_value(row["p_holm"]), bool(row["p_holm"] < 0.05)),
                    Cell(decimals(row["unconditional"])),
                    Cell(percent(share)),
                )
            )
    note = (
        "AUROC within: share of the pairs of a positive and a negative of one stratum in the right order (strata "
        "of a "
        "model: fifths by its score), 0.5 where the model adds nothing to what the strata know. Pairs: those of "
        "one "
        "stratum among all. Interval: DeLong's variance of the ratio, logit scale; p of 0.5 agrees with it. Holm "
        f"over the models of a block{family_size(rows, ['cohort', 'within'])}. "
        "Bold: Holm p < 0.05. Within wide strata what the other model knows is not all "
        "held "
        "fixed."
    )
    return Table(
        "Added value: AUROC within strata",
        ("Model", "AUROC within (95 % interval)", "p (of 0.5)", "p (Holm)", "AUROC without strata", "Pairs"),
        tuple(cells),
        (),
        (note, *remarks_of(rows, names, "model"), *names.notes(rows["cohort"])),
        "tab:within",
        tuple(blocks),
    )


def fusion_table(rows: pd.DataFrame, names: Names) -> Table:
    """Fusions of two models against each of them: a block a cohort and fusion.

    Args:
        rows: Of `benchmark.comparison.added_value.fusion_rows`.
        names: Printed names.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, a, b), part in rows.groupby(["cohort", "model_a", "model_b"], sort=False):
        first = part.iloc[0]
        titles = (names.model(str(a)), names.model(str(b)))
        weights = f"weights {decimals(first['weight_a'], 2)} and {decimals(first['weight_b'], 2)}"
        area = estimate_text(first["auroc"], first["auroc_low"], first["auroc_high"])
        title = f"{names.cohort(str(cohort))}, {titles[0]} + {titles[1]}"
        blocks.append((len(cells), f"{title}: AUROC {area}, {weights}"))
        for row in part.to_dict("records"):
            cells.append(
                (
                    Cell(f"fusion − {names.model(str(row['versus']))}"),
                    Cell(decimals(row["auroc_versus"])),
                    Cell(estimate_text(row["difference"], row["low"], row["high"])),
                    Cell(p_value(row["p_value"])),
                    Cell(p_value(row["p_holm"]), bool(row["p_holm"] < 0.05)),
                )
            )
    note = (
        "Ridge logistic regression of the standardised scores (log-odds of probabilities), five folds of "
        "patients, "
        "the penalty chosen in five inner folds: each patient's score is from a fit without the patient, folds "
        "on one scale. Weights: "
        "means over folds, of standardised scores. Paired DeLong; it takes the fits as given. Holm over the "
        f"differences of a cohort{family_size(rows, ['cohort'])}. Bold: Holm p < 0.05."
    )
    return Table(
        "Added value: two models fused",
        ("Difference", "AUROC alone", "Difference of AUROC (95 % interval)", "p", "p (Holm)"),
        tuple(cells),
        (),
        (note, *remarks_of(rows, names, "versus")),
        "tab:fusion",
        tuple(blocks),
    )


def _restriction_title(text: str, names: Names) -> str:
    """What a restriction is called: the model by its printed name."""
    for sign, word in (("<", "<"), (">=", "≥")):
        name, found, value = text.partition(sign)
        if found:
            return f"cases with {names.model(name.strip())} {word} {threshold_text(float(value))}"
    return f"within strata of {names.model(text)}"


def remarks_of(rows: pd.DataFrame, names: Names, *columns: str) -> list[str]:
    """The notes of rows, each with the models that it is of."""
    found: dict[str, None] = {}
    for row in rows.fillna({"note": ""}).to_dict("records"):
        if row["note"]:
            found[f"{_titles_of(row, names, columns)} ({names.cohort(str(row['cohort']))}): {row['note']}."] = None
    return list(found)


def _titles_of(row: dict[Any, Any], names: Names, columns: tuple[str, ...]) -> str:
    return " and ".join(names.model(str(row[column])) for column in columns)
