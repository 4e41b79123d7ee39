"""Losses of folds on their own validation patients while they train, and what each fold's model says of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text_table import read_text_table
from clip_nodule.network.losses import MISSING
from clip_nodule.network.model import Output
from clip_nodule.network.probabilities import auprc_of_logits, auroc_of_logits
from clip_nodule.network.stacked.network import StackedNetwork
from clip_nodule.runs.calibration import CalibrationMethod, fit_calibration, save_calibration
from clip_nodule.training.data import TrainingData
from clip_nodule.training.fold import EVALUATED, FoldJob, Rows
from clip_nodule.training.objective import batch_losses

FILE = "validation.csv"
_OF_COHORT = "val_auroc_image_"


@torch.no_grad()
def validate(jobs: Sequence[FoldJob], network: StackedNetwork) -> list[dict[str, float | None]]:
    """Losses and discrimination of folds on their own patients.

    Images are not augmented, texts in their plain wording. The contrastive loss is the mean over batches of the
    training's size, in an order fixed by the seed; the prediction losses are those of all nodules at once, with
    class weights. Of several cohorts the AUROC of each stands beside that of all, None where it lacks a class.

    Args:
        jobs: The folds.
        network: Their networks, in the same order.
    """
    orders = [job.random(0xC0DE).permutation(job.split[1]) for job in jobs]
    images, texts = embedded(jobs, network, orders)
    image_logits = network.classified("image", images).cpu()
    text_logits = None if texts is None else network.classified("text", texts).cpu()
    scales = similarity = None
    if texts is not None:
        scales = network.scale()
        similarity = (scales.view(-1, 1, 1) * images @ texts.mT).cpu()
        scales = scales.cpu()
    found = []
    for place, (job, order) in enumerate(zip(jobs, orders, strict=True)):
        count = len(order)
        output = Output(image_logits[place, :count])
        if text_logits is not None and similarity is not None:
            output.text_logits = text_logits[place, :count]
            output.similarity = similarity[place, :count, :count]
        found.append(_metrics(job, order, output))
        if scales is not None:
            found[-1]["scale"] = float(scales[place])
    return found


def embedded(
    jobs: Sequence[FoldJob], network: StackedNetwork, which: Sequence[npt.NDArray[np.int64]]
) -> tuple[Tensor, Tensor | None]:
    """Embeddings ``[folds, most nodules, width]`` of images and of texts (None without) of some nodules a fold."""
    first, encoded = jobs[0], jobs[0].features is not None
    size = max(1, EVALUATED // len(jobs)) if first.device.type == "cpu" else EVALUATED
    images, texts = [], []
    batches = _filled_up(which, size)
    first.expect(batch.ravel() for batch in batches)
    for batch in batches:
        image, text = first.inputs(batch.ravel())
        image = image.reshape(*batch.shape, *image.shape[1:])
        images.append(network.embed_images(image if encoded else network.image_features(image, None)))
        if text is not None and network.model.modality == "clip":
            text = text if encoded else _cut(text)
            text = text.reshape(*batch.shape, *text.shape[1:])
            texts.append(network.embed_texts(text if encoded else network.text_features(text, None)))
    return torch.cat(images, dim=1), torch.cat(texts, dim=1) if texts else None


def _filled_up(which: Sequence[Rows], size: int) -> list[Rows]:
    """Batches ``[folds, size]`` at most over nodules of each fold; shorter folds repeat their first."""
    longest = max(map(len, which))
    filled = np.stack([np.concatenate([own, np.full(longest - len(own), own[0])]) for own in which])
    return [filled[:, start : start + size] for start in range(0, longest, size)]


def _cut(tokens: Tensor) -> Tensor:
    """Ids up to the longest text, where finding it keeps nobody waiting."""
    return tokens if tokens.device.type != "cpu" else tokens[:, : int(tokens.argmax(-1).max()) + 1]


def _metrics(job: FoldJob, order: npt.NDArray[np.int64], output: Output) -> dict[str, float | None]:
    target = torch.from_numpy(job.data.labels[order])
    weights, batch = job.data.class_weights(job.split[0]), job.settings.optimisation.batch_size
    losses = batch_losses(output, target, job.settings.losses, weights, batch)
    metrics = {
        "val_loss": float(losses.both),
        "val_clip": float(losses.clip),
        "val_pred": float(losses.pred),
        "val_auroc_image": auroc_of_logits(target, output.image_logits),
        "val_auprc_image": auprc_of_logits(target, output.image_logits),
    }
    for cohort, members in job.data.cohorts.items():
        own = torch.from_numpy(members[order])
        metrics[f"{_OF_COHORT}{cohort}"] = auroc_of_logits(target[own], output.image_logits[own])
    if output.text_logits is not None:
        metrics["val_auroc_text"] = auroc_of_logits(target, output.text_logits)
    return metrics


def describe(metrics: dict[str, float | None]) -> str:
    """A line for the progress display."""

    def show(name: str) -> str:
        value = metrics.get(name)
        return "n/a" if value is None else f"{value:.3f}"

    parts = [f"loss {show('val_loss')}"]
    if "scale" in metrics:
        parts.append(f"(contrastive {show('val_clip')}, prediction {show('val_pred')})")
    each = [f"{name.removeprefix(_OF_COHORT)} {show(name)}" for name in metrics if name.startswith(_OF_COHORT)]
    return " ".join([*parts, f"AUROC {show('val_auroc_image')}", *([f"({', '.join(each)})"] if each else [])])


def record_validation(
    folder: Path,
    data: TrainingData,
    validation: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    method: CalibrationMethod | Literal["none"],
) -> None:
    """Write ``fold_k/validation.csv`` and fit the fold's calibration on it.

    Args:
        folder: ``fold_k``.
        data: The run's data.
        validation: Positions of the fold's validation nodules.
        scores: Their probabilities by the fold's model.
        method: The kind of calibration.
    """
    table = data.table.iloc[validation]
    labels = table["label"].to_numpy(np.int64)
    known = labels != MISSING
    ids = [name for name in ("pid", "nodule_id", "cohort") if name in table]
    out = table[ids].assign(malignant=pd.array(np.where(known, labels, 0), dtype="Int8"), score=scores)
    out.loc[~known, "malignant"] = pd.NA
    write_table(out, folder / FILE)
    if method != "none" and len(np.unique(labels[known])) == 2:
        save_calibration(fit_calibration(scores[known], labels[known], method), folder)


def read_validation(folder: Path) -> pd.DataFrame:
    """``pid, nodule_id, malignant`` (NaN where unknown) and ``score`` of a fold's validation nodules.

    Runs have ``cohort`` too since there can be several.
    """
    table = read_text_table(folder / FILE, ("pid", "nodule_id", "malignant", "score"))
    frame = table.frame.copy()
    frame["malignant"], frame["score"] = table.number("malignant"), table.number("score", empty=False)
    table.finish()
    return frame
