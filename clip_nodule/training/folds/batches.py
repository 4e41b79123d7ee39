"""The batches of an epoch of several folds, side by side, on their device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from clip_nodule.network.losses import MISSING
from clip_nodule.training.fold import FoldJob

TEXT_STEP = 8
"""Where all steps have texts of one length, it is the longest text's, rounded up to this."""


@dataclass(frozen=True)
class Batch:
    """One step of several folds.

    Attributes:
        images: Planes ``[folds, n, 9, 3, size, size]``, or features ``[folds, n, 9, features]``.
        texts: Token ids ``[folds, n, tokens]``, features ``[folds, n, features]``, or None.
        labels: ``[folds, n]``; missing where a place is only filled up.
        present: ``[folds, n]``.
        share: ``[folds]`` what each fold's loss is multiplied by.
    """

    images: Tensor
    texts: Tensor | None
    labels: Tensor
    present: Tensor
    share: Tensor


class EpochBatches:
    """An epoch of several folds, whose draws go to the device at once.

    Args:
        jobs: The folds; they share data, settings and device.
        epoch: Its number.

    Attributes:
        steps: Steps of the fold that has most.
        labels: ``[steps, folds, n]``, on the device.
        counts: ``[folds, steps]`` nodules that there are.
        moves: ``[folds, steps]`` whether a fold's weights move after a step.
    """

    def __init__(self, jobs: Sequence[FoldJob], epoch: int) -> None:
        self.jobs, first = jobs, jobs[0]
        drawn = [job.draw(epoch) for job in jobs]
        self.steps = max(len(one.nodules) for one in drawn)
        lengths = [len(one.nodules) for one in drawn]
        every = [one.filled_up(self.steps) for one in drawn]
        self.nodules, present, self.wordings = (
            np.stack([getattr(one, name) for one in every], axis=1) for name in ("nodules", "present", "wordings")
        )
        changes = np.stack([one.changes for one in every], axis=1)
        self.counts = present.sum(-1).T
        self.moves, shares = _accumulated(lengths, self.steps, first.settings.optimisation.accumulate)
        labels = np.where(present, first.data.labels[self.nodules], MISSING)
        self.labels, self._present, self._shares = (
            torch.from_numpy(array).to(first.device) for array in (labels, present, shares)
        )
        self._texts = self._text_features() if first.features else self._token_ids()
        self._planes = self._images(changes)

    def __getitem__(self, step: int) -> Batch:
        """A step by its number."""
        return Batch(self._planes(step), self._texts(step), self.labels[step], self._present[step],
                     self._shares[step])  # fmt: skip

    def _images(self, changes: np.ndarray) -> Callable[[int], Tensor]:
        first, (steps, folds, n) = self.jobs[0], self.nodules.shape
        if first.features is not None:
            features = first.features[0]
            places = torch.from_numpy(self.nodules).to(features.device)
            return lambda step: features[places[step]]
        rows = first.data.rows[self.nodules].reshape(steps, folds * n)
        planes = first.planes.epoch(rows, changes.reshape(steps, folds * n, *changes.shape[3:]))
        return lambda step: _by_fold(planes(step), folds)

    def _text_features(self) -> Callable[[int], Tensor | None]:
        features = cast(tuple[Tensor, Tensor | None], self.jobs[0].features)[1]
        if features is None:
            return _no_text
        wordings, places = (torch.from_numpy(a).to(features.device) for a in (self.wordings, self.nodules))
        return lambda step: features[wordings[step], places[step]]

    def _token_ids(self) -> Callable[[int], Tensor | None]:
        """Ids ``[folds, n, tokens]`` of a step, up to the longest text: of the step, or of all."""
        first = self.jobs[0]
        if first.data.tokens is None:
            return _no_text
        ids = first.data.tokens[self.wordings, self.nodules].astype(np.int64)
        own = first.settings
        dropping = own.network.tuning == "lora" and own.lora.dropout > 0
        # Steps of a GPU and compiled ones have one shape; what is dropped of a text must not depend on how long
        # another fold's is.
        if first.device.type == "cpu" and not dropping and not own.run.compile:
            each = torch.from_numpy(ids)
            return lambda step: each[step][..., : int(each[step].argmax(-1).max()) + 1]
        longest = -(-first.data.longest_text // TEXT_STEP) * TEXT_STEP
        every = torch.from_numpy(ids[..., :longest]).to(first.device)
        return lambda step: every[step]


def _no_text(step: int) -> None:
    """Of images alone."""


def _by_fold(planes: Tensor, folds: int) -> Tensor:
    return planes.reshape(folds, -1, *planes.shape[1:])


def _accumulated(lengths: Sequence[int], steps: int, accumulate: int) -> tuple[np.ndarray, np.ndarray]:
    """When each fold's weights move, ``[folds, steps]``, and shares of its losses, ``[steps, folds]``."""
    moves, shares = np.zeros((len(lengths), steps), bool), np.zeros((steps, len(lengths)), np.float32)
    for fold, length in enumerate(lengths):
        moves[fold, accumulate - 1 : length : accumulate] = True
        moves[fold, length - 1] = True
        shares[:length, fold] = 1 / accumulate
        shares[length - 1, fold] = 1 / (length % accumulate or accumulate)
    return moves, shares
