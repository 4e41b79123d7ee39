"""The parts of a training run's settings, each with what it takes and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from benchmark.contracts.names import SafeName
from clip_nodule.network.backbone_config import WIDEST

Sampling = Literal["diagnosis", "semantic", "none"]
Select = Literal["both", "pred", "clip", "auroc"]
Schedule = Literal["constant", "cosine"]
Track = Literal["tensorboard", "mlflow"]
Precision = Literal["auto", "fp32", "bf16"]
Augment = Literal["none", "flips", "full", "paper", "jitter"]
Tuning = Literal["lora", "full", "probe"]
AttentionStart = Literal["uniform", "kaiming"]
MOST_FOLDS = 1000
"""Folds of a run; a network of each is in memory when it scores."""


class Part(BaseModel):
    """Some settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkSettings(Part):
    """What is trained, and where it begins.

    Attributes:
        backbone: Name of an open_clip ViT, or of a tiny one; ``hf-hub:OWNER/MODEL`` or ``local-dir:FOLDER`` of a
            model that is published in open_clip's files and has CLIP's own encoders and tokeniser.
        pretrained: Its weights: a tag of open_clip, ``own`` for those that such a model is published with, a file,
            a name in ``clip_nodule/weights``, or None (also the word ``none``) for random ones.
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


class LoraSettings(Part):
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


class LossSettings(Part):
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


class DataSettings(Part):
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


class OptimisationSettings(Part):
    """How long and how fast it learns.

    Attributes:
        epochs: Largest number of epochs.
        batch_size: Nodules a step.
        accumulate: Steps whose gradients are added up before the weights move.
        learning_rate: AdamW's learning rate.
        schedule: How it goes on after its warm-up, step by step: ``constant``, or ``cosine``: down along half a
            cosine to its end after ``epochs`` epochs, whether early stopping ends before that or not.
        lr_warmup: Epochs, also parts of one, in which the learning rate rises from 0 in equal steps.
        lr_end: What the cosine ends at, as a share of the learning rate.
        max_grad_norm: Largest norm of a fold's gradients, over all that learns, as its weights move; longer ones
            are shortened to it. None leaves them as they are.
        ema: Decay of an exponential moving average of the weights, taken after every move; the average is what is
            validated, saved and scores. Its memory is about 1 / (1 - ema) moves: 0.99 for some hundred. 0 is none.
        weight_decay: AdamW's weight decay.
        decayed: What the weights' decay is for: ``all`` that learns, as in the paper's code, or ``matrices``: no
            biases, norms, temperature and other tensors of fewer than two axes.
        warmup: Epochs before early stopping begins to watch.
        patience: Epochs without a better value after which a loss, or the AUROC, counts as stopped.
        stop_on: What ends training when it has stopped: ``losses``, all of them, or ``auroc``, that of the images'
            classifier on the validation nodules.
        select: The best state that scores: of the summed, the prediction or the contrastive loss, or the highest
            validation AUROC, of several the first (with ``sticky_stops`` the last). A fold whose validation
            nodules lack a class has no AUROC: its losses end training, and the prediction loss chooses.
        sticky_stops: A loss that ran out of patience once counts as stopped for good, though a better value may
            come while the others go on, and a value equal to the best is better, both as in the paper's code.
    """

    epochs: int = Field(100, ge=1, le=10**6)
    batch_size: int = Field(4, ge=1, le=10**6)
    accumulate: int = Field(1, ge=1, le=10**6)
    learning_rate: float = Field(1e-4, gt=0, le=1e3)
    schedule: Schedule = "constant"
    lr_warmup: float = Field(0.0, ge=0, le=10**6)
    lr_end: float = Field(0.0, ge=0, le=1)
    max_grad_norm: float | None = Field(None, gt=0, le=1e6)
    ema: float = Field(0.0, ge=0, lt=1)
    weight_decay: float = Field(0.1, ge=0, le=1e3)
    decayed: Literal["all", "matrices"] = "all"
    warmup: int = Field(0, ge=0, le=10**6)
    patience: int = Field(5, ge=1, le=10**6)
    stop_on: Literal["losses", "auroc"] = "losses"
    select: Select = "both"
    sticky_stops: bool = False


class RunSettings(Part):
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
        compile: Train through ``torch.compile``: a step is compiled first, in minutes, and rounds otherwise.
        track: What is told of every epoch beside ``metrics.csv``: ``tensorboard`` (events in each fold's folder),
            ``mlflow`` (``results/mlflow.db``, or where the environment's ``MLFLOW_TRACKING_URI`` says), both, or
            none.
    """

    calibration: Literal["beta", "isotonic", "none"] = "beta"
    precision: Precision = "auto"
    threads: int = Field(0, ge=0, le=4096)
    parallel: int = Field(1, ge=1, le=4096)
    lockstep: Literal["auto"] | Annotated[int, Field(ge=1, le=MOST_FOLDS)] = "auto"
    graph: bool = True
    deterministic: bool = False
    compile: bool = False
    track: tuple[Track, ...] = ("tensorboard",)
