"""What a command's options say about where its tasks run: one place that makes an executor of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmark.work.limits import TaskLimits
from benchmark.work.ray_actors import RayActors
from benchmark.work.ray_cluster import RayTasks
from benchmark.work.slurm import SlurmTasks
from benchmark.work.tasks import Executor

SLURM_FOLDER = Path("results/slurm")
"""Where the pickles and logs of jobs lie while they run."""


@dataclass(frozen=True)
class OtherMachines:
    """Other machines than this one (``benchmark.work.Elsewhere``).

    Attributes:
        on: Which kind.
        workers: Jobs of SLURM, or tasks that a Ray cluster does at a time.
        address: Of a Ray cluster.
        arguments: Of ``sbatch``.
        folder: Of the pickles and logs of jobs, on a disk that all nodes see.
        dry_run: Submit nothing; show the file that ``sbatch`` would get.
        name: Of the jobs in the queue.
        insecure: Join a Ray cluster on another machine without a token.
    """

    on: Literal["slurm", "ray"]
    workers: int | None = None
    address: str = "auto"
    arguments: Mapping[str, str] = field(default_factory=dict)
    folder: Path = SLURM_FOLDER
    dry_run: bool = False
    name: str = "bench"
    insecure: bool = False

    def executor(self, tasks: int, limits: Callable[[Any], TaskLimits] | None) -> Executor:
        """See ``benchmark.work.Elsewhere``."""
        del tasks  # both kinds start no more than there are
        if self.on == "ray":
            return RayTasks(self.address, self.workers, self.insecure, limits)
        return SlurmTasks(self.folder, self.workers, self.arguments, limits, dry_run=self.dry_run, name=self.name)

    def jobs(self, key: str = "", watch: Callable[[], None] | None = None, *, gpus: float = 0) -> Executor:
        """An executor for tasks that use a whole job each, and start processes of their own.

        Args:
            key: What the call is told by when it is made again (see ``SlurmTasks``).
            watch: Called now and then while the jobs run.
            gpus: GPUs of each actor on a Ray cluster; of SLURM jobs ``--slurm-arg`` says it.
        """
        if self.on == "ray":
            return RayActors(self.address, self.workers, self.insecure, gpus)
        return SlurmTasks(
            self.folder, self.workers, self.arguments,
            apart=False, dry_run=self.dry_run, name=self.name, key=key, watch=watch,
        )  # fmt: skip
