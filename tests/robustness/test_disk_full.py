"""A disk that fills up: one line, status 1 or 2, and what was there before is there still.

``RLIMIT_FSIZE`` stands for the full disk: the kernel refuses each write beyond it, in Python and in libraries
alike, and no file system of our own is needed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.robustness.project import COMMANDS, bench, contents, copy_project, leftovers, todays

pytestmark = pytest.mark.slow
ALL_POINTS = (0, 40, 200, 700, 2_000, 6_000, 20_000, 60_000, 200_000, 1_000_000)
"""Bytes that a file may have; many commands write less than the largest of these and succeed."""
POINTS = ALL_POINTS if os.environ.get("BENCH_POINTS") == "all" else (0, 700, 20_000)


@pytest.mark.parametrize(  # check writes faults alone
    "name", todays([name for name in COMMANDS if name != "check"], "BENCH_POINTS")
)
def test_what_was_there_is_there_when_the_disk_is_full(name: str, base: Path, tmp_path: Path) -> None:
    command = COMMANDS[name]
    before = copy_project(base, tmp_path / "before")
    if command.earlier:
        assert bench(before, command.earlier).returncode == 0
    undisturbed = copy_project(before, tmp_path / "undisturbed")
    status, old = bench(undisturbed, command.arguments).returncode, contents(before)
    ended = []
    for point in POINTS:
        project = copy_project(before, tmp_path / "project")
        done = bench(project, command.arguments, limit=point)
        there = contents(project)
        if done.returncode == status:
            assert there == contents(undisturbed), point
        else:
            assert done.returncode in (1, 2), (point, done.stderr)
            message = [line for line in done.stderr.splitlines() if "error" in line]
            assert len(message) == 1, (point, done.stderr)
            assert "Traceback" not in done.stderr, (point, done.stderr)
            assert there.items() >= old.items(), (point, done.stderr)
        ended.append(done.returncode)
        assert leftovers(project) == [], point
        shutil.rmtree(project)
    assert any(end != status for end in ended), "no point was reached"
