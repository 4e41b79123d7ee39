"""Where nodules of NLST lie: LUNA25's table, IDC's segmentations and reports, Sybil's annotations.

Each source gives rows of a patient, a year (T0 to T2), a SeriesInstanceUID and a centre in mm. Screens are of
the years 1999, 2000 and 2001 in NLST's images, whose days are shifted, so a study date tells the screen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmark.cohorts import luna25
from benchmark.cohorts.prepared import Exclusion, Prepared
from benchmark.cohorts.sybil_boxes import place_sybil_boxes, read_sybil_boxes
from benchmark.extras import missing_modules, require_extra
from benchmark.formats.dicom import HEAD, begins_like_dicom, has_dicom
from benchmark.formats.opening import is_file, opened
from benchmark.progress import Progress

COLUMNS: Final = ("pid", "year", "scan_id", "image_path", "coordX", "coordY", "coordZ", "source", "cancer", "name")
ORDER: Final = ("LUNA25", "SEG", "SR", "Sybil's JSON")
"""Where several sources locate nodules of one screen, the first of these is taken: LUNA25 has benign ones too."""
_PLACE: Final = ("pid", "scan_id", "image_path", "coordX", "coordY", "coordZ")
_FIRST_YEAR: Final = 1999
_MARKS_CANCER: Final = re.compile(r"sybil|nlstseg", re.IGNORECASE)
"""Series descriptions of IDC's analysis results in which radiologists marked cancers alone."""
_OF_DESCRIPTION: Final = re.compile(r"([012]),[OD]")


