from __future__ import annotations

import math
from typing import Any

import pytest

from clip_nodule.runs.settings import Settings
from clip_nodule.search.proposals import Tried, propose
from clip_nodule.search.space import Sweep, grid, parse_sweeps

pytestmark = pytest.mark.needs("tune")


def sweeps_of(*texts: str) -> tuple[Sweep, ...]:
    return parse_sweeps(texts, Settings())


def searched(sweeps: tuple[Sweep, ...], total: int, seed: int, value: Any, *, largest: bool = True) -> list[Tried]:
    before: list[Tried] = []
    while len(before) < total:
        values = propose(sweeps, before, total=total, seed=seed, largest=largest)
        before.append(Tried(values, value(values)))
    return before


def test_all_combinations_are_tried_in_turn_without_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)  # importing it fails
    sweeps = sweeps_of("lr=1e-4,3e-4", "rank=2,4,8")
    tried = searched(sweeps, 6, 0, lambda _: 0.5)
    assert [trial.values for trial in tried] == grid(sweeps)
    # A run that somebody removed is tried again, and those after it are not.
    assert propose(sweeps, tried[:2], grid(sweeps)[3:], total=6, seed=0, largest=True) == grid(sweeps)[2]


@pytest.mark.parametrize("total", [5, 11])
def test_some_of_a_grid_are_different_and_depend_on_the_seed(total: int) -> None:
    sweeps = sweeps_of("lr=1e-4,3e-4,1e-3", "rank=2,4,8,16")

    def tried(seed: int) -> list[dict[str, Any]]:
        return [dict(t.values) for t in searched(sweeps, total, seed, lambda v: v["rank"] * v["learning_rate"])]

    first = tried(1)
    assert len({tuple(values.values()) for values in first}) == total
    assert all(values in grid(sweeps) for values in first)
    assert first == tried(1)
    assert first != tried(2)


def test_a_proposal_depends_on_the_trials_before_and_not_on_who_made_them() -> None:
    """Gone on with after any trial by a new process, which knows no more than their values."""
    sweeps = sweeps_of("lr=1e-5:1e-2:log", "rank=2:32", "augment=none,flips")
    whole = searched(sweeps, 16, 3, lambda v: -abs(math.log10(v["learning_rate"]) + 3.5) - v["rank"] / 100)
    for number in (0, 5, 9, 12, 15):
        copied = [Tried(dict(trial.values), trial.value) for trial in whole[:number]]
        assert propose(sweeps, copied, total=16, seed=3, largest=True) == whole[number].values
        of_more = propose(sweeps, copied, total=40, seed=3, largest=True)  # as if more had been asked for
        assert of_more == whole[number].values


@pytest.mark.parametrize("largest", [True, False])
def test_later_proposals_are_nearer_to_the_best(largest: bool) -> None:
    """Against the first ten, which are drawn evenly over three decades.

    Over twelve seeds the last ten were 0.37 decades from the best and the first ten 0.68; in a study that Optuna
    itself carries on with one sampler 0.40 and 0.75.
    """
    sweeps = sweeps_of("lr=1e-5:1e-2:log")

    def distance(values: Any) -> float:
        return abs(math.log10(values["learning_rate"]) + 3.3)

    even, led = [], []
    for seed in range(4):
        tried = searched(sweeps, 30, seed, lambda v: distance(v) * (-1 if largest else 1), largest=largest)
        distances = [distance(trial.values) for trial in tried]
        even += distances[:10]
        led += distances[20:]
    assert sum(led) / len(led) < 0.75 * sum(even) / len(even)


def test_trials_without_a_value_are_no_hindrance() -> None:
    sweeps = sweeps_of("lr=1e-5:1e-2:log", "params=[q, v],[q, k, v]")
    before = [
        Tried(dict(trial.values), None if index % 2 else trial.value)
        for index, trial in enumerate(searched(sweeps, 14, 0, lambda v: v["learning_rate"]))
    ]
    values = propose(sweeps, before, total=20, seed=0, largest=True)
    assert values["params"] in (("q", "v"), ("q", "k", "v"))
    assert 1e-5 <= values["learning_rate"] <= 1e-2
    none = [Tried(trial.values, None) for trial in before]
    assert sweeps[0].has(propose(sweeps, none, total=20, seed=0, largest=True)["learning_rate"])
