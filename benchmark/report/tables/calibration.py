"""Calibration and net benefit of models whose scores are probabilities."""

from __future__ import annotations

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import decimals, estimate_text, percent
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.performance import is_best_of


def calibration_table(calibration: pd.DataFrame, names: Names) -> Table:
    """A block of rows a cohort: Brier score, slope, calibration in the large, mean risk against prevalence."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    cautions: dict[tuple[str, str], list[str]] = {}
    for cohort in dict.fromkeys(calibration["cohort"]):
        part = calibration[calibration["cohort"] == cohort]
        prevalence = percent(part["prevalence"].iloc[0])
        blocks.append((len(rows), f"{names.cohort(cohort)}, prevalence {prevalence}"))
        for row in part.to_dict("records"):
            for caution in filter(None, str(row["note"]).split("; ")):
                cautions.setdefault((cohort, caution), []).append(names.model(row["model"]))
            brier = names.competing(part, cohort)["brier"]
            competes = len(part) > 1 and names.competes(cohort, row["model"])
            best = competes and is_best_of(decimals(row["brier"]), decimals(brier.min()), map(decimals, brier))
            rows.append(
                (
                    Cell(names.on(cohort, row["model"])),
                    Cell(decimals(row["brier"]), best),
                    Cell(estimate_text(row["slope"], row["slope_low"], row["slope_high"], 2)),
                    Cell(estimate_text(row["intercept"], row["intercept_low"], row["intercept_high"], 2)),
                    Cell(estimate_text(row["oe"], row["oe_low"], row["oe_high"], 2)),
                    Cell(decimals(row["ici"])),
                    Cell(percent(row["mean_predicted"])),
                )
            )
    return Table(
        "Calibration of probabilities",
        (
            "Model",
            "Brier ↓",
            "Slope (ideal 1)",
            "In the large (ideal 0)",
            "Observed / expected",
            "ICI ↓",
            "Mean predicted risk",
        ),
        tuple(rows),
        (),
        (
            "A slope below 1: predictions are too extreme. In the large above 0, observed / expected above 1: "
            "risks are underestimated. ICI: mean distance of predicted risk from its smoothed observed risk; "
            "above 0 by "
            "chance in few cases, so not to be compared between cohorts. Models whose scores are no "
            "probabilities are "
            "left out.",
            *_cautions(cautions, calibration, names),
        ),
        "tab:calibration",
        tuple(blocks),
    )


def _cautions(found: dict[tuple[str, str], list[str]], calibration: pd.DataFrame, names: Names) -> list[str]:
    """What a reader must know of the models of a cohort; those are named where it is not said of all."""
    models = calibration.groupby("cohort")["model"].nunique()
    return [
        names.cohort(cohort) + ("" if len(which) == models[cohort] else f", {', '.join(which)}") + f": {caution}."
        for (cohort, caution), which in found.items()
    ]


def net_benefit_table(net_benefit: pd.DataFrame, names: Names) -> Table:
    """A block of rows a cohort: net benefit at each threshold probability, with treat-all as a row."""
    thresholds = sorted(set(net_benefit["threshold"]))
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for cohort in dict.fromkeys(net_benefit["cohort"]):
        part = net_benefit[net_benefit["cohort"] == cohort]
        blocks.append((len(rows), names.cohort(cohort)))
        values = part.pivot(index="model", columns="threshold", values="net_benefit")
        everyone = part.drop_duplicates("threshold").set_index("threshold")["treat_all"]
        rivals = [model for model in values.index if names.competes(cohort, str(model))]
        for model in dict.fromkeys(part["model"]):
            cells = []
            for t in thresholds:
                text = decimals(values.at[model, t])
                best = decimals(max([*values.loc[rivals, t], everyone[t], 0.0]))
                shown = map(decimals, values.loc[rivals, t])
                cells.append(Cell(text, model in rivals and is_best_of(text, best, shown)))
            rows.append((Cell(names.on(cohort, model)), *cells))
        rows.append((Cell("Treat all"), *(Cell(decimals(everyone[t])) for t in thresholds)))
    return Table(
        "Net benefit at threshold probabilities that guidelines act at",
        ("Model", *(f"{percent(t, 0)} ↑" for t in thresholds)),
        tuple(rows),
        (),
        (
            "TP/n − FP/n · pt/(1 − pt) at threshold probability pt, per patient of the cohort; treating none is "
            "worth 0. Bold: best of the cohort's models, unless treating all or none is better.",
        ),
        "tab:net-benefit",
        tuple(blocks),
    )
