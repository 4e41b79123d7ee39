"""Choices of the command line that more than one command offers, or that a light start may not import.

Each stands for a list that the library holds; tests compare the two.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer


def device_word(text: str) -> str:
    """A word of ``--device``, as it is.

    Raises:
        typer.BadParameter: It is none.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,4})?", text):
        raise typer.BadParameter(
            f"{text!r} is none of auto, cpu, cuda, and cuda:0, cuda:1, ... for one of several"
        )
    return text


Device = Annotated[
    str,
    typer.Option(
        help="Where to compute; cuda:1 is the second card.", metavar="auto|cpu|cuda|cuda:N", callback=device_word
    ),
]
"""Where a network computes."""


class Patients(StrEnum):
    """Whom a run scores of its own training cohort: those held out, or all."""

    auto = "auto"
    all = "all"


class Precision(StrEnum):
    """Numbers that a network scores with."""

    fp32 = "fp32"
    bf16 = "bf16"
    auto = "auto"
    int8 = "int8"


class TrainingPrecision(StrEnum):
    """Numbers that a network is trained with."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class RecipeName(StrEnum):
    """How crops and planes are cut."""

    default = "default"
    zhuang2025 = "zhuang2025"


class Unit(StrEnum):
    """What a case of a comparison is."""

    patient = "patient"
    nodule = "nodule"


class Backend(StrEnum):
    """What writes the text of a report."""

    template = "template"
    gemini = "gemini"


class Ablation(StrEnum):
    """Tables whose rows are all trained."""

    tuning = "tuning"
    modality = "modality"


class ChooseBy(StrEnum):
    """What trials of a search are chosen by."""

    auroc = "auroc"
    auprc = "auprc"
    loss = "loss"


class Modality(StrEnum):
    """What a network learns from."""

    clip = "clip"
    vision = "vision"


class Tuning(StrEnum):
    """Which weights are trained."""

    lora = "lora"
    full = "full"
    probe = "probe"


class Selection(StrEnum):
    """What chooses the best state."""

    both = "both"
    pred = "pred"
    clip = "clip"
    auroc = "auroc"


class Tracking(StrEnum):
    """What is told of every epoch."""

    tensorboard = "tensorboard"
    mlflow = "mlflow"


class Sampling(StrEnum):
    """What batches are balanced by."""

    diagnosis = "diagnosis"
    semantic = "semantic"
    none = "none"


class Position(StrEnum):
    """Layers with low-rank updates."""

    all = "all"
    bottom = "bottom"
    mid = "mid"
    up = "up"
    half_up = "half-up"
    half_bottom = "half-bottom"
    top3 = "top3"


class Encoder(StrEnum):
    """Encoders with low-rank updates."""

    text = "text"
    vision = "vision"
    both = "both"


class Augmentation(StrEnum):
    """How planes are varied in training."""

    none = "none"
    flips = "flips"
    full = "full"
    paper = "paper"
    jitter = "jitter"


class FindingsForm(StrEnum):
    """How findings are printed."""

    table = "table"
    json = "json"
