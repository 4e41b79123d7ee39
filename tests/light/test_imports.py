"""What the light install can import, and what the rest says."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmark import extras
from benchmark.errors import InputError
from benchmark.extras import EXTRAS, MissingExtra, missing_modules, require_extra
from tests import conftest
from tests.light.without import POSIX_MODULES

ROOT = Path(__file__).resolve().parents[2]
NEEDS = {
    "benchmark.annotations": "dicom",
    "benchmark.imaging": "ct",
    "benchmark.cohorts.annotated": "ct",
    "benchmark.cohorts.segmentations": "dicom",
    "benchmark.cohorts.sr": "dicom",
    "benchmark.cohorts.phantom": "ct",
    "benchmark.cohorts.masks": "ct",
    "benchmark.cohorts.voxel_centres": "ct",
    "clip_nodule": "model",
}
"""Package or module → the extra that it needs; everything else of the project needs none."""
MODULES = {
    "google-genai": "google.genai",
    "idc-index-data": "idc_index_data",
    "mlflow-skinny": "mlflow",
    "open_clip_torch": "open_clip",
    "pillow": "PIL",
    "simpleitk": "SimpleITK",
}
"""Distribution → module, where their names differ."""


POSIX_NAMES = {
    *("fork", "forkpty", "geteuid", "getloadavg", "getpgid", "getuid", "killpg", "mkfifo", "nice", "pwrite"),
    *("sched_getaffinity", "setsid", "statvfs", "sysconf", "uname", "wait", "waitpid"),
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC"),
    *("SIGKILL", "SIGXCPU", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "alarm", "setitimer"),
}
"""Attributes of ``os`` and ``signal`` that Python's documentation marks with "Availability: Unix"."""
ASKED_FOR_FIRST = {("benchmark/work/local.py", "sched_getaffinity"), ("benchmark/work/limits.py", "resource")}
"""Uses of what POSIX alone has behind a question whether it is there."""


@pytest.fixture(scope="module")
def errors() -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.light.without", "imports"], capture_output=True, text=True,
        encoding="utf-8", cwd=ROOT, check=True, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def needed(module: str) -> str | None:
    return next((extra for name, extra in NEEDS.items() if f"{module}.".startswith(f"{name}.")), None)


def test_every_module_but_those_of_extras_is_imported_without_them(errors: dict[str, list[str]]) -> None:
    assert {name: said for name, said in errors.items() if needed(name) is None} == {}


def test_every_module_of_an_extra_says_what_to_install(errors: dict[str, list[str]]) -> None:
    paths = [path for name in ("benchmark", "clip_nodule") for path in (ROOT / name).rglob("*.py")]
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths}
    expected = {name for name in named if needed(name)}
    assert len(expected) > 100
    assert set(errors) == expected
    for name, (kind, message) in errors.items():
        assert kind == "MissingExtra", name
        assert message.endswith(f': pip install "nodule-bench[{needed(name)}]"'), name


def test_what_posix_alone_has_is_asked_for_before_it_is_used() -> None:
    found = set()
    for package in ("benchmark", "adapters", "clip_nodule"):
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    if node.value.id in ("os", "signal") and node.attr in POSIX_NAMES:
                        found.add((place, node.attr))
                elif isinstance(node, ast.Import):
                    found |= {(place, alias.name) for alias in node.names if alias.name in POSIX_MODULES}
                elif isinstance(node, ast.ImportFrom) and node.module in {"os", "signal", *POSIX_MODULES}:
                    found |= {(place, alias.name) for alias in node.names}
    assert found == ASKED_FOR_FIRST


def test_the_extras_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["optional-dependencies"]

    def modules(extra: str) -> set[str]:
        found = set()
        for line in declared[extra]:
            name = line.split(">")[0]
            if name.startswith("nodule-bench["):
                found |= {module for part in name[13:-1].split(",") for module in modules(part)}
            else:
                found.add(MODULES.get(name, name))
        return found

    assert {extra: modules(extra) for extra in EXTRAS} == {extra: set(names) for extra, names in EXTRAS.items()}
    assert modules("all") == {module for names in EXTRAS.values() for module in names}
    assert set(declared) == {*EXTRAS, "all", "dev", "docs", "lint"}


def test_the_light_install_brings_nothing_of_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    plain = {line.split(">")[0] for line in project["dependencies"]}
    optional = {line.split(">")[0] for lines in project["optional-dependencies"].values() for line in lines}
    assert not plain & optional


def test_what_is_missing_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"ct": ("json", "no_such_module", "nor.this_one"), "tune": ("json",)})
    assert missing_modules("ct") == ["no_such_module", "nor.this_one"]
    with pytest.raises(MissingExtra) as caught:
        require_extra("ct", "a scan")
    assert str(caught.value) == 'a scan needs no_such_module and nor.this_one: pip install "nodule-bench[ct]"'
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ImportError)
    require_extra("tune", "a search")


def test_the_tests_of_extras_are_there() -> None:
    assert [place for place in conftest.NEEDS if not (ROOT / "tests" / place).exists()] == []
    assert conftest.needed_extra(ROOT / "tests" / "imaging" / "test_hu.py") == "ct"
    assert conftest.needed_extra(ROOT / "tests" / "clip_nodule" / "runs" / "test_x.py") == "model"
    assert conftest.needed_extra(Path(__file__)) is None
