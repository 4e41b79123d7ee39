"""A trained run in memory: probabilities, embeddings and plane attention of crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.imaging.plane_maps import PLANES
from benchmark.imaging.recipe import Recipe, recipe_from_dict
from clip_nodule.inference.side_by_side import side_by_side
from clip_nodule.network.backbone import Backbone, embedding_size
from clip_nodule.network.device import choose_device, set_precision
from clip_nodule.network.int8 import quantise_images, require_int8
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.probabilities import probabilities
from clip_nodule.planes.batch import planes_batch
from clip_nodule.runs.networks import load_fold, shared_backbone
from clip_nodule.runs.run_folder import RunInfo, read_run
from clip_nodule.runs.run_hashes import check_hashes
from clip_nodule.text.tokens import tokenize

Floats = npt.NDArray[np.float64]
BATCH = {"cpu": 8, "cuda": 256}
"""Nodules encoded at once."""
PRECISIONS = ("fp32", "bf16", "auto", "int8")


@dataclass
class Run:
    """The folds of a run, ready to score.

    Crops are int16 HU ``[n, 100, 100, 100]`` (z, y, x), made with the run's ``recipe``; their planes are computed
    once for all folds.

    Example::

        >>> from benchmark.imaging.cropping.store import CropStore
        >>> from clip_nodule import load_run
        >>> run = load_run("results/runs/first")
        >>> crops = CropStore.open("results/crops/nlst").crops([0, 1, 2])
        >>> images, texts = run.embed_images(crops), run.embed_texts(["a solid nodule", "a ground glass nodule"])
        >>> (images @ texts.swapaxes(1, 2)).shape  # cosines: folds, nodules, sentences
        (2, 3, 2)
        >>> run.plane_attention(crops).sum(axis=1).round(4).tolist()
        [1.0, 1.0, 1.0]

    Attributes:
        folder: The run folder.
        info: Its ``run.yaml``.
        models: One network a fold, low-rank updates merged, in evaluation mode.
        device: Where they are.
    """

    folder: Path
    info: RunInfo
    models: list[NoduleCLIP]
    device: torch.device
    recipe: Recipe = field(init=False)
    batch: int = field(init=False)

    def __post_init__(self) -> None:
        self.recipe = recipe_from_dict(self.info.recipe)
        self.batch = BATCH[self.device.type]

    def quantise(self) -> None:
        """Let the image encoders compute in int8; the folds are used up for anything else."""
        planes = self._planes(_made_nodule(self.recipe))[0]
        for model in self.models:
            quantise_images(model.encoder, planes)
        self.batch = 1  # int8 rounds by the range of a batch: a nodule's score must not depend on the others

    @property
    def scales(self) -> Floats:
        """Factor on the cosines (1/temperature) of each fold, ``[folds]``."""
        self._need_texts()
        return np.array([float(model.scale()) for model in self.models])

    def predict(self, crops: npt.ArrayLike) -> Floats:
        """Probability of malignancy, ``[n, folds]``."""
        logits = self._over_crops(
            crops, lambda model, features: model.classifier_image(model.embed_images(features)[0])
        )
        return probabilities(logits).T

    def embed_images(self, crops: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Unit-length embeddings, ``[folds, n, d]``."""
        return self._over_crops(crops, lambda model, features: model.embed_images(features)[0]).numpy()

    def plane_attention(self, crops: npt.ArrayLike, fold: int | None = None) -> npt.NDArray[np.float32]:
        """Attention weights of the nine planes, ``[n, 9]``, rows summing to 1: of one fold, or the mean of all.

        Raises:
            InputError: There is no such fold.
        """
        if fold is not None and fold not in range(len(self.models)):
            raise InputError(f"fold {fold} — is no fold of this run — 0 to {len(self.models) - 1}")
        weights = self._over_crops(crops, lambda model, features: model.embed_images(features)[1])
        return (weights.mean(0) if fold is None else weights[fold]).numpy()

    def embed_texts(self, sentences: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit-length embeddings, ``[folds, n, d]``."""
        return self._over_texts(sentences, lambda model, features: model.embed_texts(features)).numpy()

    def _over_crops(self, crops: npt.ArrayLike, function: Callable[[NoduleCLIP, Tensor], Tensor]) -> Tensor:
        checked = _checked_crops(crops, self.recipe)

        def of_folds(start: int) -> Tensor:
            planes = self._planes(checked[start : start + self.batch])
            return torch.stack([function(model, model.image_features(planes)) for model in self.models])

        if len(checked):
            return torch.cat(side_by_side(range(0, len(checked), self.batch), of_folds, self.device), 1)
        nothing = torch.zeros(0, len(PLANES), embedding_size(self.models[0].encoder), device=self.device)
        with torch.no_grad():  # open_clip takes no empty batch
            return torch.stack([function(model, nothing) for model in self.models]).cpu()

    @torch.no_grad()
    def _over_texts(self, sentences: Sequence[str], function: Callable[[NoduleCLIP, Tensor], Tensor]) -> Tensor:
        self._need_texts()
        if isinstance(sentences, str) or not len(sentences) or not all(isinstance(s, str) for s in sentences):
            raise InputError("give a list of one sentence or more")
        context = int(self.models[0].encoder.positional_embedding.shape[0])
        tokens = tokenize(sentences, context).to(self.device)
        parts = [
            torch.stack([function(model, model.text_features(block)) for model in self.models]).cpu()
            for block in torch.split(tokens, 256)
        ]
        return torch.cat(parts, 1)

    def _planes(self, crops: npt.NDArray[np.int16]) -> Tensor:
        block = torch.from_numpy(np.require(crops, requirements=["C", "W"])).to(self.device)
        return planes_batch(block, self.recipe, size=int(self.info.backbone["vision_cfg"]["image_size"]))

    def _need_texts(self) -> None:
        if self.info.settings.network.modality != "clip":
            raise InputError(Problem("was trained on images alone: it reads no text", file=self.folder))


def load_run(path: Path | str, *, device: str = "auto", precision: str = "fp32") -> Run:
    """Load a run folder.

    Example::

        >>> from benchmark.imaging.cropping.store import CropStore
        >>> from clip_nodule import load_run
        >>> run = load_run("results/runs/first")  # made by train_run or `bench train`
        >>> crops = CropStore.open("results/crops/nlst").crops([0, 1, 2])
        >>> run.predict(crops).shape  # nodules, folds
        (3, 2)

    Args:
        path: The run folder.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``fp32``, ``bf16``, ``auto`` for bf16 where the device has it, or ``int8`` for eight-bit
            products in the image encoder on a processor with VNNI. How far int8 is from fp32 depends on the
            weights: ``predict.score_cohort`` checks it.

    Raises:
        InputError: The folder is no run, a fold is missing, a file is damaged, or the precision cannot be had.
    """
    if precision not in PRECISIONS:
        fix = f"give {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        raise InputError(Problem("is no precision", fix, column="precision", value=precision))
    folder, where = Path(path), choose_device(device)
    if precision == "int8":
        require_int8(where)
    info = read_run(folder)
    shared: Backbone | None = shared_backbone(folder, info)
    models = [load_fold(folder, info, fold, shared) for fold in range(info.folds)]
    check_hashes(folder, info.folds)
    for model in models:
        set_precision(model.to(where), precision, where)
    run = Run(folder, info, models, where)
    if precision == "int8":
        run.quantise()
    return run


def _made_nodule(recipe: Recipe) -> npt.NDArray[np.int16]:
    """A crop ``[1, size, size, size]`` of noisy lung with a ball and a piece of chest wall, always the same."""
    noise = np.random.default_rng(0).normal(0, 25, (recipe.size,) * 3)
    mm = (np.indices(noise.shape) - recipe.centre_index) * recipe.spacing
    tissue = ((mm**2).sum(0) < 8.0**2) | (mm[2] > 0.4 * recipe.plane_mm)
    crop: npt.NDArray[np.int16] = np.rint(np.where(tissue, 40, -850) + noise).astype(np.int16)
    return crop[None]


def _checked_crops(crops: npt.ArrayLike, recipe: Recipe) -> npt.NDArray[np.int16]:
    array = np.asarray(crops)
    wanted = (recipe.size,) * 3
    if array.ndim != 4 or array.shape[1:] != wanted or array.dtype != np.int16:
        what = f"crops are {array.dtype} {list(array.shape)}, not int16 HU [n, {', '.join(map(str, wanted))}]"
        raise InputError(Problem(what, "one nodule is crops[None]"))
    return array
