"""The trainings of the study: which there are, and one of them from its patients to its held-out scores."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any, Literal

from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.text_table import read_numbers
from benchmark.contracts.workspace import Workspace
from benchmark.files import replacing, write_text
from benchmark.formats.json import read_json
from benchmark.outputs.locks import holding
from clip_nodule.runs.run_folder import MANIFEST
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.tracking.epoch_log import METRICS
from tests.references.text_against_images.cohorts import (
    SECOND,
    START,
    TRAINING,
    chosen_patients,
    write_fold,
)
from tests.references.text_against_images.scoring import scored_by

Modality = Literal["clip", "vision"]
Tuning = Literal["full", "probe", "lora"]
MODALITIES: tuple[Modality, ...] = ("clip", "vision")
OTHER_TUNINGS: tuple[Tuning, ...] = ("probe", "lora")
RANDOM, IMAGES = "random", "images"
SIZES = (50, 100, 200, 400, 800)
SEEDS = 5
TABLE_4 = 200
"""Patients of the rows of Table 4."""
SHOWN, FEWEST, MOST = 4000, 4, 40
"""Nodules shown in a training, and bounds of the epochs that make them up: compute is the same for all."""
LONGER = 4
"""So many times as long some from the random start last: whether the others ended too early."""
START_EPOCHS = 30
SETTINGS: dict[str, Any] = {
    "backbone": "tiny-fast",
    "width": 64,
    "attention": 32,
    "classifiers": "random",
    "sampling": "diagnosis",
    "text_variants": 4,
    "learning_rate": 1e-3,
    "calibration": "none",
    "parallel": 1,
}
"""Of every training, over ``tiny-cpu``'s."""


@dataclass(frozen=True, order=True)
class Trial:
    """One training.

    Attributes:
        patients: Labelled patients of the first cohort; a fifth of them validates.
        seed: Of patients, weights, order and augmentation.
        start: ``random`` weights, or those of ``images`` alone.
        second: Whether the second cohort trains too.
        tuning: What learns.
        modality: Images and texts, or images alone.
        longer: How many times as long as the others it trains.
    """

    patients: int
    seed: int
    start: str
    second: bool
    tuning: Tuning
    modality: Modality
    longer: int = 1

    @property
    def name(self) -> str:
        """The run's."""
        cohorts = f"{self.patients}{'-lidc' if self.second else ''}"
        longer = "" if self.longer == 1 else f"-longer-{self.longer}"
        return f"{self.start}-{self.tuning}-{cohorts}-{self.modality}-{self.seed}{longer}"


def every_trial(sizes: tuple[int, ...], seeds: int, table_4: int = TABLE_4) -> list[Trial]:
    """The trainings of the study, pairs one after the other, size by size.

    After those of ``table_4`` patients come Table 4's, and some from the random start that last longer.
    """
    trials = []
    for patients in sizes:
        trials += [
            Trial(patients, seed, start, second, "full", modality)
            for seed in range(seeds)
            for start in (RANDOM, IMAGES)
            for second in (False, True)
            for modality in MODALITIES
        ]
        if patients == table_4:
            trials += [
                Trial(patients, seed, IMAGES, False, tuning, modality)
                for seed in range(seeds)
                for tuning in OTHER_TUNINGS
                for modality in MODALITIES
            ]
            trials += [
                Trial(patients, seed, RANDOM, False, "full", modality, LONGER)
                for seed in range(seeds)
                for modality in MODALITIES
            ]
    return trials


@dataclass(frozen=True)
class Finished:
    """What a training left.

    Attributes:
        trial: Which.
        epochs: It made.
        best_epoch: Whose weights score.
        seconds: Processor time of training and scoring.
    """

    trial: Trial
    epochs: int
    best_epoch: int
    seconds: float


def record_of(work: Path, trial: Trial) -> Path:
    """Where a finished training is written down."""
    return work / "trials" / f"{trial.name}.json"


def scores_of(work: Path, trial: Trial) -> Path:
    """Where what it makes of the held-out nodules is kept (``Scored``)."""
    return work / "scored" / f"{trial.name}.npz"


def finished(work: Path, trials: list[Trial]) -> dict[Trial, Finished]:
    """Those of some trainings that are done."""
    found = {}
    for trial in trials:
        if (path := record_of(work, trial)).is_file():
            content = read_json(path)
            found[trial] = Finished(trial, content["epochs"], content["best_epoch"], content["seconds"])
    return found


def image_start(work: Path) -> Path:
    """Weights of an encoder that learned from images and diagnoses alone, on patients of its own.

    Raises:
        InUseError: Another process is making them.
    """
    weights = work / "image-start.safetensors"
    with holding(weights):
        if not weights.is_file():
            nodules = load_cohort(START, work / "cohorts").nodules
            everyone = chosen_patients(nodules, nodules["pid"].nunique(), 0)
            splits = write_fold(work / "splits" / START, everyone, START, work / "cohorts")
            long = {"epochs": START_EPOCHS, "patience": START_EPOCHS}
            settings = SETTINGS | {"pretrained": None, "modality": "vision", "tuning": "full"} | long
            run = trained(work, (START,), "image-start", settings, 0, splits)
            with replacing(weights) as temporary:
                shutil.copyfile(run / "fold_0" / "backbone.safetensors", temporary)
    return weights


def trained(
    work: Path, cohorts: tuple[str, ...], name: str, settings: dict[str, Any], seed: int, splits: Path
) -> Path:
    """A run, gone on with where an earlier call was stopped."""
    return train_run(
        cohorts,
        TrainingRequest("tiny-cpu", settings, device="cpu", seed=seed, splits=splits),
        Workspace(work / "cohorts", work),
        name=name,
        resume=(work / "runs" / name / MANIFEST).is_file(),
    )


def run_trial(work: Path, trial: Trial, shown: int = SHOWN) -> Finished:
    """Train, score the held-out cohort, write down what it took, and drop the run.

    Args:
        work: Holds the cohorts and their crops.
        trial: What to train.
        shown: See ``SHOWN``.
    """
    begin = process_time()
    cohorts = work / "cohorts"
    nodules = load_cohort(TRAINING, cohorts).nodules
    chosen = chosen_patients(nodules, trial.patients, trial.seed)
    splits = work / "splits" / trial.name
    write_fold(splits, chosen, TRAINING, cohorts, SECOND if trial.second else None)
    count = int(nodules["pid"].isin(chosen.loc[~chosen["validates"], "pid"]).sum())
    if trial.second:
        count += len(load_cohort(SECOND, cohorts).nodules)
    epochs = trial.longer * min(max(round(shown / count), FEWEST), MOST)
    settings = SETTINGS | {
        "pretrained": None if trial.start == RANDOM else str(image_start(work)),
        "modality": trial.modality,
        "tuning": trial.tuning,
        "epochs": epochs,
        "patience": epochs,
    }
    names = (TRAINING, SECOND) if trial.second else (TRAINING,)
    run = trained(work, names, trial.name, settings, trial.seed, splits)
    scored_by(work, run).save(scores_of(work, trial))
    metrics = read_numbers(run / "fold_0" / METRICS)
    best = int(metrics["val_pred"].to_numpy(float).argmin()) + 1
    done = Finished(trial, epochs, best, process_time() - begin)
    write_text(record_of(work, trial), json.dumps(asdict(done), indent=1) + "\n")
    shutil.rmtree(run)
    return done
