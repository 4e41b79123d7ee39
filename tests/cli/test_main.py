from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmark import __version__
from benchmark.cli.main import app
from benchmark.errors import SHOWN, InputError, PartlyDone, Problem

runner = CliRunner()


def test_version_and_help() -> None:
    assert __version__ in runner.invoke(app, ["--version"]).output
    assert "compare" in runner.invoke(app, ["--help"]).output


def leaf_commands() -> list[list[str]]:
    """Every command's words, sub-commands too."""

    def walk(command: object, words: list[str]) -> list[list[str]]:
        children = getattr(command, "commands", None)
        return [words] if children is None else [w for n, c in children.items() for w in walk(c, [*words, n])]

    return walk(typer.main.get_command(app), [])


@pytest.mark.parametrize("words", leaf_commands(), ids=" ".join)
def test_help_of_each_command_holds_an_example_of_it(words: list[str]) -> None:
    output = " ".join(runner.invoke(app, [*words, "--help"]).output.split())
    assert f"bench {' '.join(words)}" in output.replace("Usage: bench", "").replace("Usage: root", "")


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (
            InputError(Problem("is wrong", "mend it", "a.csv", 3, "pid", "x")),
            2,
            "a.csv:3:pid 'x' — is wrong — mend it",
        ),
        (InputError([Problem(f"bad {n}") for n in range(SHOWN + 5)]), 2, "and 5 more problems"),
        (PartlyDone(5, 2, "failures.csv"), 3, "5 done, 2 failed: see failures.csv"),
        (KeyboardInterrupt(), 130, "run the same command again"),
    ],
)
def test_errors_become_a_message_and_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, expected: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("benchmark.report.compare.compare_cohorts", fail)
    result = runner.invoke(app, ["compare", "--cohort", "x"])
    assert result.exit_code == status
    assert expected in result.output
    assert "Traceback" not in result.output


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    code = "from benchmark.cli.main import app; app()"
    arguments = ["compare", "--cohort", "x", "--cohorts", str(tmp_path)]
    plain = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )
    debug = subprocess.run(
        [sys.executable, "-c", code, "--debug", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (plain.returncode, "Traceback" in plain.stderr) == (2, False)
    assert "Traceback" in debug.stderr
    assert debug.returncode != 0


def test_unknown_options_are_usage_errors() -> None:
    assert runner.invoke(app, ["compare", "--no-such-option"]).exit_code == 2
    assert runner.invoke(app, ["compare", "--cohort", "x", "--replicates", "0"]).exit_code == 2
