"""A trained run in memory: probabilities, embeddings and plane attention of crops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.plane_maps import PLANES
from benchmark.imaging.recipe import Recipe, recipe_from_dict
from benchmark.progress import Progress
from clip_nodule.inference.encoders import FoldEncoders
from clip_nodule.inference.side_by_side import one_behind, side_by_side
from clip_nodule.network.backbone import Backbone, embedding_size, image_size
from clip_nodule.network.device import choose_device, out_of_memory, set_precision
from clip_nodule.network.int8 import made_nodule, quantise_images, require_int8
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.probabilities import probabilities
from clip_nodule.planes.batch import planes_batch
from clip_nodule.planes.crops import DeviceCrops, cube_recipe, free_memory, untouched_margin, uploaded
from clip_nodule.runs.networks import load_fold, shared_backbone
from clip_nodule.runs.run_folder import RunInfo, read_run
from clip_nodule.runs.run_hashes import check_hashes
from clip_nodule.text.tokens import tokenize

Floats = npt.NDArray[np.float64]
T = TypeVar("T")
OfFold = Callable[[NoduleCLIP, Tensor], Tensor]
"""Of a fold's network and its encoder's outputs."""
BATCH = {"cpu": 8, "cuda": 256}
"""Nodules encoded at once; on a GPU at most."""
FILLED = 0.5
"""Share of a GPU's free memory that a batch may take."""
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
    encoders: FoldEncoders = field(init=False)
    size: int = field(init=False)
    margin: int = field(init=False)
    precision: str = field(init=False)
    batch: int = field(init=False)

    def __post_init__(self) -> None:
        self.recipe = recipe_from_dict(self.info.recipe)
        self.encoders = FoldEncoders(self.models, self.device)
        self.precision = "fp32" if self.models[0].precision is None else "bf16"
        self.size = int(self.info.backbone["vision_cfg"]["image_size"])
        self.margin = 0 if self.device.type == "cpu" else untouched_margin(self.recipe, self.size)
        self.batch = batch_that_fits(self.models[0].encoder, self.device)

    def quantise(self) -> None:
        """Let the image encoders compute in int8; the folds are used up for anything else."""
        planes = planes_batch(torch.from_numpy(made_nodule(self.recipe)), self.recipe, self.size)[0]
        for model in self.models:
            quantise_images(model.encoder, planes)
        self.encoders, self.precision = FoldEncoders(self.models, self.device), "int8"
        self.batch = 1  # int8 rounds by the range of a batch: a nodule's score must not depend on the others

    @property
    def scales(self) -> Floats:
        """Factor on the cosines (1/temperature) of each fold, ``[folds]``."""
        self._need_texts()
        return torch.stack([model.scale() for model in self.models]).double().cpu().numpy()

    def predict(self, crops: npt.ArrayLike) -> Floats:
        """Probability of malignancy, ``[n, folds]``."""
        return probabilities(self._over_crops(crops, _logits)).T

    def predict_rows(
        self, store: CropStore, rows: npt.NDArray[np.int64], progress: Progress | None = None
    ) -> Floats:
        """Probability of malignancy of a store's nodules, read ahead of their use, ``[n, folds]``.

        Args:
            store: Crops made with the run's recipe.
            rows: Its rows, which have crops.
            progress: Called with nodules done and their number.
        """
        return probabilities(self._over_rows(store, rows, _logits, progress)).T

    def embed_images(self, crops: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Unit-length embeddings, ``[folds, n, d]``."""
        return self._over_crops(crops, _embeddings).numpy()

    def embed_rows(
        self, store: CropStore, rows: npt.NDArray[np.int64], progress: Progress | None = None
    ) -> npt.NDArray[np.float32]:
        """Unit-length embeddings of a store's nodules, ``[folds, n, d]``; see ``predict_rows``."""
        return self._over_rows(store, rows, _embeddings, progress).numpy()

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
        return self._over_texts(sentences, NoduleCLIP.embed_texts).numpy()

    def _over_crops(self, crops: npt.ArrayLike, function: OfFold) -> Tensor:
        given = _checked_crops(crops, self.recipe)
        inner = slice(self.margin, self.recipe.size - self.margin)

        def cubes(start: int) -> Tensor:
            block = given[start : start + self.batch, inner, inner, inner]
            return uploaded(np.require(block, None, ["C", "W"]), self.device)

        starts = range(0, len(given), self.batch)
        return self._over_cubes(starts, cubes, lambda: map(cubes, starts), function)

    def _over_rows(
        self, store: CropStore, rows: npt.NDArray[np.int64], function: OfFold, progress: Progress | None
    ) -> Tensor:
        batches = np.split(rows, range(self.batch, len(rows), self.batch)) if len(rows) else []

        def cubes(block: npt.NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(store.crops(block))  # of a processor, which leaves nothing out

        def ahead() -> Iterator[Tensor]:
            source = DeviceCrops(store, self.device, self.margin)
            return (found for _, found in source.each(batches))

        report = None if progress is None else lambda done: progress(done, len(rows), "nodules")
        return self._over_cubes(batches, cubes, ahead, function, report)

    @torch.no_grad()
    def _over_cubes(
        self,
        blocks: Sequence[T],
        cubes: Callable[[T], Tensor],
        ahead: Callable[[], Iterator[Tensor]],
        function: OfFold,
        report: Callable[[int], None] | None = None,
    ) -> Tensor:
        """A function of every fold's features, ``[folds, n, ...]``: planes are made once for all folds.

        A processor works on several blocks at a time. A GPU has the next batch to work on, from ``ahead``, when
        one is fetched: the processor waits once a batch, and for the batch before.
        """
        recipe, dtype = cube_recipe(self.recipe, self.margin), self.encoders.planes_dtype
        parts: list[Tensor] = []

        def of_folds(given: Tensor) -> Tensor:
            features = self.encoders.images(planes_batch(given, recipe, self.size, dtype=dtype))
            return torch.stack([function(*pair) for pair in zip(self.models, features, strict=True)])

        if self.device.type == "cpu":
            results = side_by_side(blocks, lambda block: of_folds(cubes(block)))
        else:
            results = one_behind(ahead(), of_folds)
        with out_of_memory(self.device, "score on the processor (--device cpu), or with --precision bf16"):
            for found in results:
                parts.append(found)
                if report is not None:
                    report(sum(part.shape[1] for part in parts))
        if not parts:  # open_clip takes no empty batch
            nothing = torch.zeros(0, len(PLANES), embedding_size(self.models[0].encoder), device=self.device)
            return torch.stack([function(model, nothing) for model in self.models]).cpu()
        return torch.cat(parts, 1)

    @torch.no_grad()
    def _over_texts(self, sentences: Sequence[str], function: OfFold) -> Tensor:
        self._need_texts()
        if isinstance(sentences, str) or not len(sentences) or not all(isinstance(s, str) for s in sentences):
            raise InputError("give a list of one sentence or more")
        context = int(self.models[0].encoder.positional_embedding.shape[0])
        parts = []
        for block in torch.split(tokenize(sentences, context), 256):
            features = self.encoders.texts(block.to(self.device))
            found = [function(*pair) for pair in zip(self.models, features, strict=True)]
            parts.append(torch.stack(found).cpu())
        return torch.cat(parts, 1)

    def _need_texts(self) -> None:
        if self.info.settings.network.modality != "clip":
            raise InputError(Problem("was trained on images alone: it reads no text", file=self.folder))


def _logits(model: NoduleCLIP, features: Tensor) -> Tensor:
    logits: Tensor = model.classifier_image(model.embed_images(features)[0])
    return logits


def _embeddings(model: NoduleCLIP, features: Tensor) -> Tensor:
    return model.embed_images(features)[0]


def batch_that_fits(backbone: Backbone, device: torch.device) -> int:
    """How many nodules are encoded at once: on a GPU as many as half of its free memory holds, up to ``BATCH``.

    An image takes its planes, in HU and in three channels, and at its widest point some twenty numbers for every
    one of its tokens' vectors: a token before and behind a layer, its four times wider one, Q, K and V.
    """
    most = BATCH[device.type]
    free = free_memory(device) if device.type == "cuda" else None
    if free is None:
        return most
    tokens, width = backbone.visual.positional_embedding.shape
    nodule = len(PLANES) * 4 * (4 * image_size(backbone) ** 2 + 20 * int(tokens) * int(width))
    return max(1, min(most, int(FILLED * free / nodule)))


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
        device: ``auto``, ``cpu``, ``cuda``, or one of several cards: ``cuda:1``.
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
    with out_of_memory(where, "score on the processor (--device cpu)"):
        for model in models:
            set_precision(model.to(where), precision, where)
        run = Run(folder, info, models, where)
    if precision == "int8":
        run.quantise()
    return run


def _checked_crops(crops: npt.ArrayLike, recipe: Recipe) -> npt.NDArray[np.int16]:
    array = np.asarray(crops)
    wanted = (recipe.size,) * 3
    if array.ndim != 4 or array.shape[1:] != wanted or array.dtype != np.int16:
        what = f"crops are {array.dtype} {list(array.shape)}, not int16 HU [n, {', '.join(map(str, wanted))}]"
        raise InputError(Problem(what, "one nodule is crops[None]"))
    return array
