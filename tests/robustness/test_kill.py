"""``kill -9`` at any moment: the same command, given again, ends as if nothing had happened.

``BENCH_ROUNDS`` is the number of rounds a command (each a kill and a rerun; 8 are some hundred kills in all),
``BENCH_SEED`` that of the moments. How many found the command still running is printed (``-s``).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired

import numpy as np
import pytest

from tests.robustness.project import (
    COMMANDS,
    DEMO,
    Command,
    bench,
    contents,
    copy_project,
    kill,
    leftovers,
    start,
    todays,
)

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
SEED = int(os.environ.get("BENCH_SEED", "0"))
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", todays(COMMANDS, "BENCH_ROUNDS"))
def test_a_killed_command_given_again_ends_as_if_undisturbed(name: str, base: Path, tmp_path: Path) -> None:
    command, rng = COMMANDS[name], np.random.default_rng([SEED, *name.encode()])
    before = copy_project(base, tmp_path / "before")
    if command.earlier:
        assert bench(before, command.earlier).returncode == 0
    old, undisturbed = contents(before / command.target), copy_project(before, tmp_path / "undisturbed")
    begin = time.monotonic()
    status = bench(undisturbed, command.arguments).returncode
    seconds = time.monotonic() - begin
    new, kills = contents(undisturbed), 0
    for number in range(ROUNDS):
        project = copy_project(before, tmp_path / f"round-{number}")
        moment = rng.uniform(0.2, 1.02) * seconds
        took = kill_after(project, command, moment)
        kills, seconds = kills + (took is None), took or seconds
        if command.one_step:
            there = contents(project / command.target).items()
            of_new = contents(undisturbed / command.target).items()
            assert there <= old.items() or there <= of_new, f"old beside new, killed after {moment:.2f} s"
        again = bench(project, command.again(project) if command.again else command.arguments)
        assert again.returncode == status, (moment, again.stderr)
        assert contents(project) == new, f"killed after {moment:.2f} s"
        assert leftovers(project) == []
    say_kills(name, kills)


@pytest.mark.skipif(
    "BENCH_ROUNDS" not in os.environ, reason="minutes: set BENCH_ROUNDS; its commands are killed above"
)
def test_a_killed_demo_given_again_ends_as_if_undisturbed(tmp_path: Path) -> None:
    rng, kills = np.random.default_rng(SEED), 0
    begin = time.monotonic()
    (tmp_path / "undisturbed").mkdir()
    assert bench(tmp_path / "undisturbed", DEMO.arguments).returncode == 0
    seconds = time.monotonic() - begin
    expected = _without_key(contents(tmp_path / "undisturbed" / "demo"))
    for number in range(ROUNDS):
        project = tmp_path / f"round-{number}"
        project.mkdir()
        took = kill_after(project, DEMO, rng.uniform(0.05, 1.0) * seconds)
        kills, seconds = kills + (took is None), took or seconds
        again = bench(project, DEMO.arguments)
        assert again.returncode == 0, again.stderr
        assert _without_key(contents(project / "demo")) == expected
        aside = [path.name for path in project.glob("demo-killed-*")]
        assert aside == [] or "was moved to" in again.stderr
        assert leftovers(project / "demo") == []
    say_kills("demo", kills)


def _without_key(found: dict[str, str]) -> dict[str, str]:
    """Without the key of the pseudonyms, which is drawn anew for each project, and the page that prints by it."""
    return {name: digest for name, digest in found.items() if name not in ("pseudonyms.key", "report/index.html")}


def kill_after(project: Path, command: Command, seconds: float) -> float | None:
    """Start a command and kill it; None, or the seconds that it took where it ended before."""
    begin, process = time.monotonic(), start(project, command.arguments)
    with suppress(TimeoutExpired):
        process.wait(seconds)
    took = None if process.poll() is None else time.monotonic() - begin
    kill(process)
    return took


def say_kills(name: str, kills: int) -> None:
    sys.stdout.write(f"{name}: killed while it ran in {kills} of {ROUNDS} rounds\n")
