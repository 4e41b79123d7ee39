"""What the README tells a reader to type exists; the commands themselves run in ``test_readme_runs`` (slow)."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_options_exist(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: object = typer.main.get_command(app)
    while words and (children := getattr(command, "commands", None)):
        command = children[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
    assert {word.split("=")[0] for word in words if word.startswith("-")} <= known


API = README.parent / "docs" / "api.md"
PYTHON = {
    path.name: re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    for path in (README, API)
}


def ran(code: str, names: dict[str, Any]) -> list[object]:
    """The values of the expressions that stand alone in a block, as a notebook would show them."""
    shown = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.Expr):
            shown.append(eval(compile(ast.Expression(node.value), "block", "eval"), names))  # noqa: S307
        else:
            exec(compile(ast.Module([node], []), "block", "exec"), names)  # noqa: S102
    return shown


@pytest.mark.parametrize("name", PYTHON)
def test_python_runs_as_it_is_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = [value for block in PYTHON[name] for value in ran(block, names)]
    assert len(shown) >= 3
    assert all(len(value) for value in shown if isinstance(value, pd.DataFrame))
    assert name == "README.md" or (tmp_path / "ucla.html").stat().st_size > 1_000_000


def test_every_attribute_that_the_page_names_is_one() -> None:
    from benchmark import Evaluation

    rows = re.findall(r"^\| (`.*?) \|.*\.csv", API.read_text(encoding="utf-8"), re.MULTILINE)
    rows += re.findall(r"^\| (`.*?) \|.*of the same name", API.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    own = {name for name, member in vars(Evaluation).items() if isinstance(member, property)}
    assert named == own - {"notes"}


@pytest.mark.parametrize("target", ["install", "demo", "test", "speed", "lint"])
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (README.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_links_to_files_of_the_project_exist() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (README.parent / link).exists()] == []


@pytest.mark.parametrize("arguments", [["--help"]])
def test_help_runs(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 0
