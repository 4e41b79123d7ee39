"""Records tell neither secrets nor folders of the machine, whatever was typed."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.formats.json import read_json
from benchmark.outputs.command_line import command_line, told
from benchmark.outputs.run_record import RunRecord
from benchmark.report.records import without_folders

TOKEN = "s3cr3t-Xyz"  # noqa: S105 (made up)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in the home folder of a user called jane."""
    work = tmp_path / "jane" / "project"
    work.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("results/x.csv", "results/x.csv"),
        ("{work}/results/x.csv", "results/x.csv"),
        ("{work}/results/my x.csv", "'results/my x.csv'"),
        ("--out={work}/results/../x.csv", "--out=x.csv"),
        ("{work}", "."),
        ("-o{work}/x.csv", "-ox.csv"),
        ("-o/data/secret/x.csv", "-o…/x.csv"),
        ("../../lab/folder/x", "…/x"),
        ("../secret/", "…/secret"),
        ("a/../b/x", "b/x"),
        ("~/private/x", "…/x"),
        ("~/project/x", "x"),
        ("~", "'~'"),
        ("{home}", "'~'"),
        ("{home}/", "'~'"),
        ("..", "'~'"),
        ("../..", "…/{above}"),
        ("~jane/private/x", "…/x"),
        ("~jane", "…"),
        ("/home/mary", "…"),
        ("/Users/mary/", "…"),
        ("/home/mary/x/", "…/x"),
        ("C:\\Users\\mary\\x", "…/x"),
        ("C:/Users/mary", "…"),
        ("\\\\server\\share\\x", "…/x"),
        ("/", "/"),
        ("image=/data/ct/x", "image=…/x"),
        ("--column=pid=/data/ct", "--column=pid=…/ct"),
        ("ct:/data/ct/x", "ct:…/x"),
        ("see /data/my scans/x, /data/b and c", "'see …/x, …/b and c'"),
        ("/data/a,/data/b", "…/b"),
        ("{work}/x,/data/b", "x,…/b"),
        ("file:///data/ct/x", "file:…/x"),
        *((same, same) for same in ("ViT-B/32", "mm/voxel", "https://example.org/a/b", "a:b", "x=0.5", "--", "é")),
        ("low / high", "'low / high'"),
    ],
)
def test_paths_are_told_relative_to_the_working_folder(work: Path, word: str, shown: str) -> None:
    line = command_line(["score", word.format(work=work, home=work.parent)])
    assert line == f"bench score {shown.format(above=work.parents[1].name)}"
    assert "jane" not in line


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key", TOKEN],
        [f"--api-key={TOKEN}"],
        ["--hfToken", TOKEN],
        [f"GEMINI_API_KEY={TOKEN}"],
        ["--set", f"text.password={TOKEN}"],
        [f"--set=text.password={TOKEN}"],
        ["--password", "--token", TOKEN],  # the first one's value is the second
        ["--password", f"/{TOKEN}/x"],
        ["--header", f"Authorization: Bearer {TOKEN}"],
        [f"https://jane:{TOKEN}@example.org/x"],
        [f"https://{TOKEN}@example.org/x"],
        [f"https://u:a/{TOKEN}@b?c#d@example.org/x"],
        [f"https://example.org/x?sig={TOKEN}"],
        [f"https://example.org/x#{TOKEN}"],
        [f"--from=postgres://jane:{TOKEN}@db/x"],
        [f"see s3://a:{TOKEN}@b/c, and more"],
        [f"jane:{TOKEN}@example.org:/x"],
        [f"--note=my {TOKEN}-is-in-the-environment"],
    ],
    ids=" ".join,
)
def test_secrets_are_not_told(work: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if "environment" in words[-1]:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    line = command_line(["score", *words])
    assert TOKEN not in line
    assert "***" in line
    assert command_line(["score", *words, "--model", "size"]).endswith("--model size")


@pytest.mark.parametrize(
    "token",
    [
        "hf_" + "a1B2" * 8,
        "AIza" + "x" * 35,
        "ghp_" + "a" * 36,
        "AKIA" + "A" * 16,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.x-y",
    ],
)
def test_tokens_of_services_are_seen_by_their_form(work: Path, token: str) -> None:
    assert command_line(["text", token, f"x={token}"]) == "bench text *** x=***"


def test_a_path_is_elsewhere_where_the_working_folder_holds_the_home_folder(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work.parents[1])
    assert command_line([str(work / "x"), "jane/project/y"]) == "bench …/x jane/project/y"
    monkeypatch.chdir("/")
    assert command_line([str(work / "x")]) == "bench …/x"


def test_a_user_without_a_home_folder(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert command_line([str(work / "x"), "~/x", "/data/x"]) == "bench x …/x …/x"


def test_a_working_folder_reached_by_a_link(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.parent / "link").symlink_to(work)
    monkeypatch.setenv("PWD", str(work.parent / "link"))
    assert command_line([str(work / "x"), str(work.parent / "link" / "y")]) == "bench x y"


def test_a_record_can_be_read_whatever_was_typed(work: Path) -> None:
    settings = {"run": work / "runs/a", "api_key": TOKEN, "list": [{"from": "/data/ct/x"}, 3, None], "rate": 0.5}
    words = ["score", "\udc80\udcff", "a\nb", "'", "", "é"]
    RunRecord(command_line(words), settings).write(work / "record.json")
    content = read_json(work / "record.json")
    assert content["settings"] == {
        "run": "runs/a", "api_key": "***", "list": [{"from": "…/x"}, 3, None], "rate": 0.5
    }  # fmt: skip
    assert shlex.split(content["command"])[1:] == ["score", "??", "a\nb", "'", "", "é"]
    assert TOKEN not in json.dumps(content)
    assert without_folders(content)["settings"] == content["settings"]  # as the page shows it


@given(
    parts=st.lists(
        st.text(st.characters(exclude_characters="\0/\\:,;'\"|", exclude_categories=["C", "Z"]), min_size=1)
    ),
    before=st.sampled_from(["", "x=", "--out=", "-o", "a:", "see ", "file://"]),
)
def test_no_folder_outside_is_told(parts: list[str], before: str) -> None:
    hidden = "qzfolderqz"
    line = command_line([f"{before}/{hidden}/{'/'.join([*parts, hidden, 'last'])}"])
    assert hidden not in line


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5))
def test_settings_of_any_form_can_be_written(value: object) -> None:
    json.dumps(told(value)).encode()
