"""Every check of a cohort together, and the list of what they found beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cohorts.check import (
    can_be_compared,
    check_images,
    check_shared,
    check_table,
    lacks_for_crops,
    same_images,
    same_series,
)
from benchmark.cohorts.findings import CohortFinding, check_path, failures_table
from benchmark.cohorts.named_scans import look_at_scans, refused_scans, without_image
from benchmark.cohorts.splits import check_splits, read_splits, read_test, splits_of_cohort
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.table_writing import write_table
from benchmark.outputs.locks import holding
from benchmark.outputs.written import check_own, remove_own, replacing_own
from benchmark.progress import Stages, silent
from benchmark.wording import first_few, in_words
from benchmark.work import WorkersOrPlace

if TYPE_CHECKING:
    from benchmark.imaging.recipe import Recipe
    from benchmark.imaging.scans.scan import ReadOptions


@dataclass(frozen=True)
class CohortCheck:
    """What the checks of a cohort found.

    Attributes:
        findings: All of them.
        nodules: Number of nodules.
        unfit: Number of nodules that would fail.
        listing: The file with all findings; there is none without a finding.
        purpose: What those nodules are fit for, and what not.
    """

    findings: Sequence[CohortFinding]
    nodules: int
    unfit: int
    listing: Path
    purpose: str = "use"

    @property
    def fit(self) -> int:
        """Number of nodules that are fit for ``purpose``."""
        return self.nodules - self.unfit


def check_cohort(
    cohort: Cohort,
    others: Sequence[Cohort] = (),
    *,
    images: ReadOptions | None = None,
    recipe: Recipe | str = "default",
    splits: Path | None = None,
    workers: WorkersOrPlace = 0,
    stages: Stages = silent,
) -> CohortCheck:
    """Check a cohort, and write what was found beside it.

    Example::

        >>> import pandas as pd
        >>> from benchmark.cohorts.check_cohort import check_cohort
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "image_path": ["p1.mha", None], "malignant": [1, 0]}
        >>> rows |= {"coordX": [10.5, -40.0], "coordY": [0.0, 12.0], "coordZ": [-80.0, -95.5]}
        >>> cohort = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> found = check_cohort(cohort)
        >>> found.fit, found.unfit, [(finding.pid, finding.what) for finding in found.findings]
        (1, 1, [('p2', 'has no image_path')])
        >>> found.purpose
        'use where its scans are: the one it names is not (p1.mha)'

    Args:
        cohort: The cohort.
        others: Cohorts that may share its patients.
        images: Read every image too, with these options: would it be cropped?
        recipe: Of those crops.
        splits: A folder of folds to check against the cohort.
        workers: As `check_images`.
        stages: Opens the progress of the images of each cohort.

    Raises:
        InputError: Folds leak or cannot be read, or somebody else's file stands where findings go.
    """
    listing = check_path(cohort)
    with holding(listing):
        check_own(listing.parent, [listing.name])
        lacks = lacks_for_crops(cohort.nodules) if images is None and can_be_compared(cohort.nodules) else []
        findings = check_table(cohort, for_crops=not lacks)
        elsewhere = ""
        if images is None and not lacks:
            scans = look_at_scans(cohort)
            findings += without_image(cohort.nodules) + refused_scans(cohort.nodules, scans.refused)
            if scans.elsewhere:
                elsewhere = _scans_elsewhere(scans.elsewhere)
        hashes: dict[str, str] = {}
        their_hashes: list[dict[str, str]] = [{} for _ in others]
        if images is not None:
            with stages(f"images of {cohort.name}") as progress:
                found, hashes = check_images(
                    cohort, workers=workers, progress=progress, options=images, recipe=recipe
                )
            findings += found
            for number, other in enumerate(others):
                with stages(f"images of {other.name}") as progress:
                    _, their_hashes[number] = check_images(
                        other, workers=workers, progress=progress, options=images
                    )
        findings += check_shared(cohort, others, hashes, their_hashes)
        if splits is not None:
            pids = list(cohort.nodules["pid"].unique())
            same = [*same_images(cohort.nodules, hashes), *same_series(cohort.nodules)]
            own, test = splits_of_cohort(read_splits(splits), read_test(splits), cohort.name)
            texts = check_splits(own, pids, test, same)
            findings += [CohortFinding("warning", text) for text in texts]
        if findings:
            with replacing_own(listing) as temporary:
                write_table(failures_table(findings), temporary)
        else:
            remove_own(listing.parent, [listing.name])
        cases = {(finding.pid, finding.nodule_id) for finding in findings if finding.severity == "case"}
        total = len(cohort.nodules)
        unfit = total if ("", "") in cases else len(cases)
        usable = "use" if images is not None else "use, as the table says: no scan was read (--images reads them)"
        purpose = _scores_alone(lacks) if lacks else elsewhere or usable
        return CohortCheck(findings, total, unfit, listing, purpose)


def _scans_elsewhere(absent: Sequence[str]) -> str:
    those = f"none of the {len(absent):,} that it names is here" if len(absent) > 1 else "the one it names is not"
    return f"use where its scans are: {those} ({first_few(absent, 3)})"


def _scores_alone(lacks: Sequence[str]) -> str:
    needing = "bench crop, train, explain and score --run"
    return f"comparing scores (bench adapt, bench compare); not for {needing}: {in_words(lacks)}"
