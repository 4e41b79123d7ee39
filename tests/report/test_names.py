"""No two things print alike: models, cohorts, published rows, groups."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.looks import looks_of
from benchmark.contracts.score_card import ScoreCard, card_path, write_score_card
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.report.printed_rows import printed_rows, row_titles
from benchmark.report.printing.names import printed_names
from tests.comparison.made import write_made
from tests.published.made import published_from

TITLES = st.sampled_from(["", "T", "t", "T ", "T\u00a0x", "t x", "T (a)", "T (a) (a)", "b", "A", "x\u200b", "x"])
NAMES = st.text("abAB()x ", min_size=1, max_size=6).filter(lambda text: text == " ".join(text.split()))
FORMS = ("csv", "md", "tex", "html")


@given(st.dictionaries(NAMES, TITLES, max_size=8))
def test_printed_names_are_unique_and_hold_the_title(titles: dict[str, str]) -> None:
    found = printed_names(titles)
    assert list(found) == list(titles)
    assert len(set(found.values())) == len(titles)
    for name, title in titles.items():
        assert found[name].startswith(" ".join(title.split()) or name)
    looks = [looks_of(text) for text in found.values()]
    if len({looks_of(name) for name in titles}) == len(titles):
        assert len(set(looks)) == len(looks)


def test_a_title_that_stands_alone_is_printed_as_it_is() -> None:
    assert printed_names({"a": "Sybil", "b": "Mayo", "c": ""}) == {"a": "Sybil", "b": "Mayo", "c": "c"}
    assert printed_names({"a": "Sybil", "b": "sybil "}) == {"a": "Sybil (a)", "b": "sybil (b)"}
    assert printed_names({"a": "Sybil", "b": "Sybil (a)", "c": "Sybil"}) == {
        "a": "Sybil (a) (a)", "b": "Sybil (a) (b)", "c": "Sybil (c)",
    }  # fmt: skip


def compared(folder: Path, names: list[str], **more: object) -> Path:
    out = folder / "out"
    options = CompareOptions(replicates=50, **more)  # type: ignore[arg-type]
    compare_cohorts(names, Workspace(folder / "cohorts", folder), options, out=out)
    return out


@pytest.mark.slow
def test_models_and_cohorts_of_one_title_are_told_apart_everywhere(tmp_path: Path) -> None:
    write_made(tmp_path, {"a": (40, 15), "b": (30, 12)}, titles={"a": "Same title", "b": "Same title"})
    for path in tmp_path.glob("scores/*/*.csv"):
        write_score_card(ScoreCard(path.stem, path.parent.name, "Scores from a CSV file", "x", (), "unseen"), path)
    out = compared(tmp_path, ["a", "b"])
    for form in FORMS:
        name = "performance_wide.csv" if form == "csv" else f"performance.{form}"
        text = (out / "tables" / name).read_text(encoding="utf-8")
        for printed in ("Scores from a CSV file (good)", "Scores from a CSV file (poor)"):
            assert text.count(printed) == 1, name
        for printed in ("Same title (a)", "Same title (b)"):
            assert printed in text, name
    wide = pd.read_csv(out / "tables" / "performance_wide.csv")
    assert wide.shape[1] == len(set(wide.columns)) == 5
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Scores from a CSV file (good) − Scores from a CSV file (poor)" in page
    for bare in (
        "Scores from a CSV file<",
        'Scores from a CSV file"',
        "Same title<",
        "Same title,",
        'Same title"',
    ):
        assert bare not in page


def test_a_model_that_its_cards_call_differently_has_one_name(tmp_path: Path) -> None:
    write_made(tmp_path, {"a": (40, 15), "b": (30, 12)}, {"m": 0.5, "n": 0.6}, folds=1)
    path = tmp_path / "scores" / "a" / "m.csv"
    write_score_card(ScoreCard("m", "a", "Another title", "x", (), "unseen"), path)
    table = (compared(tmp_path, ["a", "b"]) / "tables" / "performance.md").read_text(encoding="utf-8")
    assert "Another title" not in table
    assert table.count("| m |") == 1


def test_the_name_given_with_model_is_what_is_printed(tmp_path: Path) -> None:
    """As in the report: two CSV files adapted under names of their own."""
    rows = "".join(f"p{k},{int(k < 8)}\n" for k in range(20))
    (tmp_path / "nodules.csv").write_text("pid,malignant\n" + rows)
    run, cohorts = CliRunner(), ["--cohorts", str(tmp_path / "cohorts")]
    made = run.invoke(
        app, ["cohort", "prepare", "csv", str(tmp_path / "nodules.csv"), "--out", str(tmp_path / "cohorts" / "n")]
    )
    assert made.exit_code == 0, made.output
    for number, model in enumerate(("modelA", "model B")):
        scores = "".join(f"p{k},{(k * (7 + number) % 20) / 20}\n" for k in range(20))
        (tmp_path / "s.csv").write_text("pid,score\n" + scores)
        arguments = ["adapt", "csv", str(tmp_path / "s.csv"), "--cohort", "n", *cohorts, "--model", model]
        done = run.invoke(app, [*arguments, "--out", str(tmp_path / "scores" / "n"), "--trained-on", "none"])
        assert done.exit_code == 0, done.output
    out = compared(tmp_path, ["n"])
    for path in (*(out / "tables" / f"performance.{form}" for form in FORMS), out / "report" / "index.html"):
        text = path.read_text(encoding="utf-8")
        assert "modelA" in text, path
        assert "model B" in text, path
        assert "Scores from a CSV file" not in text, path


def paper(models: dict[str, str | None], key: str = "smith2020") -> dict[str, object]:
    return {
        "key": key,
        "models": {name: {"title": title} if title else {} for name, title in models.items()},
        "performance": {"nlst": {name: {"auroc": "0.8"} for name in models}},
    }


@pytest.mark.parametrize(
    ("title", "printed"),
    [
        ("Ours (CLIP)", "CLIP"),
        ("CLIP (ours)", "CLIP"),
        ("Our model [CLIP]", "CLIP"),
        ("Proposed method: CLIP (ViT-B/32)", "CLIP (ViT-B/32)"),
        ("CLIP, proposed", "CLIP"),
        ("OURS", "clip"),
        ("the proposed model", "clip"),
        ("Ours + age", "clip"),
        ("This study", "clip"),
        ("Sybil", "Sybil"),
        ("24 hours", "24 hours"),
        (None, "clip"),
    ],
)
def test_a_printed_row_is_named_after_its_paper_and_model(title: str | None, printed: str) -> None:
    assert row_titles(published_from(paper({"clip": title}))) == {"clip": f"{printed} [smith2020]"}


def test_printed_rows_never_print_alike() -> None:
    found = row_titles(published_from(paper({"ours": "Ours", "proposed": "Proposed", "a": "CNN", "b": "CNN"})))
    assert found == {
        "ours": "Model (ours) [smith2020]",
        "proposed": "Model (proposed) [smith2020]",
        "a": "CNN (a) [smith2020]",
        "b": "CNN (b) [smith2020]",
    }


def test_a_paper_given_twice_or_without_rows_for_the_cohorts_is_an_error(tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(yaml.safe_dump(paper({"clip": "CLIP"})))
    with pytest.raises(InputError, match="prints no rows of 'mine' or 'lungx'; it has nlst"):
        printed_rows([str(copy)], ["mine", "lungx"])
    other = tmp_path / "other.yaml"
    other.write_text(copy.read_text())
    with pytest.raises(InputError, match="has the key 'smith2020' of another --published"):
        printed_rows([str(copy), str(other)], ["nlst"])


@pytest.mark.slow
def test_a_table_without_a_card_is_marked_and_in_no_test(tmp_path: Path) -> None:
    write_made(tmp_path, {"nlst": (40, 15)})
    card_path(tmp_path / "scores" / "nlst" / "good.csv").unlink()
    out = compared(tmp_path, ["nlst"])
    pairs = pd.read_csv(out / "tables" / "pairs.csv")
    assert set(pairs["model_a"]) | set(pairs["model_b"]) == {"middling", "poor"}
    text = (out / "tables" / "performance.md").read_text(encoding="utf-8")
    assert text.count("¶") == 3  # two numbers and what the mark means
    assert "Make the scores again with `bench score` or `bench adapt`" in text.replace("\\", "")
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "In no test, because no card beside its scores says what it was trained on: good." in page
    tex = (out / "tables" / "performance.tex").read_text(encoding="utf-8")
    assert r"\P{}" in tex
    out = compared(tmp_path, ["nlst"], allow_seen=True)
    assert len(pd.read_csv(out / "tables" / "pairs.csv")) == 6
    text = (out / "tables" / "performance.md").read_text(encoding="utf-8")
    assert "and tested, as --allow-seen asks" in text
    assert "in no test" not in text


@pytest.mark.slow
def test_differences_are_taken_from_a_model_that_is_tested(tmp_path: Path) -> None:
    write_made(tmp_path, {"nlst": (40, 15)}, {f"m{k}": 0.3 + k / 4 for k in range(9)}, folds=1)
    best = pd.read_csv(compared(tmp_path, ["nlst"]) / "tables" / "performance.csv").set_index("model")["auroc"]
    card_path(tmp_path / "scores" / "nlst" / f"{best.idxmax()}.csv").unlink()
    out = compared(tmp_path, ["nlst"])
    rest = best.drop(best.idxmax())
    rows = (out / "tables" / "pairs_auroc.md").read_text(encoding="utf-8")
    assert rows.count(f"| {rest.idxmax()} − ") == 7


def test_the_cohort_keeps_its_title_alone(tmp_path: Path) -> None:
    write_made(tmp_path, {"a": (40, 15)}, titles={"a": "Alone"}, folds=1)
    assert load_cohort("a", tmp_path / "cohorts").manifest.title == "Alone"
    assert "Alone, n = 40" in (compared(tmp_path, ["a"]) / "tables" / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\x1b", "\x00", "\udcff"])
def test_a_title_does_not_turn_round_or_steer_what_follows_it(mark: str) -> None:
    assert printed_names({"a": f"Model{mark}X", "b": "é क्\u200dष"}) == {"a": "Model\ufffdX", "b": "é क्\u200dष"}
