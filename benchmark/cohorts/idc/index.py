"""The index of the Imaging Data Commons (IDC): one row a series, in the package ``idc-index-data``.

Only the Parquet file of the package is read, and nothing of it is run. The index says little of a reconstruction;
IDC's further table ``ct_index.parquet`` says more and is read where it is given or lies beside the index.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.errors import InputError, Problem
from benchmark.extras import require_extra
from benchmark.formats.parquet import select_parquet_rows

INDEX_FILE: Final = "idc_index.parquet"
CT_INDEX_FILE: Final = "ct_index.parquet"
_COLUMNS: Final = {
    "PatientID": "patient",
    "SeriesInstanceUID": "series",
    "StudyInstanceUID": "study",
    "StudyDate": "study_date",
    "collection_id": "collection",
    "analysis_result_id": "annotations",
    "Modality": "modality",
    "Manufacturer": "vendor",
    "ManufacturerModelName": "scanner",
    "SeriesDescription": "description",
    "instanceCount": "files",
    "series_size_MB": "mb",
    "license_short_name": "licence",
    "series_aws_url": "url",
}
_VENDORS: Final = {
    "ge med": "GE",
    "siemens": "Siemens",
    "philips": "Philips",
    "toshiba": "Toshiba",
    "canon": "Canon",
}


@dataclass(frozen=True)
class IdcIndex:
    """An index of IDC.

    Attributes:
        path: Its Parquet file.
        version: Which it is.
        ct: IDC's table of CT reconstructions, where there is one.
    """

    path: Path
    version: str
    ct: Path | None = None


def find_index(path: Path | None = None, ct: Path | None = None) -> IdcIndex:
    """The index of the installed package ``idc-index-data``, or one in a file.

    Args:
        path: The file; None takes the package's.
        ct: IDC's ``ct_index.parquet``; None takes the one beside the index, if there is one.

    Raises:
        MissingExtra: No file is given, and the package is not installed.
        InputError: The package holds no index.
    """
    known = path.name if path is not None else ""
    if path is None:
        require_extra("idc", "IDC's index")
        spec = find_spec("idc_index_data")
        folders = list(spec.submodule_search_locations or []) if spec is not None else []
        files = [Path(folder) / INDEX_FILE for folder in folders]
        path = next((file for file in files if file.is_file()), None)
        if path is None:
            raise InputError(Problem(f"idc-index-data holds no {INDEX_FILE}", "install it again, or give --index"))
        known = _installed_version()
    beside = path.parent / CT_INDEX_FILE
    return IdcIndex(path, known, ct or (beside if beside.is_file() else None))


def read_series(
    index: IdcIndex,
    *,
    collection: str | None = None,
    modalities: Collection[str] = ("CT",),
    annotations: Collection[str] | None = ("",),
    series: Collection[str] | None = None,
) -> pd.DataFrame:
    """Series of the index, one row each; what is not asked for is not kept in memory.

    Args:
        index: The index.
        collection: IDC's name of one collection; None takes all.
        modalities: Their modality is one of these.
        annotations: Names of analysis results; "" stands for original images; None takes all.
        series: Their SeriesInstanceUID is one of these; None takes all.

    Returns:
        ``patient, series, study, study_date`` (ISO), ``collection, annotations, modality, vendor`` (short name of
        the usual four), ``scanner, description, files, mb, licence, url``, and from the table of CT
        reconstructions, where there is one, ``kernel`` and ``thickness`` (mm). Missing text is "".

    Raises:
        InputError: The file is no index of IDC.
    """
    asked = {
        "Modality": modalities,
        "analysis_result_id": annotations,
        "collection_id": None if collection is None else [collection],
        "SeriesInstanceUID": series,
    }
    where = {name: texts for name, texts in asked.items() if texts is not None}
    found = select_parquet_rows(index.path, list(_COLUMNS), where).rename(columns=_COLUMNS)
    for name in found.columns.difference(["files", "mb"]):
        found[name] = found[name].astype("str").where(found[name].notna(), "")
    found["vendor"] = [_short_vendor(name) for name in found["vendor"]]
    return _with_reconstructions(found.drop_duplicates("series", ignore_index=True), index)


def _with_reconstructions(found: pd.DataFrame, index: IdcIndex) -> pd.DataFrame:
    if index.ct is None or found.empty:
        return found.assign(kernel="", thickness=float("nan"))
    wanted = {"SeriesInstanceUID": set(found["series"])}
    names = ["SeriesInstanceUID", "SliceThickness"]
    told = select_parquet_rows(index.ct, names, wanted, optional=["ConvolutionKernel"])
    told = told.drop_duplicates("SeriesInstanceUID").set_index("SeriesInstanceUID")
    kernels = told["ConvolutionKernel"] if "ConvolutionKernel" in told else pd.Series(index=told.index, dtype=str)
    thickness = pd.to_numeric(found["series"].map(told["SliceThickness"]), errors="coerce")
    return found.assign(
        kernel=found["series"].map(kernels).fillna("").astype("str"),
        thickness=thickness.where(thickness > 0).astype("float64"),
    )


def _short_vendor(name: str) -> str:
    plain = name.casefold()
    return next((short for begin, short in _VENDORS.items() if plain.startswith(begin)), name)


def _installed_version() -> str:
    try:
        return f"idc-index-data {version('idc-index-data')}"
    except PackageNotFoundError:
        return "idc-index-data"