@dataclass
class NlstLocations:
    """Located nodules of NLST, and what is known of its series.

    Attributes:
        rows: One a nodule: ``COLUMNS`` (``cancer``: 1, 0 or None where the source does not say), and more.
        series: (patient, year) → SeriesInstanceUID, of screens that an annotation is about.
        files: What was read.
        notes: What was taken for what.
        warnings: What differs from what the sources should hold.
        excluded: What was left out.
        folder: Folder that image paths are relative to.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    series: dict[tuple[str, str], str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    excluded: list[Exclusion] = field(default_factory=list)
    folder: Path | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        return pd.DataFrame(self.rows, columns=None if self.rows else list(COLUMNS))


def read_locations(
    paths: Sequence[Path], luna25_files: Sequence[Path], json_files: Sequence[Path], progress: Progress | None
) -> NlstLocations:
    """Read every source of locations among some paths.

    Args:
        paths: What the user gave: DICOM files and folders among them are looked into.
        luna25_files: LUNA25's annotation CSV.
        json_files: Sybil's annotations.
        progress: Called with CT slices done and in all.

    Raises:
        InputError: A file cannot be read.
    """
    made = NlstLocations()
    if luna25_files:
        _add_luna25(made, luna25_files)
    dicom = [path for path in paths if (has_dicom(path) if path.is_dir() else _is_dicom(path))]
    if dicom or json_files:
        require_extra("dicom", "a folder of NLST's annotations")
    if dicom:
        _add_dicom(made, dicom, progress)
    for file in json_files:
        _add_sybil(made, file, dicom, progress)
    return made


def year_of(date: str | None, description: str = "") -> str:
    """Which screen a study is: "0" to "2" for T0 to T2; empty where neither its date nor its description says."""
    begin = _OF_DESCRIPTION.match(description)
    if begin is not None:
        return begin[1]
    digits = "" if date is None or pd.isna(date) else str(date).replace("-", "")[:4]
    year = int(digits) - _FIRST_YEAR if digits.isdigit() else -1
    return str(year) if year in (0, 1, 2) else ""


def _is_dicom(path: Path) -> bool:
    if not is_file(path):
        return False
    with opened(path) as stream:
        return begins_like_dicom(stream.read(HEAD))


def _add_luna25(made: NlstLocations, files: Sequence[Path]) -> None:
    prepared = luna25.prepare(files)
    made.files += prepared.files
    made.warnings += prepared.warnings
    for row in prepared.nodules.to_dict("records"):
        told = {name: row[name] for name in ("coordX", "coordY", "coordZ", "scan_id", "lesion")}
        year = year_of(row["study_date"])
        made.rows.append({"pid": row["pid"], "year": year, "image_path": "", **told, "source": "LUNA25",
                          "cancer": int(row["malignant"]), "name": row["nodule_id"]})  # fmt: skip


def _add_dicom(made: NlstLocations, paths: Sequence[Path], progress: Progress | None) -> None:
    from benchmark.cohorts.annotated import modalities_in

    held = modalities_in(paths)
    if "SEG" in held:
        _add_segments(made, paths, progress)
    if "SR" in held:
        _add_reports(made, paths, progress)
    if not {"SEG", "SR"} & held.keys():
        counts = ", ".join(f"{count:,} {kind or 'of no modality'}" for kind, count in sorted(held.items()))
        made.notes.append(f"DICOM without annotations (SEG or SR): {counts}")


def _add_segments(made: NlstLocations, paths: Sequence[Path], progress: Progress | None) -> None:
    from benchmark.annotations.segmentation import read_segmentation
    from benchmark.cohorts.annotated import read_annotated
    from benchmark.cohorts.segmentations import nodules_of_segments

    found = read_annotated(paths, "SEG", read_segmentation, progress)
    files = found.files
    for file in files:
        if len(file.series) == 1:
            made.series[file.patient_id, year_of(file.study_date)] = file.series[0]
    for cancers in (True, False):
        found.files = [file for file in files if _marks_cancers(file.description) == cancers]
        if found.files:
            _take(made, nodules_of_segments(found), "SEG", "segment_label", cancers=cancers)


def _add_reports(made: NlstLocations, paths: Sequence[Path], progress: Progress | None) -> None:
    from benchmark.annotations.report import read_report
    from benchmark.cohorts.annotated import read_annotated
    from benchmark.cohorts.sr import prepare_reports

    found = read_annotated(paths, "SR", read_report, progress)
    boxed = [file for file in found.files if file.regions]
    for file in boxed:
        if len(file.series) == 1:
            made.series[file.patient_id, year_of(file.study_date)] = file.series[0]
    if len(boxed) < len(found.files):
        made.notes.append(f"{len(found.files) - len(boxed):,} SR files hold no box (they measure segments)")
    placed = [file for file in boxed if any(region.image in found.slices for region in file.regions)]
    if len(placed) < len(boxed):
        what = f"{len(boxed) - len(placed):,} of {len(boxed):,} SR files have no images here, so their boxes no mm"
        made.notes.append(f"{what}: `bench cohort locate` and `fetch` get their series, then prepare again")
    for cancers in (True, False):
        found.files = [file for file in placed if _marks_cancers(file.description) == cancers]
        if found.files:
            _take(made, prepare_reports(found), "SR", "tracking", cancers=cancers)


def _marks_cancers(description: str) -> bool:
    return _MARKS_CANCER.search(description) is not None


def _take(made: NlstLocations, prepared: Prepared, source: str, name: str, *, cancers: bool) -> None:
    """Take the nodules of annotations, and what was said of them."""
    measured = ("volume_mm3", "mean_diameter", "longest_axial_diameter_(mm)")
    for row in prepared.nodules.to_dict("records"):
        told = {column: row[column] for column in (*_PLACE, *measured) if column in row}
        date = row.get("study_date")
        made.rows.append({**told, "year": year_of(date), "source": source, "name": row[name],
                          "cancer": 1 if cancers else None})  # fmt: skip
    made.files += list(prepared.files)
    made.excluded += prepared.excluded
    made.warnings += prepared.warnings
    made.folder = prepared.image_folder


def _add_sybil(made: NlstLocations, file: Path, paths: Sequence[Path], progress: Progress | None) -> None:
    from benchmark.cohorts.annotated import read_images

    series = read_sybil_boxes(file)
    root, tree = read_images(paths, progress) if paths else (None, None)
    placed = place_sybil_boxes(series, file, tree)
    for row in placed.rows:
        told = {column: row[column] for column in (*_PLACE, "longest_axial_diameter_(mm)")}
        year = year_of(None, row["description"])
        made.rows.append({**told, "year": year, "source": ORDER[-1], "name": "", "cancer": 1})
    if placed.rows:
        made.folder = root
    made.files.append(file)
    made.warnings += [f"{count:,} boxes of {file.name}: {reason}" for reason, count in sorted(placed.lost.items())]
    if placed.without_images:
        _look_up(made, file, placed.without_images)


def _look_up(made: NlstLocations, file: Path, series: list[str]) -> None:
    """Whose series they are whose images are not here: IDC's index tells, where it is installed."""
    from benchmark.cohorts.idc.index import find_index, read_series

    what = f"{len(series):,} series of {file.name} have no images here, so their boxes no mm"
    fix = "`bench cohort locate` and `fetch` get them, then prepare again"
    if missing_modules("idc"):
        made.notes.append(f'{what}; pip install "nodule-bench[idc]" tells whose they are, then {fix}')
        return
    found = read_series(find_index(), annotations=None, series=series)
    for patient, date, description, uid in found[["patient", "study_date", "description", "series"]].itertuples(
        index=False
    ):
        made.series[patient, year_of(date, description)] = uid
    made.notes.append(f"{what}, {len(found):,} are in IDC's index: {fix}")
