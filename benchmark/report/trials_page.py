"""The page of a search over settings: its trials as parallel coordinates, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark import __version__
from benchmark.report.drawings import Drawing
from benchmark.report.figures.trials import trials_figure
from benchmark.report.page import Section, write_page
from benchmark.report.tables.trials import TITLES, trial_table

_HOW_TO_READ = (
    "A line a trial: the darker, the better its mean {metric} among the others; the chosen one is orange. Point "
    "at one to read it."
)


def write_trials_page(
    path: Path, trials: pd.DataFrame, varied: Sequence[str], by: str, *, log: Sequence[str] = (), lead: str
) -> None:
    """Write the page.

    Args:
        path: The file.
        trials: See ``trial_table``.
        varied: The settings' columns.
        by: The metric that chooses.
        log: Settings whose logarithm is drawn.
        lead: The answer in one paragraph.
    """
    figure, table = Section("trials", "All trials", "Trials"), Section("table", "Table")
    text = _HOW_TO_READ.format(metric=TITLES[by])
    if (trials["state"] != "done").any():
        text += " Dotted lines that end at none diverged or failed."
    drawing = Drawing("trials", "Settings and what came of them", text, trials_figure(trials, varied, by, log))
    figure.add_figures([drawing])
    table.add_table(trial_table(trials, varied, by))
    reasons = trials.loc[trials["reason"] != "", ["run", "reason"]]
    table.add_text(*(f"{row.run}: {row.reason}" for row in reasons.itertuples()))
    write_page(
        path,
        title="Search over settings",
        lead=lead,
        stamp="",
        sections=[figure, table],
        footer=f"Made by nodule-bench {__version__}; the page holds everything it shows and loads nothing.",
    )
