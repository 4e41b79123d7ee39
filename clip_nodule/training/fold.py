"""Training of one fold."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clip_nodule.network.model import NoduleCLIP, Output
from clip_nodule.network.probabilities import auprc_of_logits, auroc_of_logits
from clip_nodule.runs.settings import Settings
from clip_nodule.text.wordings import PLAIN_SHARE
from clip_nodule.training.data import TrainingData
from clip_nodule.training.epoch_log import EpochLog
from clip_nodule.training.images import Planes
from clip_nodule.training.objective import batch_losses
from clip_nodule.training.state import (
    STOPS,
    EarlyStopping,
    TrainingState,
    drop_other_states,
    keep_best_state,
    load_state,
    place_best_weights,
    save_state,
)

Rows = npt.NDArray[np.int64]
Report = Callable[[int, str], None]
"""Told the number of epochs done and a line about the last one."""

EVALUATED = 32
"""Nodules a batch where no gradient is needed."""
log = logging.getLogger(__name__)


@dataclass
class FoldJob:
    """One fold to train.

    Attributes:
        folder: ``fold_k`` of the run folder.
        fold: k.
        settings: The run's.
        seed: The run's.
        data: What it trains on.
        planes: Where images come from.
        features: Encoders' outputs where they are frozen: images ``[n, 9, f]`` and texts ``[wordings, n, f]``.
        device: Where it runs.
    """

    folder: Path
    fold: int
    settings: Settings
    seed: int
    data: TrainingData
    planes: Planes
    device: torch.device
    features: tuple[Tensor, Tensor | None] | None = None

    def random(self, *keys: int) -> np.random.Generator:
        """A generator that depends on the seed, the fold and ``keys`` only."""
        return np.random.default_rng([self.seed, self.fold, *keys])

    def seed_torch(self, *keys: int) -> None:
        """Seed PyTorch (dropout, new layers) from the seed, the fold and ``keys``."""
        torch.manual_seed(zlib.crc32(repr((self.seed, self.fold, *keys)).encode()))

    def inputs(
        self, which: Rows, wording: Rows | int, random: np.random.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        """Images and texts of some nodules, as the network takes them."""
        if self.features is not None:
            images, texts = self.features
            chosen = None if texts is None else texts[torch.as_tensor(wording), torch.from_numpy(which)]
            return images[torch.from_numpy(which)].to(self.device), None if chosen is None else chosen.to(
                self.device
            )
        ids = self.data.text_ids(which, wording)
        return self.planes(self.data.rows[which], random), None if ids is None else ids.to(self.device)


def train_fold(job: FoldJob, model: NoduleCLIP, report: Report) -> TrainingState:
    """Train a fold, from where it stands, to its end.

    The weights that score are left in ``job.folder``; the best by each loss under ``best/``.

    Args:
        job: What to train.
        model: A new network for it, on ``job.device``.
        report: Told about every epoch.
    """
    optimisation = job.settings.optimisation
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=optimisation.learning_rate, weight_decay=optimisation.weight_decay)
    state = load_state(job.folder / "state", model, optimizer) or TrainingState(_stops(job.settings))
    with EpochLog(job.folder, state.history) as record:
        while state.epoch < optimisation.epochs and not state.stopped:
            metrics, state.diverged = train_epoch(job, model, optimizer, state.epoch)
            if state.diverged:
                log.warning("fold %d: %s", job.fold, state.diverged)
                break
            metrics |= validate(job, model)
            keep_best_state(job.folder, model, state, metrics)
            state.history.append(metrics)
            save_state(job.folder / "state", model, optimizer, state)
            drop_other_states(job.folder)
            record.add(metrics)
            report(state.epoch, describe(metrics))
    place_best_weights(job.folder, state, optimisation.select)
    return state


def train_epoch(
    job: FoldJob, model: NoduleCLIP, optimizer: torch.optim.Optimizer, epoch: int
) -> tuple[dict[str, float | None], str]:
    """One pass of as many draws as there are training nodules.

    Returns:
        Mean losses and AUROC of the images' classifier, and why training must stop, or an empty text.
    """
    settings, optimisation = job.settings, job.settings.optimisation
    random = job.random(epoch)
    train, _ = job.data.split(job.fold)
    drawn = random.choice(train, len(train), p=job.data.sampling_weights(train, settings.data.sampling, job.fold))
    batches = np.split(drawn, range(optimisation.batch_size, len(drawn), optimisation.batch_size))
    weights = job.data.class_weights(train).to(job.device) if settings.losses.class_weights else None
    model.train()
    sums, logits, labels = np.zeros(2), [], []
    for step, which in enumerate(batches):
        job.seed_torch(epoch, step)
        images, texts = job.inputs(which, _wordings(job, len(which), random), random)
        output = model(images, texts, encoded=job.features is not None)
        target = torch.from_numpy(job.data.labels[which]).to(job.device)
        losses = batch_losses(output, target, settings.losses, weights)
        values = torch.stack([losses.clip, losses.pred]).detach().cpu().double().numpy()
        if not np.isfinite(values).all():
            parts = f"contrastive {values[0]}, prediction {values[1]}"
            what = f"loss is not finite in epoch {epoch + 1}, step {step + 1} ({parts})"
            return {}, f"{what}; lower the learning rate, or use precision fp32"
        last = step + 1 == len(batches)
        group = len(batches) % optimisation.accumulate if last else 0
        (losses.both / (group or optimisation.accumulate)).backward()  # type: ignore[no-untyped-call]
        if last or (step + 1) % optimisation.accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
            model.clamp_scale()
        sums += values * len(which)
        logits.append(output.image_logits.detach().float().cpu())
        labels.append(target.cpu())
    clip, pred = sums / len(drawn)
    score = auroc_of_logits(torch.cat(labels), torch.cat(logits))
    return {"train_loss": clip + pred, "train_clip": clip, "train_pred": pred, "train_auroc_image": score}, ""


@torch.no_grad()
def embed(job: FoldJob, model: NoduleCLIP, which: Rows) -> tuple[Tensor, Tensor | None]:
    """Embeddings ``[n, width]`` of images, not augmented, and of texts in their plain wording (None without)."""
    encoded = job.features is not None
    images, texts = [], []
    for start in range(0, len(which), EVALUATED):
        image, text = job.inputs(which[start : start + EVALUATED], 0, None)
        images.append(model.embed_images(image if encoded else model.image_features(image))[0])
        if text is not None and model.modality == "clip":
            texts.append(model.embed_texts(text if encoded else model.text_features(text)))
    return torch.cat(images), torch.cat(texts) if texts else None


@torch.no_grad()
def validate(job: FoldJob, model: NoduleCLIP) -> dict[str, float | None]:
    """Losses and discrimination on the fold's own patients, images not augmented, texts in their plain wording.

    The contrastive loss is the mean over batches of the training's size, in an order fixed by the seed; the
    prediction losses are those of all nodules at once, with class weights. Of several cohorts the AUROC of each
    stands beside that of all, None where it lacks a class.
    """
    batch = job.settings.optimisation.batch_size
    train, validation = job.data.split(job.fold)
    order = job.random(0xC0DE).permutation(validation)
    model.eval()
    image, text = embed(job, model, order)
    output = Output(model.classifier_image(image))
    if text is not None:
        output.text_logits = model.classifier_text(text)
        output.similarity = model.scale() * image @ text.t()
    target = torch.from_numpy(job.data.labels[order]).to(job.device)
    losses = batch_losses(output, target, job.settings.losses, job.data.class_weights(train).to(job.device), batch)
    cpu = target.cpu()
    metrics = {
        "val_loss": float(losses.both),
        "val_clip": float(losses.clip),
        "val_pred": float(losses.pred),
        "val_auroc_image": auroc_of_logits(cpu, output.image_logits.cpu()),
        "val_auprc_image": auprc_of_logits(cpu, output.image_logits.cpu()),
    }
    for cohort, members in job.data.cohorts.items():
        own = torch.from_numpy(members[order])
        metrics[f"val_auroc_image_{cohort}"] = auroc_of_logits(cpu[own], output.image_logits.cpu()[own])
    if output.text_logits is not None:
        metrics["val_auroc_text"] = auroc_of_logits(cpu, output.text_logits.cpu())
        metrics["scale"] = float(model.scale())
    return metrics


def describe(metrics: dict[str, float | None]) -> str:
    """A line for the progress display."""

    def show(name: str) -> str:
        value = metrics.get(name)
        return "n/a" if value is None else f"{value:.3f}"

    parts = [f"loss {show('val_loss')}"]
    if "scale" in metrics:
        parts.append(f"(contrastive {show('val_clip')}, prediction {show('val_pred')})")
    of_cohort = "val_auroc_image_"
    each = [f"{name.removeprefix(of_cohort)} {show(name)}" for name in metrics if name.startswith(of_cohort)]
    return " ".join([*parts, f"AUROC {show('val_auroc_image')}", *([f"({', '.join(each)})"] if each else [])])


def _stops(settings: Settings) -> dict[str, EarlyStopping]:
    with_texts, losses, optimisation = settings.network.modality == "clip", settings.losses, settings.optimisation
    contrastive = with_texts and losses.clip_weight > 0
    predicting = losses.image_weight > 0 or (with_texts and losses.text_weight > 0)
    watched = {"both": contrastive and predicting, "pred": predicting, "clip": contrastive}
    return {
        name: EarlyStopping(optimisation.patience, optimisation.warmup, sticky=optimisation.sticky_stops)
        for name in STOPS
        if watched[name]
    }


def _wordings(job: FoldJob, count: int, random: np.random.Generator) -> Rows | int:
    tokens = job.data.tokens
    if tokens is None or not job.settings.data.text_augment:
        return 0
    if job.settings.data.text_augment == "paper" and len(tokens) > 1:
        return np.where(random.random(count) < PLAIN_SHARE, 0, random.integers(1, len(tokens), count))
    return random.integers(0, len(tokens), count)
