"""``bench readers``: readers, models beside them, and modalities; the numbers are those of the library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import ScoreCard, write_scores
from benchmark.contracts.scores import check_score_table
from benchmark.statistics import Resampling, auroc_interval, model_against_readers, model_at_readers_points

RNG = np.random.default_rng(8)
LABELS = np.array([k % 4 == 0 for k in range(60)]).astype(int)
PIDS = [f"p{k:02}" for k in range(60)]
RATINGS = {name: np.clip(np.round(RNG.normal(2.5 + LABELS)), 1, 5).astype(int) for name in ("anna", "ben", "eva")}
SCORES = np.round(1 / (1 + np.exp(-RNG.normal(LABELS * 1.5 - 1))), 3)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["readers", *map(str, arguments)], env={"COLUMNS": "250"})
    return result.exit_code, " ".join(result.output.split())


def readings(folder: Path, **changes: object) -> Path:
    rows = [
        (name, pid, rating) for name, values in RATINGS.items() for pid, rating in zip(PIDS, values, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["reader", "case", "rating"]).assign(**changes)
    table.to_csv(folder / "readings.csv", index=False)
    return folder / "readings.csv"


def workspace(folder: Path, trained_on: tuple[str, ...] = (), scores: object = SCORES) -> list[object]:
    rows = {"pid": PIDS, "nodule_id": "1", "malignant": LABELS}
    rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
    write_cohort(folder / "cohorts" / "mine", CohortManifest(name="mine", title="Mine"), pd.DataFrame(rows))
    table = {"model": "clip", "cohort": "mine", "pid": PIDS, "nodule_id": "", "fold": "ensemble", "score": scores}
    table |= {"score_kind": "probability", "status": "scored", "reason": ""}
    card = ScoreCard("clip", "mine", "CLIP", "adapter csv", trained_on, "seen" if trained_on else "unseen")
    write_scores(check_score_table(pd.DataFrame(table)), card, folder / "scores" / "mine" / "clip.csv")
    return ["--cohort", "mine", "--cohorts", folder / "cohorts", "--results", folder, "--replicates", 200]


WRITTEN = {
    "tsv": ("readings.tsv", {"sep": "\t"}),
    "semicolons": ("readings.csv", {"sep": ";", "decimal": ","}),
    "latin": ("readings.csv", {"sep": "|", "encoding": "latin-1"}),
}
"""How other people's programs write a table: its name, and what pandas is told."""


@pytest.mark.parametrize("way", [*WRITTEN, "xlsx", "parquet"])
def test_readings_of_other_programs_give_the_same_numbers(tmp_path: Path, way: str) -> None:
    plain = readings(tmp_path, label=[*LABELS] * 3)
    table = pd.read_csv(plain).assign(rating=lambda t: t["rating"] + 0.5)
    table["reader"] = table["reader"].replace("anna", "änne")
    table.to_csv(plain, index=False)
    assert run(plain, "--out", tmp_path / "plain")[0] == 0
    if way in WRITTEN:
        name, form = WRITTEN[way]
        (tmp_path / "other").mkdir()
        table.to_csv(other := tmp_path / "other" / name, index=False, **form)
    elif way == "xlsx":
        table.to_excel(other := tmp_path / "readings of 2026.xlsx", index=False)
    else:
        table.to_parquet(other := tmp_path / "readings.parquet", index=False)
    options = ["--encoding", "latin-1"] if way == "latin" else []
    status, said = run(other, *options, "--out", tmp_path / "same")
    assert status == 0, said
    for name in ("readers.csv", "reader_points.csv"):
        assert (tmp_path / "same" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_a_model_against_readers(tmp_path: Path) -> None:
    status, output = run(readings(tmp_path), *workspace(tmp_path), "--call-from", 3)
    assert status == 0, output
    out = tmp_path / "readers"
    own = pd.read_csv(out / "readers.csv").set_index("reader")
    for name, ratings in RATINGS.items():
        area = auroc_interval(LABELS, ratings)
        assert own.loc[name, ["auroc", "auroc_low", "auroc_high"]].tolist() == pytest.approx(
            [area.auroc, area.low, area.high]
        )
    calls = {name: values >= 3 for name, values in RATINGS.items()}
    for matched in ("recall", "specificity"):
        expected = model_at_readers_points(LABELS, SCORES, calls, matched, resampling=Resampling(200))  # type: ignore[arg-type]
        found = pd.read_csv(out / f"matched_{matched}.csv", keep_default_na=False, na_values=[])
        assert found["reader"].tolist() == ["anna", "ben", "eva", ""]
        for row, one in zip(found.to_dict("records"), expected, strict=True):
            values = [float(row[key]) for key in ("difference", "low", "high", "p_value")]
            assert values == pytest.approx([one.difference, one.low, one.high, one.p_value])
    against = pd.read_csv(out / "against_readers.csv").iloc[0]
    both = model_against_readers(LABELS, SCORES, RATINGS)
    assert [against["difference"], against["low"], against["p_value"]] == pytest.approx(
        [both.difference, both.low, both.p_value]
    )
    assert "Mean of the readers" in output
    page = (out / "index.html").read_text(encoding="utf-8")
    assert all(title in page for title in ("Readers", "Models at the readers", "CLIP", "anna from 3"))
    for stem in ("readers", "reader_points", "matched_recall", "against_readers"):
        assert all((out / f"{stem}{end}").is_file() for end in (".csv", ".md", ".tex", ".html"))
    facts = json.loads((out / "record.json").read_text(encoding="utf-8"))
    assert "readings.csv" in json.dumps(facts)


def test_a_model_that_saw_the_cohort_is_in_no_test(tmp_path: Path) -> None:
    arguments = [readings(tmp_path), *workspace(tmp_path, ("mine",)), "--call-from", 3]
    status, output = run(*arguments)
    assert status == 0, output
    assert not (tmp_path / "readers" / "matched_recall.md").exists()
    status, output = run(*arguments, "--allow-seen")
    assert "CLIP‡" in output
    assert (tmp_path / "readers" / "matched_recall.md").exists()


def test_without_calls_there_are_no_matched_points_and_it_says_so(tmp_path: Path) -> None:
    status, output = run(readings(tmp_path), *workspace(tmp_path))
    assert status == 0, output
    assert "What rating is a call was not said" in output
    assert not (tmp_path / "readers" / "matched_recall.csv").exists()
    assert (tmp_path / "readers" / "against_readers.csv").exists()


def test_cases_that_one_reader_or_the_model_lacks_are_left_out_together(tmp_path: Path) -> None:
    path = readings(tmp_path)
    table = pd.read_csv(path, dtype=str)
    table.loc[(table["reader"] == "ben") & (table["case"] == "p03"), "rating"] = ""
    table.to_csv(path, index=False)
    status, output = run(path, *workspace(tmp_path), "--call-from", 3)
    assert status == 0, output
    assert pd.read_csv(tmp_path / "readers" / "against_readers.csv")["n"].tolist() == [59]
    assert "ben did not rate 1 of the 60 patients." in output


def test_modalities_compared_as_mrmcaov_does(tmp_path: Path, shared: Path) -> None:
    folder = shared / "reference" / "mrmc"
    expected = json.loads((folder / "s1_4x2_continuous.expected.json").read_text(encoding="utf-8"))
    columns = ["--column", "case=case_id", "--column", "label=truth"]
    status, output = run(folder / "s1_4x2_continuous.csv", *columns, "--out", tmp_path / "o")
    assert status == 0, output
    row = pd.read_csv(tmp_path / "o" / "mrmc.csv").iloc[0]
    (known,) = expected["RJafroc"]["OR_jackknife_RRRC"]["RRRC"]["ciDiffTrt"]
    assert row["difference"] == pytest.approx(known["Estimate"], abs=1e-9)
    assert row["p_value"] == pytest.approx(known["PrGTt"], abs=1e-9)
    assert "All modalities equal: F = 7.47" in output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "clip"], "needs the cohort that the scores are of"),
        (["--column", "readers=reader"], "is no role"),
        (["--level", "2"], "level"),
    ],
)
def test_bad_options_are_refused(arguments: list[str], says: str, tmp_path: Path) -> None:
    status, output = run(readings(tmp_path, label=1), *arguments, "--out", tmp_path / "o")
    assert (status, says in output) == (2, True), output
    assert not (tmp_path / "o").exists()


