"""The tiny CLIP in ``clip_nodule/weights``: trained on phantoms and their report texts, from a seed.

Run it as ``python -m tests.references.pretrain_tiny_clip --work DIR``; it makes its own phantoms, whose seeds no
other phantom of the project uses, and writes the weights and the figures of its card.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
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
from benchmark.files import replacing
from benchmark.imaging.cropping.cohort import crops_of
from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.losses import contrastive_loss
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.tiny import TINY
from clip_nodule.pretrained.namings import HEADS
from clip_nodule.pretrained.weight_files import WEIGHTS
from clip_nodule.runs.setting_parts import DataSettings
from clip_nodule.runs.settings import Settings
from clip_nodule.text.feature_sentences import CLASSED, class_shares, feature_sentences
from clip_nodule.text.tokens import tokenize
from clip_nodule.text.wordings import wordings
from clip_nodule.training.images import KeptPlanes, kept_planes_file

COHORTS: tuple[tuple[str, int, int], ...] = (
    ("nlst", 9001, 4000),
    ("lungx", 9002, 400),
    ("dlcs", 9003, 400),
    ("features", 9004, 2800),
)
"""Preset, seed and patients of the phantoms; the demo's and the tests' seeds are below 9000."""
NAME = "tiny_clip"
SEED = 20250504
WORDINGS = 12
BATCH = 32
THREADS = 2
PLANES = 3
"""Planes of a nodule that a step sees, drawn anew each time."""
WIDTH, ATTENTION = 128, 64
"""Of the heads, as in ``configs/tiny-cpu.yaml``."""
GENERAL = 2.0
"""Weight of a general feature (margins, shape, consistency, ...) in the losses; that of any other is 1."""
PROMPTED = 0.5
"""Share of the sentences about a feature that are the zero-shot prompt."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """Everything the pretraining learns from.

    Attributes:
        planes: One source a cohort.
        place: ``[n, 2]`` cohort and row of each nodule.
        tokens: ``[wordings, n, context]``.
        shares: ``[n, classes]`` a feature (see ``class_shares``).
        size: ``[n]`` binary logarithm of the longest axial diameter over 10 mm, NaN where missing.
    """

    planes: list[KeptPlanes]
    place: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.uint16]
    shares: list[npt.NDArray[np.float32]]
    size: npt.NDArray[np.float32]

    def images(self, which: npt.NDArray[np.int64], random: np.random.Generator | None) -> Tensor:
        """Planes ``[n, 9, 3, s, s]``, or ``[n, PLANES, 3, s, s]`` augmented if ``random`` is given."""
        cohort, rows = self.place[which].T
        out: Tensor | None = None
        for index, source in enumerate(self.planes):
            here = np.flatnonzero(cohort == index)
            if not len(here):
                continue
            changes = None if random is None else source.draw(random, len(here))
            part = source(rows[here], changes)
            if random is not None:
                part = _transposed(part[:, torch.from_numpy(random.permutation(9)[:PLANES])], random)
            if out is None:
                out = part.new_empty((len(which), *part.shape[1:]))
            out[torch.from_numpy(here)] = part
        return cast(Tensor, out)


def make_sample(work: Path, scale: float = 1.0, workers: int = 1) -> Sample:
    """Make the phantoms, or use those of ``work``, and gather what is learned from them."""
    size = int(TINY["tiny"]["vision_cfg"]["image_size"])
    settings = Settings(data=DataSettings(text_variants=WORDINGS, text_part="mixed"))
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
    size_mm = pd.to_numeric(everything["longest_axial_diameter_(mm)"]).to_numpy(np.float32)
    shares = class_shares(everything)
    return Sample(planes, np.concatenate(places), np.concatenate(tokens, 1), shares, np.log2(size_mm / 10))


class Sentences:
    """The sentences about features as token ids, drawn anew for each step.

    Args:
        known: Token ids that the shortened token table has a row for, ascending.
    """

    def __init__(self, known: npt.NDArray[np.uint16]) -> None:
        self.wordings = [
            [np.searchsorted(known, tokenize(list(texts)).numpy()) for texts in feature.wordings]
            for feature in feature_sentences()
        ]

    @staticmethod
    def vocabulary() -> npt.NDArray[np.uint16]:
        """Every token id in use."""
        texts = [text for feature in feature_sentences() for texts in feature.wordings for text in texts]
        found: npt.NDArray[np.uint16] = np.unique(tokenize(texts).numpy()).astype(np.uint16)
        return found

    def draw(self, random: np.random.Generator) -> Tensor:
        """One sentence a class of every feature, ``[all classes, context]``."""
        chosen = []
        for classes in self.wordings:
            prompted = random.random() < PROMPTED
            chosen += [ids[0 if prompted else random.integers(1, len(ids))] for ids in classes]
        return torch.from_numpy(np.stack(chosen))


class Pretraining(nn.Module):
    """The network with a throw-away classifier of each semantic feature and a throw-away estimate of the size.

    Args:
        network: What is trained.
        shares: What each nodule is, one array a feature.
    """

    def __init__(self, network: NoduleCLIP, shares: list[npt.NDArray[np.float32]]) -> None:
        super().__init__()
        self.network = network
        self.classifiers = nn.ModuleList(nn.Linear(WIDTH, share.shape[1]) for share in shares)
        self.size = nn.Linear(WIDTH, 1)
        self.rarity = [torch.from_numpy((1 / (0.01 + share.mean(axis=0))) ** 0.5) for share in shares]

    def losses(
        self, images: Tensor, reports: Tensor, sentences: Tensor, shares: list[Tensor], size: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Losses of a batch: report against image, sentence against image, the classifiers', the size's."""
        network = self.network
        pooled, _ = network.image_head(network.image_features(images))
        image = functional.normalize(pooled, dim=-1)
        report, sentence = (network.embed_texts(network.text_features(ids)) for ids in (reports, sentences))
        contrastive = contrastive_loss(network.scale() * image @ report.t())
        similar = torch.split(network.scale() * image @ sentence.t(), [share.shape[1] for share in shares], dim=1)
        known = size.isfinite()
        error = functional.mse_loss(self.size(pooled).squeeze(-1)[known], size[known])
        classified = [classifier(pooled) for classifier in self.classifiers]
        return contrastive, self.class_loss(similar, shares), self.class_loss(classified, shares), error

    def class_loss(self, logits: Sequence[Tensor], shares: list[Tensor]) -> Tensor:
        """Weighted mean cross-entropy over features, rare classes weighing more; missing values take no part."""
        parts, weights = [], []
        for feature, given, share, rarity in zip(CLASSED, logits, shares, self.rarity, strict=True):
            weight = share * rarity
            if weight.sum() > 0:
                parts.append(-(weight * given.log_softmax(dim=1)).sum() / weight.sum())
                weights.append(GENERAL if feature.group == "general" else 1.0)
        return (torch.stack(parts) * torch.tensor(weights)).sum() / sum(weights)


