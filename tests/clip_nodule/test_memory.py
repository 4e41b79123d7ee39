from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.files import sha256
from benchmark.imaging.recipe import RECIPES
from clip_nodule.network.backbone import backbone_config, build_backbone
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.run_folder import BACKBONE, RunInfo, write_run
from clip_nodule.training.data import assemble, save_data
from clip_nodule.training.new_folder import save_shared
from tests.clip_nodule.training_cohort import TINY
from tests.imaging.linked_store import linked_store

NODULES = 3000
SCRIPT = """
import resource, sys
from pathlib import Path
import torch
from clip_nodule.training.folds.fold_runner import run_folds
from clip_nodule.runs.run_folder import read_run
run, crops = Path(sys.argv[1]), Path(sys.argv[2])
run_folds(run, read_run(run), crops, torch.device("cpu"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_training_on_3000_nodules_stays_below_2_gib(tmp_path: Path) -> None:
    # The crops are 6 GB once read; on disk they are links to one file.
    crops, run = tmp_path / "crops", tmp_path / "run"
    ids = [(f"{n:05d}", "1") for n in range(NODULES)]
    linked_store(crops, ids)
    nodules = pd.DataFrame(ids, columns=["pid", "nodule_id"])
    nodules["malignant"] = pd.array([n % 2 for n in range(NODULES)], dtype="Int8")
    settings = load_settings("tiny-cpu", TINY | {"epochs": 1, "batch_size": 16})
    run.mkdir()
    words = [["a solid nodule"] * NODULES, ["a round nodule"] * NODULES]
    data, patients = assemble(nodules, np.arange(NODULES), words, settings, 0)
    hashes = save_data(run, data, patients)
    save_shared(build_backbone("tiny"), run / BACKBONE)
    info = RunInfo(
        name="run", number=1, folds=2, settings=settings, recipe=RECIPES["default"].as_dict(),
        backbone=backbone_config("tiny"), backbone_sha256=sha256(run / BACKBONE), inputs=hashes,
    )  # fmt: skip
    write_run(run, info)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(run), str(crops)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kibibytes = int(done.stdout.split()[-1])
    assert kibibytes < 2 << 20, f"{kibibytes / 2**20:.2f} GiB"
