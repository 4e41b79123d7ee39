"""``bench adapt``: from files to a score table, and what the user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.score_card import read_score_card
from benchmark.contracts.scores import read_score_table

DATA = Path(__file__).parents[1] / "data" / "adapters"
runner = CliRunner()


def bench(*words: object) -> Any:
    return runner.invoke(app, ["adapt", *map(str, words)])


def cohort(*words: object, out: Path) -> Any:
    return bench(*words, "--cohort", "cohort", "--cohorts", DATA, "--out", out)


def test_the_list_names_every_adapter() -> None:
    output = bench("list").output
    for name in ("sybil", "deepipn", "clip-lung", "csv"):
        assert f"{name} " in output


def test_a_score_table_and_what_was_chosen(tmp_path: Path) -> None:
    done = cohort("sybil", DATA / "sybil" / "good", "--year", 1, out=tmp_path)
    assert done.exit_code == 0
    assert "sybil, year 1: 4 scored, 0 failed" in done.output
    assert len(read_score_table(tmp_path / "sybil.csv")) == 4
    assert (tmp_path / "sybil.card.json").is_file()


def test_sybil_without_a_year_writes_nothing(tmp_path: Path) -> None:
    done = cohort("sybil", DATA / "sybil" / "good", out=tmp_path / "scores")
    assert done.exit_code == 2
    assert "--year 1" in done.output
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize(("missing", "status"), [("failed", 3), ("accept", 0), ("error", 2)])
def test_missing_cases_are_counted_and_their_meaning_is_a_choice(
    tmp_path: Path, missing: str, status: int
) -> None:
    file = tmp_path / "s.csv"
    file.write_text("pid,score\n007,0.5\nNA,0.25\n")
    done = cohort("csv", file, "--model", "mine", "--missing", missing, out=tmp_path / "out")
    assert done.exit_code == status
    assert "2 of 4 cases have no score: 0042, x-3" in done.output
    assert (tmp_path / "out" / "mine.csv").exists() == (status != 2)


def test_a_file_cut_in_its_last_line_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("pid,score\n007,0.5\nNA,0.")
    done = cohort("csv", file, out=tmp_path / "out")
    assert done.exit_code == 2
    assert "s.csv:3" in done.output
    assert "cut short" in done.output


def test_ids_can_be_mapped_in_two_steps(tmp_path: Path) -> None:
    file, mapping = tmp_path / "s.csv", tmp_path / "map.csv"
    file.write_text("pid,score\n7,0.5\n42,0.25\nNA,0.1\nX-3,0.3\n")
    first = cohort("csv", file, out=tmp_path / "out")
    assert first.exit_code == 2
    assert "--write-id-map" in first.output
    assert "3 pairs" in cohort("csv", file, "--write-id-map", mapping, out=tmp_path / "out").output
    assert cohort("csv", file, "--id-map", mapping, out=tmp_path / "out").exit_code == 0


def test_columns_and_score_type(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("who;risk %\n007;50\n0042;1\nNA;2\nx-3;3\n")
    words = [
        "csv",
        file,
        "--sep",
        ";",
        "--column",
        "pid=who",
        "--column",
        "score=risk %",
        "--score-type",
        "percent",
    ]
    assert cohort(*words, out=tmp_path / "t.csv").exit_code == 0
    assert read_score_table(tmp_path / "t.csv")["score"].tolist() == [0.5, 0.01, 0.02, 0.03]


def test_the_contract_check_needs_no_cohort() -> None:
    done = bench("csv", DATA / "csv" / "good.csv", "--check")
    assert done.exit_code == 0
    assert "passes the contract" in done.output


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sibyl", "x.csv"], "did you mean 'sybil'"),
        (["csv", DATA / "csv" / "good.csv"], "--cohort"),
        (["csv", "--cohort", "cohort"], "no file"),
        (
            ["csv", DATA / "csv" / "good.csv", "--cohort", "cohort", "--cohorts", DATA, "--column", "pid"],
            "ROLE=COLUMN",
        ),
        (["csv", "nowhere.csv", "--cohort", "cohort", "--cohorts", DATA], "does not exist"),
    ],
)
def test_usage_errors_say_what_to_do(words: list[object], hint: str) -> None:
    done = bench(*words)
    assert done.exit_code == 2
    assert hint in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("names", "state"), [([], "unknown"), (["cohort", "lidc"], "seen"), (["none"], "unseen"), (["None"], "unseen")]
)
def test_what_a_model_saw_can_be_said(tmp_path: Path, names: list[str], state: str) -> None:
    words = [word for name in names for word in ("--trained-on", name)]
    done = cohort("csv", DATA / "csv" / "good.csv", "--model", "mine", *words, out=tmp_path)
    assert done.exit_code == 0
    card = read_score_card(tmp_path / "mine.csv")
    assert card is not None
    assert card.exposure == state
    assert (state in done.output) == (state != "unseen")


def test_a_published_split_says_which_patients_a_model_saw(tmp_path: Path) -> None:
    """The list goes into the card; the file's name and hash too."""
    scored = [row.split(",")[0] for row in (DATA / "csv" / "good.csv").read_text().splitlines()[1:]]
    split = tmp_path / "split.csv"
    words = ("--trained-on", "cohort", "--trained-patients", f"cohort={split}")

    def adapted(pids: list[str]) -> Any:
        split.write_text("pid\n" + "".join(f"{pid}\n" for pid in pids))
        return cohort("csv", DATA / "csv" / "good.csv", "--model", "mine", "--overwrite", *words, out=tmp_path)

    done = adapted([scored[0], "somebody"])
    assert done.exit_code == 0, done.output
    card = read_score_card(tmp_path / "mine.csv")
    assert card is not None
    assert (card.exposure, card.patients) == ("seen", {"cohort": (scored[0], "somebody")})
    assert "split.csv" in [source["name"] for source in card.sources]
    done = adapted(["somebody"])
    card = read_score_card(tmp_path / "mine.csv")
    assert card is not None
    assert card.exposure == "unseen"
    assert "none of the 1 training patients listed of cohort is in cohort" in done.output
    done = adapted([scored[0].lstrip("0")])
    assert done.exit_code == 2
    assert "in zeros, blanks or case" in done.output


