"""Phantom cohorts: synthetic chest CT scans whose nodules, features and best reachable AUROC are known.

What is exported is loaded when it is asked for: processes that draw scans need little of it, and start sooner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import benchmark.imaging  # noqa: F401 - first: where the extra is missing it says so

if TYPE_CHECKING:
    from benchmark.cohorts.phantom.prepare import RealParts, prepare_phantom
    from benchmark.cohorts.phantom.presets import PRESETS

__all__ = ["PRESETS", "RealParts", "prepare_phantom"]
_PLACES = {"PRESETS": "presets", "RealParts": "prepare", "prepare_phantom": "prepare"}


def __getattr__(name: str) -> object:
    """One of ``__all__``, from the module that defines it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
