"""The layout that DESIGN.md fixes: who may import whom, how large a file may grow, how light the start is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmark", "adapters", "clip_nodule")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


ROOMS = ("pretrained", "planes", "network", "runs", "text", "training", "inference", "paper")
"""Folders of clip_nodule; each imports from those before it alone."""


def test_the_rooms_of_clip_nodule_are_those_in_the_order() -> None:
    assert {path.parent.name for path in (ROOT / "clip_nodule").glob("*/*.py")} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_clip_nodule_imports_from_the_rooms_before_it_alone(room: str) -> None:
    allowed = {f"clip_nodule.{name}" for name in ROOMS[: ROOMS.index(room) + 1]}
    for path in (ROOT / "clip_nodule" / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            entered = {".".join(name.split(".")[:2]) for name in names if name.split(".")[0] == "clip_nodule"}
            assert entered <= allowed, path


def test_rooms_of_clip_nodule_stay_small() -> None:
    package = ROOT / "clip_nodule"
    assert {path.name for path in package.glob("*.py")} == {"__init__.py", "ablation.py", "train.py"}
    for folder in (path for path in package.rglob("*") if path.is_dir()):
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 12, folder


def test_functions_of_clip_nodule_take_few_parameters() -> None:
    many = []
    for path in (ROOT / "clip_nodule").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = {a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}
                if len(names) + bool(given.vararg) + bool(given.kwarg) > 8:
                    many.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not many


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_design(path: Path) -> None:
    package, *rest = path.relative_to(ROOT).parts
    forbidden = {
        "benchmark": set() if rest[0] == "cli" else {"torch", "open_clip", "peft", "clip_nodule", "adapters"},
        "adapters": {"clip_nodule", "torch"},
        "clip_nodule": {"adapters"},
    }[package]
    assert not imported(path) & forbidden


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import benchmark", {"torch", "pandas"}),
        ("import benchmark.cli.main", {"torch", "pandas", "numpy", "plotly"}),
    ],
)
def test_starting_loads_nothing_heavy(statement: str, unwanted: set[str]) -> None:
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not unwanted & {name.split(".")[0] for name in done.stdout.split()}
