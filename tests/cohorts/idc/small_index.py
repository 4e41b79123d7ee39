"""A small cut of IDC's index in its real columns and types, written by the tests."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TEXT = (
    "collection_id", "analysis_result_id", "PatientID", "SeriesInstanceUID", "StudyInstanceUID", "StudyDate",
    "Modality", "Manufacturer", "ManufacturerModelName", "SeriesDescription", "license_short_name",
    "series_aws_url",
)  # fmt: skip


def series(collection: str, patient: str, uid: str, **others: Any) -> dict[str, Any]:
    """A row of the index."""
    row = {
        "collection_id": collection,
        "analysis_result_id": None,
        "PatientID": patient,
        "SeriesInstanceUID": uid,
        "StudyInstanceUID": f"{uid}.9",
        "StudyDate": "1999-01-02",
        "Modality": "CT",
        "Manufacturer": "Philips",
        "ManufacturerModelName": "Brilliance 64",
        "SeriesDescription": None,
        "license_short_name": "CC BY 3.0",
        "series_aws_url": f"s3://idc-open-data/{uuid.uuid5(uuid.NAMESPACE_OID, uid)}/*",
        "instanceCount": 200,
        "series_size_MB": 100.5,
    }
    return row | others


def nlst(patient: str, uid: str, description: str, **others: Any) -> dict[str, Any]:
    """A row of NLST in the index, its vendor as its description says it."""
    vendors = {"GE": "GE MEDICAL SYSTEMS", "SE": "SIEMENS", "PH": "Philips", "TO": "TOSHIBA"}
    year, _, vendor, *_ = description.split(",")
    told = {
        "StudyDate": f"{1999 + int(year)}-01-02",
        "Manufacturer": vendors[vendor],
        "SeriesDescription": description,
        "license_short_name": "CC BY 4.0",
    }
    return series("nlst", patient, uid, **(told | others))


def write_index(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as IDC does: large strings, one row group."""
    types = {name: pa.large_string() for name in TEXT} | {
        "instanceCount": pa.int64(),
        "series_size_MB": pa.float64(),
    }
    pq.write_table(
        pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}), path
    )
    return path


def write_ct_index(path: Path, rows: list[tuple[str, float | None, list[str] | None]]) -> Path:
    """Write IDC's table of CT reconstructions: UID, slice thickness, kernels."""
    uids, thickness, kernels = zip(*rows, strict=True)
    columns = {
        "SeriesInstanceUID": pa.array(uids, pa.large_string()),
        "SliceThickness": pa.array(thickness, pa.float64()),
        "ConvolutionKernel": pa.array(kernels, pa.list_(pa.string())),
    }
    pq.write_table(pa.table(columns), path)
    return path
