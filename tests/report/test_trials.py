"""Table, figure and page of a search over settings."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.report.figures import trials_figure
from benchmark.report.tables import trial_table
from benchmark.report.trials_page import write_trials_page

HOSTILE = "<b>x</b><a href='javascript:1'>y</a> $1$ %{x}"


def trials(**columns: object) -> pd.DataFrame:
    frame = {
        "trial": [0, 1, 2, 3],
        "run": ["t-000", "t-001", "t-002", "t-003"],
        "state": ["done", "diverged", "done", "done"],
        "choice": ["", "", "chosen", "tied"],
        "learning_rate": [1e-5, 1e-2, 1e-4, 1e-3],
        "params": ["q,v", "q,k,v", HOSTILE, "q,v"],
        "auroc": [0.7, np.nan, 0.8, 0.8],
        "auprc": [0.3, np.nan, 0.3, 0.3],
        "log_loss": [0.6, np.nan, 0.5, 0.4],
        "n": pd.array([90, None, 90, 90], dtype="Int64"),
        "n_positive": pd.array([9, None, 9, 9], dtype="Int64"),
        "auroc_of_sd": [0.6, np.nan, 0.9, 0.75],  # a cohort may have this name
        "reason": ["", f"fold 0: {HOSTILE}", "", ""],
    }
    frame |= {f"{name}_sd": [0.01, np.nan, 0.02, 0.03] for name in ("auroc", "auprc", "log_loss")}
    return pd.DataFrame(frame | columns)


VARIED = ("learning_rate", "params")


def test_the_table_has_every_trial_and_marks_the_choice() -> None:
    table = trial_table(trials(), VARIED, "auprc")
    assert table.columns == (
        "run", "learning_rate", "params", "AUPRC", "AUROC", "log loss", "AUROC sd", "nodules", "malignant", ""
    )  # fmt: skip
    cells = [[cell.text for cell in row] for row in table.rows]
    assert cells[0] == ["t-000", "1e-05", "q,v", "0.300 ± 0.010", "0.700 ± 0.010", "0.600 ± 0.010", "0.600", "90",
                        "9", ""]  # fmt: skip
    assert cells[1] == ["t-001", "0.01", "q,k,v", *["–"] * 6, "diverged"]
    assert [row[-1] for row in cells] == ["", "diverged", "chosen", "tied"]
    assert [all(cell.bold for cell in row) for row in table.rows] == [False, False, True, False]
    assert "Chosen by the mean AUPRC" in table.notes[1]


@pytest.mark.parametrize("by", ["auroc", "log_loss"])
def test_lines_meet_the_axes_where_the_values_are(by: str) -> None:
    figure = trials_figure(trials(), VARIED, by, log=["learning_rate"])
    lines = {trace.name: list(trace.y) for trace in figure.data}
    # Decades 1e-5 to 1e-2 at thirds; three texts at halves, in the order in which they come.
    assert lines["t-000"][:2] == [0, 0]
    assert lines["t-001"][:2] == [1, 0.5]
    assert lines["t-002"][:2] == pytest.approx([1 / 3, 1], abs=1e-4)
    assert lines["t-003"][:2] == pytest.approx([2 / 3, 0], abs=1e-4)
    metrics = {"auroc": {"t-000": 0, "t-002": 1, "t-003": 1}, "auprc": dict.fromkeys(("t-000", "t-002"), 0.5),
               "log_loss": {"t-000": 1, "t-002": 0.5, "t-003": 0}}  # fmt: skip
    order = [by, *(name for name in metrics if name != by)]
    for place, name in enumerate(order, 2):
        for run, expected in metrics[name].items():
            assert lines[run][place] == pytest.approx(expected, abs=1e-4)
    assert all(y < 0 for y in lines["t-001"][2:])
    assert figure.data[-1].name == "t-002"  # the chosen one lies on top
    dark = {trace.name: trace.opacity for trace in figure.data}
    assert dark["t-000"] < dark["t-003"]
    ticks = {(note.x, note.text) for note in figure.layout.annotations}
    assert {(0, "1e-05"), (0, "0.01"), (1, "q,v"), (2, "none")} <= ticks


def test_many_values_have_few_ticks() -> None:
    n = 40
    many = pd.concat([trials()] * 10, ignore_index=True).assign(learning_rate=np.geomspace(1e-5, 1e-3, n))
    figure = trials_figure(many, ["learning_rate"], "auroc", log=["learning_rate"])
    ticks = [note.text for note in figure.layout.annotations if note.x == 0]
    assert ticks == [f"{10**power:.2g}" for power in np.linspace(-5, -3, 6)]
    assert len(figure.data) == n


def test_one_trial_and_none_that_is_done_are_drawn() -> None:
    one = trials_figure(trials()[2:3].reset_index(drop=True), VARIED, "auroc")
    assert list(one.data[0].y) == [0.5] * 5
    none = trials_figure(trials()[1:2].reset_index(drop=True), VARIED, "auroc")
    assert all(y < 0 for y in none.data[0].y[2:])


def test_text_stays_text_and_the_page_is_the_same_twice(tmp_path: Path) -> None:
    figure = trials_figure(trials(), VARIED, "auroc")
    text = json.dumps(json.loads(figure.to_json()))
    assert "<b>" not in text
    assert "&lt;b&gt;x" in text
    assert all("%{x}" not in trace.hovertemplate for trace in figure.data)
    assert "$" not in text
    for name in ("one.html", "two.html"):
        write_trials_page(tmp_path / name, trials(), VARIED, "auroc", lead="Chosen: <i>it</i>")
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "two.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "Chosen: &lt;i&gt;it&lt;/i&gt;" in page
    assert "Dotted lines that end at none diverged or failed." in page
    assert "t-001: fold 0: &lt;b&gt;x" in page


def test_numbers_are_read_back_from_the_hover_text() -> None:
    figure = trials_figure(trials(), VARIED, "auroc")
    hover = {trace.name: trace.hovertemplate for trace in figure.data}
    assert hover["t-003"].startswith("learning_rate 0.001<br>params q,v<br>AUROC 0.800")
    assert math.isclose(float(hover["t-000"].split("log loss ")[1].split("<")[0]), 0.6)
