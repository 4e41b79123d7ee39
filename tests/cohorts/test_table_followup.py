"""``bench cohort prepare csv --time-unit``: follow-up is checked, said, and read again as it was given."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import Cohort, load_cohort

ROWS = {
    "pid": ["a", "b", "c", "d", "e"],
    "label": ["1", "0", "0", "", ""],
    "fu": ["0.5", "7", "2", "6.5", "1"],
    "event": ["1", "0", "0", "0", "1"],
}


def prepared(folder: Path, *options: str, **changes: object) -> tuple[int, str]:
    pd.DataFrame(ROWS | changes).to_csv(folder / "t.csv", index=False)
    out = ["--from", str(folder / "t.csv"), "--out", str(folder / "cohorts" / "mine")]
    done = CliRunner().invoke(app, ["cohort", "prepare", "csv", *out, *options], env={"COLUMNS": "250"})
    return done.exit_code, " ".join(done.output.split())


def read(folder: Path) -> Cohort:
    return load_cohort("mine", folder / "cohorts")


def test_labels_follow_from_time(tmp_path: Path) -> None:
    options = ["--column", "time=fu", "--time-unit", "years", "--horizon-years", "6"]
    status, output = prepared(tmp_path, *options)
    assert status == 0, output
    found = read(tmp_path)
    assert (found.manifest.time_unit, found.manifest.horizon_years) == ("years", 6)
    # a: event at 0.5; b: followed 7 years; c: censored at 2; d: followed 6.5; e: event at 1.
    assert found.nodules["malignant"].tolist()[:2] == [1, 0]
    assert pd.isna(found.nodules["malignant"].iloc[2])
    assert found.nodules["malignant"].tolist()[3:] == [0, 1]
    assert "follow-up in years: 5 of 5 patients, 2 with the event, median 2 years" in output
    assert "2 nodules labelled by follow-up, 1 labels taken away; 1 patients censored before are unknown" in output
    assert "excluded (censored before the horizon): 1: c" in output


@pytest.mark.parametrize(
    ("unit", "times"),
    [("days", ["180", "2555", "700", "2400", "365"]), ("months", ["6", "84", "12", "78.5", "12"])],
)
def test_days_and_months(tmp_path: Path, unit: str, times: list[str]) -> None:
    # Who was followed for 12 months, or 365 days, was followed through a year; an event then is one within it.
    status, output = prepared(
        tmp_path, "--column", "time=fu", "--time-unit", unit, "--horizon-years", "1", fu=times
    )
    assert status == 0, output
    assert read(tmp_path).nodules["malignant"].tolist() == [1, 0, 0, 0, 1]


def test_without_a_unit_it_says_which_option_there_is(tmp_path: Path) -> None:
    status, output = prepared(tmp_path, "--column", "time=fu")
    assert status == 0, output
    assert "--time-unit years (or months, days)" in output
    assert read(tmp_path).manifest.time_unit is None


@pytest.mark.parametrize(
    ("options", "changes", "says"),
    [
        (["--time-unit", "years"], {}, "pass --column time=NAME"),
        (["--time-unit", "years", "--column", "time=fu"], {"fu": ["-1", "7", "2", "6", "1"]}, "is negative"),
        (
            ["--time-unit", "years", "--column", "time=fu"],
            {"event": ["1", "2", "0", "0", "1"]},
            "is neither 0 nor 1",
        ),
        (
            ["--time-unit", "years", "--column", "time=fu", "--horizon-years", "6"],
            {"label": ["1", "1", "0", "", ""]},
            "is 1, but the patient had no event by year 6",
        ),
        (["--horizon-years", "0"], {}, "is no horizon in years"),
        (["--time-unit", "weeks"], {}, "is not one of"),
    ],
)
def test_what_is_no_followup_is_refused(
    options: list[str], changes: dict[str, object], says: str, tmp_path: Path
) -> None:
    status, output = prepared(tmp_path, *options, **changes)
    assert (status, says in output) == (2, True), output
    assert not (tmp_path / "cohorts" / "mine").exists()


def test_an_event_without_its_time_is_no_label_within_a_horizon(tmp_path: Path) -> None:
    unread = {"label": [""] * 5}
    status, output = prepared(tmp_path, "--horizon-years", "2", **unread)
    assert status == 0, output
    assert "column event says nothing of when: pass --column time=NAME" in output
    (tmp_path / "cohorts" / "mine" / "cohort.yaml").unlink()
    pd.DataFrame(ROWS).drop(columns="label").to_csv(tmp_path / "e.csv", index=False)
    words = ["--from", str(tmp_path / "e.csv"), "--out", str(tmp_path / "cohorts" / "other")]
    done = CliRunner().invoke(
        app, ["cohort", "prepare", "csv", *words, "--column", "label=event", "--horizon-years", "2"]
    )
    assert done.exit_code == 2
    assert "says nothing of when the event was" in " ".join(done.output.split())


def test_a_unit_that_cannot_be_is_asked_about(tmp_path: Path) -> None:
    asked = ["--column", "time=fu", "--horizon-years", "6", "--time-unit"]
    status, output = prepared(tmp_path, *asked, "years", fu=["180", "2555", "700", "2400", "365"])
    assert status == 2
    assert "lasts up to 2,555 years, taken in years — are they months or days?" in output
    status, output = prepared(tmp_path, *asked, "days", label=["1", "", "", "", ""])
    assert status == 0, output
    assert "half of the patients are followed for 2 days or less: is time in days?" in output
    assert "nobody is left as benign" in output


def test_months_taken_as_years_are_asked_about(tmp_path: Path) -> None:
    asked = ["--column", "time=fu", "--time-unit", "years"]
    status, output = prepared(tmp_path, *asked, fu=["6", "84", "36", "78.5", "12"])
    assert status == 0, output
    assert "half of the patients are followed for 36 years or more: is time in years?" in output
    (tmp_path / "cohorts" / "mine" / "cohort.yaml").unlink()
    assert "is time in" not in prepared(tmp_path, *asked[:3], "months", fu=["6", "84", "36", "78.5", "12"])[1]
