"""The paper's Table 2: AUROC, AUPRC and what else was asked for, of every model on every cohort."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pandas as pd

from benchmark.comparison.measured import metrics_of_columns
from benchmark.metrics.registry import NamedMetric
from benchmark.report.printing.names import PRINTED, Names
from benchmark.report.printing.numbers import count, decimals, estimate_text
from benchmark.report.printing.table import Cell, Table
from benchmark.wording import in_words

SAME = "On the {}s that all models of the cohort scored"
OWN = "Each model on all {}s that it scored"


def performance_table(
    performance: pd.DataFrame, names: Names, *, printed: pd.DataFrame | None = None, uneven: Collection[str] = ()
) -> Table:
    """A row a model, the metrics of each cohort, the best of each column bold.

    Args:
        performance: Columns ``cohort, model, n, n_positive, auroc, auroc_low, auroc_high, auprc, ...``.
        names: Printed names.
        printed: Printed results of papers: ``cohort, model, title, auroc, auprc`` as text.
        uneven: Cohorts whose models stand on different patients; no best one is marked there.
    """
    cohorts = list(dict.fromkeys(performance["cohort"]))
    metrics = metrics_of_columns(performance)
    rows = []
    for model in dict.fromkeys(performance["model"]):
        cells = [Cell(names.model(model))]
        for cohort in cohorts:
            here = performance[performance["cohort"] == cohort]
            cells += [metric_cell(here, cohort, model, metric, names, cohort not in uneven) for metric in metrics]
        rows.append(tuple(cells))
    rows += _printed_rows(printed, cohorts, metrics)
    return Table(
        _title(metrics),
        ("Model", *[metric.heading for metric in metrics] * len(cohorts)),
        tuple(rows),
        (("", 1), *((_heading(performance, cohort, names), len(metrics)) for cohort in cohorts)),
        notes_on_performance(performance, names, uneven, printed),
        "tab:performance-all" if uneven else "tab:performance",
    )


def performance_blocks(
    performance: pd.DataFrame, names: Names, *, printed: pd.DataFrame | None = None, uneven: Collection[str] = ()
) -> Table:
    """The same numbers, a block of rows a cohort: for a terminal or a phone."""
    rows: list[tuple[Cell, ...]] = []
    blocks, metrics = [], metrics_of_columns(performance)
    cohorts = list(dict.fromkeys(performance["cohort"]))
    for cohort in cohorts:
        here = performance[performance["cohort"] == cohort]
        blocks.append((len(rows), _heading(performance, cohort, names)))
        for model in here["model"]:
            n = here.loc[here["model"] == model, "n"].iloc[0]
            cells = [metric_cell(here, cohort, model, metric, names, cohort not in uneven) for metric in metrics]
            rows.append((Cell(names.model(model)), *([Cell(count(n))] if uneven else []), *cells))
        extra = [Cell("")] if uneven else []
        rows += [(row[0], *extra, *row[1:]) for row in _printed_rows(printed, [cohort], metrics)]
    columns = ("Model", *((f"{names.unit.capitalize()}s",) if uneven else ()), *(m.heading for m in metrics))
    notes = notes_on_performance(performance, names, uneven, printed)
    label = "tab:performance-all-blocks" if uneven else "tab:performance-blocks"
    return Table(_title(metrics), columns, tuple(rows), (), notes, label, tuple(blocks))


def _title(metrics: Sequence[NamedMetric]) -> str:
    return f"Model performance: {in_words([metric.title for metric in metrics])} (95 % interval)"


def _heading(performance: pd.DataFrame, cohort: str, names: Names) -> str:
    here = performance[performance["cohort"] == cohort]
    if here["n"].nunique() == 1:
        positives = count(here["n_positive"].iloc[0])
        return f"{names.cohort(cohort)}, n = {count(here['n'].iloc[0])} ({positives} positive)"
    return f"{names.cohort(cohort)}, n = {count(here['n'].min())} to {count(here['n'].max())}"


def metric_cell(
    here: pd.DataFrame, cohort: str, model: str, metric: NamedMetric, names: Names, same: bool
) -> Cell:
    """A model's metric on a cohort with its interval and mark; bold where it is the best.

    Args:
        here: The cohort's rows.
        cohort: Which cohort.
        model: Which model.
        metric: Which metric.
        names: Printed names.
        same: Whether all models stand on the same patients; only then is a best one marked.
    """
    found = here[here["model"] == model]
    if found.empty:
        return Cell(decimals(None))
    row: Any = found.iloc[0]
    name = metric.canonical
    text = estimate_text(row[name], row[f"{name}_low"], row[f"{name}_high"])
    rivals = names.competing(here, cohort)[name]
    competes = same and len(here) > 1 and names.competes(cohort, model)
    is_best = competes and is_best_of(decimals(row[name]), decimals(metric.best(rivals)), map(decimals, rivals))
    return Cell(text + names.mark(cohort, model), is_best)


def is_best_of(text: str, best: str, column: Iterable[str]) -> bool:
    """Whether a printed number is the best of its column; none is where all of several print alike."""
    shown = list(column)
    return text == best != decimals(None) and (len(shown) == 1 or any(other != best for other in shown))


def _printed_rows(
    printed: pd.DataFrame | None, cohorts: list[str], metrics: Sequence[NamedMetric]
) -> list[tuple[Cell, ...]]:
    if printed is None:
        return []
    printed = printed[printed["cohort"].isin(cohorts)]
    rows = []
    for title in dict.fromkeys(printed["title"]):
        cells = [Cell(f"{title} {PRINTED}")]
        for cohort in cohorts:
            at = printed[(printed["title"] == title) & (printed["cohort"] == cohort)]
            cells += [
                Cell((at.iloc[0].get(metric.canonical) if len(at) else None) or decimals(None))
                for metric in metrics
            ]
        rows.append(tuple(cells))
    return rows


def notes_on_performance(
    performance: pd.DataFrame, names: Names, uneven: Collection[str], printed: pd.DataFrame | None
) -> tuple[str, ...]:
    """On whom the numbers stand, how their intervals were made, what is bold and what marks mean."""
    cohorts = list(dict.fromkeys(performance["cohort"]))
    where = (OWN if uneven else SAME).format(names.unit)
    metrics = metrics_of_columns(performance)
    methods = [f"{_with_meaning(metric)} {_usual(performance, metric.canonical)}" for metric in metrics]
    first = f"{where}. Intervals: {'; '.join(methods)}."
    best = f" Bold: {names.best_of(cohorts)}"
    best += f"; only where all models stand on the same {names.unit}s." if uneven else "."
    other = [note for metric in metrics for note in _values_of_other_methods(performance, metric, names)]
    return (
        first + best,
        *other,
        *names.notes(cohorts),
        *([printed_note(printed)] if printed is not None else []),
    )


def _with_meaning(metric: NamedMetric) -> str:
    return metric.title + (f" ({metric.metric.about})" if metric.metric.about else "")


def _usual(performance: pd.DataFrame, metric: str) -> str:
    """The method of most rows."""
    methods = performance.loc[performance[f"{metric}_method"] != "", f"{metric}_method"]
    return str(methods.mode().iloc[0]) if len(methods) else "none"


def _values_of_other_methods(performance: pd.DataFrame, metric: NamedMetric, names: Names) -> list[str]:
    """The numbers that another method gave, or that a reader must know something of, by what that is."""
    found: dict[str, list[str]] = {}
    name = metric.canonical
    usual = _usual(performance, name)
    for row in performance.to_dict("records"):
        method, note = row[f"{name}_method"], row[f"{name}_note"]
        named = method == usual or note.startswith(method)
        said = "; ".join(part for part in ("" if named else method, note) if part)
        if said:
            found.setdefault(said, []).append(f"{names.model(row['model'])} ({names.cohort(row['cohort'])})")
    return [f"{metric.title} of {', '.join(which)}: {said}." for said, which in found.items()]


def printed_note(printed: pd.DataFrame) -> str:
    """Where the rows marked † come from."""
    sources = "; ".join(dict.fromkeys(printed["source"]))
    return (
        f"{PRINTED} As printed by {sources}: other patients or settings are possible, so never compared in bold."
    )
