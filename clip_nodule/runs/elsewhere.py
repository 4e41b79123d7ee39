"""Whether a run goes on where it began: another device or arithmetic gives other numbers."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from benchmark.errors import InputError, Problem
from clip_nodule.network.device import resolved_precision
from clip_nodule.runs.run_folder import HASHES, SCHEMA, Computed, RunInfo, write_run

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
