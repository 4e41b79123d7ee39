import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.planes import nine_planes
from tests.imaging.scan_files import image, save, voxels


def bench(*arguments):
    return CliRunner().invoke(app, ["crop", *map(str, arguments)])


@pytest.fixture
def cohort(tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    save(image(voxels((60, 60, 60)), (1.0, 1.0, 1.0), (0, 0, 0)), root / "a.nii.gz")
    frame = pd.DataFrame(
        {"pid": ["007", "8"], "nodule_id": ["1", "1"], "image_path": "a.nii.gz", "coordX": [30.0, 31.5],
         "coordY": [29.0, 30.0], "coordZ": [30.0, 30.25], "malignant": [0, 1]}
    )  # fmt: skip
    manifest = CohortManifest(name="tiny", title="tiny", image_root=str(root))
    return write_cohort(tmp_path / "cohorts/tiny", manifest, frame)


def test_the_papers_crops_and_planes(shared, tmp_path):
    folder = shared / "reference/crop"
    done = bench(
        "--nodules",
        folder / "nodules.csv",
        "--image-root",
        folder,
        "--recipe",
        "zhuang2025",
        "--out",
        tmp_path / "s",
    )
    assert done.exit_code == 0, done.output
    with np.load(folder / "expected_crops.npz") as file:
        expected = file["crops_x8"] / 8
    store = CropStore.open(tmp_path / "s")
    assert store.index["pid"].tolist() == ["0011", "0011", "0012", "0012", "0013", "0014"]
    assert np.abs(store.crops(range(6)) - expected).max() <= 1
    with np.load(folder / "expected_planes.npz") as file:
        planes = dict(file)
    # whole HU may move a pixel by half of 1 / 1500 and the spline's overshoot
    assert np.abs(nine_planes(store.crops([int(planes["row"])])[0], store.recipe) - planes["planes"]).max() < 6e-4


def test_a_cohort_with_preview(cohort, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = bench("--cohort", "tiny", "--workers", 1, "--preview", 2)
    assert done.exit_code == 0, done.output
    assert "2 of 2 nodules cropped with recipe default in results/crops/tiny" in done.stdout
    assert (tmp_path / "results/crops/tiny/preview.png").stat().st_size > 1000
    assert len(CropStore.open("results/crops/tiny")) == 2


def test_part_done_is_exit_status_3(cohort, tmp_path):
    table = cohort.folder / "nodules.csv"
    text = table.read_text(encoding="utf-8").replace("31.5", "-31.5").replace("30.0,30.25", "-30.0,30.25")
    (tmp_path / "n.csv").write_text(text)
    arguments = ("--nodules", tmp_path / "n.csv", "--image-root", cohort.image_root, "--out", tmp_path / "s")
    done = bench(*arguments, "--workers", 0)
    assert done.exit_code == 3
    assert "failures.csv" in done.stderr
    assert "--coords RAS" in (tmp_path / "s/failures.csv").read_text(encoding="utf-8")
    # the other way round, the other nodule fails
    done = bench(*arguments, "--coords", "RAS", "--workers", 0)
    assert done.exit_code == 3
    assert CropStore.open(tmp_path / "s").index["status"].tolist() == ["failed", "cropped"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--cohort NAME or --nodules"),
        (("--nodules", "n.csv"), "--out"),
        (("--nodules", "n.csv", "--out", "s"), "--image-root"),
        (("--cohort", "tiny", "--nodules", "n.csv", "--out", "s"), "either"),
        (("--cohort", "none"), "no cohort 'none'"),
        (("--cohort", "tiny", "--recipe", "paper"), "Invalid value for '--recipe'"),
        (("--cohort", "tiny", "--coords", "XYZ"), "Invalid value for '--coords'"),
        (("--nodules", "n.csv", "--image-root", "nowhere", "--out", "s"), "no such folder"),
        (("--cohort", "tiny", "--shard", "0/8"), "they count from 1: 1/8 to 8/8"),
        (("--cohort", "tiny", "--shard", "3"), "e.g. 3/8, the third of eight"),
        (("--cohort", "tiny", "--shard", "1/2", "--finish"), "--finish once when all are done"),
        (("--cohort", "tiny", "--shard", "1/2", "--preview", "2"), "give it with --finish"),
        (("--cohort", "tiny", "--finish"), "holds no shards"),
        pytest.param(
            ("--from-pt", "cohorts", "--out", "s", "--recipe", "default"), "zhuang2025",
            marks=pytest.mark.needs("model"),
        ),
    ],
)  # fmt: skip
def test_bad_usage_writes_nothing(cohort, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.csv").write_text((cohort.folder / "nodules.csv").read_text(encoding="utf-8"))
    done = bench(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert not (tmp_path / "s").exists()
    assert not (tmp_path / "results").exists()


@pytest.mark.needs("model")
def test_crops_from_pt(cohort, tmp_path):
    import torch

    folder = tmp_path / "pt"
    folder.mkdir()
    crop = np.random.default_rng(0).integers(-1000, 400, (100, 100, 100)).astype(np.float32)
    torch.save(torch.from_numpy(crop), folder / "007_1.pt")
    assert bench("--from-pt", folder, "--out", tmp_path / "s").exit_code == 0
    assert np.array_equal(CropStore.open(tmp_path / "s").crops([0])[0], crop)
    done = bench(
        "--from-pt", folder, "--cohort", "tiny", "--cohorts", tmp_path / "cohorts", "--out", tmp_path / "t"
    )
    assert done.exit_code == 3
    assert CropStore.open(tmp_path / "t").index["status"].tolist() == ["cropped", "failed"]


def test_shards_end_with_0_and_finish_tells_what_failed(cohort, tmp_path):
    table = cohort.folder / "nodules.csv"
    (tmp_path / "n.csv").write_text(table.read_text(encoding="utf-8").replace("31.5", "-31.5"))
    arguments = ("--nodules", tmp_path / "n.csv", "--image-root", cohort.image_root)
    assert bench(*arguments, "--out", tmp_path / "whole").exit_code == 3
    for shard in ("1/2", "2/2"):
        done = bench(*arguments, "--out", tmp_path / "s", "--shard", shard, "--workers", 0)
        assert done.exit_code == 0, done.output
        if shard == "1/2":
            assert f"shard 1 of 2: 1 of 2 nodules cropped for {tmp_path / 's'}" in done.stdout
            assert "1 nodules of shard 1 of 2 failed: --finish lists them" in done.stderr
    done = bench(*arguments, "--out", tmp_path / "s", "--finish")
    assert done.exit_code == 3
    assert "1 of 2 nodules cropped" in done.stdout
    for name in ("index.csv", "failures.csv", "done.jsonl", ".written.json", "crops.zarr/crops/0.0.0.0"):
        assert (tmp_path / "s" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.skipif(shutil.which("bash") is None, reason="the script is one of bash")
def test_the_script_in_the_docs_gives_the_commands_of_an_array(tmp_path):
    script = Path(__file__).resolve().parents[2] / "docs" / "crop_shards.sh"
    assert "#SBATCH --array=1-32\n" in (text := script.read_text(encoding="utf-8"))
    assert "\nSHARDS=32 " in text
    (tmp_path / "bench").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bench").chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_CPUS_PER_TASK": "4",
        "COHORT": "a",
    }
    for given, said in (
        ((), "crop --cohort a --shard 3/32 --workers 4\n"),
        (("finish",), "crop --cohort a --finish\n"),
    ):
        done = subprocess.run(["bash", script, *given], env=variables, capture_output=True, text=True, check=True)
        assert done.stdout == said


def test_help_holds_an_example():
    assert "bench crop --cohort nlst" in bench("--help").stdout
