"""A part of a cluster dies at any moment: the store is that of one undisturbed process, byte for byte.

``BENCH_ROUNDS`` and ``BENCH_SEED`` are those of ``test_kill``; without the first, one victim a day dies once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.extras import missing_modules
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.cropping.scan_tasks import CropRequest
from tests.imaging.test_crop_cohort import contents
from tests.imaging.test_crop_shards import ROWS, asked, small_scans
from tests.robustness.project import todays
from tests.work.ray_nodes import cluster_of_two_nodes

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
SEED = int(os.environ.get("BENCH_SEED", "0"))
SCANS = 16
CROP = """
import sys
from pathlib import Path
from benchmark.imaging.cropping.elsewhere import crop_elsewhere
from benchmark.work import sbatch, slurm
from benchmark.work.other_machines import OtherMachines
from tests.robustness.test_kill_elsewhere import request
sbatch.CLUSTER, slurm.POLL = "local", 0.2
root, out, on, where = sys.argv[1:]
ray = on == "ray"
place = OtherMachines("ray", address=where) if ray else OtherMachines("slurm", workers=2, folder=Path(where))
crop_elsewhere(request(Path(root)), Path(out), place)
"""
Victims = dict[str, tuple[str, Callable[[Any, Path, "subprocess.Popen[bytes]", np.random.Generator], bool]]]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def request(root: Path) -> CropRequest:
    """Some scans that can be cropped, and the kinds that cannot."""
    more = [(f"p{scan}", "1", f"{scan}.nii.gz", 24.0, 22.0, 22.0) for scan in range(SCANS)]
    return asked(root, (*ROWS, *more))


def cropping(root: Path, out: Path, on: str, where: str) -> subprocess.Popen[bytes]:
    """Begin a coordinator."""
    line = [sys.executable, "-c", CROP, str(root), str(out), on, where]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_coordinator(cluster: Any, out: Path, process: subprocess.Popen[bytes], rng: np.random.Generator) -> bool:
    del cluster, out, rng
    running = process.poll() is None
    process.kill()
    return running


def kill_worker(cluster: Any, out: Path, process: subprocess.Popen[bytes], rng: np.random.Generator) -> bool:
    """Kill one of Ray's workers, busy ones first."""
    del cluster, out
    found = {}
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = place.read_bytes()
            if words.startswith((b"ray::run_in_worker", b"ray::IDLE")) and place.stat().st_uid == os.getuid():
                found[int(place.parent.name)] = words
    pids = [pid for pid, words in found.items() if b"IDLE" not in words] or list(found)
    if pids and process.poll() is None:
        with suppress(ProcessLookupError):
            os.kill(int(rng.choice(sorted(pids))), signal.SIGKILL)
            return True
    return False


def kill_node(cluster: Any, out: Path, process: subprocess.Popen[bytes], rng: np.random.Generator) -> bool:
    del out, rng
    made, node = cluster
    running = process.poll() is None
    made.remove_node(node, allow_graceful=False)
    return running


def kill_job(cluster: Any, out: Path, process: subprocess.Popen[bytes], rng: np.random.Generator) -> bool:
    """Kill the process that writes a shard, by what its lock says."""
    del cluster
    pids = []
    for lock in (out / "shards").glob(".*.lock"):
        with suppress(OSError, IndexError, ValueError):
            pids.append(int(lock.read_text().split()[1]))
    if pids and process.poll() is None:
        with suppress(ProcessLookupError):
            os.kill(int(rng.choice(sorted(pids))), signal.SIGKILL)
            return True
    return False


VICTIMS: Victims = {
    "a Ray worker": ("ray", kill_worker),
    "a Ray node": ("ray", kill_node),
    "the coordinator of a Ray cluster": ("ray", kill_coordinator),
    "a SLURM job": ("slurm", kill_job),
    "the coordinator of SLURM jobs": ("slurm", kill_coordinator),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_scans(tmp_path_factory.mktemp("scans") / "images", SCANS)


@pytest.fixture(scope="module")
def whole(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one process leaves."""
    out = tmp_path_factory.mktemp("whole") / "store"
    crop_cohort(request(root).nodules, root, out)
    return contents(out)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = cluster_of_two_nodes()
        yield made
        made.shutdown()


@pytest.mark.parametrize("name", todays(VICTIMS, "BENCH_ROUNDS"))
def test_what_dies_costs_no_crop(
    name: str, root: Path, whole: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    on, kill = VICTIMS[name]
    if missing_modules(on):
        pytest.skip(f"needs the extra {on}")
    cluster = request.getfixturevalue("cluster") if on == "ray" else None
    rng, kills = np.random.default_rng([SEED, *name.encode()]), 0
    seconds = ended(cropping(root, tmp_path / "undisturbed", on, where(cluster, tmp_path / "jobs")))[1]
    assert contents(tmp_path / "undisturbed") == whole
    for number in range(ROUNDS):
        out, place = tmp_path / f"round-{number}", where(cluster, tmp_path / f"jobs-{number}")
        node = cluster.add_node(num_cpus=1) if kill is kill_node else None
        process, moment = cropping(root, out, on, place), float(rng.uniform(0.3, 1.0) * seconds)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        kills += kill(cluster if node is None else (cluster, node), out, process, rng)
        status, _, errors = ended(process)
        if status:
            status, _, errors = ended(cropping(root, out, on, place))
        assert status == 0, (moment, errors)
        assert contents(out) == whole, f"killed after {moment:.2f} s"
    sys.stdout.write(f"{name}: killed while it ran in {kills} of {ROUNDS} rounds\n")


def where(cluster: Any, jobs: Path) -> str:
    return str(jobs) if cluster is None else str(cluster.address)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, float, str]:
    """Wait for a coordinator: its status, seconds from now and what it said."""
    begin = time.monotonic()
    _, errors = process.communicate(timeout=600)
    return process.returncode, time.monotonic() - begin, errors.decode(errors="replace")


@pytest.mark.parametrize("on", ["ray", "slurm"])
@pytest.mark.skipif("BENCH_ROUNDS" not in os.environ, reason="minutes: set BENCH_ROUNDS")
def test_of_two_coordinators_the_second_waits_or_is_told(
    on: str, root: Path, whole: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if missing_modules(on):
        pytest.skip(f"needs the extra {on}")
    place = where(request.getfixturevalue("cluster") if on == "ray" else None, tmp_path / "jobs")
    for number in range(ROUNDS):
        both = [cropping(root, tmp_path / f"round-{number}", on, place) for _ in range(2)]
        results = [ended(process) for process in both]
        told = [errors for status, _, errors in results if status]
        assert len(told) < 2, told
        assert all("is being written by" in errors for errors in told), told
        assert contents(tmp_path / f"round-{number}") == whole
