"""What ``sbatch`` is given: the executor of submitit that submits jobs, and its arguments."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, Problem

CLUSTER = "slurm"
"""Which of submitit's executors; tests take ``local``, which starts the jobs on this machine."""
MINUTES = 240
"""Time limit of a job where none was given; one that runs out of it is queued again, and goes on."""
REQUEUES = 20
"""Times that a job is queued again which ran out of time; one that was preempted is always."""
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


def sbatch_text(folder: Path, name: str, arguments: Mapping[str, str], jobs: int) -> str:
    """The file that ``sbatch`` would get.

    Raises:
        InputError: An argument is none of ``sbatch``.
    """
    from submitit import SlurmExecutor

    class Unsubmitted(SlurmExecutor):  # type: ignore[misc,unused-ignore]
        @classmethod
        def affinity(cls) -> int:
            return 1  # where there is no SLURM too

    executor = Unsubmitted(folder, python=_python())
    executor.update_parameters(**_parameters(name, arguments))
    executor.parameters["map_count"] = jobs
    return str(executor._make_submission_file_text(executor._submitit_command_str, "dry-run"))


def job_executor(folder: Path, name: str, arguments: Mapping[str, str]) -> Any:  # noqa: ANN401
    """An executor of submitit, for jobs on the cluster.

    Raises:
        InputError: There is no SLURM here, or an argument is none of ``sbatch``.
    """
    from submitit import LocalExecutor, SlurmExecutor

    if CLUSTER == "local":
        local = LocalExecutor(folder, python=_python())
        local.update_parameters(timeout_min=MINUTES)
        return local
    try:
        executor = SlurmExecutor(folder, max_num_timeout=REQUEUES, python=_python())
    except RuntimeError as error:
        fix = "run this where jobs are submitted, or see with --dry-run what would be"
        raise InputError(
            Problem("there is no SLURM on this machine (no srun)", fix, column="--on slurm")
        ) from error
    executor.update_parameters(**_parameters(name, arguments))
    return executor


def _python() -> str:
    return f"{shlex.quote(sys.executable)} -P"


def _parameters(name: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of ``sbatch`` as submitit takes them: what it has a name for, and the others as they are."""
    from submitit import SlurmExecutor

    known = SlurmExecutor._valid_parameters()
    parameters: dict[str, Any] = {"job_name": name, "time": MINUTES}
    others: dict[str, Any] = {"requeue": True}
    for given, text in arguments.items():
        own = given.strip().lstrip("-").replace("-", "_")
        value: Any = (
            True if text == "" else int(text) if text.isascii() and text.isdigit() and own != "mem" else text
        )
        if own == "time":
            parameters["time"] = limit_in_minutes(text)
        elif own in ("array", "output", "error"):
            fix = "--workers says how many jobs there are; their logs lie beside their pickles"
            raise InputError(Problem("is made here", fix, column="--slurm-arg", value=given))
        elif own in known:
            parameters[own] = value
        else:
            others[own] = value
    return parameters | {"additional_parameters": others}


def limit_in_minutes(text: str) -> int:
    """A time limit in minutes, in the forms that ``sbatch`` takes: 90, 90:00, 1:30:00, 1-0, 1-12:30.

    Raises:
        InputError: It has none of them.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        fix = "e.g. time=90 (minutes), time=1:30:00 or time=1-12:00"
        raise InputError(Problem("is no time limit", fix, column="--slurm-arg time", value=text))
    days, first, second, third = (None if part is None else int(part) for part in found.groups())
    if days is not None:
        seconds = days * 86_400 + (first or 0) * 3600 + (second or 0) * 60 + (third or 0)
    elif third is not None:
        seconds = (first or 0) * 3600 + (second or 0) * 60 + third
    else:
        seconds = (first or 0) * 60 + (second or 0)
    return max(1, -(-seconds // 60))
