"""Phantom cohorts: synthetic chest CT scans whose nodules, features and best reachable AUROC are known."""

import benchmark.imaging  # noqa: F401 - first: where the extra is missing it says so
from benchmark.cohorts.phantom.prepare import RealParts, prepare_phantom
from benchmark.cohorts.phantom.presets import PRESETS

__all__ = ["PRESETS", "RealParts", "prepare_phantom"]
