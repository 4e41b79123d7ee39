"""The Python that README and docs/api.md show runs as it is written, and what they name exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark import Evaluation

ROOT = Path(__file__).resolve().parents[1]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = {
    name: re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    for name in ("README.md", "docs/api.md")
}


def shown_by(code: str, names: dict[str, Any]) -> list[object]:
    """The values of the expressions that stand alone in a block, as a notebook would show them."""
    shown = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.Expr):
            shown.append(eval(compile(ast.Expression(node.value), "block", "eval"), names))  # noqa: S307 - the README's own
        else:
            exec(compile(ast.Module([node], []), "block", "exec"), names)  # noqa: S102 - the README's own
    return shown


@pytest.mark.parametrize("name", BLOCKS)
def test_python_runs_as_it_is_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = [value for block in BLOCKS[name] for value in shown_by(block, names)]
    assert len(shown) >= 3
    assert all(len(value) for value in shown if isinstance(value, pd.DataFrame))
    assert name == "README.md" or (tmp_path / "ucla.html").stat().st_size > 1_000_000


def test_every_table_of_an_evaluation_is_named() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|[^|]*\|[^|]*(?:\.csv|of the same name)", API, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    own = {name for name, member in vars(Evaluation).items() if isinstance(member, property)}
    assert named == own - {"notes"}
