"""Tasks as jobs of SLURM, by submitit: an array of jobs, each of which does a share of the tasks on its node.

The jobs outlive the program that submitted them. The same call finds them again by the record that lies in the
folder of their pickles and logs, which submitit reads and writes there; nothing else is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError, DryRun, InputError, Problem
from benchmark.files import write_text
from benchmark.formats.json import read_json
from benchmark.outputs.locks import holding
from benchmark.work.limits import TaskLimits
from benchmark.work.local import Here, worker_count
from benchmark.work.messages import portable
from benchmark.work.processes import Processes
from benchmark.work.sbatch import job_executor, sbatch_text
from benchmark.work.start import safe_children
from benchmark.work.tasks import Lost, Outcome, R, Raised, T

log = logging.getLogger(__name__)

JOBS = 8
"""Jobs of an array where no number of workers was given."""
POLL = 5.0
"""Seconds between two looks at the jobs."""
GONE = 3
"""Looks in a row that find a job ended without a result until it counts as dead: disks show files late."""


@dataclass(frozen=True)
class JobBatch:
    """A share of the tasks of a call, which one job does.

    Attributes:
        function: Is called with each task.
        limits: What each task may use up; nothing is limited without.
        tasks: The tasks, with their numbers.
        apart: Whether each is done in a process of its own, as many at a time as the job has processors.
    """

    function: Callable[[Any], Any]
    limits: Callable[[Any], TaskLimits] | None
    tasks: tuple[tuple[int, Any], ...]
    apart: bool = True

    def __call__(self) -> list[tuple[int, Outcome[Any]]]:
        """Do the tasks of the share."""
        tasks = [task for _, task in self.tasks]
        here = Here() if not self.apart else Processes(min(worker_count(None), len(tasks)), self.limits)
        outcomes = here.outcomes(self.function, tasks)
        return [
            (self.tasks[place][0], Raised(portable(outcome.error)) if isinstance(outcome, Raised) else outcome)
            for place, outcome in outcomes
        ]

    def checkpoint(self) -> Any:  # noqa: ANN401
        """What is queued in its place when it is preempted or runs out of time: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass(frozen=True)
class SlurmTasks:
    """Tasks as an array of SLURM jobs.

    Attributes:
        folder: Where submitit keeps its pickles and logs; on a disk that all nodes see.
        workers: Jobs; ``JOBS`` by default, never more than tasks.
        arguments: Of ``sbatch``, without their dashes.
        limits: What each task may use up (see ``benchmark.work.limits``); nothing is limited without.
        apart: See ``JobBatch``; a task that starts processes of its own is not done in one.
        dry_run: Submit nothing and raise ``DryRun``.
        name: Of the jobs in the queue.
        key: What the call is told by when it is made again; by default a hash of its tasks.
        watch: Called at each look at the jobs.
    """

    folder: Path
    workers: int | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    limits: Callable[[Any], TaskLimits] | None = None
    apart: bool = True
    dry_run: bool = False
    name: str = "bench"
    key: str = ""
    watch: Callable[[], None] | None = None

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """See ``Executor``; closing it leaves the jobs in the queue.

        Raises:
            DryRun: It was asked for.
            InputError: There is no SLURM here, or it refuses the arguments.
            InUseError: The same call waits for its jobs already.
        """
        count = min(self.workers or JOBS, len(tasks))
        if not count:
            return
        numbered = list(enumerate(tasks))
        batches = [
            JobBatch(function, self.limits, tuple(numbered[number::count]), self.apart) for number in range(count)
        ]
        if self.dry_run:
            raise DryRun(sbatch_text(self.folder, self.name, self.arguments, count))
        key = self.key or hashlib.sha256(pickle.dumps((function, tasks))).hexdigest()
        name = f"{key[:16]}-{count}"
        with holding(self.folder / name):  # two calls at once would submit everything twice
            jobs = _Jobs(self, name, batches)
            for batch, outcomes in jobs.finished():
                if isinstance(outcomes, Lost):
                    yield from ((number, outcomes) for number, _ in batches[batch].tasks)
                else:
                    if any(isinstance(outcome, Raised) for _, outcome in outcomes):
                        jobs.do_again(batch)  # the next call, after what was wrong is mended
                    yield from outcomes
            jobs.forget()


