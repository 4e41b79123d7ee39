"""What the README tells a reader to type exists; the commands themselves run in ``test_docs`` (slow)."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from benchmark.cli.main import app

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [
    line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.startswith("bench ")
]


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) >= 4


def options_and_known(line: str) -> tuple[set[str], set[str]]:
    """Options that a line gives to a command of bench, and those that the command has."""
    words = shlex.split(line, comments=True)[1:]
    command: object = typer.main.get_command(app)
    while words and (children := getattr(command, "commands", None)):
        command = children[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
    return {word.split("=")[0] for word in words if word.startswith("-")}, known


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_options_exist(line: str) -> None:
    given, known = options_and_known(line)
    assert given <= known


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("bench evaluate")])
def test_examples_of_one_table_run(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table that is shown, continued to 60 patients, under each name that the commands give it."""
    shown = re.search(r"```csv\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    head = pd.read_csv(io.StringIO(shown.group(1)), dtype={"pid": str})
    generator = np.random.default_rng(0)
    rows = [[f"{k:03d}", k % 3 == 0, *((k % 3 == 0) * 0.2 + 0.8 * generator.random(2))] for k in range(3, 61)]
    table = pd.concat([head, pd.DataFrame(rows, columns=head.columns).astype({"label": int})])
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)[1:]
    for name in (word for word in words if word.endswith((".csv", ".xlsx"))):
        ids = table.assign(pid=f"{Path(name).stem}-" + table["pid"])
        ids.to_excel(name, index=False) if name.endswith(".xlsx") else ids.to_csv(name, index=False)
    done = CliRunner().invoke(app, [*words, "--replicates", "20"])
    assert done.exit_code == 0, done.output
    assert Path("results/evaluate/report/index.html").is_file()
    assert "patient 'pid', label 'label' (21 malignant, 39 benign), models 'clip', 'sybil'" in done.output


@pytest.mark.parametrize("target", ["install", "demo", "test", "speed", "lint"])
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (README.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_links_to_files_of_the_project_exist() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (README.parent / link).exists()] == []


@pytest.mark.parametrize("arguments", [["--help"]])
def test_help_runs(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 0
