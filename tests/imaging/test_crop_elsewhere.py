"""Crops made by SLURM jobs and on a Ray cluster are those of one process, byte for byte."""

import os
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.cropping.elsewhere import crop_elsewhere
from benchmark.imaging.cropping.store import CropStore
from benchmark.work import slurm
from benchmark.work.place import Place
from tests.imaging.test_crop_cohort import contents, table
from tests.imaging.test_crop_shards import ROWS, asked, small_scans

KILLER = (
    "import os, sys\n"
    "def hook(event, args):\n"
    "    if event == 'open' and str(args[0]).endswith('1.nii.gz'):\n"
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
    monkeypatch.setattr(slurm, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    seen = []
    place = Place("slurm", workers=2, folder=tmp_path / "slurm")
    crop_elsewhere(asked(root), tmp_path / "s", place, lambda done, total: seen.append((done, total)))
    crop_cohort(table(*ROWS), root, tmp_path / "alone")
    assert contents(tmp_path / "s") == contents(tmp_path / "alone")
    assert seen[-1] == (5, 5)
    assert not list((tmp_path / "slurm").iterdir())


@pytest.mark.slow
@pytest.mark.needs("slurm")
def test_a_job_that_was_killed_is_submitted_again(root, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    killed = []

    def kill_one(done, total):
        for lock in (tmp_path / "s/shards").glob(".*.lock"):
            words = lock.read_text().split()
            if not killed and len(words) > 1:
                killed.append(int(words[1]))
                os.kill(killed[0], 9)

    crop_elsewhere(asked(root), tmp_path / "s", Place("slurm", workers=2, folder=tmp_path / "slurm"), kill_one)
    crop_cohort(table(*ROWS), root, tmp_path / "alone")
    assert len(killed) == 1
    assert contents(tmp_path / "s") == contents(tmp_path / "alone")


RUN = """
import sys
from pathlib import Path
from benchmark.imaging.cropping.elsewhere import crop_elsewhere
from benchmark.work.place import Place
from tests.imaging.test_crop_shards import asked
crop_elsewhere(asked(Path(sys.argv[1])), Path(sys.argv[2]), Place("ray", address="local", workers=2))
"""


def on_ray(root, out, **more):
    variables = {**os.environ, **more, "RAY_USAGE_STATS_ENABLED": "0"}
    return subprocess.Popen(
        [sys.executable, "-c", RUN, root, out], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_a_ray_cluster_makes_the_store_of_one_process_also_after_a_kill(root, tmp_path):
    crop_cohort(table(*ROWS), root, tmp_path / "alone")
    with on_ray(root, tmp_path / "s") as first:
        end = time.monotonic() + 200
        journal = tmp_path / "s/shards/1-of-1.jsonl"
        while not (journal.is_file() and journal.read_text().count("\n") > 2):
            assert time.monotonic() < end
            time.sleep(0.05)
        first.kill()
    with on_ray(root, tmp_path / "s") as again:
        _, errors = again.communicate()
        assert again.returncode == 0, errors.decode()
    assert contents(tmp_path / "s") == contents(tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.needs("ray")
def test_a_scan_that_kills_its_reader_each_time_fails_alone(root, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(KILLER)
    path = os.pathsep.join([str(tmp_path / "site"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    with on_ray(root, tmp_path / "s", PYTHONPATH=path) as process:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    index = CropStore.open(tmp_path / "s").index
    assert index["status"].tolist()[:4] == ["cropped", "failed", "cropped", "cropped"]
    assert "the process that read it died (status -9)" in index["reason"][1]
