"""What a run makes of the held-out nodules: from planes that are made once for all runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmark.contracts.cohort import load_cohort
from benchmark.files import replacing
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.network.probabilities import probabilities
from clip_nodule.runs.networks import load_fold, shared_backbone
from clip_nodule.runs.run_folder import read_run
from clip_nodule.training.fold import EVALUATED
from clip_nodule.training.images import KeptPlanes, kept_planes_file
from tests.references.text_against_images.cohorts import HELD_OUT


@dataclass(frozen=True)
class Scored:
    """Held-out nodules as a run sees them.

    Attributes:
        rows: ``[n]`` of the nodule table.
        score: ``[n]`` probability of malignancy.
        embedding: ``[n, width]``.
    """

    rows: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    embedding: npt.NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write, at once."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, rows=self.rows, score=self.score, embedding=self.embedding)

    @classmethod
    def read(cls, path: Path) -> Scored:
        """What ``save`` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["rows"], kept["score"], kept["embedding"])

    def of_patients(self, nodules: pd.DataFrame) -> pd.Series:
        """Each patient's largest score of its nodules', by ``pid``."""
        return pd.Series(self.score).groupby(nodules["pid"].to_numpy()[self.rows]).max()


@torch.no_grad()
def scored_by(work: Path, run: Path) -> Scored:
    """Held-out nodules by the first fold of a run.

    The same as ``score_cohort``, but for planes that are kept in 16 bits, as in training, and not made anew
    for every run.
    """
    info = read_run(run)
    model = load_fold(run, info, 0, shared_backbone(run, info))
    store = CropStore.open(work / "crops" / HELD_OUT)
    rows, size = store.cropped.astype(np.int64), int(info.backbone["vision_cfg"]["image_size"])
    planes = KeptPlanes(kept_planes_file(store, rows, len(store), size), torch.device("cpu"))
    scores, embeddings = [], []
    for block in np.split(rows, range(EVALUATED, len(rows), EVALUATED)):
        embedding, _ = model.embed_images(model.image_features(planes(block)))
        embeddings.append(embedding.numpy())
        scores.append(probabilities(model.classifier_image(embedding)))
    return Scored(rows, np.concatenate(scores), np.concatenate(embeddings))


def held_out_nodules(work: Path) -> pd.DataFrame:
    """Their table."""
    return load_cohort(HELD_OUT, work / "cohorts").nodules
