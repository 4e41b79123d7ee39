"""Write a comparison: tables as CSV (long and wide), Markdown, LaTeX and HTML, figures, and the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from benchmark.comparison.groups import ByColumn
from benchmark.comparison.measured import metrics_of_columns
from benchmark.comparison.performance import COUNTS
from benchmark.contracts.metrics import write_metric_table
from benchmark.contracts.text_table import write_table
from benchmark.files import write_text
from benchmark.metrics.registry import named_metric
from benchmark.report.content import Content, joined
from benchmark.report.printing.forms import write_forms
from benchmark.report.printing.latex import to_latex_document
from benchmark.report.printing.table import Table

PERFORMANCE = ["cohort", "model", "n", "n_positive"]
OPERATING = ["cohort", "model", "recall_target", "recall", "tp", "fp", "n_positive", "n_negative", "fpr"]
OPERATING += ["precision", "threshold"]


def write_tables(content: Content, tables: Mapping[str, Table], folder: Path) -> None:
    """Write the long CSVs and every form of the readers' tables to ``folder``."""
    write_table(_performance(content, "performance"), folder / "performance.csv")
    write_table(_whole_counts(content, "operating_points"), folder / "operating_points.csv")
    write_table(_performance(content, "performance_all"), folder / "performance_all.csv")
    write_table(_whole_counts(content, "operating_points_all"), folder / "operating_points_all.csv")
    for name in ("pairs", "folds", "fold_tests", "calibration", "net_benefit"):
        write_table(content.joined(name), folder / f"{name}.csv")
    write_table(content.pooled, folder / "pooled.csv")
    write_table(content.losses, folder / "ledger.csv")
    write_table(content.exposures, folder / "training_overlap.csv")
    for name in ("differences", "interactions"):
        by_group = _by_group(content.groups, name)
        if len(by_group):
            write_table(by_group, folder / f"subgroup_{name}.csv")
    write_metric_table(_metrics(content), folder / "metrics.csv")
    if content.printed is not None:
        write_table(content.printed.performance, folder / "printed_performance.csv")
        write_table(content.printed.points, folder / "printed_operating_points.csv")
    for stem, table in tables.items():
        write_forms(table, folder / stem)
    write_text(folder / "all_tables.tex", to_latex_document(list(tables.values())))


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


def _metrics(content: Content) -> pd.DataFrame:
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