def _transposed(planes: Tensor, random: np.random.Generator) -> Tensor:
    """Rows and columns of all planes of a nodule changed over, or not: with the flips, all eight symmetries."""
    over = torch.from_numpy(random.random(len(planes)) < 0.5).view(-1, 1, 1, 1, 1)
    return torch.where(over, planes.transpose(-1, -2), planes)


def pretrain(
    sample: Sample, epochs: int, learning_rate: float = 1e-3
) -> tuple[NoduleCLIP, list[dict[str, float]]]:
    """Train the tiny network from random weights.

    Returns:
        The network, and the losses of each epoch.
    """
    torch.manual_seed(SEED)
    backbone = build_backbone("tiny", seed=SEED)
    rows = np.union1d(np.unique(sample.tokens), Sentences.vocabulary())
    reports, sentences = np.searchsorted(rows, sample.tokens), Sentences(rows)  # the end token stays the largest
    table = backbone.token_embedding
    backbone.token_embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        table.weight.detach()[rows.astype(np.int64)], freeze=False
    )
    model = Pretraining(NoduleCLIP(backbone, width=WIDTH, attention=ATTENTION), sample.shares)
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
        sums = np.zeros(4)
        batches = order[: count // BATCH * BATCH].reshape(-1, BATCH)
        for which in batches:
            ids = torch.from_numpy(reports[random.integers(0, WORDINGS, BATCH), which])
            shares, size = (
                [torch.from_numpy(s[which]) for s in sample.shares],
                torch.from_numpy(sample.size[which]),
            )
            losses = model.losses(sample.images(which, random), ids, sentences.draw(random), shares, size)
            (losses[0] + 2 * losses[1] + losses[2] + losses[3]).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            sums += torch.stack(losses).detach().numpy()
        names = ("contrastive", "sentences", "features", "size")
        history.append(dict(zip(names, map(float, sums / len(batches)), strict=True)))
        line = "epoch %d/%d: contrastive %.3f, sentences %.3f, features %.3f, size %.3f"
        log.info(line, epoch + 1, epochs, *history[-1].values())
    with torch.no_grad():
        table.weight[torch.from_numpy(rows.astype(np.int64))] = backbone.token_embedding.weight
    backbone.token_embedding = table
    return model.network, history


def save_weights(network: NoduleCLIP, used: npt.NDArray[np.uint16], path: Path) -> None:
    """Write a network without its classifiers, of its token table only the rows that were used."""
    rows = torch.from_numpy(np.union1d(np.unique(used), Sentences.vocabulary()).astype(np.int64))
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in network.encoder.state_dict().items()}
    tensors |= {
        HEADS + name: parameter.detach().clone()
        for name, parameter in network.heads().items()
        if not name.startswith("classifier")
    }
    tensors["token_embedding.weight"] = tensors["token_embedding.weight"][rows].clone()
    tensors["token_embedding.rows"] = rows.to(torch.int32)
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def main() -> None:
    """Make the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for phantoms and crops (some GB)")
    parser.add_argument("--out", type=Path, default=WEIGHTS / f"{NAME}.safetensors")
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the patients, for a trial")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(THREADS)
    sample = make_sample(arguments.work, arguments.scale, arguments.workers)
    network, history = pretrain(sample, arguments.epochs)
    save_weights(network, sample.tokens, arguments.out)
    figures: dict[str, Any] = {"nodules": len(sample.place), "epochs": history}
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
