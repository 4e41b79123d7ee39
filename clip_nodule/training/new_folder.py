"""The folder of a new run, with all that its folds need."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from benchmark.files import replacing, sha256
from clip_nodule.network.backbone import Backbone, Start
from clip_nodule.pretrained.tensor_files import save_tensors
from clip_nodule.runs.checkpoint import replacing_folder
from clip_nodule.runs.run_folder import BACKBONE, START, RunInfo, write_run
from clip_nodule.training.data import TrainingData, save_data


def write_new_run(run: Path, info: RunInfo, start: Start, data: TrainingData, patients: pd.DataFrame) -> RunInfo:
    """Write the folder of a new run; its ``run.yaml`` with the hashes of what was written."""
    with replacing_folder(run) as made:
        hashes = save_data(made, data, patients)
        save_shared(start.backbone, made / BACKBONE)
        if start.heads:
            with replacing(made / START) as temporary:
                save_tensors(start.heads, temporary)
        known = {"backbone_sha256": sha256(made / BACKBONE), "inputs": {**hashes, **info.inputs}}
        info = info.model_copy(update=known)
        write_run(made, info)
    return info


def save_shared(backbone: Backbone, path: Path) -> None:
    """Write the frozen weights; tensors that half precision holds exactly are stored in it (OpenAI's are such)."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in backbone.state_dict().items():
        half = tensor.half()
        exact = tensor.numel() > 1 and torch.equal(half.to(tensor.dtype), tensor)
        tensors[name] = (half if exact else tensor).contiguous().clone()
    with replacing(path) as temporary:
        save_tensors(tensors, temporary)
