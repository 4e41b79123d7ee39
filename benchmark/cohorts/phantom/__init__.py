"""Phantom cohorts: synthetic chest CT scans whose nodules, features and best reachable AUROC are known."""

from benchmark.cohorts.phantom.prepare import prepare_phantom
from benchmark.cohorts.phantom.presets import PRESETS

__all__ = ["PRESETS", "prepare_phantom"]
