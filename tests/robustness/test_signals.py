"""A command that is told to end says so without a traceback; given again, it ends as if undisturbed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.robustness.project import COMMANDS, Command, bench, contents, copy_project, leftovers, start

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
BEGUN = {"train": "results/runs/t/run.yaml", "crop": "crops/crops.zarr"}
"""Command → a file that is there once it has begun to write."""
STATUS = {signal.SIGTERM: (-15, 143), signal.SIGHUP: (-1, 129), signal.SIGINT: (130,)}
"""Signal → how the command ends: by the signal itself, as Python does, or with the status that shells give it."""


@pytest.mark.parametrize("number", STATUS, ids=[number.name for number in STATUS])
@pytest.mark.parametrize("name", BEGUN)
def test_a_command_that_is_told_to_end_goes_on_when_it_is_given_again(
    name: str, number: signal.Signals, base: Path, tmp_path: Path
) -> None:
    command = COMMANDS[name]
    undisturbed = copy_project(base, tmp_path / "undisturbed")
    status = bench(undisturbed, command.arguments).returncode
    project = copy_project(base, tmp_path / "project")
    ended, output = _told_to_end(project, command, BEGUN[name], number)
    assert "Traceback" not in output
    assert ended == status or ended in STATUS[number], output
    again = bench(project, command.again(project) if command.again else command.arguments)
    assert again.returncode == status, again.stderr
    assert contents(project) == contents(undisturbed)
    assert leftovers(project) == []


def _told_to_end(project: Path, command: Command, begun: str, number: signal.Signals) -> tuple[int, str]:
    """Start a command, and signal its group, as a terminal does, once it has begun to write."""
    process = start(project, command.arguments)
    while process.poll() is None and not (project / begun).exists():
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output
