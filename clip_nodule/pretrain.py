"""The tiny CLIP in ``clip_nodule/weights``: trained on phantoms and their report texts, from a seed.

Run it as ``python -m clip_nodule.pretrain --work DIR``; it makes its own phantoms, whose seeds no other phantom of
the project uses, and writes the weights and the figures of its card.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from benchmark.cohorts.phantom.prepare import prepare_phantom
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.vocabulary import FEATURES, SUSPICION
from benchmark.files import replacing
from clip_nodule.backbone import TINY, WEIGHTS, Backbone, build_backbone, encode_text
from clip_nodule.crop_cohort import crops_of
from clip_nodule.images import KeptPlanes, kept_planes_file
from clip_nodule.losses import contrastive_loss
from clip_nodule.settings import Settings
from clip_nodule.texts import wordings
from clip_nodule.tokens import tokenize

COHORTS: tuple[tuple[str, int, int], ...] = (("nlst", 9001, 1000), ("lungx", 9002, 200), ("dlcs", 9003, 200))
"""Preset, seed and patients of the phantoms; the demo's and the tests' seeds are below 9000."""
NAME = "tiny_clip"
SEED = 20250504
WORDINGS = 12
BATCH = 24
PLANES = 3
"""Planes of a nodule that a step sees, drawn anew each time."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """Everything the pretraining learns from.

    Attributes:
        planes: One source a cohort.
        place: ``[n, 2]`` cohort and row of each nodule.
        tokens: ``[wordings, n, context]``.
        targets: ``[n, features]`` class numbers, -1 where missing.
        size: ``[n]`` binary logarithm of the longest axial diameter over 10 mm, NaN where missing.
        classes: Number of classes of each feature.
    """

    planes: list[KeptPlanes]
    place: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.uint16]
    targets: npt.NDArray[np.int64]
    size: npt.NDArray[np.float32]
    classes: list[int]

    def images(self, which: npt.NDArray[np.int64], random: np.random.Generator | None) -> Tensor:
        """Planes ``[n, 9, 3, s, s]``, or ``[n, PLANES, 3, s, s]`` augmented if ``random`` is given."""
        cohort, rows = self.place[which].T
        out: Tensor | None = None
        for index, source in enumerate(self.planes):
            here = np.flatnonzero(cohort == index)
            if not len(here):
                continue
            part = source(rows[here], random)
            if random is not None:
                part = part[:, torch.from_numpy(random.permutation(9)[:PLANES])]
            if out is None:
                out = part.new_empty((len(which), *part.shape[1:]))
            out[torch.from_numpy(here)] = part
        return cast(Tensor, out)


def class_targets(nodules: pd.DataFrame) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Class numbers of the semantic features, one column a class column of the table; -1 where missing."""
    columns, counts = [], []
    for feature in FEATURES:
        for column in feature.columns:
            if not feature.classes or column == SUSPICION:
                continue
            values = nodules[column] if column in nodules else pd.Series(None, index=nodules.index, dtype=object)
            numbers = {name: number for number, name in enumerate(feature.classes)}
            columns.append(np.array([numbers.get(str(value), -1) for value in values], np.int64))
            counts.append(len(feature.classes))
    return np.stack(columns, 1), counts


def make_sample(work: Path, scale: float = 1.0, workers: int = 1) -> Sample:
    """Make the phantoms, or use those of ``work``, and gather what is learned from them."""
    size = int(TINY["tiny"]["vision_cfg"]["image_size"])
    settings = Settings(text_variants=WORDINGS, text_part="mixed")
    planes, places, tokens, tables = [], [], [], []
    for index, (preset, seed, patients) in enumerate(COHORTS):
        name = f"{preset}-{seed}"
        if not (work / "cohorts" / name / "cohort.yaml").is_file():
            prepare_phantom(preset, work / "cohorts" / name, seed, round(patients * scale), workers=workers)
        cohort = load_cohort(name, work / "cohorts")
        store = crops_of(cohort, work)
        rows = store.cropped.astype(np.int64)
        planes.append(KeptPlanes(kept_planes_file(store, rows, len(store), size), torch.device("cpu"), flips=True))
        places.append(np.column_stack([np.full(len(rows), index), rows]))
        table = cohort.nodules.iloc[rows]
        words = wordings(table, settings, SEED) or []
        tokens.append(np.stack([tokenize(texts).numpy().astype(np.uint16) for texts in words]))
        tables.append(table)
        log.info("%s: %d nodules", name, len(rows))
    everything = pd.concat(tables, ignore_index=True)
    targets, classes = class_targets(everything)
    size_mm = pd.to_numeric(everything["longest_axial_diameter_(mm)"]).to_numpy(np.float32)
    return Sample(
        planes, np.concatenate(places), np.concatenate(tokens, 1), targets, np.log2(size_mm / 10), classes
    )


