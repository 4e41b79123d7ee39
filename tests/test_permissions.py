"""What is written is read by the user and the group alone, unless it is asked for; what is there keeps its own."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.errors import InputError
from benchmark.files import FILE_MODE, permissions, replacing, write_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
TABLE = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,longest_axial_diameter_(mm)\n" + "".join(
    f"{n},1,{n}.nii.gz,1,1,1,{n % 2},{4 + n % 7}.0\n" for n in range(40)
)


@pytest.fixture(autouse=True)
def umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.umask(0o022)
    monkeypatch.delenv(FILE_MODE, raising=False)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("umask", "stated", "file", "folder"),
    [
        (0o022, "", 0o640, 0o750),
        (0o002, "", 0o660, 0o770),  # a laboratory whose members write each other's files
        (0o077, "", 0o600, 0o700),
        (0o000, "", 0o660, 0o770),
        (0o777, "", 0o600, 0o700),
        (0o077, "640", 0o640, 0o750),
        (0o022, "0600", 0o600, 0o700),
        (0o022, "660", 0o660, 0o770),
        (0o077, "644", 0o644, 0o755),
    ],
)
def test_new_files_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, stated: str, file: int, folder: int
) -> None:
    os.umask(umask)
    if stated:
        monkeypatch.setenv(FILE_MODE, stated)
    assert (permissions(), permissions(folder=True)) == (file, folder)
    write_text(tmp_path / "x.csv", "pid\n")
    assert mode(tmp_path / "x.csv") == file
    assert os.umask(umask) == umask


@pytest.mark.parametrize("stated", ["x", "888", "7", "755", "400", "666", "0o640", "4640", "-640", "640 600"])
def test_a_mode_that_is_none_is_refused_by_every_command(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv(FILE_MODE, stated)
    with pytest.raises(InputError, match="is no permission of a file"):
        permissions()
    done = CliRunner().invoke(app, ["audit", "zhuang2025"])
    assert done.exit_code == 2
    assert f"error: BENCH_FILE_MODE '{stated}' — is no permission of a file" in done.output


@pytest.mark.parametrize("own", [0o600, 0o644, 0o664, 0o400])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path, own: int) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    path.chmod(own)
    write_text(path, "new")
    assert (path.read_text(), mode(path)) == ("new", own)
    with pytest.raises(ValueError, match="stop"), replacing(path):
        raise ValueError("stop")
    assert (path.read_text(), mode(path)) == ("new", own)


def commands(work: Path, *more: list[str]) -> None:
    for words in more:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (words, done.output)


def test_nothing_that_commands_write_is_open_to_others_and_what_was_opened_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scores.csv").write_text("pid,nodule_id,score\n" + "".join(f"{n},1,0.{n:02}\n" for n in range(40)))
    (tmp_path / "table.csv").write_text(TABLE)
    given = set(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    columns = ["--column", "pid=pid", "--column", "nodule_id=nodule_id", "--column", "score=score"]
    compare = ["compare", "--cohort", "c", "--replicates", "50", "--show-ids"]
    commands(
        tmp_path,
        ["cohort", "prepare", "csv", "--from", "table.csv", "--out", "cohorts/c"],
        ["cohort", "split", "c", "--out", "splits/c", "--folds", "2"],
        ["adapt", "csv", "scores.csv", "--cohort", "c", "--model", "m", *columns],
        ["score", "--cohort", "c", "--model", "size"],
        compare,
    )
    made = [path for path in tmp_path.rglob("*") if path not in given]
    assert {path.suffix for path in made} >= {".csv", ".json", ".html", ".yaml", ".tex"}
    assert [(path, oct(mode(path))) for path in made if mode(path) & 0o007] == []
    assert os.umask(0o022) == 0o022  # as it was before
    scores, page = tmp_path / "results/scores/c/size.csv", next(path for path in made if path.suffix == ".html")
    for path in (scores, page):
        path.chmod(0o604)
    commands(tmp_path, ["score", "--cohort", "c", "--model", "size"], compare)
    assert (mode(scores), mode(page)) == (0o604, 0o604)


@pytest.mark.needs("ct")
def test_children_write_as_the_command_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands(
        tmp_path,
        ["cohort", "prepare", "phantom", "--out", "cohorts/p", "--patients", "6"],
        ["crop", "--cohort", "p"],
    )
    made = [path for path in tmp_path.rglob("*") if path != tmp_path]
    assert any(path.name.endswith(".0.0.0") for path in made)
    assert [(path, oct(mode(path))) for path in made if mode(path) & 0o007] == []
