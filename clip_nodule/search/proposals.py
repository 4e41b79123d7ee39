"""What is tried next: every combination in turn, or, of more than will be tried, what Optuna proposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from clip_nodule.search.space import Sweep, SweptValues, combinations, grid, tries_all

if TYPE_CHECKING:
    import optuna

_ATTEMPTS: Final = 20
"""Draws until one is new; after them the rest of a grid is drawn from evenly."""


@dataclass(frozen=True)
class Tried:
    """A trial that is there already.

    Attributes:
        values: What it varied, by the settings' plain names.
        value: What trials are chosen by; None where it has none (it diverged, or is not at its end).
    """

    values: Mapping[str, Any]
    value: float | None


def propose(
    sweeps: Sequence[Sweep],
    before: Sequence[Tried],
    later: Sequence[Mapping[str, Any]] = (),
    *,
    total: int,
    seed: int,
    largest: bool,
) -> dict[str, Any]:
    """Values of the trial after those before it.

    They depend on the arguments alone, not on whether the trials before were made by this process: a search that
    goes on proposes what it would have proposed.

    Args:
        sweeps: What is varied.
        before: Trials with smaller numbers.
        later: Values of trials with larger numbers, which are not proposed again.
        total: Trials in all.
        seed: The search's seed.
        largest: Whether the largest value is the best, or the smallest.
    """
    known = [dict(tried.values) for tried in before] + [dict(values) for values in later]
    if tries_all(sweeps, total):
        return next(values for values in grid(sweeps) if values not in known)
    for attempt in range(_ATTEMPTS):
        values = _drawn_by_optuna(sweeps, before, (seed, len(before), attempt), largest=largest)
        if values not in known:
            return values
    if combinations(sweeps) is None:
        return values
    rest = [values for values in grid(sweeps) if values not in known]
    return rest[int(np.random.default_rng([seed, len(before)]).integers(len(rest)))]


def _drawn_by_optuna(
    sweeps: Sequence[Sweep], before: Sequence[Tried], seeds: Sequence[int], *, largest: bool
) -> dict[str, Any]:
    """What Optuna's tree-structured Parzen estimator draws; at random while there are fewer than ten trials."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {sweep.name: _distribution(sweep) for sweep in sweeps}
    sampler = optuna.samplers.TPESampler(seed=int(np.random.SeedSequence(seeds).generate_state(1)[0]))
    study = optuna.create_study(direction="maximize" if largest else "minimize", sampler=sampler)
    study.add_trials([_as_optunas(tried, sweeps, space) for tried in before])
    drawn = study.ask(space).params
    return {
        sweep.name: sweep.values[drawn[sweep.name]] if isinstance(sweep, SweptValues) else drawn[sweep.name]
        for sweep in sweeps
    }


def _distribution(sweep: Sweep) -> optuna.distributions.BaseDistribution:
    """A sweep as Optuna's; values by their place in the list, since they may be lists themselves."""
    import optuna

    if isinstance(sweep, SweptValues):
        return optuna.distributions.CategoricalDistribution(list(range(len(sweep.values))))
    if sweep.whole:
        return optuna.distributions.IntDistribution(int(sweep.low), int(sweep.high), log=sweep.log)
    return optuna.distributions.FloatDistribution(sweep.low, sweep.high, log=sweep.log)


def _as_optunas(
    tried: Tried, sweeps: Sequence[Sweep], space: Mapping[str, optuna.distributions.BaseDistribution]
) -> optuna.trial.FrozenTrial:
    import optuna

    params = {
        sweep.name: sweep.values.index(tried.values[sweep.name])
        if isinstance(sweep, SweptValues)
        else tried.values[sweep.name]
        for sweep in sweeps
    }
    state = optuna.trial.TrialState.FAIL if tried.value is None else optuna.trial.TrialState.COMPLETE
    return optuna.create_trial(params=params, distributions=dict(space), value=tried.value, state=state)
