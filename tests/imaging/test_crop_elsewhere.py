"""Crops made by SLURM jobs and on a Ray cluster are those of one process, byte for byte."""

import os
import subprocess
import sys
import time
import warnings

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.cropping.elsewhere import crop_elsewhere
from benchmark.imaging.cropping.layout import DONE, chunk_path
from benchmark.imaging.cropping.store import CropStore
from benchmark.work import sbatch, slurm
from benchmark.work.other_machines import OtherMachines
from tests.imaging.test_crop_cohort import contents, table
from tests.imaging.test_crop_shards import ROWS, asked, small_scans
from tests.work.ray_nodes import cluster_of_two_nodes

KILLER = (
    "import os, sys\n"
    "def hook(event, args):\n"
    "    if event == 'open' and str(args[0]).endswith('deadly.nii.gz'):\n"
    "        os.kill(os.getpid(), 9)\n"
    "if 'benchmark.work.worker' in ' '.join(sys.orig_argv):\n"
    "    sys.addaudithook(hook)\n"
)
"""A sitecustomize that kills the process that reads one scan, each time."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_scans(tmp_path_factory.mktemp("elsewhere") / "images")


@pytest.mark.needs("slurm")
def test_the_command_shows_what_sbatch_would_get_and_writes_nothing(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(*ROWS[:3], *ROWS[4:8]).to_csv("n.csv", index=False)
    line = ["crop", "--nodules", "n.csv", "--image-root", str(root), "--out", "s"]
    line += ["--on", "slurm", "--workers", "3"]
    done = CliRunner().invoke(app, [*line, "--dry-run", "--slurm-arg", "partition=gpu", "--slurm-arg", "time=1-0"])
    assert done.exit_code == 0, done.output
    for said in ("--partition=gpu", "--time=1440", "--job-name=bench-crop", "--array=0-2"):
        assert f"#SBATCH {said}" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["n.csv"]


@pytest.mark.needs("slurm")
@pytest.mark.parametrize("again", ["--retry-failed", "--verify"])
def test_a_dry_run_changes_nothing_of_a_store(root, tmp_path, monkeypatch, again):
    monkeypatch.chdir(tmp_path)
    bad = ("z", "lost", "is_not_there.nii.gz", 20.0, 20.0, 20.0)
    table(ROWS[0], bad).to_csv("n.csv", index=False)
    line = ["crop", "--nodules", "n.csv", "--image-root", str(root), "--out", "s"]
    assert CliRunner().invoke(app, [*line, "--workers", "0"]).exit_code == 3
    chunk = chunk_path(tmp_path / "s", 0)
    chunk.write_bytes(chunk.read_bytes()[:-1])
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files_below(tmp_path)}
    done = CliRunner().invoke(app, [*line, "--on", "slurm", "--dry-run", again])
    assert (done.exit_code, "#SBATCH" in done.stdout) == (0, True), done.output
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files_below(tmp_path)} == before


def test_bad_usage_lets_nothing_be_done_again(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(ROWS[0], ("z", "lost", "is_not_there.nii.gz", 20.0, 20.0, 20.0)).to_csv("n.csv", index=False)
    line = ["crop", "--nodules", "n.csv", "--image-root", str(root), "--out", "s", "--workers", "0"]
    assert CliRunner().invoke(app, line).exit_code == 3
    before = (tmp_path / "s" / DONE).read_bytes()
    line[2] = "m.csv"
    assert CliRunner().invoke(app, [*line, "--retry-failed"]).exit_code == 2
    assert (tmp_path / "s" / DONE).read_bytes() == before


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--address", "auto"), "give --on ray with it"),
        (("--slurm-arg", "a=b"), "give --on slurm with it"),
        (("--dry-run",), "give --on slurm with it"),
        (("--on", "ray", "--workers", "0"), "--workers 0 is this process"),
        (("--on", "slurm", "--slurm-arg", "gpu"), "is not NAME=VALUE"),
        (("--on", "ray", "--shard", "1/2"), "--shard is one share on this machine"),
    ],
)
@pytest.mark.needs("slurm")
@pytest.mark.needs("ray")
def test_options_that_contradict_each_other_are_refused(root, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    table(*ROWS[:3], *ROWS[4:8]).to_csv("n.csv", index=False)
    line = ["crop", "--nodules", "n.csv", "--image-root", str(root), "--out", "s", *given]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("on", ["slurm", "ray"])
def test_without_the_extra_it_is_named(root, tmp_path, monkeypatch, on):
    import benchmark.extras as extras

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extras, "_is_installed", lambda module: module not in ("submitit", "ray"))
    table(*ROWS[:3], *ROWS[4:8]).to_csv("n.csv", index=False)
    line = ["crop", "--nodules", "n.csv", "--image-root", str(root), "--out", "s", "--on", on]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 2
    assert f'pip install "nodule-bench[{on}]"' in done.stderr
    assert CliRunner().invoke(app, [*line[:-2], "--workers", "0"]).exit_code == 3


@pytest.mark.slow
@pytest.mark.needs("slurm")
def test_slurm_jobs_make_the_store_of_one_process(root, tmp_path, monkeypatch):
    monkeypatch.setattr(sbatch, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    seen = []
    place = OtherMachines("slurm", workers=2, folder=tmp_path / "slurm")
    crop_elsewhere(asked(root), tmp_path / "s", place, lambda done, total: seen.append((done, total)))
    crop_cohort(table(*ROWS), root, tmp_path / "alone")
    assert contents(tmp_path / "s") == contents(tmp_path / "alone")
    assert seen[-1] == (5, 5)
    assert not any((tmp_path / "slurm").glob("*"))


@pytest.mark.slow
@pytest.mark.needs("slurm")
def test_a_job_that_was_killed_is_submitted_again(root, tmp_path, monkeypatch):
    monkeypatch.setattr(sbatch, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    killed = []

    def kill_one(done, total):
        for lock in (tmp_path / "s/shards").glob(".*.lock"):
            words = lock.read_text().split()
            if not killed and len(words) > 1:
                killed.append(int(words[1]))
                os.kill(killed[0], 9)

    crop_elsewhere(
        asked(root), tmp_path / "s", OtherMachines("slurm", workers=2, folder=tmp_path / "slurm"), kill_one
    )
    crop_cohort(table(*ROWS), root, tmp_path / "alone")
    assert len(killed) == 1
    assert contents(tmp_path / "s") == contents(tmp_path / "alone")


RUN = """
import sys
from pathlib import Path
from benchmark.imaging.cropping.elsewhere import crop_elsewhere
from benchmark.work.other_machines import OtherMachines
from tests.imaging.test_crop_elsewhere import DEADLY
from tests.imaging.test_crop_shards import ROWS, asked
machines = OtherMachines("ray", address=sys.argv[3])
crop_elsewhere(asked(Path(sys.argv[1]), (*ROWS, DEADLY)), Path(sys.argv[2]), machines)
"""
DEADLY = ("x", "kills", "deadly.nii.gz", 24.0, 22.0, 22.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a cluster of two nodes of one processor each; a process that reads one scan dies, each time."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(KILLER)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(site), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        )
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = cluster_of_two_nodes()
        yield made.address
        made.shutdown()


def on_ray(root, out, address):
    line = [sys.executable, "-c", RUN, root, out, address]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.slow
@pytest.mark.needs("ray")
@pytest.mark.filterwarnings("ignore")
def test_a_ray_cluster_makes_the_store_of_one_process_though_its_coordinator_was_killed(cluster, root, tmp_path):
    (root / "deadly.nii.gz").write_bytes((root / "0.nii.gz").read_bytes())
    with on_ray(root, tmp_path / "s", cluster) as first:
        end = time.monotonic() + 300
        journal = tmp_path / "s/shards/1-of-1.jsonl"
        while not (journal.is_file() and journal.read_text().count("\n") > 2):
            assert first.poll() is None, first.stderr.read().decode()
            assert time.monotonic() < end
            time.sleep(0.05)
        first.kill()
    with on_ray(root, tmp_path / "s", cluster) as again:
        _, errors = again.communicate()
        assert again.returncode == 0, errors.decode()
    crop_cohort(table(*ROWS, DEADLY), root, tmp_path / "alone")  # its workers die of that scan too
    index = CropStore.open(tmp_path / "alone").index
    assert "the process that read it died (status -9)" in index["reason"].iat[-1]
    assert contents(tmp_path / "s") == contents(tmp_path / "alone")
