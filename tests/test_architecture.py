"""The layout that DESIGN.md fixes: who may import whom, how large a file may grow, how light the start is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.import_graph import Graph, circles, file_graph, folder_graph

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmark", "adapters", "clip_nodule")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

IMAGING_TESTS = sorted((ROOT / "tests" / "imaging").rglob("*.py"))

CIRCULAR_IMPORTS: set[tuple[str, str]] = set()
"""Imports, of files by their names and folders by their paths, that close a circle still: only take some off."""


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


ROOMS = ("pretrained", "planes", "network", "runs", "text", "training", "search", "inference", "paper")
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


PUT_TOGETHER = ("ablation.py", "demo.py", "train.py", "trials_elsewhere.py", "tune.py")
"""Files of clip_nodule that stand in no room."""


def test_rooms_of_clip_nodule_stay_small() -> None:
    package = ROOT / "clip_nodule"
    assert {path.name for path in package.glob("*.py")} == {"__init__.py", *PUT_TOGETHER}
    for folder in (path for path in package.rglob("*") if path.is_dir()):
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 12, folder


FORMULAS = {"brock", "plco2012"}
"""Published formulas take the inputs that they were published with, each by its name."""


def test_functions_take_few_parameters() -> None:
    many = []
    for path in FILES:
        if path.is_relative_to(ROOT / "benchmark" / "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = {a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}
                if len(names) + bool(given.vararg) + bool(given.kwarg) > 8 and node.name not in FORMULAS:
                    many.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not many


CONTRACTS = {"prepare", "read", "write_producer_scores"}
"""Functions that every module of a registry has: cohort sources, adapters, producers."""
COMMANDS = {"adapt", "audit", "evaluate", "import_weights"}
"""Commands that are named as the library function that they call."""


def definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Names that a module defines at its top level, with what defines them; of assignments type aliases alone."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if not name.isupper():
                yield name, node.value


def is_choice(node: ast.AST) -> bool:
    """An enumeration, which stands for the library's list of the same name on the command line."""
    return isinstance(node, ast.ClassDef) and any(
        isinstance(b, ast.Name) and b.id == "StrEnum" for b in node.bases
    )


def test_a_public_name_has_one_meaning() -> None:
    found: dict[str, list[ast.AST]] = {}
    for path in FILES:
        for name, node in definitions(ast.parse(path.read_text(encoding="utf-8"))):
            if not name.startswith("_") and name not in CONTRACTS | COMMANDS | {"app", "log"}:
                found.setdefault(name, []).append(node)
    two = []
    for name, nodes in found.items():
        own = [node for node in nodes if not is_choice(node)]
        if len(nodes) - len(own) > 1 or len({ast.dump(node) for node in own}) > 1:
            two.append(name)
    assert not two


VAGUE = {
    "_check", "_checked", "_compare", "_do", "_get", "_handle", "_helper", "_line", "_lines", "_load", "_make",
    "_named", "_names", "_one", "_parse", "_part", "_plain", "_process", "_read", "_rows", "_run", "_table",
    "_value", "_values", "_write",
}  # fmt: skip
"""Names of helpers that do not say what is checked, made or written."""


def test_private_helpers_say_what_they_do() -> None:
    vague = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES
        for name, _ in definitions(ast.parse(path.read_text(encoding="utf-8")))
        if name in VAGUE
    ]
    assert not vague


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


@pytest.mark.parametrize("path", IMAGING_TESTS, ids=lambda path: path.name)
def test_imaging_is_tested_without_torch(path: Path) -> None:
    assert not imported(path) & {"torch", "open_clip", "peft", "clip_nodule", "adapters"}
    assert "import torch" not in path.read_text(encoding="utf-8")  # in a script that a test runs


@pytest.mark.needs("ct")
def test_imaging_loads_no_torch() -> None:
    modules = [path.relative_to(ROOT).with_suffix("") for path in FILES if "imaging" in path.parts]
    lines = [f"import {'.'.join(module.parts)}" for module in modules if module.name != "__init__"]
    code = "\n".join([*lines, "import sys", "print(*sys.modules)"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "torch" not in {name.split(".")[0] for name in done.stdout.split()}
    assert len(lines) > 20


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [{"a", "b"}]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}}, [{"a", "b", "c"}, {"d", "e"}]),
    ],
)
def test_circles_are_found(graph: Graph, expected: list[set[str]]) -> None:
    assert sorted(map(sorted, circles(graph))) == sorted(map(sorted, expected))


def test_every_way_to_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "p" / "q").mkdir(parents=True)
    texts = {
        "__init__": "",
        "a": "import p.b",
        "b": "from p import c",
        "c": "def f():\n    from p.q.d import x",
        "e": "from .q import d as y",
        "q/__init__": "NAME = 1",
        "q/d": "from ..a import z",
        "q/f": "from p.q import NAME",
    }
    for name, text in texts.items():
        (tmp_path / "p" / f"{name}.py").write_text(text, encoding="utf-8")
    graph = file_graph(tmp_path, ["p"])
    assert graph == {
        "p": set(), "p.a": {"p.b"}, "p.b": {"p.c"}, "p.c": {"p.q.d"}, "p.e": {"p.q.d"},
        "p.q": set(), "p.q.d": {"p.a"}, "p.q.f": {"p.q"},
    }  # fmt: skip
    assert circles(graph) == [{"p.a", "p.b", "p.c", "p.q.d"}]
    assert circles(folder_graph(tmp_path, ["p"])) == [{"p", "p/q"}]


@pytest.mark.parametrize("graph_of", [file_graph, folder_graph])
def test_nothing_imports_in_a_circle(graph_of: Callable[[Path, Iterable[str]], Graph]) -> None:
    graph = graph_of(ROOT, PACKAGES)
    left = {
        name: {other for other in others if (name, other) not in CIRCULAR_IMPORTS}
        for name, others in graph.items()
    }
    assert circles(left) == []
    for first, second in CIRCULAR_IMPORTS & {(a, b) for a in graph for b in graph}:
        gone = f"take {first} -> {second} off CIRCULAR_IMPORTS: it closes no circle any more"
        assert second in graph[first], gone
        assert any({first, second} <= circle for circle in circles(graph)), gone


def test_no_circle_within_imaging() -> None:
    assert circles(folder_graph(ROOT, ["benchmark/imaging"])) == []
    assert circles(file_graph(ROOT, ["benchmark/imaging"])) == []
    assert not any("imaging" in name for pair in CIRCULAR_IMPORTS for name in pair)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import benchmark", {"torch", "pandas"}),
        ("import benchmark.cli.main", {"torch", "pandas", "numpy", "plotly"}),
        ("import adapters.adapt, adapters.grand_challenge", {"torch", "plotly", "scipy"}),
        (
            "import adapters.adapt, benchmark.statistics",
            {"torch", "plotly", "sklearn", "scipy.stats", "scipy.optimize"},
        ),
    ],
)
def test_starting_loads_nothing_heavy(statement: str, unwanted: set[str]) -> None:
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not unwanted & set(done.stdout.split())
