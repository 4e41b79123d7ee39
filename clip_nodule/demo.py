"""The whole path, from synthetic CT scans to a comparison: what ``bench demo`` does."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmark.cohorts.phantom import prepare_phantom
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from benchmark.formats.json import read_json
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.outputs.locks import holding
from benchmark.outputs.written import RECORD, record_all, remove_all_own
from benchmark.producers import ProducerOptions, names_taking
from benchmark.producers.write import score_with_producer
from benchmark.progress import Stages, silent
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.report.printing.table import Table
from clip_nodule.inference.explain import ExplainOptions
from clip_nodule.inference.explanation import write_explanation
from clip_nodule.inference.predict import score_cohort
from clip_nodule.train import TrainingRequest, train_run

TRAINING = "nlst"
CONFIG = "tiny-cpu"
MARKER = "demo.json"
"""Stands in a folder that the demo made: only such a folder is ever emptied, and only of what the demo wrote."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DemoSize:
    """How much the demo does.

    Attributes:
        patients: Patients of each cohort.
        test_fraction: Share of the training cohort's patients that no model sees.
        folds: Cross-validation folds.
        settings: Training settings that differ from the configuration ``tiny-cpu``.
        replicates: Bootstrap replicates.
    """

    patients: dict[str, int]
    test_fraction: float
    folds: int
    settings: dict[str, Any]
    replicates: int


FULL = DemoSize({"nlst": 600, "lungx": 70, "dlcs": 112, "ucla": 51}, 0.3, 5, {}, 2000)
QUICK = DemoSize({"nlst": 40, "lungx": 12, "dlcs": 36, "ucla": 12}, 0.3, 2, {"epochs": 1}, 200)


def run_demo(out: Path, size: DemoSize, *, seed: int, workers: int | None, stages: Stages = silent) -> list[Table]:
    """Empty ``out`` of an earlier demo, and run every step into it.

    Args:
        out: The folder; cohorts and results go into it.
        size: How much to do.
        seed: Seed of everything.
        workers: Processes that make and crop scans.
        stages: Opens the progress of each step.

    Returns:
        The tables of the comparison, the main one first.

    Raises:
        InputError: The folder holds what the demo did not write.
    """
    with holding(out):
        return _run_all(out, size, seed=seed, workers=workers, stages=stages)


def _run_all(out: Path, size: DemoSize, *, seed: int, workers: int | None, stages: Stages) -> list[Table]:
    clear_demo(out)
    workspace, names = workspace_in(out), list(size.patients)
    try:
        make_cohorts(workspace, size, names, seed=seed, workers=workers, stages=stages)
        train_and_score(workspace, size, names, seed=seed, stages=stages)
        score_baselines(workspace, size, seed=seed)
        with stages(f"zero-shot on {TRAINING}") as progress:
            write_explanation(TRAINING, workspace, ExplainOptions("clip", seed=seed), progress=progress)
        options = CompareOptions(replicates=size.replicates, seed=seed, titles={"clip": "CLIP + LoRA"})
        return compare_cohorts(names, workspace, options, out=out)
    finally:
        finish_demo(out)


def workspace_in(out: Path) -> Workspace:
    """The demo's cohorts and results in one folder."""
    return Workspace(out / "cohorts", out)


def make_cohorts(
    workspace: Workspace,
    size: DemoSize,
    names: Sequence[str],
    *,
    seed: int,
    workers: int | None,
    stages: Stages = silent,
) -> None:
    """Draw the scans of the cohorts ``names``, and crop their nodules."""
    for name in names:
        number = list(size.patients).index(name)
        with stages(f"CT scans of {name}") as progress:
            cohort = prepare_phantom(
                name,
                workspace.cohorts / name,
                seed * len(size.patients) + number,
                size.patients[name],
                workers=workers,
                progress=progress,
            )
        with stages(f"crops of {name}") as progress:
            crops_of(cohort, workspace.results, workers=workers, progress=progress)


def train_and_score(
    workspace: Workspace,
    size: DemoSize,
    names: Sequence[str],
    *,
    seed: int,
    name: str = "clip",
    stages: Stages = silent,
) -> None:
    """Train on the training cohort as the run ``name``, and score the cohorts ``names`` as the model ``clip``."""
    settings = {"test_fraction": size.test_fraction, "folds": size.folds, **size.settings}
    with stages("training") as progress:
        request = TrainingRequest(CONFIG, settings, seed=seed)
        run = train_run(TRAINING, request, workspace, name=name, progress=progress)
    for cohort in names:
        score_cohort(cohort, workspace=workspace, run=run, model="clip")


def score_baselines(workspace: Workspace, size: DemoSize, *, seed: int) -> None:
    """Score every cohort with each producer that is fitted, on the split of the network."""
    options = ProducerOptions(folds=size.folds, test_fraction=size.test_fraction, seed=seed)
    for model in names_taking("train"):
        for name in size.patients:
            score_with_producer(model, name, workspace, options, train=TRAINING)


def clear_demo(out: Path) -> None:
    """Empty a folder of what an earlier demo wrote, and mark it as the demo's.

    Raises:
        InputError: The demo did not make the folder, or somebody else wrote into it.
    """
    fix = "give another --out, or remove the folder"
    if out.exists() and any(out.iterdir()):
        if not (out / MARKER).is_file():
            raise InputError(Problem("is a folder that the demo did not make", fix, out))
        if _was_finished(out):
            remove_all_own(out)
        else:
            kept = _free_name(out)
            out.replace(kept)
            log.warning("%s is what a demo left that was killed: it was moved to %s", out, kept)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / MARKER, json.dumps({"made_by": "bench demo", "finished": False}) + "\n")


def finish_demo(out: Path) -> None:
    """Record all that the demo wrote, and that it ended."""
    write_text(out / MARKER, json.dumps({"made_by": "bench demo", "finished": True}) + "\n")
    record_all(out)


def _was_finished(out: Path) -> bool:
    """Whether the demo came to its end, well or not, and recorded all that it wrote."""
    try:
        said = read_json(out / MARKER)
    except InputError:
        return False
    return (out / RECORD).is_file() and isinstance(said, dict) and said.get("finished") is not False


def _free_name(out: Path) -> Path:
    """The first of ``<out>-killed-1``, ``-2``, ... that is not there."""
    return next(path for n in count(1) if not (path := out.with_name(f"{out.name}-killed-{n}")).exists())
