"""The CLIP + LoRA lung nodule model: from CT files to nine planes, scores and their explanation."""

from __future__ import annotations

from typing import Any

from benchmark.extras import require_extra

require_extra("model", "the CLIP model")

__all__ = ["Run", "load_run"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the network code only when it is asked for."""
    if name in __all__:
        from clip_nodule.inference import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
