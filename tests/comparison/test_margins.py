"""Non-inferiority in a comparison: its rows are those of the statistic, and every form of its table is written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.report.figures import margin_figure
from benchmark.report.printing.names import Names
from benchmark.report.printing.palette import styles
from benchmark.report.tables.margins import _verdict
from benchmark.statistics import noninferiority
from tests.comparison.made import write_made


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("made")
    write_made(folder, {"nlst": (60, 20), "dlcs": (50, 12)})
    options = CompareOptions(replicates=50, margins={"auroc": 0.1}, versus="good", allow_seen=True)
    tables = compare_cohorts(["nlst", "dlcs"], Workspace(folder / "cohorts", folder), options, out=folder / "out")
    return folder, [table.title for table in tables]


def test_rows_are_those_of_the_statistic(done: tuple[Path, list[str]]) -> None:
    folder, titles = done
    assert [title for title in titles if title.startswith("Non-inferiority to ") and title.endswith("margin 0.1")]
    found = pd.read_csv(folder / "out" / "tables" / "noninferiority.csv")
    assert set(found["cohort"]) == {"nlst", "dlcs"}
    assert set(found["versus"]) == {"good"}
    assert "good" not in set(found["model"])
    scores = {
        model: pd.read_csv(folder / "scores" / "nlst" / f"{model}.csv", dtype={"pid": str}).query(
            "fold == 'ensemble'"
        )
        for model in ("good", "poor")
    }
    cohort = pd.read_csv(folder / "cohorts" / "nlst" / "nodules.csv", dtype={"pid": str})
    label = cohort.groupby("pid")["malignant"].max()
    by_patient = [table.groupby("pid")["score"].max().reindex(label.index) for table in scores.values()]
    row = found[(found["cohort"] == "nlst") & (found["model"] == "poor")].iloc[0]
    assert len(label) == row["n"]
    expected = noninferiority(label.to_numpy(), by_patient[1].to_numpy(), by_patient[0].to_numpy(), 0.1)
    assert row["difference"] == pytest.approx(expected.difference)
    assert row["p_value"] == pytest.approx(expected.p_value)
    assert row["p_equivalence"] == pytest.approx(expected.p_equivalence)


def test_every_form_is_written(done: tuple[Path, list[str]]) -> None:
    tables = done[0] / "out" / "tables"
    assert "Holm over the models of a cohort (2 tests)" in (tables / "noninferiority.md").read_text("utf-8")
    for ending in (".csv", ".md", ".tex", ".html", "_wide.csv"):
        assert "0.1" in (tables / f"noninferiority{ending}").read_text(encoding="utf-8")
    assert "noninferiority" in (tables / "all_tables.tex").read_text(encoding="utf-8")
    page = (done[0] / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Non-inferiority to" in page


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.2, -0.11, "inferior"), (0.01, 0.2, "superior"), (-0.09, 0.09, "equivalent"),
        (-0.09, 0.2, "non-inferior"), (-0.11, 0.2, "not shown"), (-0.1, 0.05, "not shown"),
        (float("nan"), float("nan"), "no test"),
    ],
)  # fmt: skip
def test_verdicts(low: float, high: float, says: str) -> None:
    assert _verdict(low, high, 0.1) == says


def test_the_plot_shows_each_interval_against_the_margin(done: tuple[Path, list[str]]) -> None:
    found = pd.read_csv(done[0] / "out" / "tables" / "noninferiority.csv")
    figure = margin_figure(found, "good", 0.1, styles(["good", "middling", "poor"]), Names())
    assert len(figure.data) == len(found)
    first, row = figure.data[0], found.iloc[0]
    assert first.x[0] - first.error_x.arrayminus[0] == pytest.approx(row["low"], abs=2e-4)
    assert first.x[0] + first.error_x.array[0] == pytest.approx(row["high"], abs=2e-4)
    assert {shape.x0 for shape in figure.layout.shapes if shape.type == "line"} == {-0.1, 0, 0.1}
    [worse] = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (worse.x0 < found["low"].min(), worse.x1) == (True, -0.1)
    untested = found.assign(low=float("nan"), high=float("nan"))
    assert margin_figure(untested, "good", 0.1, styles(["good", "middling", "poor"]), Names()).data
    page = (done[0] / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert "intervals against the margin" in page