def test_a_word_for_no_rating_is_none_and_is_said(tmp_path: Path) -> None:
    path = readings(tmp_path, label=[*LABELS] * 3)
    table = pd.read_csv(path, dtype=str)
    table.loc[[0, 5], "rating"] = ["NA", "n/a"]
    table.to_csv(path, index=False)
    status, said = run(path, "--out", tmp_path / "out")
    assert status == 0, said
    assert "2 readings have no rating." in said
    assert pd.read_csv(tmp_path / "out" / "readers.csv").set_index("reader").loc["anna", "n"] == 58


def test_a_workbook_of_several_sheets_asks_which(tmp_path: Path) -> None:
    table = pd.read_csv(readings(tmp_path, label=[*LABELS] * 3))
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        table.head(5).to_excel(book, sheet_name="pilot", index=False)
        table.to_excel(book, sheet_name="main", index=False)
    status, said = run(tmp_path / "two.xlsx", "--out", tmp_path / "out")
    assert status == 2
    assert "--sheet NAME" in said
    assert run(tmp_path / "two.xlsx", "--sheet", "main", "--out", tmp_path / "out")[0] == 0


def test_a_rating_that_may_be_a_code_is_said(tmp_path: Path) -> None:
    path = readings(tmp_path, label=[*LABELS] * 3)
    table = pd.read_csv(path)
    table.loc[1, "rating"] = 99
    table.to_csv(path, index=False)
    status, said = run(path, "--out", tmp_path / "out")
    assert status == 0, said
    assert "1 of 180 ratings lie far from all others, which lie in 1 to 5: 99." in said
    assert "lie far from all others" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_names_that_steer_a_terminal_are_refused(tmp_path: Path) -> None:
    path = readings(tmp_path, label=[*LABELS] * 3, reader=["anna\x1b[2J"] * 180)
    status, said = run(path, "--out", tmp_path / "out")
    assert (status, "holds characters that steer a terminal (U+001B)" in said) == (2, True), said
    assert "\x1b" not in said


def test_a_name_that_turns_text_round_is_shown_without(tmp_path: Path) -> None:
    path = readings(tmp_path, label=[*LABELS] * 3, reader=[*["anna\u202e"] * 60, *["ben"] * 60, *["eva"] * 60])
    table = pd.read_csv(path)
    table["reader"] = table["reader"].str.replace("\u202e", "\u202ex")
    table.to_csv(path, index=False)
    status, said = run(path, "--out", tmp_path / "out")
    assert status == 0, said
    assert "\u202e" not in said
