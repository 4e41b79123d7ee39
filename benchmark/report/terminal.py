"""What a terminal shows of a comparison: the answer, the tables that hold it, and those for who wants more."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from benchmark.comparison.measured import metrics_of_columns, metrics_of_rows
from benchmark.report import tables as layouts
from benchmark.report.content import (
    Content,
    margin_table,
    missing_scores_table,
    subgroup_tables,
    survival_tables,
    transferred_table,
)
from benchmark.report.printing.table import Table
from benchmark.report.summary import cards, lead

FURTHER: Final = {
    "tab:performance-all-blocks": "each model on all that it scored",
    "tab:operating-blocks": "FPR and precision at fixed recall",
    "tab:operating-pairs": "differences at operating points",
    "tab:net-gain": "gain in net benefit",
    "tab:incidence": "cumulative incidence by predicted risk",
    "tab:survival-calibration": "calibration at each year",
}
"""Tables that a terminal shows where somebody asks for them, by label: what a reader calls them."""
WHERE_INTERVALS = (
    "A terminal has no room for the intervals of so many cohorts: they are in the files performance and grid_*, "
    "with what papers print."
)


def terminal_tables(content: Content) -> list[Table]:
    """What a terminal shows: performance, operating points, differences, pooled too, and all that was left out."""
    names = content.names
    rows = content.printed.performance if content.printed else None
    performance = content.joined("performance")
    if len(content.results) > layouts.MANY_COHORTS:
        metrics = [metric.canonical for metric in metrics_of_columns(performance)]
        tables = [layouts.grid_table(performance, names, metric=m, intervals=False) for m in metrics]
        tables[0] = replace(tables[0], notes=(*tables[0].notes, WHERE_INTERVALS))
    else:
        tables = [layouts.performance_blocks(performance, names, printed=rows)]
    if not content.all_same:
        tables.append(layouts.performance_blocks(content.joined("performance_all"), names, uneven=content.uneven))
    tables.append(layouts.operating_blocks(content.joined("operating_points"), names))
    pairs = content.joined("pairs")
    tables += [
        layouts.pairs_table(pairs, names, metric=metric.canonical, reference=content.reference)
        for metric in metrics_of_rows(pairs)
        if metric.key != "auprc"
    ]
    tables += (margin_table(content) | transferred_table(content)).values()
    tables += content.added.reader_tables(names, content.reference, short=True).values()
    tables += [table for name, table in subgroup_tables(content).items() if name != "subgroup_differences"]
    if len(content.pooled):
        tables.append(layouts.pooled_table(content.pooled, names, reference=content.reference))
    tables += survival_tables(content).values()
    tables += missing_scores_table(content).values()
    tables[0] = replace(tables[0], notes=(*tables[0].notes, *content.notes))
    last = max(k for k, table in enumerate(tables) if table.label not in FURTHER)
    tables[last] = replace(tables[last], notes=(*tables[last].notes, *content.fold_left_out))
    return tables


def leading_sentences(content: Content) -> list[str]:
    """What a terminal says before its tables: who leads, and by how much on each cohort while they are few."""
    told = [f"{card.title}, {card.size}: {' '.join(card.sentences)}" for card in cards(content)]
    if len(content.models) == 1 or len(told) > layouts.MANY_COHORTS:
        return [lead(content)]
    return told if len(told) == 1 else [lead(content), *told]
