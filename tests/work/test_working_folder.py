"""No file that lies in the working folder runs: neither in the command nor in the processes that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
PLANTED = ("random", "json", "pickle", "struct", "SimpleITK", "numpy", "pandas", "benchmark", "resource", "isal")
COMMAND = "from benchmark.cli.main import app; app()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cohort with one scan, and modules that leave a trace when they are run."""
    for name in PLANTED:
        text = f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\nraise SystemExit(9)\n"
        (tmp_path / f"{name}.py").write_text(text)
    sitk_image = sitk.GetImageFromArray(
        np.random.default_rng(0).choice([-1000, -800, 40], (24, 24, 24)).astype(np.int16)
    )
    sitk_image.SetSpacing((3.0, 3.0, 3.0))
    sitk.WriteImage(sitk_image, str(tmp_path / "a.mha"))
    cohort = tmp_path / "cohorts" / "c"
    cohort.mkdir(parents=True)
    (cohort / "cohort.yaml").write_text("name: c\ntitle: c\nimage_root: ../..\n")
    table = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant\na,1,a.mha,35,35,35,1\nb,1,a.mha,30,30,30,0\n"
    (cohort / "nodules.csv").write_text(table)
    return tmp_path


def bench(folder: Path, *arguments: str) -> str:
    # -P: as the installed command, which searches the folder of the commands first and not the working folder
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (("crop", "--cohort", "c"), "results/crops/c/index.csv"),
        (("cohort", "check", "c", "--images"), "cohorts/c/check.csv"),
        (("cohort", "prepare", "phantom", "--out", "p", "--patients", "2"), "p/nodules.csv"),
    ],
    ids=["crop", "check", "phantom"],
)
@pytest.mark.parametrize("workers", ["0", "2"])
def test_commands_with_workers_run_nothing_of_the_working_folder(
    folder: Path, arguments: tuple[str, ...], made: str, workers: str
) -> None:
    said = bench(folder, *arguments, "--workers", workers)
    assert not (folder / "ran").exists(), said
    assert (folder / made).is_file(), said


POOL = """
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from benchmark.work import safe_children

if __name__ == "__main__":
    with safe_children(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        print("answer", pool.submit(abs, -7).result())
    print(os.environ.get("PYTHONSAFEPATH"))
"""


def test_pools_run_nothing_of_the_working_folder(folder: Path) -> None:
    script = folder / "scripts"
    script.mkdir()
    (script / "pool.py").write_text(POOL)
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    variables.pop("PYTHONSAFEPATH", None)
    done = subprocess.run(
        [sys.executable, str(script / "pool.py")],
        cwd=folder, env=variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["answer", "7", "None"]
    assert not (folder / "ran").exists()


def test_a_working_folder_that_is_gone_is_searched_by_no_worker(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "os.rmdir(os.getcwd())\n"
        "from benchmark.work.start import worker_command\n"
        "print(len(worker_command()) > 5, '' in worker_command())\n"
    )
    (tmp_path / "gone").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path / "gone", env=environment, capture_output=True, text=True
    )
    assert done.stdout == "True False\n", done.stderr
