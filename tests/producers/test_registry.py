"""The registry of producers names what its modules hold, and nothing else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.producers import PRODUCERS, ProducerOptions
from benchmark.producers.baselines import BASELINES
from benchmark.producers.calculators import CALCULATORS, LOGISTIC
from benchmark.producers.guidelines.write import GUIDELINES
from benchmark.producers.lungrads.write import MODEL
from benchmark.producers.write import OF_RUNS, load_producer, refuse_foreign_options, score_with_producer


def test_every_calculator_and_baseline_is_a_producer() -> None:
    assert set(PRODUCERS) == {*CALCULATORS, LOGISTIC, MODEL, *GUIDELINES, *BASELINES}


@pytest.mark.parametrize("name", PRODUCERS)
def test_each_can_be_loaded_and_takes_options_that_there_are(name: str) -> None:
    assert callable(load_producer(name).write_producer_scores)
    assert set(PRODUCERS[name].options) <= {field.name for field in fields(ProducerOptions)}


def test_an_unknown_one_gets_the_nearest() -> None:
    with pytest.raises(InputError, match="no producer 'brok'; did you mean 'brock'"):
        load_producer("brok")


def test_one_that_is_fitted_asks_for_a_cohort_before_it_reads_any(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a cohort to be fitted on"):
        score_with_producer("diameter", "nowhere", Workspace(tmp_path, tmp_path))


@pytest.mark.parametrize("name", [None, "diameter"])
def test_options_of_calculators_are_refused_elsewhere(name: str | None) -> None:
    with pytest.raises(InputError, match="--code is for the calculators"):
        refuse_foreign_options(name, {"--code": ("codes", ["sex:1=male"])})
    refuse_foreign_options("brock", {"--code": ("codes", ["sex:1=male"])})


@pytest.mark.parametrize("name", PRODUCERS)
def test_options_of_runs_are_refused_for_every_producer(name: str) -> None:
    with pytest.raises(InputError, match="--calibrated is for runs"):
        refuse_foreign_options(name, {"--calibrated": (OF_RUNS, True)})
    refuse_foreign_options(None, {"--calibrated": (OF_RUNS, True)})
