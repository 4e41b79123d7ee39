"""Tasks on a Ray cluster of two nodes of one processor each, all of it on this machine."""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.work import Executor, Lost, run
from benchmark.work.other_machines import OtherMachines
from benchmark.work.ray_actors import RayActors
from tests.work import jobs
from tests.work.ray_nodes import cluster_of_two_nodes

pytestmark = [
    pytest.mark.needs("ray"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray

        made = cluster_of_two_nodes()
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def place(cluster: object) -> OtherMachines:
    return OtherMachines("ray", address=cluster.address)  # type: ignore[attr-defined]


@pytest.fixture(params=["tasks", "actors"])
def executor(request: pytest.FixtureRequest, place: OtherMachines) -> Executor:
    return place.executor(20, None) if request.param == "tasks" else place.jobs()


def test_results_are_those_of_one_process(executor: Executor) -> None:
    assert list(run(range(20), jobs.slow_square, executor)) == [n * n for n in range(20)]
    assert list(run([], abs, executor)) == []
    with pytest.raises(ValueError, match="1 is odd"):
        list(run(range(6), jobs.refuses_odd, executor))
    with pytest.raises(RuntimeError, match="Picky: not today"):
        list(run([1], jobs.raises_picky, executor))


def test_a_task_that_kills_its_worker_each_time_is_lost_alone_and_says_why(
    executor: Executor, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    results = list(run([(str(log), number) for number in range(5)], jobs.dies_in_its_parent, executor))
    lost = results.pop(2)
    assert results == [0, 1, 3, 4]
    assert isinstance(lost, Lost)
    assert re.fullmatch(r"died \((WorkerCrashed|ActorUnavailable|ActorDied)Error, 3 times\)", lost.death)
    assert log.read_text().split().count("2") == 3


def test_actors_keep_what_they_loaded_and_are_gone_at_the_end(cluster: object) -> None:
    """Ten are asked for where there is room for two: the others are never waited for."""
    found = list(run(range(30), jobs.counts_its_tasks, RayActors(cluster.address, workers=10)))  # type: ignore[attr-defined]
    of_process: dict[int, list[int]] = {}
    for process, number in found:
        of_process.setdefault(process, []).append(number)
    assert sum(map(len, of_process.values())) == 30
    assert 1 <= len(of_process) <= 2
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in of_process.values())
    end = time.monotonic() + 30
    while any(Path(f"/proc/{process}").exists() for process in of_process):
        assert time.monotonic() < end, "an actor lives on"
        time.sleep(0.1)


def test_tasks_are_held_to_their_limits_beside_rays_workers(place: OtherMachines) -> None:
    results = list(run([10, 100, 1000, 20], jobs.fills_memory, place.executor(4, jobs.little)))
    assert [value for value in results if not isinstance(value, Lost)] == [10, 100, 20]
    assert jobs.little(0).broken(results[2].status) == "needs more than 0.2 GB of memory"


def test_no_more_than_a_few_tasks_are_on_their_way(place: OtherMachines) -> None:
    taken = []

    class Tasks:
        """Tasks that tell when they are taken."""

        def __len__(self) -> int:
            return 50

        def __iter__(self) -> Iterator[int]:
            for number in range(50):
                taken.append(number)
                yield number

    outcomes = place.executor(50, None).outcomes(abs, Tasks())  # type: ignore[arg-type]
    next(outcomes)
    assert len(taken) <= 5  # two for each of two processors, and one more
    outcomes.close()


def test_no_file_of_the_working_folder_runs_in_a_worker(
    place: OtherMachines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    ray.shutdown()
    monkeypatch.chdir(tmp_path)
    (found,) = run([0], jobs.modules_path, place.jobs())
    (limited,) = run([0], jobs.modules_path, place.executor(1, jobs.little))
    assert str(tmp_path) not in {*found, *limited}
    assert Path.cwd() == tmp_path
    ray.shutdown()


def test_tasks_of_a_node_that_goes_are_done_on_another(
    cluster: object, executor: Executor, tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
    (tmp_path / "notes").mkdir()
    outcomes = run([(str(tmp_path / "notes"), number) for number in range(9)], jobs.notes_and_waits, executor)
    found = [next(outcomes)]  # by now tasks run on every node
    cluster.remove_node(node)  # type: ignore[attr-defined]
    assert [*found, *outcomes] == list(range(9))


def test_where_no_cluster_answers_that_is_said() -> None:
    import ray

    ray.shutdown()
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "somewhere", "ray://no.such.host.invalid:10001"):
        with pytest.raises(InputError, match=r"no Ray cluster answers.*ray start --head"):
            list(run([1], abs, OtherMachines("ray", address=address).jobs()))