class Pretraining(nn.Module):
    """A backbone with throw-away classifiers of the semantic features and a throw-away estimate of the size.

    Args:
        backbone: What is trained.
        classes: Number of classes of each feature.
    """

    def __init__(self, backbone: Backbone, classes: list[int]) -> None:
        super().__init__()
        self.backbone = cast(nn.Module, backbone)
        width = int(backbone.text_projection.shape[1])
        self.classifiers = nn.ModuleList(nn.Linear(width, count) for count in classes)
        self.size = nn.Linear(width, 1)
        self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def losses(
        self, images: Tensor, tokens: Tensor, targets: Tensor, size: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Contrastive loss of the planes' mean and the text, the features' cross-entropy, the size's error."""
        backbone = cast(Backbone, self.backbone)
        features = pooled(backbone, images)
        text = functional.normalize(encode_text(backbone, tokens), dim=-1)
        logits = self.scale.clamp(0, 4.6052).exp() * functional.normalize(features, dim=-1) @ text.t()
        known = size.isfinite()
        error = functional.mse_loss(self.size(features).squeeze(-1)[known], size[known])
        return contrastive_loss(logits), self.feature_loss(features, targets), error

    def feature_loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over features; missing values have no part in it."""
        parts = [
            functional.cross_entropy(classifier(features), targets[:, column], ignore_index=-1)
            for column, classifier in enumerate(self.classifiers)
            if bool((targets[:, column] >= 0).any())
        ]
        return torch.stack(parts).mean()


def pooled(backbone: Backbone, planes: Tensor) -> Tensor:
    """Mean over planes of the image encoder's outputs: ``[n, p, 3, s, s]`` to ``[n, embedding]``."""
    encoded: Tensor = backbone.visual(planes.flatten(0, 1))
    return encoded.reshape(*planes.shape[:2], -1).mean(1)


def pretrain(sample: Sample, epochs: int, learning_rate: float = 1e-3) -> tuple[Backbone, list[dict[str, float]]]:
    """Train the tiny backbone from random weights.

    Returns:
        The backbone, and the losses of each epoch.
    """
    torch.manual_seed(SEED)
    backbone = build_backbone("tiny", seed=SEED)
    rows, tokens = np.unique(
        sample.tokens, return_inverse=True
    )  # ids keep their order: the end token stays largest
    tokens = tokens.reshape(sample.tokens.shape)
    table = backbone.token_embedding
    backbone.token_embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        table.weight.detach()[rows.astype(np.int64)], freeze=False
    )
    model = Pretraining(backbone, sample.classes)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98))
    count = len(sample.place)
    steps = epochs * (count // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps + 1, pct_start=0.1)
    history = []
    for epoch in range(epochs):
        random = np.random.default_rng([SEED, epoch])
        order = random.permutation(count)
        sums = np.zeros(3)
        batches = order[: count // BATCH * BATCH].reshape(-1, BATCH)
        for which in batches:
            ids = torch.from_numpy(tokens[random.integers(0, WORDINGS, BATCH), which])
            targets, size = torch.from_numpy(sample.targets[which]), torch.from_numpy(sample.size[which])
            losses = model.losses(sample.images(which, random), ids, targets, size)
            (losses[0] + 2 * losses[1] + losses[2]).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            sums += torch.stack(losses).detach().numpy()
        history.append(
            dict(zip(("contrastive", "features", "size"), map(float, sums / len(batches)), strict=True))
        )
        log.info(
            "epoch %d/%d: contrastive %.3f, features %.3f, size %.3f", epoch + 1, epochs, *history[-1].values()
        )
    with torch.no_grad():
        table.weight[torch.from_numpy(rows.astype(np.int64))] = backbone.token_embedding.weight
    backbone.token_embedding = table
    return backbone, history


def save_weights(backbone: Backbone, used: npt.NDArray[np.uint16], path: Path) -> None:
    """Write a backbone, of its token table only the rows that were used."""
    rows = torch.from_numpy(np.unique(used).astype(np.int64))
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in backbone.state_dict().items()}
    tensors["token_embedding.weight"] = tensors["token_embedding.weight"][rows].clone()
    tensors["token_embedding.rows"] = rows.to(torch.int32)
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def main() -> None:
    """Make the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for phantoms and crops (some GB)")
    parser.add_argument("--out", type=Path, default=WEIGHTS / f"{NAME}.safetensors")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the patients, for a trial")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    sample = make_sample(arguments.work, arguments.scale, arguments.workers)
    backbone, history = pretrain(sample, arguments.epochs)
    save_weights(backbone, sample.tokens, arguments.out)
    figures: dict[str, Any] = {"nodules": len(sample.place), "epochs": history}
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
