"""An ablation that was killed goes on with its folds and texts, and with no others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark.cohorts.split_cohort import split_cohort
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from clip_nodule.ablation import run_ablation
from clip_nodule.network import tiny
from clip_nodule.runs.run_folder import read_run
from clip_nodule.train import TrainingRequest
from tests.clip_nodule.pretended_steps import LEAST
from tests.clip_nodule.training_cohort import TINY, make_cohort


class Interrupted(Exception):
    """Training is stopped from outside."""


def texts(path: Path, sentence: str) -> Path:
    pd.DataFrame({"pid": [f"{n:03d}" for n in range(12)], "nodule_id": "1", "text": sentence}).to_csv(
        path, index=False
    )
    return path


@pytest.mark.slow
def test_a_killed_ablation_goes_on_with_its_folds_and_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tiny.TINY, "least", LEAST)
    where = Workspace(tmp_path / "cohorts", tmp_path / "results")
    make_cohort(tmp_path / "cohorts" / "balls", 12)
    split_cohort(where.cohort("balls"), tmp_path / "splits", folds=2, seed=4)
    settings = {k: v for k, v in TINY.items() if k not in ("folds", "test_fraction", "tuning")}
    settings |= {"backbone": "least", "epochs": 1}
    files = {"splits": tmp_path / "splits", "texts": texts(tmp_path / "texts.csv", "a solid nodule")}
    request = TrainingRequest(settings=settings, device="cpu", **files)

    def stop(done: int, total: int, text: str) -> None:
        if text.startswith("fold 2/2"):
            raise Interrupted

    with pytest.raises(Interrupted):
        run_ablation("tuning", "balls", request, where, progress=stop)
    texts(tmp_path / "texts.csv", "another one")
    with pytest.raises(InputError, match=r"texts.csv.*is not what it was when the ablation began"):
        run_ablation("tuning", "balls", request, where)
    with pytest.raises(InputError, match=r"is not what it was when the ablation began"):
        run_ablation("tuning", "balls", TrainingRequest(settings=settings, device="cpu"), where)
    texts(tmp_path / "texts.csv", "a solid nodule")
    table = run_ablation("tuning", "balls", request, where)
    runs = [read_run(where.run(f"ablation-tuning-{row}")) for row in ("full", "probe", "lora")]
    assert len({run.inputs["sides"] for run in runs}) == len({run.inputs["texts"] for run in runs}) == 1
    assert pd.read_csv(table)["model"].nunique() == 3
