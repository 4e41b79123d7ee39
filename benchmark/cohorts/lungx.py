"""LUNGx (SPIE-AAPM-NCI lung nodule classification challenge): two workbooks and a DICOM folder.

Armato et al., LUNGx Challenge for computerized lung nodule classification, J Med Imaging 3:044506, 2016. The
sheets give a pixel counted from 1 and an image number; both become millimetres through the DICOM headers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pandas as pd

from benchmark.cohorts.lungx_release import LungxNodule, differences
from benchmark.cohorts.prepared import Exclusion, Prepared, blank_table, expand
from benchmark.contracts.sheets import SheetRow, read_sheets
from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import has_dicom
from benchmark.progress import Progress

if TYPE_CHECKING:
    from benchmark.imaging.scans.dicom_headers import DicomHeader
    from benchmark.imaging.scans.dicom_tree import DicomTree

Suspicious = Literal["exclude", "malignant", "benign"]
MATRIX: Final = 512
_LABELS: Final = {"malignant": 1, "benign": 0, "benign nodule": 0, "primary lung cancer": 1}
_SUSPICIOUS: Final = "suspicious malignant nodule"
_TITLE_ROWS: Final = 10
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_PAIR: Final = re.compile(r"\s*(\d{1,9})\s*[,;/ ]\s*(\d{1,9})\s*")


def prepare(
    paths: Sequence[Path],
    *,
    suspicious: Suspicious = "exclude",
    progress: Progress | None = None,
) -> Prepared:
    """Read the LUNGx workbooks, and the DICOM folder if it is given.

    Args:
        paths: Workbooks (or CSV copies of them), DICOM folders, or one folder that holds them.
        suspicious: What the two nodules "Suspicious malignant nodule" without pathology count as. ``exclude``
            keeps their rows and leaves ``malignant`` empty.
        progress: Called with DICOM files done and in all.

    Raises:
        InputError: Names every cell of the sheets that cannot be read.
    """
    tables = _sheets(expand(paths, (".xlsx", ".xlsm", ".csv"), "the LUNGx workbooks"))
    if not tables:
        what = "no sheet with the columns Scan Number, Nodule Center and Diagnosis"
        raise InputError(Problem(what, "give the two LUNGx workbooks", ", ".join(map(str, paths))))
    nodules = [nodule for file, rows in tables for nodule in _read_rows(file, rows)]
    _check_repeats(nodules)
    table = _labelled_nodules(nodules, suspicious)
    prepared = Prepared(
        source="lungx",
        nodules=table,
        fields=_FIELDS,
        files=[file for file, _ in tables],
        options={"suspicious": suspicious},
        excluded=_unlabelled(nodules, suspicious),
        warnings=differences(nodules, [file for file, _ in tables]),
    )
    _fill_positions(prepared, nodules, [path for path in paths if path.is_dir() and has_dicom(path)], progress)
    return prepared


_FIELDS: Final = {
    "title": "LUNGx",
    "ct_type": "diagnostic, contrast-enhanced",
    "population": "incidental",
    "endpoint": "pathology, or stable size for two years or resolution for benign nodules",
    "frame": "LPS",
}


def _sheets(files: Sequence[Path]) -> list[tuple[Path, list[SheetRow]]]:
    tables = []
    for file in files:
        for _, rows in read_sheets(file):
            header = next((n for n, row in enumerate(rows[:_TITLE_ROWS]) if _is_header(row[1])), None)
            if header is not None:
                tables.append((file, rows[header:]))
    return tables


def _is_header(cells: list[str]) -> bool:
    return any("scan number" in cell.lower() for cell in cells)


def _columns(file: Path, header: list[str]) -> dict[str, int]:
    """Where each column stands; the position is one column, or one for x and one for y."""
    names = [re.sub(r"[*\s]+", " ", name).strip().lower() for name in header]
    patterns = {
        "scan": r"scan number",
        "number": r"nodule number",
        "xy": r"nodule cent(er|re) x ?, ?y.*",
        "x": r"nodule cent(er|re) x( .*)?",
        "y": r"nodule cent(er|re) y( .*)?",
        "image": r"nodule cent(er|re) image.*",
        "diagnosis": r"(final )?diagnosis",
    }
    found = {
        key: index
        for key, pattern in patterns.items()
        for index, name in enumerate(names)
        if re.fullmatch(pattern, name)
    }
    wanted = ["scan", "image", "diagnosis", *(["xy"] if not {"x", "y"} & set(found) else ["x", "y"])]
    problems = [
        Problem(f"has no column for the {key} of a nodule", f"columns found: {', '.join(header)}", file, 1)
        for key in wanted
        if key not in found
    ]
    if problems:
        raise InputError(problems)
    return found


def _read_rows(file: Path, rows: list[SheetRow]) -> list[LungxNodule]:
    columns = _columns(file, rows[0][1])
    seen: dict[str, int] = {}
    nodules: list[LungxNodule] = []
    problems: list[Problem] = []
    for line, cells in rows[1:]:
        cell = {key: cells[index] if index < len(cells) else "" for key, index in columns.items()}
        if not any(text for key, text in cell.items() if key != "scan"):
            continue  # the footnotes stand alone in column A
        scan = cell["scan"]
        seen[scan] = seen.get(scan, 0) + 1
        position = _position(cell)
        image = _whole(cell["image"])
        if not scan:
            problems.append(Problem("is empty", "every nodule needs its scan", file, line, "Scan Number"))
        if position is None:
            text = cell.get("xy") or f"{cell.get('x', '')}, {cell.get('y', '')}"
            what = f"is no pixel of a {MATRIX} x {MATRIX} image"
            problems.append(
                Problem(what, "write x, y counted from 1", file, line, "Nodule Center x,y Position", text)
            )
        if not _DIGITS.fullmatch(image) or int(image) < 1:
            problems.append(
                Problem("is no image number", "count from 1", file, line, "Nodule Center Image", image)
            )
        if _diagnosis(cell["diagnosis"]) not in {*_LABELS, _SUSPICIOUS}:
            known = ", ".join(sorted({*_LABELS, _SUSPICIOUS}))
            problems.append(
                Problem("is no known diagnosis", f"known: {known}", file, line, "Diagnosis", cell["diagnosis"])
            )
        if position is not None and _DIGITS.fullmatch(image):
            number = cell.get("number") or str(seen[scan])
            nodules.append(
                LungxNodule(file, line, scan, number, *position, int(image), _diagnosis(cell["diagnosis"]))
            )
    if problems:
        raise InputError(problems)
    return nodules


def _diagnosis(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()


def _whole(text: str) -> str:
    """A whole number without the ``.0`` that an export through floats adds."""
    return re.sub(r"(?<=\d)\.0+$", "", text)


def _position(cell: dict[str, str]) -> tuple[int, int] | None:
    """``(x, y)`` from "120, 325", from two cells, or from 120325, which Excel makes of "120,325"."""
    if "xy" in cell:
        text = _whole(cell["xy"])
        pair = _PAIR.fullmatch(text)
        if pair:
            x, y = pair.groups()
        elif re.fullmatch(r"\d{5,6}", text):
            x, y = text[:-3], text[-3:]
        else:
            return None
    else:
        x, y = _whole(cell["x"]), _whole(cell["y"])
        if not (_DIGITS.fullmatch(x) and _DIGITS.fullmatch(y)):
            return None
    inside = 1 <= int(x) <= MATRIX and 1 <= int(y) <= MATRIX
    return (int(x), int(y)) if inside else None


def _check_repeats(nodules: list[LungxNodule]) -> None:
    first: dict[tuple[str, str], LungxNodule] = {}
    problems = []
    for nodule in nodules:
        other = first.setdefault((nodule.scan.casefold(), nodule.number), nodule)
        if other is not nodule:
            what = f"nodule {nodule.number} of {nodule.scan} stands in {other.file.name} on line {other.line} too"
            problems.append(Problem(what, "keep one row a nodule", nodule.file, nodule.line, "Scan Number"))
    if problems:
        raise InputError(problems)


def _labelled_nodules(nodules: list[LungxNodule], suspicious: Suspicious) -> pd.DataFrame:
    labels = {**_LABELS, _SUSPICIOUS: {"exclude": None, "malignant": 1, "benign": 0}[suspicious]}
    table = blank_table(len(nodules))
    table.insert(0, "pid", [n.scan for n in nodules])
    table.insert(1, "nodule_id", [n.number for n in nodules])
    table["malignant"] = pd.array([labels[n.diagnosis] for n in nodules], dtype="Int8")
    table["pixel_x"] = [str(n.x) for n in nodules]
    table["pixel_y"] = [str(n.y) for n in nodules]
    table["image_number"] = [str(n.image) for n in nodules]
    table["diagnosis"] = [n.diagnosis for n in nodules]
    table["set"] = ["calibration" if "training" in n.scan.lower() else "test" for n in nodules]
    return table


def _unlabelled(nodules: list[LungxNodule], suspicious: Suspicious) -> list[Exclusion]:
    if suspicious != "exclude":
        return []
    reason = "suspicious, without pathology: no label (--suspicious decides)"
    return [Exclusion(n.scan, n.number, reason) for n in nodules if n.diagnosis == _SUSPICIOUS]


def _fill_positions(
    prepared: Prepared, nodules: list[LungxNodule], folders: list[Path], progress: Progress | None
) -> None:
    if not folders:
        prepared.missing.append(
            "the DICOM folder, so coordX, coordY, coordZ and image_path are empty; give it with --from"
        )
        return
    from benchmark.imaging.scans.dicom_tree import read_tree

    dicom = read_tree(folders[0], progress)
    if len(folders) > 1:
        prepared.warnings.append(f"only the first DICOM folder was read: {folders[0]}")
    prepared.image_folder = dicom.folder
    table = prepared.nodules
    problems: list[Problem] = []
    absent: list[str] = []
    series: list[str | None] = []
    for row, nodule in enumerate(nodules):
        uid, found = _find_slice(dicom, nodule, problems)
        series.append(uid)
        if uid is None:
            absent.append(nodule.scan)
        if uid is not None and found is not None:
            table.loc[row, ["coordX", "coordY", "coordZ"]] = found.point(nodule.x - 1, nodule.y - 1)
            table.loc[row, "image_path"] = dicom.path(uid)
    if problems:
        raise InputError(problems)
    table["scan_id"] = series
    if absent:
        names = ", ".join(dict.fromkeys(absent))
        prepared.missing.append(f"DICOM images of {len(set(absent))} scans, so no millimetres: {names}")
    prepared.warnings += dicom.remarks


def _find_slice(
    dicom: DicomTree, nodule: LungxNodule, problems: list[Problem]
) -> tuple[str, DicomHeader | None] | tuple[None, None]:
    """The series of a nodule's scan and the slice with its image number."""
    uids = dicom.of_patient(nodule.scan)
    if not uids:
        return None, None
    found = [(uid, s) for uid in uids for s in dicom.series[uid] if s.mark.number == nodule.image]
    if len(found) == 1:
        return found[0]
    if not found:
        what = f"no slice of {nodule.scan} has the instance number {nodule.image}"
        fix = f"its {sum(len(dicom.series[uid]) for uid in uids)} slices in {dicom.folder} are incomplete"
    else:
        what = f"{len(found)} slices of {nodule.scan} have the instance number {nodule.image}"
        fix = f"keep one series in the folder: {', '.join(uid for uid, _ in found)}"
    problems.append(Problem(what, fix, nodule.file, nodule.line, "Nodule Center Image", str(nodule.image)))
    return uids[0], None
