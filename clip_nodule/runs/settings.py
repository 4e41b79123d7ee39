"""The settings of a training run: one YAML file, overridden by flags, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.contracts.cohort import validation_problems
from benchmark.errors import InputError, Problem

CONFIGS = Path(__file__).parents[1] / "configs"

Sampling = Literal["diagnosis", "semantic", "none"]
Select = Literal["both", "pred", "clip"]
Precision = Literal["auto", "fp32", "bf16"]
Augment = Literal["none", "flips", "full"]


class Settings(BaseModel):
    """Everything that decides what a training run computes. Defaults are the paper's.

    Attributes:
        backbone: Name of an open_clip ViT, or of a tiny one.
        pretrained: Its weights: a tag of open_clip, a file, a name in ``clip_nodule/weights``, or None (also the
            word ``none``) for random ones.
        recipe: How crops and planes are made.
        modality: ``clip`` aligns images with texts; ``vision`` trains on images alone.
        tuning: ``lora``, ``full`` (all parameters) or ``probe`` (the heads alone, encoders frozen).
        rank: Rank of the low-rank updates.
        alpha: Their scale.
        lora_dropout: Dropout before them.
        rank_stabilised: Scale by alpha / sqrt(rank) and not by alpha / rank.
        position: Layers that are adapted.
        encoder: Encoders that are adapted.
        params: Projections that are adapted.
        width: Length of the embedding.
        attention: Length of the plane attention's hidden layer.
        dropout: Dropout of the text head.
        temperature: Start of the learned temperature.
        classifiers: How the two classifiers begin: ``random``, or ``fitted`` to the embeddings as they are before
            training (see ``fit_classifiers``).
        smoothing: Label smoothing of the contrastive loss.
        clip_weight: Weight of the contrastive loss.
        image_weight: Weight of the images' cross-entropy.
        text_weight: Weight of the texts' cross-entropy.
        sampling: What makes a nodule be drawn more often: a rare diagnosis, rare semantic features, or nothing.
        class_weights: Weight the training's cross-entropies by class, inversely to how often it occurs among the
            fold's training nodules. The paper's code does so where ``sampling`` is ``semantic``; validation is
            always weighted so.
        folds: Number of cross-validation folds.
        test_fraction: Share of the patients set aside before folds are made.
        epochs: Largest number of epochs.
        batch_size: Nodules a step.
        accumulate: Steps whose gradients are added up before the weights move.
        learning_rate: AdamW's learning rate.
        weight_decay: AdamW's weight decay.
        warmup: Epochs before early stopping begins to watch.
        patience: Epochs without a better value after which a loss counts as stopped.
        select: The best state that scores: of the summed, the prediction or the contrastive loss.
        augment: Of images while training: ``none``, ``flips`` (of planes kept on disk), ``full`` (the paper's).
        text_augment: Draw among several wordings while training, and replace or drop words.
        text_variants: Wordings a nodule.
        text_part: Part of the report that is read: ``impression`` (the paper's code), ``findings``, or ``mixed``:
            impressions and, every other wording, one to four sentences of the findings.
        calibration: Fitted on each fold's validation patients: ``beta``, ``isotonic`` or ``none``.
        precision: ``bf16`` runs the encoders under autocast; ``auto`` does so where the device has it.
        threads: CPU threads a fold; 0 leaves it to PyTorch.
        parallel: Folds trained at the same time in processes of their own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = "ViT-B-32-quickgelu"
    pretrained: str | None = "openai"
    recipe: str = "default"
    modality: Literal["clip", "vision"] = "clip"
    tuning: Literal["lora", "full", "probe"] = "lora"
    rank: int = Field(2, ge=1)
    alpha: float = Field(1, gt=0)
    lora_dropout: float = Field(0.25, ge=0, lt=1)
    rank_stabilised: bool = True
    position: Literal["all", "bottom", "mid", "up", "half-up", "half-bottom", "top3"] = "all"
    encoder: Literal["text", "vision", "both"] = "both"
    params: tuple[Literal["q", "k", "v", "o"], ...] = Field(("q", "k", "v"), min_length=1)
    width: int = Field(256, ge=1)
    attention: int = Field(128, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    temperature: float = Field(0.07, gt=0)
    classifiers: Literal["random", "fitted"] = "random"
    smoothing: float = Field(0.1, ge=0, lt=1)
    clip_weight: float = Field(1.0, ge=0)
    image_weight: float = Field(1.0, ge=0)
    text_weight: float = Field(1.0, ge=0)
    sampling: Sampling = "diagnosis"
    class_weights: bool = False
    folds: int = Field(5, ge=1)
    test_fraction: float = Field(0.0, ge=0, lt=1)
    epochs: int = Field(100, ge=1)
    batch_size: int = Field(4, ge=1)
    accumulate: int = Field(1, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    weight_decay: float = Field(0.1, ge=0)
    warmup: int = Field(0, ge=0)
    patience: int = Field(5, ge=1)
    select: Select = "both"
    augment: Augment = "none"
    text_augment: bool = True
    text_variants: int = Field(4, ge=1, le=64)
    text_part: Literal["impression", "findings", "mixed"] = "impression"
    calibration: Literal["beta", "isotonic", "none"] = "beta"
    precision: Precision = "auto"
    threads: int = Field(0, ge=0)
    parallel: int = Field(1, ge=1)

    @field_validator("pretrained", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:  # noqa: ANN401
        return None if isinstance(value, str) and value.strip().lower() in ("none", "null") else value


def load_settings(config: Path | str | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read a configuration and check it together with what overrides it.

    Args:
        config: A YAML file, the name of one in ``clip_nodule/configs``, or None for the defaults.
        overrides: Values that win over the file's. None is a value like others: random weights for ``pretrained``,
            refused where a setting cannot be empty.

    Raises:
        InputError: Names every unknown field and bad value at once.
    """
    path = _config_path(config) if config is not None else None
    values: dict[str, Any] = {}
    if path is not None:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(Problem(f"is not YAML: {error}", file=path)) from error
        if not isinstance(content, dict):
            raise InputError(Problem("holds no settings", "see clip_nodule/configs/zhuang2025.yaml", path))
        values = {str(key): value for key, value in content.items()}
    values |= overrides or {}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise InputError(validation_problems(error, path or "settings", list(Settings.model_fields))) from error
    _check_together(settings, path or "settings")
    return settings


def _check_together(settings: Settings, place: Path | str) -> None:
    problems = []
    if settings.modality == "clip" and settings.clip_weight == settings.image_weight == settings.text_weight == 0:
        problems.append(Problem("all loss weights are 0: nothing to learn", file=place, column="clip_weight"))
    if settings.modality == "vision" and settings.image_weight == 0:
        problems.append(Problem("is 0 for a model of images alone", file=place, column="image_weight"))
    if settings.modality == "vision" and settings.tuning == "lora" and settings.encoder == "text":
        problems.append(Problem("adapts a text encoder that is not there", file=place, column="encoder"))
    if settings.select == "clip" and (settings.modality == "vision" or settings.clip_weight == 0):
        problems.append(Problem("there is no contrastive loss to select by", file=place, column="select"))
    if settings.class_weights and settings.sampling == "diagnosis":
        what = "would balance the classes a second time: `sampling: diagnosis` draws them equally often"
        fix = "set class_weights to false, as the paper's code does with that sampling, or sampling to semantic"
        problems.append(Problem(what, fix, place, None, "class_weights", "true"))
    if problems:
        raise InputError(problems)


def _config_path(config: Path | str) -> Path:
    path = Path(config)
    named = CONFIGS / f"{config}.yaml"
    if path.is_file():
        return path
    if named.is_file():
        return named
    names = sorted(found.stem for found in CONFIGS.glob("*.yaml"))
    raise InputError(Problem("is no configuration", f"give a YAML file or one of {', '.join(names)}", path))


def parse_assignments(texts: Sequence[str]) -> dict[str, Any]:
    """``name=value`` texts as settings; values are read as YAML: 3, true, [q, v].

    Raises:
        InputError: A text has no ``=``, its value is not YAML, or a name comes twice.
    """
    values: dict[str, Any] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if name in values:
            what = f"is there twice: {values[name]!r} and {value!r}"
            problems.append(Problem(what, "give it once", column="--set", value=name))
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not equals:
            problems.append(
                Problem("is not name=value", "e.g. --set weight_decay=0.05", column="--set", value=text)
            )
    if problems:
        raise InputError(problems)
    return values
