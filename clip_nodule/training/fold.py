"""One fold to train: what it draws in an epoch, and what it takes in without drawing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clip_nodule.network.model import NoduleCLIP
from clip_nodule.runs.settings import Settings
from clip_nodule.text.wordings import PLAIN_SHARE
from clip_nodule.training.data import TrainingData
from clip_nodule.training.images import Changes, Planes

Rows = npt.NDArray[np.int64]

EVALUATED = 32
"""Nodules a batch where no gradient is needed."""


@dataclass(frozen=True)
class Epoch:
    """What one fold draws for an epoch: as many nodules as it trains on, in batches; the last is filled up.

    Attributes:
        nodules: ``[steps, batch]`` positions in the data.
        present: ``[steps, batch]`` false where a place is only filled up.
        wordings: ``[steps, batch]`` of the texts.
        changes: ``[steps, batch, ...]`` of the images (``Planes.draw``).
    """

    nodules: Rows
    present: npt.NDArray[np.bool_]
    wordings: Rows
    changes: Changes

    def filled_up(self, steps: int) -> Epoch:
        """The same with steps of nothing at its end, until there are ``steps``."""
        missing = steps - len(self.nodules)
        if not missing:
            return self
        nodules, wordings, changes = (
            np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            for part in (self.nodules, self.wordings, self.changes)
        )
        nothing = np.zeros((missing, self.present.shape[1]), bool)
        return Epoch(nodules, np.concatenate([self.present, nothing]), wordings, changes)


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

    @cached_property
    def split(self) -> tuple[Rows, Rows]:
        """Positions in the data to train on and to validate on."""
        return self.data.split(self.fold)

    @property
    def moves(self) -> int:
        """How often the weights move in an epoch."""
        own, (train, _) = self.settings.optimisation, self.split
        return -(-len(train) // own.batch_size // own.accumulate)

    def random(self, *keys: int) -> np.random.Generator:
        """A generator that depends on the seed, the fold and ``keys`` only."""
        return np.random.default_rng([self.seed, self.fold, *keys])

    def seed_torch(self, *keys: int) -> None:
        """Seed PyTorch (dropout, new layers) from the seed, the fold and ``keys``."""
        torch.manual_seed(zlib.crc32(repr((self.seed, self.fold, *keys)).encode()))

    def expect(self, batches: Iterable[Rows]) -> None:
        """Say whose ``inputs`` will be asked for, in this order, so that their crops are read meanwhile."""
        if self.features is None:
            self.planes.expect([self.data.rows[which] for which in batches])

    def inputs(self, which: Rows, wording: Rows | int = 0) -> tuple[Tensor, Tensor | None]:
        """Images, as they are, and texts of some nodules, as the network takes them."""
        if self.features is not None:
            images, texts = self.features
            places = torch.from_numpy(which).to(images.device)
            chosen = None if texts is None else texts[torch.as_tensor(wording).to(images.device), places]
            return images[places], chosen
        ids = self.data.text_ids(which, wording)
        return self.planes(self.data.rows[which]), None if ids is None else ids.to(self.device)

    def draw(self, epoch: int) -> Epoch:
        """Draw an epoch, from the seed, the fold and its number only."""
        random, size = self.random(epoch), self.settings.optimisation.batch_size
        train, _ = self.split
        weights = self.data.sampling_weights(train, self.settings.data.sampling, self.fold)
        drawn = random.choice(train, len(train), p=weights)
        steps = -(-len(drawn) // size)
        nodules, wordings = np.full(steps * size, drawn[0]), np.zeros(steps * size, np.int64)
        changes = []
        for start in range(0, len(drawn), size):
            which = drawn[start : start + size]
            nodules[start : start + len(which)] = which
            wordings[start : start + len(which)] = self._wordings(len(which), random)
            changes.append(self.planes.draw(random, len(which)))
        changes.append(np.repeat(changes[0][:1], steps * size - len(drawn), axis=0))
        every = np.concatenate(changes)
        return Epoch(
            nodules.reshape(steps, size),
            (np.arange(steps * size) < len(drawn)).reshape(steps, size),
            wordings.reshape(steps, size),
            every.reshape(steps, size, *every.shape[1:]),
        )

    def _wordings(self, count: int, random: np.random.Generator) -> Rows | int:
        tokens, augment = self.data.tokens, self.settings.data.text_augment
        if tokens is None or not augment:
            return 0
        if augment == "paper" and len(tokens) > 1:
            return np.where(random.random(count) < PLAIN_SHARE, 0, random.integers(1, len(tokens), count))
        return random.integers(0, len(tokens), count)


def evaluated_batches(which: Rows) -> list[Rows]:
    """Nodules in batches for which no gradient is needed."""
    return [which[start : start + EVALUATED] for start in range(0, len(which), EVALUATED)]


@torch.no_grad()
def embed(job: FoldJob, model: NoduleCLIP, which: Rows) -> tuple[Tensor, Tensor | None]:
    """Embeddings ``[n, width]`` of images, not augmented, and of texts in their plain wording (None without)."""
    encoded = job.features is not None
    images, texts = [], []
    batches = evaluated_batches(which)
    job.expect(batches)
    for batch in batches:
        image, text = job.inputs(batch)
        images.append(model.embed_images(image if encoded else model.image_features(image))[0])
        if text is not None and model.modality == "clip":
            texts.append(model.embed_texts(text if encoded else model.text_features(text)))
    return torch.cat(images), torch.cat(texts) if texts else None
