"""Outputs of frozen encoders, computed once for all folds and epochs of a probe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.files import replacing
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.progress import Progress
from clip_nodule.network.device import set_precision
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.pretrained.tensor_files import read_safetensors, save_tensors
from clip_nodule.runs.networks import shared_backbone
from clip_nodule.runs.run_folder import DATA, RunInfo
from clip_nodule.training.data import TrainingData, load_data
from clip_nodule.training.fold import EVALUATED
from clip_nodule.training.images import FreshPlanes

FEATURES = "features.safetensors"


@torch.no_grad()
def frozen_features(
    run: Path, info: RunInfo, store: JoinedStore, device: torch.device, progress: Progress | None = None
) -> tuple[Tensor, Tensor | None]:
    """Features of all images and wordings of a run, read from its folder if they are there.

    Args:
        run: The run folder.
        info: Its ``run.yaml``.
        store: The crops.
        device: Where they are computed.
        progress: Told how many of how many nodules are done.

    Returns:
        Images ``[n, 9, f]`` and texts ``[wordings, n, f]`` (None for images alone), on the CPU.

    Raises:
        InputError: The file that is there does not hold features of each nodule and wording of the run.
    """
    file, data = run / DATA / FEATURES, load_data(run)
    if not file.is_file():
        backbone = shared_backbone(run, info)
        if backbone is None:
            raise ValueError("a probe shares its backbone among folds")
        model = NoduleCLIP(backbone).eval().to(device)
        set_precision(model, info.settings.run.precision, device)
        planes = FreshPlanes(store, int(info.backbone["vision_cfg"]["image_size"]), device)
        planes.expect(np.split(data.rows, range(EVALUATED, len(data.rows), EVALUATED)))
        images = []
        for start in range(0, len(data.rows), EVALUATED):
            images.append(model.image_features(planes(data.rows[start : start + EVALUATED])).cpu())
            if progress is not None:
                progress(min(start + EVALUATED, len(data.rows)), len(data.rows), "features")
        tensors = {"images": torch.cat(images)}
        if data.tokens is not None:
            unique, place = np.unique(data.tokens.reshape(-1, data.tokens.shape[-1]), axis=0, return_inverse=True)
            ids = torch.split(torch.from_numpy(unique.astype(np.int64)), 256)
            encoded = torch.cat([model.text_features(part.to(device)).cpu() for part in ids])
            tensors["texts"] = encoded[torch.from_numpy(place.ravel())].reshape(*data.tokens.shape[:2], -1)
        with replacing(file) as temporary:
            save_tensors(tensors, temporary)
    return _checked_features(file, data)


def _checked_features(file: Path, data: TrainingData) -> tuple[Tensor, Tensor | None]:
    """What a file of features holds, if that is of each nodule and wording."""
    read = read_safetensors(file)
    images, texts = read.get("images"), read.get("texts")
    expected = (len(data.table), 9)
    fits = images is not None and images.ndim == 3 and tuple(images.shape[:2]) == expected
    if data.tokens is not None:
        fits = fits and texts is not None and texts.ndim == 3 and texts.shape[:2] == data.tokens.shape[:2]
    if images is None or not fits:
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in read.items())
        what = f"holds {shapes or 'nothing'}, not features of 9 planes of each of {len(data.table):,} nodules"
        what += "" if data.tokens is None else f" and of their {len(data.tokens)} wordings"
        raise InputError(Problem(what, "remove it; it is made again from the crops", file))
    return images, texts
