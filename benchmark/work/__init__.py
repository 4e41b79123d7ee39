"""Where tasks run: in this process, in threads or processes of this machine, as jobs of SLURM, on a Ray cluster.

A new executor is one more file here. Library functions work in the calling process unless they are told otherwise;
commands take one worker for each usable core (``worker_count``). What is computed does not depend on where.
"""

from benchmark.work.kept import KeptProcess
from benchmark.work.limits import TaskLimits
from benchmark.work.local import Here, Threads, limited_processes, processes, threads, worker_count
from benchmark.work.processes import Processes
from benchmark.work.start import safe_children
from benchmark.work.tasks import Elsewhere, Executor, Lost, Outcome, Raised, WorkersOrPlace, finished, run

__all__ = [
    "Elsewhere",
    "Executor",
    "Here",
    "KeptProcess",
    "Lost",
    "Outcome",
    "Processes",
    "Raised",
    "TaskLimits",
    "Threads",
    "WorkersOrPlace",
    "finished",
    "limited_processes",
    "processes",
    "run",
    "safe_children",
    "threads",
    "worker_count",
]
