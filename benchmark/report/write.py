"""Write a comparison: tables as CSV (long and wide), Markdown, LaTeX and HTML, figures, and the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from benchmark.comparison.groups import ByColumn
from benchmark.comparison.measured import metrics_of_columns
from benchmark.comparison.performance import COUNTS
from benchmark.contracts.metrics import write_metric_table
from benchmark.contracts.table_writing import write_table
from benchmark.files import write_text
from benchmark.metrics.registry import named_metric
from benchmark.report.content import Content
from benchmark.report.joining import joined
from benchmark.report.printing.forms import write_forms
from benchmark.report.printing.latex import to_latex_document
from benchmark.report.printing.table import Table

PERFORMANCE = ["cohort", "model", "n", "n_positive"]
OPERATING = ["cohort", "model", "recall_target", "recall", "tp", "fp", "n_positive", "n_negative", "fpr"]
OPERATING += ["precision", "threshold"]


def write_tables(content: Content, tables: Mapping[str, Table], folder: Path) -> None:
    """Write the long CSVs and every form of the readers' tables to ``folder``."""
    for name, table in long_tables(content).items():
        write_table(table, folder / f"{name}.csv")
    write_metric_table(metric_rows(content), folder / "metrics.csv")
    for stem, printed in tables.items():
        write_forms(printed, folder / stem)
    write_text(folder / "all_tables.tex", to_latex_document(list(tables.values())))


def long_tables(content: Content) -> dict[str, pd.DataFrame]:
    """The tables for programs, one row a thing, by the names of their files; `metric_rows` is one more."""
    found = {
        "performance": _performance(content, "performance"),
        "operating_points": _whole_counts(content, "operating_points"),
        "performance_all": _performance(content, "performance_all"),
        "operating_points_all": _whole_counts(content, "operating_points_all"),
    }
    found |= {
        name: content.joined(name) for name in ("pairs", "folds", "fold_tests", "calibration", "net_benefit")
    }
    for suffix, name in (
        ("", "values"),
        ("_differences", "differences"),
        ("_calibration", "calibration"),
        ("_incidence", "incidence"),
    ):
        if content.survival:
            found[f"survival{suffix}"] = joined(getattr(result, name) for result in content.survival)
    found |= {"pooled": content.pooled, "ledger": content.losses, "training_overlap": content.exposures}
    for name in ("differences", "interactions"):
        by_group = _by_group(content.groups, name)
        if len(by_group):
            found[f"subgroup_{name}"] = by_group
    if content.thresholds.chosen:
        found["thresholds"] = content.at_thresholds
    if len(content.missing_scores):
        found["missing_scores"] = content.missing_scores
    found |= content.added.long_tables()
    if content.margin is not None:
        found["noninferiority"] = content.noninferiority
    if content.printed is not None:
        found["printed_performance"] = content.printed.performance
        found["printed_operating_points"] = content.printed.points
    return found


def _performance(content: Content, name: str) -> pd.DataFrame:
    """Every metric with its limits."""
    table = content.joined(name)
    names = [metric.canonical for metric in metrics_of_columns(table)]
    return table[[*PERFORMANCE, *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]]


def _whole_counts(content: Content, name: str) -> pd.DataFrame:
    """Operating points with whole counts, also beside a cohort of one class, which has none."""
    return content.joined(name)[OPERATING].astype(dict.fromkeys(COUNTS, "Int64"))


def _by_group(groups: Iterable[ByColumn], name: str) -> pd.DataFrame:
    """A table of every cohort's subgroups, below each other."""
    frames = [pd.DataFrame(columns=["cohort", "column"])]
    for group in groups:
        if group.result is not None:
            found: pd.DataFrame = getattr(group.result, name).copy()
            found.insert(0, "cohort", group.cohort)
            found.insert(1, "column", group.column)
            frames.append(found)
    return joined(frames)


def metric_rows(content: Content) -> pd.DataFrame:
    """The metric table of the contract, with the subgroups below the cohorts."""
    whole = content.joined("metrics")
    parts = []
    for group in content.groups:
        if group.result is not None:
            unit = content.results[0].scored.unit
            found = group.result.metrics.assign(cohort=group.cohort, unit=unit)
            named = [named_metric(name) for name in found["metric"]]
            found = found.assign(metric=[m.quantity for m in named], at=[m.where for m in named])
            found["subgroup"] = group.column + ": " + found["subgroup"].astype(str)
            parts.append(found)
    return pd.concat([whole, *parts], ignore_index=True)[list(whole.columns)] if parts else whole