class _Jobs:
    """The jobs of one call: submitted once, found again by the next call, submitted again when one dies."""

    def __init__(self, asked: SlurmTasks, key: str, batches: Sequence[JobBatch]) -> None:
        self.asked = asked
        self.batches = batches
        self.folder = asked.folder / key
        self.record = self.folder / "jobs.json"
        self.executor = job_executor(self.folder, asked.name, asked.arguments)
        ids = self._recorded()
        if ids is None:
            self.jobs = self._submitted(range(len(batches)))
            self._write(self.jobs)
            log.warning("submitted %d jobs; their logs: %s", len(self.jobs), self.folder)
        else:
            job_class = self.executor.job_class
            self.jobs = {number: job_class(self.folder, job_id) for number, job_id in enumerate(ids) if job_id}
            if again := [number for number, job_id in enumerate(ids) if not job_id]:
                self.jobs |= self._submitted(again)
                self._write(self.jobs)
            log.warning(
                "joined the %d jobs that were submitted before; their logs: %s", len(self.jobs), self.folder
            )

    def finished(self) -> Generator[tuple[int, Any], None, None]:
        """Number and outcomes of each batch as it is done; ``Lost`` of one whose job died twice."""
        waiting, ended = set(self.jobs), dict.fromkeys(self.jobs, 0)
        again: set[int] = set()
        while waiting:
            for number in sorted(waiting):
                job = self.jobs[number]
                if job.paths.result_pickle.exists():
                    waiting.discard(number)
                    yield number, _result(job)
                elif not job.done():
                    ended[number] = 0
                elif (ended := ended | {number: ended[number] + 1})[number] >= GONE:
                    if number in again:
                        waiting.discard(number)
                        yield (
                            number,
                            Lost(1, f"job {job.job_id} ended twice without a result, see {job.paths.stderr}"),
                        )
                        continue
                    again.add(number)
                    ended[number] = 0
                    self.jobs |= self._submitted([number])
                    self._write(self.jobs)
            if self.asked.watch is not None:
                self.asked.watch()
            if waiting:
                self._pause()

    def do_again(self, batch: int) -> None:
        """Let the next call submit a batch again."""
        self._write({number: job for number, job in self.jobs.items() if number != batch})

    def _pause(self) -> None:
        try:
            time.sleep(POLL)
        except KeyboardInterrupt:
            log.warning("the jobs go on (squeue --me): the same command joins them; their logs: %s", self.folder)
            raise

    def forget(self) -> None:
        """Remove pickles, logs and the record: all was handed on."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _submitted(self, numbers: Iterable[int]) -> dict[int, Any]:
        numbers = list(numbers)
        with safe_children():  # jobs inherit the variable: no file of the working folder runs in them
            try:
                with self.executor.batch():
                    jobs = [self.executor.submit(self.batches[number]) for number in numbers]
            except Exception as error:
                raise _refusal(error) from error
        return dict(zip(numbers, jobs, strict=True))

    def _write(self, jobs: Mapping[int, Any]) -> None:
        ids = [jobs[number].job_id if number in jobs else "" for number in range(len(self.batches))]
        write_text(self.record, json.dumps({"jobs": ids}) + "\n")

    def _recorded(self) -> list[str] | None:
        """The ids of the jobs of an earlier call that were not handed on."""
        try:
            ids = [str(value) for value in read_json(self.record)["jobs"]]
        except (InputError, KeyError, TypeError):
            return None
        return ids if len(ids) == len(self.batches) else None


def _result(job: Any) -> Any:  # noqa: ANN401
    """Outcomes of a job that has ended; ``Lost`` where it raised."""
    try:
        return job.result()
    except Exception as error:
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        return Lost(
            1, f"job {job.job_id}: {(lines or ['no reason given'])[-1].strip()[:300]}, see {job.paths.stderr}"
        )


def _refusal(error: Exception) -> BenchError:
    """The error of a submission that SLURM or submitit refuse."""
    text = " ".join(str(error).split())[-400:]
    return InputError(Problem(f"was not submitted: {text}", "check --slurm-arg", column="--on slurm"))
