"""The program as a whole: its version, its help, its usage errors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from benchmark import __version__
from benchmark.cli.main import app

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


def test_unknown_options_are_usage_errors() -> None:
    assert runner.invoke(app, ["compare", "--no-such-option"]).exit_code == 2
    assert runner.invoke(app, ["compare", "--cohort", "x", "--replicates", "0"]).exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="closed pipes are those of POSIX")
@pytest.mark.parametrize("words", [["--help"], ["score", "--help"], ["--version"], ["cohort", "split", "--help"]])
def test_a_reader_that_went_away_is_no_failure(words: list[str]) -> None:
    """As ``bench score --help | head -1``."""
    reading, writing = os.pipe()
    os.close(reading)
    program = [sys.executable, "-P", "-c", "from benchmark.cli.main import app; app()", *words]
    done = subprocess.run(program, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
