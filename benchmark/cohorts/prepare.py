"""Making a cohort folder from one of the sources."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from benchmark.cohorts.idc.images import fetched_dicom
from benchmark.cohorts.located import restore_located
from benchmark.cohorts.prepared import declare_shared, save, summary
from benchmark.cohorts.series_folders import fill_image_paths, has_paths_of_its_own, image_folders
from benchmark.cohorts.sources import SOURCES, flag_of
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import has_dicom
from benchmark.outputs.locks import holding
from benchmark.progress import Stages, silent
from benchmark.work import WorkersOrPlace


class CohortWriter(Protocol):
    """The function ``write`` of a source that makes the images too."""

    def __call__(
        self,
        paths: Sequence[Path],
        out: Path,
        options: Mapping[str, Any],
        *,
        overwrite: bool,
        workers: WorkersOrPlace,
        stages: Stages,
    ) -> list[str]:
        """Write the cohort folder; returns what to tell the user."""


def prepare_cohort(
    source: str,
    paths: Sequence[Path],
    out: Path,
    options: Mapping[str, Any] | None = None,
    *,
    shares: Sequence[str] = (),
    overwrite: bool = False,
    workers: WorkersOrPlace = 0,
    stages: Stages = silent,
) -> list[str]:
    """Make a cohort folder from a source.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from benchmark.cohorts.prepare import prepare_cohort
        >>> table = pd.DataFrame({"PatientID": [f"p{k}" for k in range(20)], "label": [0, 1] * 10})
        >>> table.to_csv("mine.csv", index=False)
        >>> told = prepare_cohort("csv", [Path("mine.csv")], Path("cohorts/mine"))
        >>> told[1], told[4]
        ('20 patients, 20 nodules', "columns: pid from 'PatientID', malignant from 'label'")

    Args:
        source: A key of ``SOURCES``.
        paths: Files and folders of the source.
        out: The cohort folder; its last part is the cohort's name.
        options: Those of ``OPTIONS`` that were given.
        shares: Cohorts that share its patients, or ``none``.
        overwrite: Replace a cohort that is there.
        workers: Processes that draw images, for a source that makes them; 0 draws them in this one, None takes
            one for each usable core; or other machines.
        stages: Opens the progress of reading or drawing.

    Returns:
        Lines to tell the user: what was made, what is missing or excluded, and warnings.

    Raises:
        InputError: There is no such source, it does not know an option, or a file is wrong; nothing was written.
    """
    check_source(source, options or {})
    if not (workers is None or isinstance(workers, int) or SOURCES[source].makes_images):
        raise InputError(
            Problem("makes no images: it is prepared on this machine", "leave --on away", value=source)
        )
    with holding(out):
        return _prepared(source, paths, out, dict(options or {}), shares, overwrite, workers, stages)


def _prepared(
    source: str,
    paths: Sequence[Path],
    out: Path,
    given: dict[str, Any],
    shares: Sequence[str],
    overwrite: bool,
    workers: WorkersOrPlace,
    stages: Stages,
) -> list[str]:
    module = import_module(SOURCES[source].module)
    if SOURCES[source].makes_images:
        write: CohortWriter = module.write
        return write(paths, out, given, overwrite=overwrite, workers=workers, stages=stages)
    fetched = fetched_dicom(source, out) if SOURCES[source].reads_dicom else None
    if fetched is not None and not any(path.is_dir() and has_dicom(path) for path in paths):
        paths = [*paths, fetched]
    folders = image_folders(paths) if SOURCES[source].by_series else []
    with stages(f"prepare {source}") as progress:
        if "progress" in inspect.signature(module.prepare).parameters:
            given["progress"] = progress
        prepared = module.prepare(paths, **given)
        restore_located(prepared, out)
        if folders and not has_paths_of_its_own(prepared):
            fill_image_paths(prepared, folders, progress)
    declare_shared(prepared, shares)
    save(prepared, out, overwrite=overwrite)
    return [f"{source}: {out}", *summary(prepared)]


def check_source(source: str, given: Mapping[str, Any]) -> None:
    """Refuse a source that there is not, and options that it does not know.

    Raises:
        InputError: Names the nearest source, or every such option with those of the source.
    """
    if source not in SOURCES:
        lines = ", ".join(SOURCES)
        raise InputError(
            Problem(f"no cohort source {source!r}{nearest(source, list(SOURCES))}", f"sources: {lines}")
        )
    known = SOURCES[source].options
    if foreign := [name for name in given if name not in known]:
        named = ", ".join(map(flag_of, foreign))
        own = ", ".join(map(flag_of, sorted(known))) or "none"
        raise InputError(Problem(f"{named} means nothing to {source}", f"its own options: {own}"))
