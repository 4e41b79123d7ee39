"""Every check of a cohort together, and the list of what they found beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cohorts.check import (
    CohortFinding,
    check_images,
    check_path,
    check_shared,
    check_table,
    failures_table,
    same_images,
)
from benchmark.cohorts.splits import check_splits, read_splits, read_test, splits_of_cohort
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.text_table import write_table
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.scan import ReadOptions
from benchmark.outputs.locks import holding
from benchmark.outputs.written import check_own, remove_own, replacing_own
from benchmark.progress import Stages, silent


@dataclass(frozen=True)
class CohortCheck:
    """What the checks of a cohort found.

    Attributes:
        findings: All of them.
        nodules: Number of nodules.
        unfit: Number of nodules that would fail.
        listing: The file with all findings; there is none without a finding.
    """

    findings: Sequence[CohortFinding]
    nodules: int
    unfit: int
    listing: Path

    @property
    def fit(self) -> int:
        """Number of nodules that are fit for use."""
        return self.nodules - self.unfit


def check_cohort(
    cohort: Cohort,
    others: Sequence[Cohort] = (),
    *,
    images: ReadOptions | None = None,
    recipe: Recipe | str = "default",
    splits: Path | None = None,
    workers: int | None = 0,
    stages: Stages = silent,
) -> CohortCheck:
    """Check a cohort, and write what was found beside it.

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
        findings = check_table(cohort)
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
            same = same_images(cohort.nodules, hashes)
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
        return CohortCheck(findings, total, total if ("", "") in cases else len(cases), listing)
