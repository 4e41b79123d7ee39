"""Nothing but ``benchmark.formats`` (and the two readers of tensors) parses a file that somebody else made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.formats import READERS, reader

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for package in ("benchmark", "adapters", "clip_nodule") for path in (ROOT / package).rglob("*.py")]

READING = {
    "yaml": {
        "load",
        "load_all",
        "safe_load",
        "safe_load_all",
        "full_load",
        "unsafe_load",
        "compose",
        "parse",
        "scan",
    },
    "json": {"load", "loads", "JSONDecoder"},
    "csv": {"reader", "DictReader", "Sniffer"},
    "pandas": {"*read_"},
    "pyarrow": {"*read_", "memory_map", "*ipc", "parquet", "csv", "feather", "orc", "dataset"},
    "openpyxl": {"*"},
    "sqlite3": {"*"},
    "numpy": {"load", "fromfile", "memmap", "loadtxt", "genfromtxt", "fromregex", "open_memmap"},
    "safetensors": {"safe_open", "load_file", "load", "*deserialize"},
    "torch": {"load", "jit"},
    "zipfile": {"*"},
    "tarfile": {"*"},
    "gzip": {"open", "GzipFile", "decompress"},
    "bz2": {"*"},
    "lzma": {"*"},
    "pickle": {"load", "loads", "Unpickler"},
    "joblib": {"*"},
    "tomllib": {"*"},
    "shelve": {"*"},
    "xml": {"*"},
    "lxml": {"*"},
    "ast": {"parse", "literal_eval"},
    "zarr": {"*open"},
}
"""Module → what of it reads; ``*`` alone is all of it, ``*x`` is whatever begins with x."""

EXEMPT = {
    "benchmark/work/": "messages of our own processes",
    "benchmark/imaging/scans/": "scans have readers of their own, in limited processes",
    "benchmark/outputs/locks.py": "read_text: the note of another process of ours",
    "benchmark/outputs/leases.py": "read_text: the kernel's own number of its start",
    "benchmark/outputs/disks.py": "read_text: the kernel's list of mounts, and a probe just written",
    "benchmark/contracts/table_writing.py": "parquet: to write",
    "benchmark/report/page.py": "json: the text that plotly has just written; read_text: a part of the package",
    "benchmark/report/checklists.py": "read_text: a part of the package",
    "benchmark/imaging/cropping/writing.py": "read_text: whether the file is already as it is to be",
    "clip_nodule/pretrained/tensor_files.py": "the reader of safetensors",
    "clip_nodule/pretrained/pt_files.py": "the reader of .pt, and of what its own process saved",
    "clip_nodule/paper/files.py": "ast: args.txt, after formats.opening has read it",
    "clip_nodule/training/images.py": "open_memmap: to write; read_bytes: to hash",
    "clip_nodule/text/gemini.py": "read_bytes: to cut off a torn line of its own",
    "adapters/check.py": "read_bytes: to make a damaged copy",
    "adapters/adapt.py": "read_bytes: to count lines of a file that was read",
}


def reads(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of everything in a file that reads files."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {
                (alias.asname or alias.name.split(".")[0]): alias.name.split(".")[0] for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            top = node.module.split(".")[0]
            for alias in node.names:
                if top in READING and is_reading(top, alias.name):
                    yield node.lineno, f"{top}.{alias.name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        names = [node.attr]
        inner: ast.expr = node.value
        while isinstance(inner, ast.Attribute):
            names.append(inner.attr)
            inner = inner.value
        top = modules.get(inner.id, "") if isinstance(inner, ast.Name) else ""
        if top in READING and any(is_reading(top, name) for name in names):
            yield node.lineno, f"{top}.{names[0]}"
        elif node.attr in ("read_text", "read_bytes"):
            yield node.lineno, node.attr


def is_reading(module: str, name: str) -> bool:
    return any(name == one or (one[0] == "*" and name.startswith(one[1:])) for one in READING[module])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_read_in_a_second_way(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if name.startswith("benchmark/formats/") or any(name.startswith(one) for one in EXEMPT):
        return
    assert list(reads(path)) == []


def test_what_is_exempt_reads() -> None:
    for name in EXEMPT:
        files = [ROOT / name] if name.endswith(".py") else list((ROOT / name).glob("*.py"))
        assert any(True for file in files for _ in reads(file)), f"take {name} off EXEMPT"


@pytest.mark.parametrize(
    "code",
    [
        "import yaml\nyaml.safe_load('')",
        "import json as j\nj.loads('')",
        "from json import loads",
        "import pandas as pd\npd.read_csv('x')",
        "import pyarrow.parquet as pq\npq.read_table('x')",
        "import pyarrow.csv\npyarrow.csv.open_csv('x')",
        "def f():\n    import openpyxl\n    openpyxl.load_workbook('x')",
        "from sqlite3 import connect",
        "import numpy as np\nnp.load('x')",
        "from safetensors.torch import load_file",
        "import torch\ntorch.load('x')",
        "import zipfile\nzipfile.ZipFile('x')",
        "from pathlib import Path\nPath('x').read_text()",
    ],
)
def test_a_second_way_is_seen(tmp_path: Path, code: str) -> None:
    (tmp_path / "a.py").write_text(code)
    assert list(reads(tmp_path / "a.py"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.needs("model")) if "clip" in READERS[name] else name
        for name in READERS
    ],
)
def test_every_reader_of_the_list_is_there(name: str) -> None:
    assert callable(reader(name))


def test_every_public_reader_is_on_the_list() -> None:
    listed = set(READERS.values())
    for path in (ROOT / "benchmark" / "formats").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = f"benchmark.formats.{path.stem}:{getattr(node, 'name', '')}"
            helper = name in (
                "benchmark.formats.opening:read_bytes",  # no format
                "benchmark.formats.csv:read_csv_header",  # one line, of any text
                "benchmark.formats.json:read_json_files",  # read_json, of many
            )
            if isinstance(node, ast.FunctionDef) and node.name.startswith("read_") and not helper:
                assert name in listed
