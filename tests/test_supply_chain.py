"""What CI installs has a hash and the version that is tested; a known vulnerability fails unless it is allowed."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
CI = ROOT / ".ci"
PLATFORM = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "extra": "",
            "platform_machine": "x86_64", "implementation_name": "cpython",
            "platform_python_implementation": "CPython"}  # fmt: skip
OF_TORCH = re.compile(r"nvidia-|cuda-|triton$")
"""What torch itself says it takes, which constraints.txt leaves out."""


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes by package of a lock file; every line of it is one of these."""
    entry = re.compile(r"([a-z0-9][a-z0-9-]*)==([^\s;]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
    text = (CI / name).read_text(encoding="utf-8")
    assert entry.sub("", text) == ""  # no address, no option, no marker, nothing without a hash
    found = {name: (version, re.findall("[0-9a-f]{64}", hashes)) for name, version, hashes in entry.findall(text)}
    assert len(found) == len(entry.findall(text))
    return found


def constraints() -> dict[str, str]:
    lines = [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]
    return {
        canonicalize_name(line.name): str(line.specifier).removeprefix("==")
        for line in lines
        if line.marker is None or line.marker.evaluate(PLATFORM)
    }


@pytest.mark.parametrize("name", ["hashes.txt", "hashes-lint.txt", "hashes-docs.txt"])
def test_hashes_are_of_the_versions_of_the_constraints(name: str) -> None:
    hashed, pinned = locked(name), constraints()
    assert {name: version for name, (version, _) in hashed.items() if not OF_TORCH.match(name)} == {
        name: version for name, version in pinned.items() if name in hashed
    }
    assert len(hashed) > 50


def test_everything_that_make_install_asks_for_has_a_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra, requirements in project["project"]["optional-dependencies"].items():
        if extra not in ("lidc", "all"):  # pylidc is not installed in CI
            asked += requirements
    hashed = locked("hashes-docs.txt") | locked("hashes-lint.txt") | locked("hashes.txt")
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        if name != canonicalize_name(project["project"]["name"]):  # an extra that takes other extras
            assert requirement.specifier.contains(Version(hashed[name][0])), requirement


def test_pip_audit_has_hashes_too() -> None:
    assert {"pip-audit", "requests", "cyclonedx-python-lib"} <= set(locked("audit.txt"))


def test_constraints_without_hashes_stay_for_other_platforms() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[^\s;]+( ; .+)?", line)] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize("hashed", ["true", "false"])
def test_make_installs_by_hashes_or_by_constraints_and_stops_where_pip_does(tmp_path: Path, hashed: str) -> None:
    """A stand-in for the environment's Python writes down what it is asked for, and fails at the second."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n! grep -q stop {tmp_path}/asked\n')
    python.chmod(0o755)
    make = ["make", "install", f"VENV={tmp_path}/venv", f"HASHED={hashed}"]
    assert subprocess.run(make, cwd=ROOT, capture_output=True, check=False).returncode == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    if hashed == "true":
        assert "--require-hashes --only-binary :all: --requirement .ci/hashes.txt" in asked[0]
        assert asked[1].endswith("--no-deps --no-build-isolation --editable .")
    else:
        assert "--constraint constraints.txt --editable" in asked[0]
    (tmp_path / "venv" / ".installed").unlink()
    (tmp_path / "asked").write_text("stop\n")
    assert subprocess.run(make, cwd=ROOT, capture_output=True, check=False).returncode != 0
    assert len((tmp_path / "asked").read_text().splitlines()) == 2  # nothing is installed after what failed
    assert not (tmp_path / "venv" / ".installed").exists()


def test_the_platform_of_the_hashes_is_told() -> None:
    status = subprocess.run([sys.executable, str(CI / "is_hashed_platform.py")], check=False).returncode
    if sys.version_info[:2] != (3, 11) or sys.platform != "linux":
        assert status == 1
    elif platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc":
        assert status == 0


def test_every_exception_from_the_security_rules_says_why() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in ruff["select"]
    assert not any(rule.startswith("S") and rule[1:2].isdigit() for rule in ruff["ignore"])
    assert {rule for rules in ruff["per-file-ignores"].values() for rule in rules if re.match(r"S\d*$", rule)} == {
        "S101", "S603", "S607"
    }  # fmt: skip
    exception = re.compile("# no" + r"qa\b(?:: ((?:[A-Z]+\d+(?:, )?)+))?(.*)")
    for folder in ("adapters", "benchmark", "clip_nodule", "tests", "notebooks", ".ci"):
        for path in (ROOT / folder).rglob("*.py"):
            for codes, reason in exception.findall(path.read_text(encoding="utf-8")):
                assert codes, f"{path}: names no rule"
                assert not re.search(r"\bS\d", codes) or re.search(r"[(-]\W*\w+", reason), f"{path}: {codes}: why?"


@pytest.fixture(scope="module")
def audit() -> Any:
    spec = spec_from_file_location("ci_audit", CI / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TODAY = date(2026, 11, 27)
FOUND = {"id": "GHSA-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}
REPORT = {
    "dependencies": [
        {"name": "good", "version": "1.0", "vulns": []},
        {"name": "bad", "version": "2.0", "vulns": [FOUND]},
        {"name": "unknown", "skip_reason": "Dependency not found"},
    ]
}


@pytest.mark.parametrize(
    ("entry", "fails"),
    [
        ({"id": "GHSA-1", "reason": "cannot be reached", "until": TODAY}, ""),
        ({"id": "CVE-1", "reason": "cannot be reached", "until": date(2027, 1, 1)}, ""),
        ({"id": "CVE-1", "reason": "cannot be reached", "until": date(2026, 11, 26)}, "has expired"),
        ({"id": "CVE-1", "reason": " ", "until": date(2027, 1, 1)}, "gives no reason"),
        ({"id": "CVE-2", "reason": "another", "until": date(2027, 1, 1)}, "bad 2.0: GHSA-1, CVE-1 — fixed in 2.1"),
        ({"id": "CVE-1", "package": "good", "reason": "another", "until": date(2027, 1, 1)}, "bad 2.0"),
    ],
)
def test_a_vulnerability_fails_unless_it_is_allowed_with_a_reason_and_in_time(
    audit: Any, entry: dict[str, Any], fails: str
) -> None:
    failures, notes = audit.verdict(REPORT, [{"package": "bad", **entry}], TODAY)
    assert bool(failures) == bool(fails)
    assert fails in "".join(failures)
    assert any("NOT checked: unknown" in note for note in notes)
    assert any(note.startswith("pip-audit: 2 packages checked") for note in notes)


def test_what_is_allowed_and_no_longer_found_is_named(audit: Any) -> None:
    failures, notes = audit.verdict(
        {"dependencies": []}, [{"id": "X", "package": "p", "reason": "r", "until": TODAY}], TODAY
    )
    assert failures == []
    assert "no longer found, remove from vulnerabilities.toml: X" in notes


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ([None], 0, "does not reach its data: dependencies were NOT checked"),
        ([{"dependencies": [{"name": "jinja2", "skip_reason": "not found"}]}], 0, "does not reach its data"),
        ([REPORT, None], 0, "lost the connection"),
        (
            [REPORT, {"dependencies": [{"name": "good", "version": "1", "vulns": []}]}],
            0,
            "1 packages checked, 0 allowed",
        ),
        ([REPORT, REPORT], 1, "bad 2.0: GHSA-1, CVE-1 — fixed in 2.1"),
    ],
)
def test_no_answer_is_said_and_is_no_failure(
    audit: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: list[Any],
    status: int,
    said: str,
) -> None:
    """A service that knows no package says of each that it has no known vulnerability."""
    waiting = iter(answers)
    monkeypatch.setattr(audit, "install", lambda: "")
    monkeypatch.setattr(audit, "audited", lambda requirements: next(waiting))
    assert audit.main() == status
    assert said in capsys.readouterr().out


def test_the_list_of_what_is_allowed_can_be_read() -> None:
    listed = tomllib.loads((CI / "vulnerabilities.toml").read_text(encoding="utf-8"))
    assert set(listed) <= {"allowed"}
    for entry in listed.get("allowed", []):
        assert set(entry) == {"id", "package", "reason", "until"}
        assert len(entry["reason"]) > 20
        assert isinstance(entry["until"], date)
