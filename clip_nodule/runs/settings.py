"""The settings of a training run, in parts, and the place that each plain name has in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from benchmark.contracts.names import SafeName
from clip_nodule.network.backbone_config import WIDEST

Sampling = Literal["diagnosis", "semantic", "none"]
Select = Literal["both", "pred", "clip"]
Precision = Literal["auto", "fp32", "bf16"]
Augment = Literal["none", "flips", "full", "paper", "jitter"]
Tuning = Literal["lora", "full", "probe"]
AttentionStart = Literal["uniform", "kaiming"]
MOST_FOLDS = 1000
"""Folds of a run; a network of each is in memory when it scores."""
Place = tuple[str, ...]
"""Part and field of a setting."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkSettings(_Part):
    """What is trained, and where it begins.

    Attributes:
        backbone: Name of an open_clip ViT, or of a tiny one.
        pretrained: Its weights: a tag of open_clip, a file, a name in ``clip_nodule/weights``, or None (also the
            word ``none``) for random ones.
        modality: ``clip`` aligns images with texts; ``vision`` trains on images alone.
        tuning: ``lora``, ``full`` (all parameters) or ``probe`` (the heads alone, encoders frozen).
        width: Length of the embedding.
        attention: Length of the plane attention's hidden layer.
        dropout: Dropout of the text head.
        temperature: Start of the learned temperature.
        classifiers: How the two classifiers begin: ``random``, or ``fitted`` to the embeddings as they are before
            training (see ``fit_classifiers``).
        attention_start: How the plane attention's three layers begin: ``uniform`` (PyTorch's own), or ``kaiming``
            (the paper's code); heads that come with pretrained weights take the place of either.
    """

    backbone: str = "ViT-B-32-quickgelu"
    pretrained: str | None = "openai"
    modality: Literal["clip", "vision"] = "clip"
    tuning: Tuning = "lora"
    width: int = Field(256, ge=1, le=WIDEST)
    attention: int = Field(128, ge=1, le=WIDEST)
    dropout: float = Field(0.1, ge=0, lt=1)
    temperature: float = Field(0.07, gt=0, le=1000)
    classifiers: Literal["random", "fitted"] = "random"
    attention_start: AttentionStart = "uniform"

    @field_validator("pretrained", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:  # noqa: ANN401
        return None if isinstance(value, str) and value.strip().lower() in ("none", "null") else value


class LoraSettings(_Part):
    """The low-rank updates, where ``tuning`` is ``lora``.

    Attributes:
        rank: Their rank.
        alpha: Their scale.
        dropout: Dropout before them; plainly ``lora_dropout``.
        rank_stabilised: Scale by alpha / sqrt(rank) and not by alpha / rank.
        position: Layers that are adapted.
        encoder: Encoders that are adapted.
        params: Projections that are adapted.
    """

    rank: int = Field(2, ge=1, le=WIDEST)
    alpha: float = Field(1, gt=0, le=1e6)
    dropout: float = Field(0.25, ge=0, lt=1)
    rank_stabilised: bool = True
    position: Literal["all", "bottom", "mid", "up", "half-up", "half-bottom", "top3"] = "all"
    encoder: Literal["text", "vision", "both"] = "both"
    params: tuple[Literal["q", "k", "v", "o"], ...] = Field(("q", "k", "v"), min_length=1)


class LossSettings(_Part):
    """What is minimised.

    Attributes:
        clip_weight: Weight of the contrastive loss.
        image_weight: Weight of the images' cross-entropy.
        text_weight: Weight of the texts' cross-entropy.
        smoothing: Label smoothing of the contrastive loss.
        class_weights: Weight the training's cross-entropies by class, inversely to how often it occurs among the
            fold's training nodules. The paper's code does so where ``sampling`` is ``semantic``; validation is
            always weighted so.
    """

    clip_weight: float = Field(1.0, ge=0, le=1e6)
    image_weight: float = Field(1.0, ge=0, le=1e6)
    text_weight: float = Field(1.0, ge=0, le=1e6)
    smoothing: float = Field(0.1, ge=0, lt=1)
    class_weights: bool = False


class DataSettings(_Part):
    """Which nodules are shown, and how.

    Attributes:
        recipe: How crops and planes are made.
        folds: Number of cross-validation folds.
        test_fraction: Share of the patients of every cohort that is set aside before folds are made.
        hold_out: That share by cohort; cohorts that it does not name hold nobody out. Where it is given,
            ``test_fraction`` is not used.
        sampling: What makes a nodule be drawn more often: a rare diagnosis, rare semantic features, or nothing.
        augment: Of images while training: ``none``; ``flips`` (of planes kept on disk); ``full``, where each plane
            is flipped, rotated and shifted by itself; ``paper``, where the volume is changed once for its nine
            planes, and they are cut out beside its middle; ``jitter``, the latter alone, as in the paper's code
            without ``--augmentation``.
        text_augment: Draw among several wordings while training, and replace or drop words; ``paper`` draws the
            plain wording as often as the paper's code reads it (``PLAIN_SHARE``), and alters that wording only.
        text_variants: Wordings a nodule.
        text_part: Part of the report that is read: ``impression``, ``findings``, or ``mixed``: impressions and,
            every other wording, one to four sentences of the findings; or ``paper``: what stands from the first
            word "impression" on, that word too and line breaks left out, as the paper's code reads it.
    """

    recipe: str = "default"
    folds: int = Field(5, ge=1, le=MOST_FOLDS)
    test_fraction: float = Field(0.0, ge=0, lt=1)
    hold_out: dict[SafeName, Annotated[float, Field(ge=0, lt=1)]] = Field(default_factory=dict)
    sampling: Sampling = "diagnosis"
    augment: Augment = "none"
    text_augment: bool | Literal["paper"] = True
    text_variants: int = Field(4, ge=1, le=64)
    text_part: Literal["impression", "findings", "mixed", "paper"] = "impression"

    def held_out_share(self, cohort: str) -> float:
        """Share of a cohort's patients that is set aside."""
        return self.hold_out.get(cohort, 0.0) if self.hold_out else self.test_fraction


class OptimisationSettings(_Part):
    """How long and how fast it learns.

    Attributes:
        epochs: Largest number of epochs.
        batch_size: Nodules a step.
        accumulate: Steps whose gradients are added up before the weights move.
        learning_rate: AdamW's learning rate.
        weight_decay: AdamW's weight decay.
        warmup: Epochs before early stopping begins to watch.
        patience: Epochs without a better value after which a loss counts as stopped.
        select: The best state that scores: of the summed, the prediction or the contrastive loss.
        sticky_stops: A loss that ran out of patience once counts as stopped for good, though a better value may
            come while the others go on, and a value equal to the best is better, both as in the paper's code.
    """

    epochs: int = Field(100, ge=1, le=10**6)
    batch_size: int = Field(4, ge=1, le=10**6)
    accumulate: int = Field(1, ge=1, le=10**6)
    learning_rate: float = Field(1e-4, gt=0, le=1e3)
    weight_decay: float = Field(0.1, ge=0, le=1e3)
    warmup: int = Field(0, ge=0, le=10**6)
    patience: int = Field(5, ge=1, le=10**6)
    select: Select = "both"
    sticky_stops: bool = False


class RunSettings(_Part):
    """How the folds are run.

    Attributes:
        calibration: Fitted on each fold's validation patients: ``beta``, ``isotonic`` or ``none``.
        precision: ``bf16`` runs the encoders under autocast; ``auto`` does so where the device has it.
        threads: CPU threads a fold; 0 leaves it to PyTorch.
        parallel: Stacks of folds trained at the same time in processes of their own.
        lockstep: Folds trained as one stack, the same step of each at the same time: a number, 1 for one fold
            after another, or ``auto``: all on a GPU, one on a processor.
        graph: On a GPU, launch a step as one CUDA graph.
        deterministic: On a GPU, take only algorithms that give the same bits every time; equal bits are claimed of
            no other run there. On a processor they are claimed of all.
    """

    calibration: Literal["beta", "isotonic", "none"] = "beta"
    precision: Precision = "auto"
    threads: int = Field(0, ge=0, le=4096)
    parallel: int = Field(1, ge=1, le=4096)
    lockstep: Literal["auto"] | Annotated[int, Field(ge=1, le=MOST_FOLDS)] = "auto"
    graph: bool = True
    deterministic: bool = False


class Settings(_Part):
    """Everything that decides what a training run computes. Defaults are the paper's.

    Each setting also has a plain name (``PLACES``), which runs and configurations had before there were parts:
    ``Settings.model_validate({"rank": 4})`` is ``{"lora": {"rank": 4}}``.

    Attributes:
        network: What is trained, and where it begins.
        lora: The low-rank updates.
        losses: What is minimised.
        data: Which nodules are shown, and how.
        optimisation: How long and how fast it learns.
        run: How the folds are run.
    """

    network: NetworkSettings = NetworkSettings()
    lora: LoraSettings = LoraSettings()
    losses: LossSettings = LossSettings()
    data: DataSettings = DataSettings()
    optimisation: OptimisationSettings = OptimisationSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="before")
    @classmethod
    def _in_parts(cls, values: Any) -> Any:  # noqa: ANN401
        return (
            in_parts({place: value for place, _, value in placed(values)})
            if isinstance(values, Mapping)
            else values
        )

    def at(self, place: Place) -> Any:  # noqa: ANN401
        """The value at a place."""
        return getattr(getattr(self, place[0]), place[1])


