"""Where tasks run: in this process, in threads or in processes of this machine.

A new executor is one more file here. Library functions work in the calling process unless they are told otherwise;
commands take one worker for each usable core (``worker_count``).
"""

from benchmark.work.limits import TaskLimits
from benchmark.work.local import Here, Threads, limited_processes, processes, threads, worker_count
from benchmark.work.processes import Processes
from benchmark.work.start import safe_children
from benchmark.work.tasks import Executor, Lost, Outcome, Raised, finished, run

__all__ = [
    "Executor",
    "Here",
    "Lost",
    "Outcome",
    "Processes",
    "Raised",
    "TaskLimits",
    "Threads",
    "finished",
    "limited_processes",
    "processes",
    "run",
    "safe_children",
    "threads",
    "worker_count",
]
