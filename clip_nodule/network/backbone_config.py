"""What a run folder may say of its backbone: the numbers of a CLIP that open_clip builds itself, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

WIDEST, DEEPEST, LONGEST = 16_384, 128, 8192
"""Largest width, number of layers, and of patches or tokens; open_clip's largest ViT has 1792, 56 and 729."""
GROUPS = 8
"""Of the stem's group normalisation."""
OF_THE_TOKENISER = ("hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs")
"""Keys of open_clip's text configurations that say how text is cut, and nothing of the network."""
Width = Annotated[int, Field(ge=1, le=WIDEST)]
Layers = Annotated[int, Field(ge=1, le=DEEPEST)]
Ratio = Annotated[float, Field(gt=0, le=32)]
Scale = Annotated[float, Field(gt=0, le=10)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class VisionConfig(_Part):
    """open_clip's vision transformer; keys that name a model elsewhere (``timm_*``) are none of these."""

    layers: Layers
    width: Width
    head_width: Width = 64
    mlp_ratio: Ratio = 4.0
    patch_size: Annotated[int, Field(ge=1, le=1024)]
    image_size: Annotated[int, Field(ge=1, le=2048)]
    ls_init_value: Scale | None = None
    no_ln_pre: bool = False
    final_ln_after_pool: bool = False
    pool_type: Literal["tok", "avg", "none"] = "tok"

    @model_validator(mode="after")
    def _divides(self) -> VisionConfig:
        if self.width % self.head_width:
            raise ValueError(f"a width of {self.width} is no multiple of the head width {self.head_width}")
        if not 1 <= (self.image_size // self.patch_size) ** 2 <= LONGEST:
            raise ValueError(f"patches of {self.patch_size} do not cut {self.image_size} pixels in 1 to {LONGEST}")
        return self


class TextConfig(_Part):
    """open_clip's own text transformer; keys that name a model elsewhere (``hf_*``) are none of these."""

    context_length: Annotated[int, Field(ge=2, le=LONGEST)] = 77
    vocab_size: Annotated[int, Field(ge=2, le=2_000_000)] = 49408
    width: Width
    heads: Width
    layers: Layers
    mlp_ratio: Ratio = 4.0
    ls_init_value: Scale | None = None
    pad_id: Annotated[int, Field(ge=0, lt=2_000_000)] = 0
    eos_id: Annotated[int, Field(ge=0, lt=2_000_000)] = 2
    no_causal_mask: bool = False
    final_ln_after_pool: bool = False
    pool_type: Literal["first", "last", "argmax", "eos"] = "argmax"

    @model_validator(mode="after")
    def _divides(self) -> TextConfig:
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be split among {self.heads} heads")
        return self


class BackboneConfig(_Part):
    """An open_clip model configuration, or one in the form of ``tiny.TINY``."""

    embed_dim: Width
    quick_gelu: bool = False
    stem: Annotated[list[Width], Field(min_length=1, max_length=10)] | None = None
    vision_cfg: VisionConfig
    text_cfg: TextConfig

    @model_validator(mode="after")
    def _stem_makes_patches(self) -> BackboneConfig:
        if self.stem is not None:
            if any(channels % GROUPS for channels in self.stem):
                raise ValueError(f"channels of the stem are no multiples of {GROUPS}")
            if 2 ** len(self.stem) != self.vision_cfg.patch_size:
                raise ValueError(f"{len(self.stem)} halvings make no patches of {self.vision_cfg.patch_size}")
        return self


def _as_given(values: Mapping[str, Any]) -> dict[str, Any]:
    return BackboneConfig.model_validate(values).model_dump(exclude_unset=True)


BackboneValues = Annotated[dict[str, Any], AfterValidator(_as_given)]
"""A backbone's configuration as plain values, checked by ``BackboneConfig``."""


def of_the_network(config: Mapping[str, Any]) -> dict[str, Any]:
    """open_clip's configuration of a model without what concerns its tokeniser alone."""
    text = {key: value for key, value in config.get("text_cfg", {}).items() if key not in OF_THE_TOKENISER}
    return {**config, "text_cfg": text}
