"""Speed of zero-shot explanation: `python tests/speed/bench_explain.py` writes results/speed/explain.md.

The work of ``bench explain`` on 1,000 nodules with five folds of the tiny network: crops from the store, planes,
embeddings, prompts, AUROCs with their bootstrap. The weights are random, which does not change the work. The named
alternative is the paper's way: every fold reads the crops and makes the planes again.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.comparison.semantic import semantic_tables  # noqa: E402
from benchmark.contracts.vocabulary import BY_COLUMN, SEMANTIC_COLUMNS  # noqa: E402
from benchmark.files import write_text  # noqa: E402
from benchmark.imaging.cropping.store import CropStore  # noqa: E402
from benchmark.imaging.recipe import RECIPES  # noqa: E402
from clip_nodule.inference.api import Run  # noqa: E402
from clip_nodule.inference.zero_shot import predict_features  # noqa: E402
from clip_nodule.network.backbone import backbone_config, build_backbone  # noqa: E402
from clip_nodule.network.model import NoduleCLIP  # noqa: E402
from clip_nodule.runs.configuration import load_settings  # noqa: E402
from clip_nodule.runs.run_folder import RunInfo  # noqa: E402
from tests.imaging.linked_store import linked_store  # noqa: E402

NODULES, FEW, FOLDS = 1000, 100, 5
ROWS = np.arange(NODULES)


def made_run(folder: Path) -> Run:
    """Five folds with random weights."""
    settings = load_settings("tiny-cpu")
    heads = settings.network
    models = [
        NoduleCLIP(build_backbone("tiny", seed=fold), width=heads.width, attention=heads.attention)
        for fold in range(FOLDS)
    ]
    models = [model.eval().requires_grad_(False) for model in models]
    recipe, backbone = RECIPES["default"].as_dict(), backbone_config("tiny")
    info = RunInfo(name="run", number=1, folds=FOLDS, settings=settings, recipe=recipe, backbone=backbone)
    return Run(folder, info, models, torch.device("cpu"))


def random_features() -> pd.DataFrame:
    """A nodule table whose classes are drawn at random."""
    random = np.random.default_rng(1)
    table = pd.DataFrame({"pid": [f"{row:05d}" for row in ROWS], "nodule_id": "1"})
    for column in SEMANTIC_COLUMNS:
        if classes := BY_COLUMN[column].classes:
            table[column] = random.choice(np.array(classes, object), NODULES)
    return table


def fold_by_fold(run: Run, store: CropStore, rows: npt.NDArray[np.int64]) -> None:
    """The alternative: each fold goes over the crops by itself."""
    for model in run.models:
        predict_features(Run(run.folder, run.info, [model], run.device), store, rows)


def seconds(function: object, *arguments: object) -> float:
    """Wall-clock time of one call."""
    begin = time.perf_counter()
    function(*arguments)  # type: ignore[operator]
    return time.perf_counter() - begin


def main() -> None:
    """Measure and write the figures."""
    torch.set_num_threads(2)
    table = random_features()
    with tempfile.TemporaryDirectory() as name:
        store, run = (
            linked_store(Path(name) / "crops", [(f"{row:05d}", "1") for row in ROWS]),
            made_run(Path(name)),
        )
        predictions = predict_features(run, store, ROWS)
        ours = seconds(predict_features, run, store, ROWS)
        few = ROWS[:FEW]
        turns = [
            seconds(fold_by_fold, run, store, few) / seconds(predict_features, run, store, few) for _ in "123"
        ]
    tables = seconds(semantic_tables, table, predictions)
    lines = [
        "# Zero-shot explanation",
        "",
        f"`python tests/speed/bench_explain.py`: {NODULES} nodules, {FOLDS} folds of the tiny network, 2 threads.",
        f"Python {platform.python_version()}, torch {version('torch')}.",
        "",
        "| what | seconds | goal |",
        "|---|---|---|",
        f"| predictions and tables together, as `bench explain` | {ours + tables:.1f} | ≤ 60 |",
        f"| predictions, all folds in one pass over the crops | {ours:.1f} | |",
        f"| a pass a fold / one pass, {FEW} nodules, median of 3 turns | {np.median(turns):.1f} x | |",
        f"| AUROCs with their intervals | {tables:.1f} | |",
    ]
    write_text(ROOT / "results" / "speed" / "explain.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
