"""Pairs of models over their seeds, from what the trainings left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.references.text_against_images.drawing import COLOURS, Curve
from tests.references.text_against_images.scoring import Scored, held_out_nodules
from tests.references.text_against_images.summary import METRICS, Difference, HeldOut, paired_difference
from tests.references.text_against_images.trials import IMAGES, RANDOM, Trial, scores_of

STARTS = {RANDOM: "random start", IMAGES: "image-only start"}


@dataclass(frozen=True, order=True)
class Cell:
    """What a pair of models has in common over its seeds."""

    start: str
    second: bool
    tuning: str
    patients: int
    longer: int = 1


@dataclass(frozen=True)
class Pair:
    """CLIP and images alone over the seeds that both finished; ``areas`` and ``difference`` by metric."""

    seeds: int
    areas: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]
    difference: Mapping[str, Difference]


def pairs_of(work: Path, done: Collection[Trial], held: HeldOut) -> dict[Cell, Pair]:
    """Every cell of which at least two seeds have both models."""
    labels, nodules, found = held.labels.to_numpy(), held_out_nodules(work), {}
    for cell in sorted({cell_of(trial) for trial in done}):
        seeds: dict[str, dict[int, Trial]] = {"clip": {}, "vision": {}}
        for trial in done:
            if cell_of(trial) == cell:
                seeds[trial.modality][trial.seed] = trial
        both = sorted(seeds["clip"].keys() & seeds["vision"].keys())
        if len(both) < 2:
            continue
        clip, vision = (
            np.stack([held.aligned(Scored.read(scores_of(work, own[k])).of_patients(nodules)) for k in both])
            for own in seeds.values()
        )
        areas, differences = {}, {}
        for name, metric in METRICS.items():
            areas[name] = {
                modality: np.array([metric(labels, one) for one in scores])
                for modality, scores in (("clip", clip), ("vision", vision))
            }
            differences[name] = paired_difference(labels, clip, vision, metric)
        found[cell] = Pair(len(both), areas, differences)
    return found


def cell_of(trial: Trial) -> Cell:
    """Where a training belongs."""
    return Cell(trial.start, trial.second, trial.tuning, trial.patients, trial.longer)


def curves(pairs: Mapping[Cell, Pair], metric: str) -> dict[str, list[Curve]]:
    """Learning curves of both modalities, with and without the second cohort, by start."""
    panels = {}
    for start, title in STARTS.items():
        panels[f"{metric}, {title}"] = [
            Curve(
                f"{'CLIP' if modality == 'clip' else 'images alone'}{', and LIDC-like cohort' if second else ''}",
                COLOURS[modality],
                second,
                {
                    cell.patients: (
                        float(pair.areas[metric][modality].mean()),
                        float(pair.areas[metric][modality].std(ddof=1)),
                    )
                    for cell, pair in pairs.items()
                    if (cell.start, cell.second, cell.tuning, cell.longer) == (start, second, "full", 1)
                },
            )
            for modality in ("clip", "vision")
            for second in (False, True)
        ]
    return panels
