"""Every example in a docstring runs and prints what it says; what a user calls from Python has one."""

from __future__ import annotations

import doctest
import inspect
import io
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import benchmark
from benchmark import metrics, statistics
from tests.test_architecture import FILES, ROOT

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
    if ">>> " in path.read_text(encoding="utf-8")
]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

RESULTS = {
    "AuprcInterval", "AurocInterval", "BootstrapInterval", "CalibrationCurve", "CalibrationLine", "CorrectedT",
    "Curve", "DecisionCurve", "DelongTest", "DetectableDifference", "Difference", "Estimate", "FixedThreshold",
    "FriedmanNemenyi", "JointTest", "Metric", "NamedMetric", "OperatingPoint", "PairedBootstrap",
    "PairedPermutation", "PatientsNeeded", "PooledDifference", "RateInterval", "Sample", "SampleError",
    "SemanticAuroc", "Subgroups", "Ties", "WilcoxonFolds",
}  # fmt: skip
"""Classes that functions give back or raise: the examples of these functions show them."""


ENTRY_POINTS = [
    "adapters:adapter_names", "adapters:load_adapter", "benchmark.contracts.cohort:list_cohorts",
    "benchmark.contracts.cohort:load_cohort", "benchmark.contracts.cohort:write_cohort",
    "benchmark.contracts.score_card:read_score_card", "benchmark.contracts.score_card:write_scores",
    "benchmark.contracts.scores:check_score_table", "benchmark.contracts.scores:read_score_table",
    "benchmark.contracts.scores:write_score_table", "benchmark.producers.calculators.formulas:brock",
    "benchmark.producers.calculators.formulas:mayo", "benchmark.producers.calculators.formulas:plco2012",
    "benchmark.producers.calculators.formulas:size", "benchmark.producers.calculators.formulas:va",
    "benchmark.published.audit:audit_cohort", "benchmark.published.load:load_published",
    "benchmark.published.load:published_keys",
]  # fmt: skip
"""What else is called from Python: tables in and out, calculators, printed results."""


def failures(module: ModuleType) -> Iterator[str]:
    """What each example that failed expected and got."""
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        told = io.StringIO()
        if test.examples and runner.run(test, out=told.write, clear_globs=True).failed:
            yield told.getvalue()


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not "\n".join(failures(import_module(name)))


def test_an_example_that_prints_something_else_fails() -> None:
    module = ModuleType("wrong")
    module.__doc__ = ">>> 1 + 1\n3\n"
    assert ["Expected:\n    3\nGot:\n    2\n" in told for told in failures(module)] == [True]


def test_there_are_examples_to_run() -> None:
    assert len(MODULES) >= 20


@pytest.mark.parametrize("package", [benchmark, metrics, statistics], ids=lambda package: package.__name__)
def test_what_a_user_calls_has_an_example(package: ModuleType) -> None:
    public = {name: getattr(package, name) for name in package.__all__}
    called = {name: found for name, found in public.items() if inspect.isroutine(found) or inspect.isclass(found)}
    assert called
    assert [
        name for name, found in called.items() if name not in RESULTS and ">>> " not in (found.__doc__ or "")
    ] == []


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_an_entry_point_has_an_example(name: str) -> None:
    module, _, function = name.partition(":")
    assert ">>> " in getattr(import_module(module), function).__doc__


def test_results_are_classes_of_the_two_packages() -> None:
    classes = {
        name for part in (metrics, statistics) for name in part.__all__ if inspect.isclass(getattr(part, name))
    }
    assert classes > RESULTS
