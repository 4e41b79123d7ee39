"""What a run that goes on may be asked for, and whether it goes on where it began."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmark.errors import InputError, Problem
from clip_nodule.network.device import resolved_precision
from clip_nodule.runs.configuration import overridden, settings_by_place
from clip_nodule.runs.run_folder import HASHES, SCHEMA, Computed, RunInfo, write_run
from clip_nodule.runs.settings import PLACES, Settings

PARALLEL = PLACES["parallel"]
log = logging.getLogger(__name__)


def computed_on(device: torch.device, precision: str) -> Computed:
    """The record of a device and of what a precision is on it."""
    kind = "cuda" if device.type == "cuda" else "cpu"
    return Computed(device=kind, precision=resolved_precision(precision, device))


def resumed_on(run: Path, info: RunInfo, device: torch.device, *, elsewhere: bool) -> RunInfo:
    """A run that goes on here: what it is from now on, written into its folder where that is new.

    Args:
        run: The run folder.
        info: Its ``run.yaml``.
        device: Where it is to go on.
        elsewhere: It may be another device or arithmetic than it began with.

    Raises:
        InputError: It is another, and nobody said that it may be.
    """
    here, began = computed_on(device, info.settings.run.precision), info.computed
    if here == began or (run / HASHES).is_file():  # nothing is left to compute
        return info
    if began is None:
        note = (
            f"goes on on {here}; where it began was not recorded, so its weights may be of two kinds of arithmetic"
        )
    elif not elsewhere:
        other = f"give --device {began.device}"
        fix = other if here.device != began.device else f"go on where auto is {began.precision}"
        what = f"began on {began}, and would go on on {here}: the rest would be computed with other rounding, and"
        what += " the run be repeatable on neither"
        raise InputError(Problem(what, f"{fix}, or --resume-elsewhere to accept that", run))
    else:
        note = f"began on {began} and went on on {here}: its weights are those of neither alone"
    log.warning("run %s: %s", info.name, note)
    info = info.model_copy(update={"schema_version": SCHEMA, "computed": here, "notes": (*info.notes, note)})
    write_run(run, info)
    return info


def settings_to_resume(
    run: Path, info: RunInfo, cohorts: tuple[str, ...], asked: Mapping[str, Any], kept: Mapping[str, object]
) -> Settings:
    """The run's settings; ``parallel`` decides when folds run, not what they learn, and alone may be another.

    Args:
        run: The run folder.
        info: Its ``run.yaml``.
        cohorts: What it is asked to train on.
        asked: Settings that are asked for.
        kept: By option, what the run keeps as it was begun with; empty where it is not given.

    Raises:
        InputError: Something else that is asked for is not what the run has.
    """
    wanted = overridden(info.settings, asked)
    problems = [
        Problem(f"the run has {_shown(has)}", "leave it out, or start a new run", run, None, name, _shown(value))
        for place, name, _ in settings_by_place(asked, "settings")
        if (value := wanted.at(place)) != (has := info.settings.at(place)) and place != PARALLEL
    ]
    for option, value in kept.items():
        if value:
            what = "the run keeps the folds and texts that it was begun with"
            problems.append(Problem(what, "leave it out, or start a new run", run, None, option, str(value)))
    if info.cohorts != cohorts:
        own = " ".join(f"--cohort {name}" for name in info.cohorts)
        what = f"the run trains on {' and '.join(info.cohorts)}"
        problems.append(Problem(what, f"give {own}", run, None, "cohort", ", ".join(cohorts)))
    if problems:
        raise InputError(problems)
    return overridden(info.settings, {"parallel": wanted.run.parallel})


def _shown(value: Any) -> str:  # noqa: ANN401
    """A setting's value as it is written in a configuration."""
    return "null" if value is None else str(list(value) if isinstance(value, tuple) else value)