def test_a_list_of_patients_of_a_cohort_that_was_not_seen_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.txt").write_text("p1\n")
    words = ("--trained-on", "lidc", "--trained-patients", f"nlst={tmp_path / 'split.txt'}")
    done = cohort("csv", DATA / "csv" / "good.csv", "--model", "mine", *words, out=tmp_path)
    assert done.exit_code == 2
    assert "is no cohort that the model was trained on" in done.output


@pytest.mark.parametrize("names", [["lidc "], [""], ["lidc", "NONE"]])
def test_what_names_no_training_cohort_is_refused(tmp_path: Path, names: list[str]) -> None:
    words = [word for name in names for word in ("--trained-on", name)]
    done = cohort("csv", DATA / "csv" / "good.csv", "--model", "mine", *words, out=tmp_path)
    assert done.exit_code == 2
    assert "name cohorts, or none" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--sep", "foo"), "is no delimiter"),
        (("--encoding", "foo"), "is no text encoding"),
        (("--decimal", "x"), "is no decimal mark"),
    ],
)
def test_how_a_table_is_written_is_checked(words: tuple[str, str], what: str, tmp_path: Path) -> None:
    done = cohort("csv", DATA / "csv" / "good.csv", *words, out=tmp_path / "out")
    assert done.exit_code == 2
    assert what in done.output


def test_a_table_of_another_country_is_read(tmp_path: Path) -> None:
    file = tmp_path / "s.tsv"
    file.write_text("pid\tscore\n007\t0,5\n0042\t0,25\nNA\t1\nx-3\t0\n")
    done = cohort("csv", file, "--sep", "tab", "--decimal", "comma", "--model", "mine", out=tmp_path / "out")
    assert done.exit_code == 0
    assert read_score_table(tmp_path / "out" / "mine.csv")["score"].tolist() == [0.5, 0.25, 1, 0]


def test_nodules_of_another_scan_are_no_failures(tmp_path: Path) -> None:
    done = cohort("hscnn", DATA / "hscnn" / "good.csv", "--scans", "latest", out=tmp_path)
    assert done.exit_code == 0
    assert "4 scored, 0 failed, 1 of other scans" in done.output
    table = read_score_table(tmp_path / "hscnn.csv").set_index("nodule_id")
    assert table.loc["007_1_19990102", "status"] == "failed"
    assert table.loc["007_2_20000102", "status"] == "scored"


def test_the_table_with_the_failures_is_the_one_that_is_named(tmp_path: Path) -> None:
    text = (DATA / "diag" / "good.csv").read_text().replace("False,0.2,", "False,,", 1)
    (tmp_path / "d.csv").write_text(text)
    out = tmp_path / "out"
    done = cohort("diag", tmp_path / "d.csv", "--year", 1, "--drop-missing", "--scans", "earliest", out=out)
    assert done.exit_code == 3
    assert f"see {out / 'sybil.csv'}" in done.output.replace("\n", "")


@pytest.mark.parametrize("sharing", ["mine", "other"])
def test_either_cohort_may_declare_that_they_share_patients(tmp_path: Path, sharing: str) -> None:
    scores = tmp_path / "s.csv"
    scores.write_text("pid,score\na,0.5\n")
    shares = {"mine": "none", "other": "none", sharing: "other" if sharing == "mine" else "mine"}
    for name, shared in shares.items():
        words = ["cohort", "prepare", "csv", str(scores), "--out", str(tmp_path / "cohorts" / name)]
        assert runner.invoke(app, [*words, "--shares", shared]).exit_code == 0
    words = [
        "adapt",
        "csv",
        str(scores),
        "--cohort",
        "other",
        "--cohorts",
        str(tmp_path / "cohorts"),
        "--model",
        "m",
    ]
    done = runner.invoke(app, [*words, "--trained-on", "mine", "--out", str(tmp_path / "m.csv")])
    assert done.exit_code == 0, done.output
    assert "seen: m was trained on patients of this cohort" in done.output


def test_a_training_cohort_that_nobody_knows_is_said(tmp_path: Path) -> None:
    scores = tmp_path / "s.csv"
    scores.write_text("pid,score\na,0.5\n")
    made = ["cohort", "prepare", "csv", str(scores), "--out", str(tmp_path / "cohorts" / "c"), "--shares", "nlst"]
    assert runner.invoke(app, made).exit_code == 0
    words = ["adapt", "csv", str(scores), "--cohort", "c", "--cohorts", str(tmp_path / "cohorts"), "--model", "m"]
    done = runner.invoke(app, [*words, "--trained-on", "nlts", "--out", str(tmp_path / "m.csv")])
    assert done.exit_code == 0, done.output
    assert "--trained-on 'nlts' is no public cohort and none here; did you mean 'nlst'?" in done.output
