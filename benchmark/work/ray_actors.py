"""Tasks that load much, on a Ray cluster: a few actors do them, keep what they loaded, and are gone at the end."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import __version__
from benchmark.work.ray_cluster import DEATHS, RayCluster, outcome_of, run_in_worker
from benchmark.work.tasks import Outcome, R, T

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayActors(RayCluster):
    """Tasks done by actors of one processor each, and of GPUs.

    Attributes:
        gpus: GPUs of each actor.
    """

    gpus: float = 0

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """See ``Executor``; an actor whose process or node died begins anew, with its task, ``DEATHS`` times.

        Raises:
            InputError: There is no cluster at the address, or it is elsewhere and has no tokens.
        """
        ray = self.connected()
        shared = ray.put(pickle.dumps((function, None)))
        actor_class = ray.remote(
            num_cpus=1, num_gpus=self.gpus, max_restarts=-1, max_task_retries=DEATHS
        )(TaskActor)  # fmt: skip
        actors = [actor_class.remote() for _ in range(min(len(tasks), self._places(ray)))]
        # An actor for which there is no room yet gets no task: the others would be done and wait for it.
        waiting = {actor.ready.remote(): (actor, -1) for actor in actors}
        left, undone = iter(enumerate(tasks)), len(tasks)
        try:
            while undone:
                (reference,), _ = ray.wait(list(waiting), num_returns=1)
                actor, done = waiting.pop(reference)
                number, task = next(left, (-1, None))
                if number >= 0:
                    waiting[actor.do.remote(__version__, shared, pickle.dumps(task))] = (actor, number)
                else:  # its place may be what an actor needs whose node is gone
                    ray.kill(actor)
                if done >= 0:
                    undone -= 1
                    yield done, outcome_of(ray, reference)
        finally:
            for actor in actors:
                ray.kill(actor)

    def _places(self, ray: Any) -> int:  # noqa: ANN401
        """How many actors to ask for."""
        if self.workers:
            return self.workers
        has = ray.cluster_resources()
        if self.gpus and has.get("GPU", 0) < self.gpus:
            log.warning("the Ray cluster has no free GPU now: its tasks wait until a node with one joins")
        return max(1, int(has.get("GPU", 0) / self.gpus if self.gpus else has.get("CPU", 1)))


class TaskActor:
    """What runs in an actor's process."""

    def ready(self) -> None:
        """Return once the process is there."""

    def do(self, version: str, shared: bytes, message: bytes) -> bytes:
        """See ``run_in_worker``."""
        return run_in_worker(version, shared, message)
