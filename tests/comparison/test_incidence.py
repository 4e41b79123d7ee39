"""Cumulative incidence by group of risk: against Kaplan-Meier by hand, ties, many event times."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.comparison.incidence import POINTS, incidence_rows
from benchmark.report import figures as draw
from benchmark.report.printing.names import Names
from benchmark.report.tables import incidence_table
from benchmark.report.tables.incidence import risk_group

YEARS = np.array([1.0, 2.0])
STYLE = {"color": "#000000", "dash": "solid", "symbol": "circle"}


def test_curves_are_those_of_each_group_by_hand() -> None:
    # Low third: 3 at risk, one event at 0.5 of 3, one censored at 1.5. High third: events at 0.5 and 1 of 3.
    time = np.array([0.5, 1.5, 3, 3, 3, 3, 0.5, 1, 3])
    event = np.array([1, 0, 0, 0, 0, 0, 1, 1, 0])
    risk = np.array([0.1, 0.1, 0.2, 0.4, 0.5, 0.5, 0.8, 0.9, 0.9])
    found = incidence_rows("nlst", "sybil", time, event, risk, YEARS)
    assert found["year"].unique().tolist() == [0, 0.5, 1, 2]
    by_group = found.pivot_table(index="group", columns="year", values="incidence")
    assert by_group.loc[1].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    assert by_group.loc[2].tolist() == [0, 0, 0, 0]
    assert by_group.loc[3].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    at_risk = found.pivot_table(index="group", columns="year", values="at_risk")
    assert at_risk.loc[1].tolist() == [3, 3, 2, 1]
    assert found.groupby("group")["risk_high"].first().tolist() == [0.2, 0.5, 0.9]
    table = incidence_table(found, Names({"nlst": "NLST"}, {"sybil": "Sybil"}))
    assert table.columns == ("Group (risk)", "Patients", "Year 1", "Year 2")
    assert [row[0].text for row in table.rows] == [
        "Lowest third (0.1 to 0.2)", "Middle third (0.4 to 0.5)", "Highest third (0.8 to 0.9)"
    ]  # fmt: skip
    assert table.rows[2][3].text.startswith("0.667 (")
    figure = draw.incidence_figure(found, STYLE)
    lines = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name for trace in lines] == [
        "Lowest third (3 patients)", "Middle third (3 patients)", "Highest third (3 patients)"
    ]  # fmt: skip
    assert list(lines[2].y) == pytest.approx([0, 0.3333, 0.6667, 0.6667])


def test_equal_risks_stay_together_and_follow_up_that_ends_leaves_the_rest_unknown() -> None:
    time, event = np.array([0.5, 1.2, 1.2, 1.5]), np.array([1, 0, 1, 0])
    found = incidence_rows("nlst", "m", time, event, np.zeros(4), YEARS)
    assert found["groups"].unique().tolist() == [1]
    assert np.isnan(found.loc[found["year"] == 2, "incidence"].item())
    assert risk_group(1, 1) == "All"


def test_many_event_times_are_told_at_a_grid() -> None:
    drawn = np.random.default_rng(0)
    time = drawn.uniform(0, 3, 3000)
    found = incidence_rows("nlst", "m", time, np.ones(3000, int), drawn.normal(size=3000), YEARS)
    assert found.groupby("group").size().max() <= POINTS + 3
    # Uniform times: a share t/3 has the event by t.
    assert found.loc[found["year"] == 1, "incidence"].tolist() == pytest.approx([1 / 3] * 3, abs=0.05)
