"""Every example in a docstring runs and prints what it says; what a user calls from Python has one."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import benchmark
from benchmark import metrics, statistics
from tests.examples import CALLED, failures, modules_with_examples

NEED_SCANS = ("benchmark.cohorts.phantom", "benchmark.imaging")
"""What reads or draws CT scans; examples of the model are run in tests/clip_nodule."""


def _marked(names: Iterable[str]) -> list[Any]:
    return [pytest.param(n, marks=pytest.mark.needs("ct") if n.startswith(NEED_SCANS) else ()) for n in names]


MODULES = modules_with_examples("benchmark", "adapters")

RESULTS = {
    "AgainstReaders", "Agreement", "AuprcInterval", "AurocInterval", "BootstrapInterval", "CalibrationCurve",
    "CalibrationIndices", "CalibrationLine", "ConditionalAuroc", "CorrectedT", "Curve", "DecisionCurve",
    "DelongTest", "DetectableDifference", "Difference", "Estimate", "FixedThreshold", "FlippedCalls",
    "FriedmanNemenyi", "FusedScores", "HorizonCalibration", "JointTest", "KaplanMeier", "MatchedReader",
    "McnemarTest", "Metric", "Mrmc", "NamedMetric", "NetBenefitGain", "Noninferiority", "ObservedExpected",
    "OperatingPoint", "PairedBootstrap", "PairedPermutation", "PairedShares", "PatientsNeeded", "PlannedWidth",
    "PooledDifference", "RateInterval", "Sample", "SampleError", "ScoreBounds", "SemanticAuroc", "Subgroups",
    "SurvivalSample", "Ties", "TopYield", "WeightedArea", "WilcoxonFolds",
}  # fmt: skip
"""Classes that functions give back or raise: the examples of these functions show them."""


@pytest.mark.parametrize("name", _marked(MODULES))
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not "\n".join(failures(import_module(name)))


def test_an_example_that_prints_something_else_fails() -> None:
    module = ModuleType("wrong")
    module.__doc__ = ">>> 1 + 1\n3\n"
    assert ["Expected:\n    3\nGot:\n    2\n" in told for told in failures(module)] == [True]


def test_there_are_examples_to_run() -> None:
    assert len(MODULES) >= 40


@pytest.mark.parametrize("package", [benchmark, metrics, statistics], ids=lambda package: package.__name__)
def test_what_a_user_calls_has_an_example(package: ModuleType) -> None:
    public = {name: getattr(package, name) for name in package.__all__}
    called = {name: found for name, found in public.items() if inspect.isroutine(found) or inspect.isclass(found)}
    assert called
    assert [
        name for name, found in called.items() if name not in RESULTS and ">>> " not in (found.__doc__ or "")
    ] == []


@pytest.mark.parametrize("name", _marked(name for name in CALLED if not name.startswith("clip_nodule")))
def test_an_entry_point_has_an_example(name: str) -> None:
    module, _, function = name.partition(":")
    assert ">>> " in (getattr(import_module(module), function).__doc__ or "")


def test_results_are_classes_of_the_two_packages() -> None:
    classes = {
        name for part in (metrics, statistics) for name in part.__all__ if inspect.isclass(getattr(part, name))
    }
    assert classes > RESULTS