PARTS: dict[str, type[_Part]] = {
    "network": NetworkSettings,
    "lora": LoraSettings,
    "losses": LossSettings,
    "data": DataSettings,
    "optimisation": OptimisationSettings,
    "run": RunSettings,
}
PLACES: dict[str, Place] = {
    "lora_dropout" if (part, field) == ("lora", "dropout") else field: (part, field)
    for part, model in PARTS.items()
    for field in model.model_fields
}
"""Part and field of every setting by its plain name: the field's own, but ``lora_dropout``."""


def placed(values: Mapping[Any, Any]) -> list[tuple[Place, str, Any]]:
    """Place, name as it is written, and value of each setting; a name that is none is its own place.

    Args:
        values: Settings by plain names (``rank``), by part and field (``lora.rank``), or in parts.

    Raises:
        ValueError: Two names mean the same setting.
    """
    found: dict[Place, tuple[str, Any]] = {}
    for name, value in _by_written_name(values):
        place = PLACES.get(name, tuple(name.split(".")))
        if place in found:
            raise ValueError(f"{found[place][0]} and {name} are the same setting: give one of them")
        found[place] = (name, value)
    return [(place, name, value) for place, (name, value) in found.items()]


def in_parts(values: Mapping[Place, Any]) -> dict[str, Any]:
    """Settings by place as nested mappings."""
    nested: dict[str, Any] = {}
    for place, value in values.items():
        if len(place) == 2:
            nested.setdefault(place[0], {})[place[1]] = value
        else:
            nested[".".join(place)] = value
    return nested


def _by_written_name(values: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    named: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key in PARTS and isinstance(value, BaseModel):
            value = value.model_dump()
        if key in PARTS and (value is None or isinstance(value, Mapping)):
            named += [(f"{key}.{field}", inner) for field, inner in (value or {}).items()]
        else:
            named.append((str(key), value))
    return named
