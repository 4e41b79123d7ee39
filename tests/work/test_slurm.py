"""Tasks as SLURM jobs, with submitit's executor that starts the jobs on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.errors import DryRun, InputError
from benchmark.work import Lost, finished, run, sbatch, slurm
from benchmark.work.other_machines import OtherMachines
from benchmark.work.sbatch import limit_in_minutes, sbatch_text
from benchmark.work.slurm import SlurmTasks
from tests.work import jobs

pytestmark = pytest.mark.needs("slurm")


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sbatch, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    return


def test_what_sbatch_would_get_says_all_that_was_asked(tmp_path: Path) -> None:
    arguments = {"partition": "gpu", "gres": "gpu:1", "time": "1:30:00", "cpus-per-task": "4", "mem": "12G",
                 "exclusive": "", "account": "lung"}  # fmt: skip
    executor = SlurmTasks(tmp_path / "slurm", 3, arguments, dry_run=True, name="bench-crop")
    with pytest.raises(DryRun) as shown:
        list(run(range(10), abs, executor))
    lines = shown.value.text.splitlines()
    assert lines[0] == "#!/bin/bash"
    for line in ("partition=gpu", "gres=gpu:1", "time=90", "cpus-per-task=4", "mem=12G", "exclusive", "requeue",
                 "account=lung", "job-name=bench-crop", "array=0-2%3"):  # fmt: skip
        assert f"#SBATCH --{line}" in lines, line
    command = next(line for line in lines if line.startswith("srun"))
    assert " -P -u -m submitit.core._submit " in command  # no file of the working folder runs in a job
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "minutes"),
    # man sbatch: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes[:seconds]
    [("90", 90), ("90:30", 91), ("1:30:00", 90), ("2-0", 2880), ("1-12:30", 2190), ("0-0:1:30", 2), ("0", 1)],
)
def test_time_limits_are_those_of_sbatch(text: str, minutes: int) -> None:
    assert limit_in_minutes(text) == minutes


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("time", "soon", "is no time limit"),
        ("time", "1:2:3:4", "is no time limit"),
        ("array", "1-4", "is made here"),
        ("--output", "x", "is made here"),
    ],
)
def test_arguments_that_cannot_be_are_refused(tmp_path: Path, name: str, value: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        sbatch_text(tmp_path, "x", {name: value}, 2)


@pytest.mark.skipif(shutil.which("srun") is not None, reason="there is SLURM here")
def test_where_there_is_no_slurm_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no SLURM on this machine"):
        list(run(range(3), abs, SlurmTasks(tmp_path)))


@pytest.mark.slow
def test_results_are_those_of_one_process_and_nothing_is_left(local: None, tmp_path: Path) -> None:
    place = OtherMachines("slurm", workers=2, folder=tmp_path / "slurm")
    assert list(run(range(7), jobs.slow_square, place.executor(7, None))) == [n * n for n in range(7)]
    limited = place.executor(4, jobs.little)
    results = list(run([10, 1000, 20, 30], jobs.fills_memory, limited))
    assert [isinstance(value, Lost) for value in results] == [False, True, False, False]
    with pytest.raises(ValueError, match="1 is odd"):
        list(run(range(3), jobs.refuses_odd, place.executor(3, None)))
    assert len(list((tmp_path / "slurm").iterdir())) == 1  # the logs of the call that raised
    assert list(run([], abs, place.executor(0, None))) == []


@pytest.mark.slow
def test_what_raised_is_done_again_by_the_next_call_and_what_was_done_is_not(
    local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "GONE", 1000)  # a job of another call cannot be seen to run on this machine
    log = tmp_path / "log"
    tasks = [(str(log), str(tmp_path / "mended"), number) for number in range(2)]
    place = OtherMachines("slurm", workers=2, folder=tmp_path / "slurm")
    with pytest.raises(ValueError, match="not mended"):
        list(run(tasks, jobs.needs_mending, place.jobs()))
    (tmp_path / "mended").write_text("")
    assert list(run(tasks, jobs.needs_mending, place.jobs())) == [0, 1]
    assert sorted(log.read_text().split()) == ["0", "1", "1"]
    assert not list((tmp_path / "slurm").iterdir())


@pytest.mark.slow
def test_a_job_that_dies_is_tried_once_more_and_costs_its_tasks_alone(local: None, tmp_path: Path) -> None:
    log = tmp_path / "log"
    tasks = [("fine", str(log)), ("dies", str(log)), ("fine", str(log))]
    executor = OtherMachines("slurm", workers=3, folder=tmp_path / "slurm").jobs()
    found = dict(finished(tasks, jobs.uses_up, executor))
    lost = found.pop(1)
    assert found == {0: "fine", 2: "fine"}
    assert isinstance(lost, Lost)
    assert "ended twice without a result, see" in lost.death
    assert [line.split()[0] for line in log.read_text().splitlines()].count("dies") == 2


REJOIN = """
import sys
from pathlib import Path
from benchmark.work import run, sbatch, slurm
from benchmark.work.other_machines import OtherMachines
from tests.work import jobs
sbatch.CLUSTER, slurm.POLL, slurm.GONE = "local", 0.2, 1000
place = OtherMachines("slurm", workers=2, folder=Path(sys.argv[1]))
tasks = [(sys.argv[2], number) for number in range(2)]
print(sorted(run(tasks, jobs.notes_and_waits, place.jobs())))
"""


@pytest.mark.slow
def test_who_is_interrupted_leaves_the_jobs_and_joins_them_when_called_again(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    line = [sys.executable, "-c", REJOIN, str(tmp_path / "slurm"), str(tmp_path / "notes")]
    first = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 120
    while len(list((tmp_path / "notes").iterdir())) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    first.send_signal(2)
    assert first.wait() != 0
    second = subprocess.run(line, capture_output=True, text=True, check=True)
    assert second.stdout == "[0, 1]\n"
    notes = sorted(path.name for path in (tmp_path / "notes").iterdir())
    assert len(notes) == 2, notes  # each task began once
    assert not list((tmp_path / "slurm").iterdir())
