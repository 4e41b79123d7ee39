"""Names in options, cohort folders and cards that would lead elsewhere: refused in words by every command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app

TABLE = (
    "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,longest_axial_diameter_(mm)\n"
    "1,1,x.nii.gz,1,1,1,0,4.0\n2,1,x.nii.gz,1,1,1,1,9.0\n"
)
MANIFEST = "name: c\ntitle: C\n"
SAFE = "is no name of a"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, two below ``tmp_path``, with a cohort ``c``, its scores, and a cohort outside."""
    work = tmp_path / "up" / "work"
    for folder in (work / "cohorts" / "c", tmp_path / "up" / "x", tmp_path / "x"):
        folder.mkdir(parents=True)
        (folder / "cohort.yaml").write_text(MANIFEST)
        (folder / "nodules.csv").write_text(TABLE)
    monkeypatch.chdir(work)
    (work / "scores.csv").write_text("pid,score\n1,0.1\n2,0.9\n")
    assert CliRunner().invoke(app, ["score", "--cohort", "c", "--model", "size"]).exit_code == 0
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(place: Path, words: list[str], said: str) -> None:
    before = tree(place)
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, type(done.exception)) == (2, SystemExit), (words, done.output, done.exception)
    assert said in done.output, done.output
    assert "Traceback" not in done.output
    assert tree(place) == before


def commands(*lines: list[str]) -> list[Any]:
    """Words of commands as parameters, marked with the extra that a command needs."""
    extras = {"crop": "ct", "explain": "model", "text": "model", "train": "model"}
    needed = [extras.get(words[0], "model" if "--run" in words else None) for words in lines]
    return [
        pytest.param(words, marks=[pytest.mark.needs(extra)] if extra else [], id=" ".join(words))
        for words, extra in zip(lines, needed, strict=True)
    ]


ADAPT = ["adapt", "csv", "scores.csv", "--column", "pid=pid", "--column", "score=score"]


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "..", "", ".x", "a/b", "a\\b", "a\nb", "NUL", "x" * 200])
@pytest.mark.parametrize(
    "words",
    commands(
        [*ADAPT, "--cohort", "c", "--model"],
        ["score", "--cohort", "c", "--run", "r", "--model"],
        ["train", "--cohort", "c", "--name"],
        ["score", "--model", "size", "--cohort"],
        ["score", "--cohort", "c", "--model", "diameter", "--train-cohort"],
        ["score", "--cohort", "c", "--model", "size", "--impute-from"],
        [*ADAPT, "--model", "m", "--cohort"],
        ["text", "--cohort"],
        ["crop", "--cohort"],
        ["explain", "--cohort"],
        ["train", "--cohort"],
        ["compare", "--cohort"],
        ["cohort", "check"],
        ["cohort", "check", "c", "--with"],
        ["cohort", "split", "--out", "splits"],
    ),
)
def test_an_option_that_names_another_place_is_refused(place: Path, words: list[str], name: str) -> None:
    refused(place, [*words, name], SAFE)


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda work: (work / name).write_text(content) and None


def link(name: str) -> Callable[[Path], None]:
    def change(work: Path) -> None:
        path = work / name
        (work.parent / path.name).write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(work.parent / path.name)

    return change


def pipe(name: str) -> Callable[[Path], None]:
    def change(work: Path) -> None:
        (work / name).unlink()
        os.mkfifo(work / name)

    return change


def loop(name: str) -> Callable[[Path], None]:
    def change(work: Path) -> None:
        (work / name).unlink()
        (work / name).symlink_to(name.rpartition("/")[2])

    return change


YAML, CSV = "cohorts/c/cohort.yaml", "cohorts/c/nodules.csv"
COHORTS = {
    "name leads up": (text(YAML, "name: ../../x\ntitle: C\n"), "separates the parts of a path"),
    "name is a path": (text(YAML, "name: /etc/x\ntitle: C\n"), "separates the parts of a path"),
    "name hides": (text(YAML, "name: .c\ntitle: C\n"), "begins with a dot"),
    "name of a device": (text(YAML, "name: aux\ntitle: C\n"), "Windows"),
    "name of two lines": (text(YAML, 'name: "c\\nd"\ntitle: C\n'), "cannot be seen"),
    "name of nothing": (text(YAML, "name:\ntitle: C\n"), "valid string"),
    "shares with a path": (text(YAML, MANIFEST + "shares_patients_with: [../../x]\n"), "separates the parts"),
    "unknown key": (text(YAML, MANIFEST + "hook: x\n"), "no field here"),
    "horizon behind": (text(YAML, MANIFEST + "horizon_years: -5\n"), "greater than 0"),
    "horizon without end": (text(YAML, MANIFEST + "horizon_years: .inf\n"), "finite"),
    "horizon that is none": (text(YAML, MANIFEST + "horizon_years: .nan\n"), "finite"),
    "horizon of yes": (text(YAML, MANIFEST + "horizon_years: true\n"), "valid number"),
    "horizon of 1e30": (text(YAML, MANIFEST + "horizon_years: 1.0e+30\n"), "less than or equal to"),
    "frame of its own": (text(YAML, MANIFEST + "frame: XYZ\n"), "'LPS'"),
    "manifest elsewhere": (link(YAML), "leads out of its folder"),
    "table elsewhere": (link(CSV), "leads out of its folder"),
    "table is a pipe": (pipe(CSV), "no regular file"),
    "manifest is a pipe": (pipe(YAML), "no cohort 'c'"),
    "manifest in a circle": (loop(YAML), "no cohort 'c'"),
    "table in a circle": (loop(CSV), "cannot be read"),
}


@pytest.mark.parametrize("harm", COHORTS)
@pytest.mark.parametrize(
    "words",
    commands(
        ["score", "--cohort", "c", "--model", "size"],
        ["cohort", "check", "c"],
        ["compare", "--cohort", "c"],
        ["crop", "--cohort", "c"],
        ["text", "--cohort", "c"],
        [*ADAPT, "--cohort", "c", "--model", "m"],
    ),
)
def test_a_cohort_that_names_another_place_is_refused(place: Path, words: list[str], harm: str) -> None:
    change, said = COHORTS[harm]
    change(Path.cwd())
    refused(place, words, said)


CARD = "results/scores/c/size.card.json"


def card(**fields: object) -> Callable[[Path], None]:
    def change(work: Path) -> None:
        content = json.loads((work / CARD).read_text())
        (work / CARD).write_text(json.dumps({**content, **fields}))

    return change


CARDS = {
    "cohort leads up": (card(cohort="../../x"), "separates the parts of a path"),
    "unknown key": (card(hook=1), "no field here"),
    "model that is none": (card(model=["a"]), "valid string"),
    "exposure of its own": (card(exposure="never"), "'seen'"),
    "patients that are none": (card(patients={"c": 3}), "valid tuple"),
    "card elsewhere": (link(CARD), "leads out of its folder"),
    "card is a pipe": (pipe(CARD), "no regular file"),
    "card in a circle": (loop(CARD), "cannot be read"),
    "card of a list": (text(CARD, "[]"), "no fields"),
    "card of nothing": (text(CARD, ""), "no score card"),
}


@pytest.mark.parametrize("harm", CARDS)
def test_a_card_that_says_what_no_card_says_is_refused(place: Path, harm: str) -> None:
    change, said = CARDS[harm]
    change(Path.cwd())
    refused(place, ["compare", "--cohort", "c"], said)
