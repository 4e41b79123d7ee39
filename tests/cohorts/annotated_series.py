"""Small CT series, segmentations and reports of them, written by highdicom as the field writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

LESION = CodedConcept("49755003", "SCT", "Morphologically Altered Structure")
NODULE = CodedConcept("27925004", "SCT", "Nodule")


@dataclass
class Series:
    """A CT series whose geometry is known.

    Attributes:
        axes: ``[2, 3]`` directions along a row and along a column.
        heights: Places of the slices along the normal, in the order of the files.
        spacing: mm between rows and between columns.
        shape: Rows and columns.
        origin: First voxel at height 0.
        flipped: Whether slices are counted against the normal.
    """

    axes: np.ndarray
    heights: Sequence[float] = tuple(np.arange(12) * 2.0)
    spacing: tuple[float, float] = (0.8, 0.6)
    shape: tuple[int, int] = (21, 27)
    origin: tuple[float, float, float] = (-17.3, 22.1, -310.5)
    patient: str = "p1"
    date: str = "20010203"
    uid: str = field(default_factory=lambda: str(generate_uid())[:55].rstrip("."))
    images: list[Dataset] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, _ in enumerate(self.heights):
            self.images.append(self._slice(number))

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.axes[0], self.axes[1])

    def point(self, column: float, row: float, slice_: int) -> np.ndarray:
        """LPS mm of the centre of a voxel, by the equation of DICOM PS3.3 C.7.6.2.1.1."""
        first = np.array(self.origin) + self.heights[slice_] * self.normal
        return first + column * self.spacing[1] * self.axes[0] + row * self.spacing[0] * self.axes[1]

    def _slice(self, number: int) -> Dataset:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = Dataset()
        one.file_meta = meta
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        one.Modality, one.PatientID, one.PatientName, one.PatientSex = "CT", self.patient, "x^", "O"
        one.PatientBirthDate = one.AccessionNumber = one.ReferringPhysicianName = ""
        one.StudyInstanceUID, one.SeriesInstanceUID = f"{self.uid[:50]}.1", self.uid
        one.FrameOfReferenceUID = f"{self.uid[:50]}.2"
        one.StudyDate, one.StudyTime, one.StudyID = self.date, "000000", "1"
        one.SeriesNumber, one.InstanceNumber = 1, len(self.heights) - number
        one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        one.Manufacturer, one.PositionReferenceIndicator = "synthetic", ""
        one.Rows, one.Columns = self.shape
        one.ImagePositionPatient = [f"{value:.10g}" for value in self.point(0, 0, number)]
        one.ImageOrientationPatient = [f"{value:.12g}" for value in self.axes.ravel()]
        one.PixelSpacing, one.SliceThickness = list(self.spacing), 2.0
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleIntercept, one.RescaleSlope = 0, 1
        one.PixelData = np.full(self.shape, -800 + number, np.int16).tobytes()
        return one

    def write(self, folder: Path, without: Sequence[int] = ()) -> Series:
        """Write the slices under names that say nothing, but for some."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(self.images):
            if number not in without:
                pydicom.dcmwrite(folder / f"{number * 37 % 101:03d}.dcm", one, enforce_file_format=True)
        return self


def described(number: int, label: str, kind: CodedConcept = NODULE, category: CodedConcept = LESION) -> Any:
    return hd.seg.SegmentDescription(
        number, label, category, kind, hd.seg.SegmentAlgorithmTypeValues.MANUAL, tracking_id=label,
        tracking_uid=generate_uid(),
    )  # fmt: skip


def segmentation(
    series: Series,
    voxels: np.ndarray,
    path: Path,
    descriptions: Sequence[Any] | None = None,
    kind: str = "BINARY",
    **changed: Any,
) -> Dataset:
    """Write a SEG.

    Args:
        voxels: ``[slices, rows, columns]`` of segment numbers, or with a last axis of segments.
        descriptions: Of the segments; nodules by default.
        changed: Further arguments of highdicom.
    """
    count = voxels.shape[3] if voxels.ndim == 4 else int(voxels.max())
    result = hd.seg.Segmentation(
        series.images, voxels, kind, descriptions or [described(k, f"n{k}") for k in range(1, count + 1)],
        series_instance_uid=generate_uid(), series_number=9, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="synthetic", manufacturer_model_name="x", software_versions="1", device_serial_number="0",
        **changed,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    result.save_as(path)
    return result


Mark = tuple[int, Sequence[float]]
"""A slice, and left, top, right and bottom of a box in image coordinates."""


def report(
    series: Series, boxes: Sequence[Mark], path: Path, tracking: Sequence[str] = (), kind: str = "POLYLINE"
) -> Dataset:
    """Write an SR with a planar measurement group a box, as NLST-Sybil has them."""
    groups = []
    for number, (slice_, (x0, y0, x1, y1)) in enumerate(boxes, 1):
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
        region = hd.sr.ImageRegion(
            hd.sr.GraphicTypeValues[kind],
            corners if kind == "POLYLINE" else corners[:1],
            hd.sr.SourceImageForRegion.from_source_image(series.images[slice_]),
        )
        uid = tracking[number - 1] if tracking else generate_uid()
        groups.append(
            hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                hd.sr.TrackingIdentifier(uid, str(number)), region, finding_type=codes.SCT.Lesion
            )
        )
    context = hd.sr.ObservationContext(
        hd.sr.ObserverContext(
            codes.DCM.Device, hd.sr.DeviceObserverIdentifyingAttributes(generate_uid(), name="synthetic")
        )
    )
    content = hd.sr.MeasurementReport(context, CodedConcept("363679005", "SCT", "Imaging procedure"), groups)
    result = hd.sr.Comprehensive3DSR(
        series.images, content[0], generate_uid(), 8, generate_uid(), 1, manufacturer="synthetic",
        is_complete=True, is_verified=False,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    result.save_as(path)
    return result
