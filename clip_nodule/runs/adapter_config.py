"""``adapter_config.json`` of a fold: what of PEFT's configuration a run may have, and which layers it adapts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.contracts.cohort import validation_problems
from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json
from clip_nodule.network.backbone_config import WIDEST
from clip_nodule.runs.setting_parts import LoraSettings

_FIX = "copy the run again"
_LARGEST = 1 << 20
"""Bytes; PEFT writes two thousand."""


class AdapterConfig(BaseModel):
    """The values that the network is built from; what PEFT's versions add beside them must be switched off.

    Attributes:
        r: Rank of the updates.
        lora_alpha: Their scale.
        lora_dropout: Dropout before them.
        use_rslora: Scale by alpha / sqrt(r) and not by alpha / r.
        target_modules: The pattern that the run's own settings give, compared as text and never run; or full names
            of layers.
        bias: Biases are not trained.
        peft_type: The kind of adapter.
        peft_version: Who wrote it; nothing depends on it.
        inference_mode: PEFT's own mark of a finished adapter.
        init_lora_weights: How updates began; other ways than PEFT's default change the frozen weights too.
        megatron_core: PEFT's default, which nothing reads.
        qalora_group_size: PEFT's default, which nothing reads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    r: int = Field(ge=1, le=WIDEST)
    lora_alpha: float = Field(gt=0, le=1e6)
    lora_dropout: float = Field(ge=0, lt=1)
    use_rslora: bool
    target_modules: str | Annotated[list[str], Field(min_length=1, max_length=10_000)]
    bias: Literal["none"] = "none"
    peft_type: Literal["LORA"] = "LORA"
    peft_version: str = ""
    inference_mode: bool = True
    init_lora_weights: Literal[True] = True
    megatron_core: Literal["megatron.core"] = "megatron.core"
    qalora_group_size: int = 16

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_off(cls, values: Any) -> Any:  # noqa: ANN401
        """PEFT writes every key that its version knows; one that is off says nothing."""
        if not isinstance(values, Mapping):
            return values
        known = cls.model_fields
        return {k: v for k, v in values.items() if k in known or not (v is None or v is False or v in ({}, []))}


def read_adapter_config(path: Path) -> AdapterConfig:
    """Read ``adapter_config.json``.

    Raises:
        InputError: It is no such file, or holds a key or a value that a run of ours cannot have.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST:,} bytes")
        content = read_json(path)
    except (InputError, OSError, ValueError) as error:
        raise InputError(Problem(f"is no adapter's configuration: {error}", _FIX, path)) from error
    try:
        return AdapterConfig.model_validate(content)
    except ValidationError as error:
        found = validation_problems(error, path, list(AdapterConfig.model_fields))
        raise InputError(
            [Problem(f"is no adapter's configuration: {p.what}", _FIX, path, None, p.column, p.value)
             for p in found]
        ) from error  # fmt: skip


def adapted_layers(
    config: AdapterConfig, pattern: str, of_pattern: Collection[str], linear: Collection[str], path: Path
) -> list[str]:
    """Full names of the layers that an adapter changes.

    Args:
        config: The adapter's configuration.
        pattern: What ``target_modules`` would be for the run's settings.
        of_pattern: The layers that it means.
        linear: Every layer that can be adapted.
        path: The configuration's file, for messages.

    Raises:
        InputError: ``target_modules`` is another pattern, or names what is no layer here.
    """
    given = config.target_modules
    if isinstance(given, str):
        if given != pattern:
            what = "is a pattern that the settings of this run do not give, and is not run"
            fix = "give a list of the layers' full names, or copy the run again"
            raise InputError(Problem(what, fix, path, None, "target_modules", given[:80]))
        return sorted(of_pattern)
    strange = [name for name in given if name not in linear]
    if strange:
        raise InputError(
            [Problem("is no layer of this network that is adapted", _FIX, path, None, "target_modules", name[:80])
             for name in strange]
        )  # fmt: skip
    return sorted(set(given))


def check_scale(config: AdapterConfig, settings: LoraSettings, path: Path) -> None:
    """Refuse an adapter whose rank or scale is another than the run's settings say: its updates would be too.

    Raises:
        InputError: Names each value, and what the settings say.
    """
    said = {"r": settings.rank, "lora_alpha": settings.alpha, "use_rslora": settings.rank_stabilised}
    problems = [
        Problem(f"is not what run.yaml says ({value})", _FIX, path, None, name, str(getattr(config, name)))
        for name, value in said.items()
        if getattr(config, name) != value
    ]
    if problems:
        raise InputError(problems)
