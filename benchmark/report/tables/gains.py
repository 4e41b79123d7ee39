"""What acting on a model is worth: gain in net benefit, and yield of the highest scores."""

from __future__ import annotations

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, p_value, percent, signed
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.added_value import remarks_of
from benchmark.report.tables.holm_family import family_size


def net_gain_table(rows: pd.DataFrame, names: Names) -> Table:
    """Gain in net benefit: a block a cohort and threshold, a row a pair of models.

    Args:
        rows: Of `benchmark.comparison.added_value.net_gain_rows`.
        names: Printed names.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, threshold), part in rows.groupby(["cohort", "threshold"], sort=False):
        at = float(str(threshold))
        blocks.append((len(cells), f"{names.cohort(str(cohort))}, threshold {percent(at, 0)}"))
        cells += [
            (
                Cell(names.pair(str(cohort), str(row["model_a"]), str(row["model_b"]))),
                Cell(estimate_text(1000 * row["gain"], 1000 * row["low"], 1000 * row["high"], 1)),
                Cell(p_value(row["p_value"], row["attainable_p"])),
                Cell(p_value(row["p_holm"], row["attainable_p"]), bool(row["p_holm"] < 0.05)),
                Cell(signed(100 * row["gain"] * (1 - at) / at, 1)),
            )
            for row in part.to_dict("records")
        ]
    note = (
        "Gain: net benefit of the first model minus that of the second, in true positives per 1,000 cases at no "
        "more "
        "false positives. Avoided: the same gain told in false positives per 100 cases at no fewer true "
        "positives, 100 · gain · (1 − t) / t at the threshold t: what it is worth and no count, so it may pass "
        "100. "
        "Paired bootstrap of patients, threshold fixed; p inverts the interval. Holm over all pairs and "
        f"thresholds of a cohort{family_size(rows, ['cohort'])}. Bold: Holm p < 0.05."
    )
    return Table(
        "Added value: gain in net benefit",
        ("Models", "Gain / 1,000 (95 % interval)", "p", "p (Holm)", "Avoided / 100"),
        tuple(cells),
        (),
        (note, *remarks_of(rows, names, "model_a", "model_b"), *names.notes(rows["cohort"])),
        "tab:net-gain",
        tuple(blocks),
    )


def yield_table(rows: pd.DataFrame, names: Names) -> Table:
    """Positives among the highest scores: a block a cohort and number of cases, a row a model.

    Args:
        rows: Of `benchmark.comparison.added_value.yield_rows`.
        names: Printed names.
    """
    cells: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, k), part in rows.groupby(["cohort", "k"], sort=False):
        first = part.iloc[0]
        whole = f"{count(first['n'])} {names.unit}s, {decimals(first['by_chance'], 1)} positives by chance"
        blocks.append((len(cells), f"{names.cohort(str(cohort))}, the {count(int(str(k)))} highest of {whole}"))
        for row in part.to_dict("records"):
            span = f" ({count(row['least'])} to {count(row['most'])})" if row["least"] < row["most"] else ""
            found = decimals(row["positives"], 1) if span else count(row["positives"])
            cells.append(
                (
                    Cell(names.on(str(cohort), str(row["model"]))),
                    Cell(found + span),
                    Cell(percent(row["ppv"])),
                    Cell(estimate_text(row["share"], row["low"], row["high"])),
                )
            )
    note = (
        "Positives among the cases with the highest scores; where equal scores stand at the cut their mean over "
        "all "
        "ways to take some, and in brackets the least and the most. Share of all positives: percentile bootstrap "
        "of "
        "patients, the cut chosen again."
    )
    return Table(
        "Yield of the highest scores",
        ("Model", "Positives", "Positive of those taken", "Share of all positives (95 % interval)"),
        tuple(cells),
        (),
        (note, *remarks_of(rows, names, "model"), *names.notes(rows["cohort"])),
        "tab:yield",
        tuple(blocks),
    )
