"""The paper's Tables S2-S5: FPR and precision at fixed recall."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.comparison.performance import METHODS
from benchmark.report.printing.names import PRINTED, Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, threshold_text
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.performance import is_best_of, printed_note
from benchmark.statistics.differences import ONE_PATIENT

RULE = (
    "At recall t: the threshold with the smallest achievable recall ≥ t, chosen on the same cases, so "
    "descriptive; tied scores move as one block."
)


def operating_table(
    points: pd.DataFrame, cohort: str, names: Names, *, printed: pd.DataFrame | None = None, same: bool = True
) -> Table:
    """One cohort in the paper's layout: FPR and precision at each recall, with the positives found.

    Args:
        points: Operating points of a comparison.
        cohort: Which cohort.
        names: Printed names.
        printed: Printed operating points: ``cohort, title, recall_target, fpr, precision, source``.
        same: Whether all models stand on the same patients; only then is a best one marked.
    """
    here = points[points["cohort"] == cohort]
    targets = sorted(set(here["recall_target"]))
    rows = []
    for model in dict.fromkeys(here["model"]):
        cells = [Cell(names.on(cohort, model))]
        for target in targets:
            at = here[here["recall_target"] == target]
            row = at[at["model"] == model].iloc[0]
            found = f"{count(row['tp'])}/{count(row['n_positive'])}"
            cells.append(Cell(found))
            cells += [_rate(at, row, rate, names, same) for rate in ("fpr", "precision")]
        rows.append(tuple(cells))
    quoted = _printed(printed, cohort)
    rows += [_printed_row(quoted, title, targets) for title in dict.fromkeys(quoted["title"])]
    return Table(
        f"{names.cohort(cohort)}: FPR and precision at fixed recall",
        ("Model", *("TP/P", "FPR ↓", "Precision ↑") * len(targets)),
        tuple(rows),
        (("", 1), *((f"Recall ≥ {target:g}", 3) for target in targets)),
        (RULE, *names.notes([cohort]), *([printed_note(quoted)] if len(quoted) else [])),
        f"tab:operating-{cohort}",
    )


def operating_tall(points: pd.DataFrame, cohort: str, names: Names, *, apart: bool = True) -> Table:
    """One cohort with everything: a block of rows a recall, counts, rates with intervals, thresholds.

    Args:
        points: Operating points of all cohorts.
        cohort: The cohort.
        names: Printed names.
        apart: Whether positives and negatives were drawn apart.
    """
    here = points[points["cohort"] == cohort]
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for target in sorted(set(here["recall_target"])):
        at = here[here["recall_target"] == target]
        blocks.append((len(rows), f"Recall ≥ {target:g}"))
        for row in at.to_dict("records"):
            best = {rate: _rate(at, row, rate, names).bold for rate in ("fpr", "precision")}
            rows.append(
                (
                    Cell(names.on(cohort, str(row["model"]))),
                    Cell(f"{decimals(row['recall'])} ({count(row['tp'])}/{count(row['n_positive'])})"),
                    Cell(estimate_text(row["fpr"], row["fpr_low"], row["fpr_high"]), best["fpr"]),
                    Cell(f"{count(row['fp'])}/{count(row['n_negative'])}"),
                    Cell(
                        estimate_text(row["precision"], row["precision_low"], row["precision_high"]),
                        best["precision"],
                    ),
                    Cell(threshold_text(row["threshold"])),
                )
            )
    return Table(
        f"{names.cohort(cohort)}: operating points (95 % interval)",
        ("Model", "Recall (TP/P)", "FPR ↓", "FP/N", "Precision ↑", "Threshold"),
        tuple(rows),
        (),
        (
            RULE
            + " Percentile bootstrap intervals include the choice of the threshold"
            + ("; those of precision keep the number of positives." if apart else "."),
            *_rates_of_other_methods(here, names),
            *names.notes([cohort]),
        ),
        f"tab:operating-{cohort}-intervals",
        tuple(blocks),
    )


def _rates_of_other_methods(here: pd.DataFrame, names: Names) -> list[str]:
    """The rates whose interval another method gave, by that method."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in here.to_dict("records"):
        for rate, title in (("fpr", "FPR"), ("precision", "precision")):
            method = row[f"{rate}_method"]
            if method not in ("", ONE_PATIENT, METHODS["percentile"]):
                what = f"{title} of {names.model(str(row['model']))} at recall"
                found.setdefault(method, {}).setdefault(what, []).append(f"{row['recall_target']:g}")
    why = "limits, where a rate is 0 or 1 or resampling gives it no spread"
    numbers = {m: "; ".join(f"{what} {', '.join(at)}" for what, at in where.items()) for m, where in found.items()}
    return [f"{method} {why}: {which}." for method, which in numbers.items()]


def operating_blocks(points: pd.DataFrame, names: Names) -> Table:
    """All cohorts, FPR and precision only, a block of rows a cohort: for a terminal."""
    targets = sorted(set(points["recall_target"]))
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for cohort in dict.fromkeys(points["cohort"]):
        here = points[points["cohort"] == cohort]
        blocks.append((len(rows), names.cohort(cohort)))
        for model in dict.fromkeys(here["model"]):
            cells = [Cell(names.on(cohort, model))]
            for target in targets:
                at = here[here["recall_target"] == target]
                row = at[at["model"] == model].iloc[0]
                cells += [_rate(at, row, rate, names) for rate in ("fpr", "precision")]
            rows.append(tuple(cells))
    columns = tuple(f"{name} @{target:g}" for target in targets for name in ("FPR ↓", "Prec ↑"))
    title = "FPR and precision at fixed recall"
    return Table(title, ("Model", *columns), tuple(rows), label="tab:operating-blocks", blocks=tuple(blocks))


def _rate(at: pd.DataFrame, row: Any, rate: str, names: Names, same: bool = True) -> Cell:  # noqa: ANN401
    text, cohort = decimals(row[rate]), str(row["cohort"])
    rates = names.competing(at, cohort)[rate]
    best = decimals(rates.min() if rate == "fpr" else rates.max())
    competes = same and len(at) > 1 and names.competes(cohort, str(row["model"]))
    return Cell(text, competes and is_best_of(text, best, map(decimals, rates)))


def _printed(printed: pd.DataFrame | None, cohort: str) -> pd.DataFrame:
    if printed is None:
        return pd.DataFrame(columns=["title", "recall_target", "fpr", "precision", "source"])
    return printed[printed["cohort"] == cohort]


def _printed_row(printed: pd.DataFrame, title: str, targets: list[float]) -> tuple[Cell, ...]:
    cells = [Cell(f"{title} {PRINTED}")]
    for target in targets:
        at = printed[(printed["title"] == title) & ((printed["recall_target"] - target).abs() < 1e-9)]
        texts = (at.iloc[0]["fpr"], at.iloc[0]["precision"]) if len(at) else ("", "")
        cells += [Cell(""), *(Cell(text or decimals(None)) for text in texts)]
    return tuple(cells)
