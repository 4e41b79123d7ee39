"""Differences between models on the same patients, in one cohort and pooled over cohorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.measured import metrics_of_rows, sentence_of_prevalence
from benchmark.comparison.pairs import reference_first
from benchmark.metrics.registry import named_metric
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import decimals, estimate_text, interval, p_value, percent, threshold_text
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.holm_family import family_size

POOLING = (
    "Random effects: τ² (the variance between cohorts) by Paule and Mandel, interval by Hartung, Knapp, Sidik and "
    "Jonkman. Q tests whether the cohorts agree; I² is the share of the spread that lies between them; the "
    "prediction interval, from three cohorts on, is where the difference in a further cohort is expected. "
)

SHOWN_MODELS = 6
"""Up to this many models every pair is shown; beyond it only the pairs of the reference."""


def pairs_table(pairs: pd.DataFrame, names: Names, *, metric: str = "auroc", reference: str = "") -> Table:
    """Differences of one metric, a block of rows a cohort, the interval before the p-value.

    Args:
        pairs: Rows of `benchmark.comparison.pairs.paired_differences`.
        names: Printed names.
        metric: Name of a metric.
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
                Cell(_pair(row, names)),
                Cell(estimate_text(row["difference"], row["low"], row["high"])),
                Cell(p_value(row["p_value"], row["attainable_p"])),
                Cell(p_value(row["p_holm"], row["attainable_p"]), bool(row["p_holm"] < 0.05)),
            )
            for row in part.to_dict("records")
        ]
    left_out = "" if len(here) == (pairs["metric"] == metric).sum() else " All pairs are in pairs.csv."
    usual = here["method"].mode()
    method = str(usual.iloc[0]) if len(usual) else ""
    named = named_metric(metric)
    of_p = "" if metric == "auroc" else " p inverts the interval."
    if len(here) and named.metric.higher_is_better is False:
        of_p += " Below 0 the first model is better."
    return Table(
        f"{named.title} differences on the same {names.unit}s",
        ("Models", "Difference (95 % interval)", "p", "p (Holm)"),
        tuple(rows),
        (),
        (
            f"{_sentence(method)}{of_p} {_holm_family(pairs[pairs['metric'] == metric])} Bold: Holm p < 0.05."
            f"{left_out}".strip(),
            *_rows_of_other_methods(here, method, names),
            *names.notes(here["cohort"]),
        ),
        f"tab:pairs-{named.stem}",
        tuple(blocks),
    )


def _holm_family(pairs: pd.DataFrame) -> str:
    """What Holm's correction is over, with the number of tests in it."""
    return f"Holm over all pairs of a cohort{family_size(pairs, ['cohort'])}, each metric by itself."


def _rows_of_other_methods(here: pd.DataFrame, method: str, names: Names) -> tuple[str, ...]:
    """The rows whose method is another than the table's, by method and reason."""
    found: dict[str, list[str]] = {}
    for row in here[(here["method"] != method) | (here["note"] != "")].to_dict("records"):
        what = "; ".join(part for part in (row["method"] if row["method"] != method else "", row["note"]) if part)
        found.setdefault(what, []).append(f"{_pair(row, names)} ({names.cohort(str(row['cohort']))})")
    return tuple(f"{', '.join(where)}: {what}." for what, where in found.items())


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _pair(row: dict[Any, Any], names: Names) -> str:
    return names.pair(str(row.get("cohort", "")), str(row["model_a"]), str(row["model_b"]))


def pooled_table(pooled: pd.DataFrame, names: Names, *, reference: str = "") -> Table:
    """Random-effects means of the differences over cohorts, a block of rows a metric."""
    rows: list[tuple[Cell, ...]] = []
    blocks, refused = [], dict[str, None]()
    for metric in dict.fromkeys(pooled["metric"]):
        title = named_metric(str(metric)).title
        blocks.append((len(rows), title))
        for row in shown_pairs(pooled[pooled["metric"] == metric], reference).to_dict("records"):
            q = (
                f"{decimals(row['q'], 2)} ({p_value(row['q_p_value'])})"
                if np.isfinite(row["q"])
                else decimals(None)
            )
            rows.append(
                (
                    Cell(_pair(row, names)),
                    Cell(estimate_text(row["difference"], row["low"], row["high"])),
                    Cell(p_value(row["p_value"])),
                    Cell(threshold_text(row["tau2"])),
                    Cell(q),
                    Cell(percent(row["i_squared"], 0)),
                    Cell(interval(row["prediction_low"], row["prediction_high"])),
                    Cell(str(row["cohorts"].count("; ") + 1)),
                )
            )
            reason = str(row["note"])
            if reason and not np.isfinite(row["difference"]):
                refused[_sentence(reason)] = None
            elif "without" in reason:
                refused[f"{_pair(row, names)}, {title}: {reason}."] = None
    return Table(
        "Differences pooled over cohorts",
        (
            *("Models", "Difference (95 % interval)", "p", "τ²", "Q (p)", "I²", "95 % prediction interval"),
            "Cohorts",
        ),
        tuple(rows),
        (),
        (
            POOLING + sentence_of_prevalence(metrics_of_rows(pooled)),
            *refused,
        ),
        "tab:pooled",
        tuple(blocks),
    )


def shown_pairs(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The pairs that a reader's table shows, the reference first in its own."""
    if pairs.empty:
        return pairs
    turned = reference_first(pairs, reference)
    models = set(pairs["model_a"]) | set(pairs["model_b"])
    if len(models) > SHOWN_MODELS and reference in models:
        turned = turned[turned["model_a"] == reference]
    return turned
