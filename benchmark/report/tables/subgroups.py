"""Metrics by the groups of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.comparison.groups import ByColumn
from benchmark.comparison.measured import AREAS, metrics_of_rows
from benchmark.comparison.pairs import reference_first
from benchmark.comparison.performance import METHODS
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, p_value
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.holm_family import family_size_of
from benchmark.statistics.limits import usual_method
from benchmark.wording import in_words


def subgroup_table(found: Sequence[ByColumn], names: Names, *, apart: bool = True) -> Table:
    """A row a group and model, a block a cohort; groups with too few events have counts only."""
    rows: list[tuple[Cell, ...]] = []
    blocks, notes = [], []
    column, measured = found[0].column, _measured(found)
    for part in found:
        notes += [f"{names.cohort(part.cohort)}: {sentence}" for sentence in part.united]
        if part.result is None:
            notes.append(f"{names.cohort(part.cohort)}: {part.note}.")
            continue
        blocks.append((len(rows), names.cohort(part.cohort)))
        metrics = part.result.metrics
        estimated = set(metrics.loc[metrics["value"].notna(), "subgroup"])
        for (group, model), of in metrics.groupby(["subgroup", "model"], sort=False):
            if group not in estimated and model != metrics["model"].iloc[0]:
                continue
            by = {row["metric"]: row for row in of.to_dict("records")}
            first = by["auroc"]
            cells = [Cell(estimate_text(row["value"], row["low"], row["high"])) for row in by.values()]
            size = f"{count(first['n'])} ({count(first['n_positive'])})"
            note = str(first["note"])
            printed = names.on(part.cohort, str(model))
            title = f"{group}: {printed}" if group in estimated else str(group)
            rows.append((Cell(title), Cell(size), *cells, Cell(note)))
    return Table(
        f"By {column}",
        ("Group and model", "n (positive)", *(metric.heading for metric in measured), "Note"),
        tuple(rows),
        (),
        (
            "Groups are compared by the interaction test, never by whether intervals overlap; "
            f"{_prevalence(measured)}.",
            *notes,
            *_stood_in(found, measured, names, apart),
            *names.notes([part.cohort for part in found if part.result is not None]),
        ),
        "tab:subgroups",
        tuple(blocks),
    )


def _measured(found: Sequence[ByColumn]) -> list[NamedMetric]:
    """The metrics of all groups; AUROC and AUPRC where no cohort has a result."""
    tables = [part.result.metrics for part in found if part.result is not None]
    return metrics_of_rows(pd.concat(tables)) if tables else list(AREAS)


def _prevalence(measured: Sequence[NamedMetric]) -> str:
    titles = [metric.title for metric in measured if metric.metric.follows_prevalence]
    return f"{in_words(titles)} follow{'s' * (len(titles) == 1)} the prevalence of a group"


def _stood_in(found: Sequence[ByColumn], measured: Sequence[NamedMetric], names: Names, apart: bool) -> list[str]:
    """The numbers whose interval does not come from the usual method, by the method."""
    usual = {metric.canonical: usual_method(metric) for metric in measured}
    where: dict[str, list[str]] = {}
    for part in found:
        metrics = part.result.metrics if part.result is not None else pd.DataFrame()
        for row in metrics.to_dict("records"):
            if row["method"] not in ("", usual.get(row["metric"])):
                title = f"{named_metric(row['metric']).title} of {names.model(row['model'])} in {row['subgroup']}"
                where.setdefault(METHODS[row["method"]], []).append(f"{title} ({names.cohort(part.cohort)})")
    methods = {"logit": "DeLong interval on the logit scale", "bca": "BCa bootstrap interval"}
    methods |= {"percentile": "percentile bootstrap interval", "wider": METHODS["wider"]}
    first = "; ".join(
        f"{metric.title}: {methods[usual[metric.canonical]]}"
        + (", the number of positives kept" if apart and metric.metric.limits_keep_positives else "")
        for metric in measured
    )
    others = [f"{method}: {', '.join(numbers)}" for method, numbers in where.items()]
    return [f"{'; but '.join([first, '; '.join(others)] if others else [first])}."]


def subgroup_differences_table(found: Sequence[ByColumn], names: Names, *, reference: str = "") -> Table:
    """AUROC differences of all pairs within each group, the reference first; a block a cohort and group."""
    rows: list[tuple[Cell, ...]] = []
    blocks: list[tuple[int, str]] = []
    reasons: dict[tuple[str, str], list[str]] = {}
    sizes: dict[str, int] = {}
    for part in found:
        differences = part.result.differences if part.result is not None else pd.DataFrame()
        for row in reference_first(differences, reference).to_dict("records"):
            heading = f"{names.cohort(part.cohort)}, {row['subgroup']}"
            if not blocks or blocks[-1][1] != heading:
                blocks.append((len(rows), heading))
            pair = names.pair(part.cohort, str(row["model_a"]), str(row["model_b"]))
            rows.append(
                (
                    Cell(pair),
                    Cell(estimate_text(row["difference"], row["low"], row["high"])),
                    Cell(p_value(row["p_value"])),
                    Cell(p_value(row["p_holm"]), bool(row["p_holm"] < 0.05)),
                )
            )
            sizes[heading] = sizes.get(heading, 0) + 1
            for reason in filter(None, str(row["note"]).split("; ")):
                reasons.setdefault((heading, reason), []).append(pair)
    tests = family_size_of(part.result.differences for part in found if part.result is not None)
    return Table(
        f"AUROC differences within the groups of {found[0].column}",
        ("Group and models", "Difference (95 % interval)", "p", "p (Holm)"),
        tuple(rows),
        (),
        (
            f"Paired DeLong test; Holm over all groups and pairs of a cohort{tests}. Bold: Holm p < 0.05. "
            "A difference in "
            "one group and none in another is no evidence that the groups differ: see the interaction test.",
            *(
                heading + ("" if len(which) == sizes[heading] else f", {', '.join(which)}") + f": {reason}."
                for (heading, reason), which in reasons.items()
            ),
            *names.notes(part.cohort for part in found),
        ),
        "tab:subgroup-differences",
        tuple(blocks),
    )


def interaction_table(found: Sequence[ByColumn], names: Names, *, reference: str = "") -> Table:
    """Whether a model's AUROC, or a difference of two, is the same in all groups, a block a cohort."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for part in found:
        tests = part.result.interactions if part.result is not None else pd.DataFrame()
        if len(tests):
            blocks.append((len(rows), names.cohort(part.cohort)))
        for row in reference_first(tests, reference).to_dict("records"):
            what = f"AUROC of {names.on(part.cohort, str(row['model_a']))}"
            if row["model_b"]:
                what = names.pair(part.cohort, str(row["model_a"]), str(row["model_b"]))
            statistic = f"{decimals(row['statistic'], 2)} ({row['df']})" if np.isfinite(row["statistic"]) else ""
            rows.append(
                (
                    Cell(what),
                    Cell(statistic or decimals(None)),
                    Cell(p_value(row["p_value"])),
                    Cell(p_value(row["p_holm"]), bool(row["p_holm"] < 0.05)),
                    Cell(str(row["note"])),
                )
            )
    size = family_size_of(part.result.interactions for part in found if part.result is not None)
    return Table(
        f"Interaction with {found[0].column}: is it the same in all groups?",
        ("AUROC, or AUROC difference", "χ² (df)", "p", "p (Holm)", "Note"),
        tuple(rows),
        (),
        (
            "Wald test over the groups with enough events, without patients whose group is missing; Holm over all "
            f"rows of a cohort{size}. Bold: Holm p < 0.05.",
            *names.notes(part.cohort for part in found),
        ),
        "tab:subgroup-interactions",
        tuple(blocks),
    )
