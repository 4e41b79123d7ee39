"""Duke Lung Cancer Screening (DLCSD24, Zenodo): nodules with world coordinates in LPS.

The authors warn that their NLST-3D file uses another coordinate convention: this reader is for DLCS only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.cohorts.dlcs_tables import add_columns
from benchmark.cohorts.prepared import Exclusion, Prepared, compare_release, counts, expand
from benchmark.contracts.delimiters import has_column
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished

_REQUIRED: Final = ("patient-id", "nodule_id", "ct_nifti_file", "coordX", "coordY", "coordZ", "Malignant_lbl")
RELEASED: Final = {"nodules": 2487, "patients": 1613}
_FIELDS: Final = {
    "title": "DLCS",
    "ct_type": "low-dose",
    "population": "screening",
    "endpoint": "lung cancer as labelled by the release",
    "frame": "LPS",
}


def prepare(paths: Sequence[Path], *, split: str | None = None) -> Prepared:
    """Read ``DLCSD24_Annotations.csv``, and the other tables of the release if they are given.

    Args:
        paths: The CSV, or a folder with it; the release's other CSVs (``DLCSD24_metadata_v1.1.csv``), whose
            columns join by patient, and the folder of the images may be given too.
        split: Keep only rows whose ``benchmark_split`` begins with it (``train``, ``val`` or ``test``).

    Raises:
        InputError: Names every cell that cannot be read.
    """
    given = expand(paths, (".csv",), "DLCSD24_Annotations.csv")
    files = [file for file in given if has_column(file, "Malignant_lbl") and has_column(file, "coordX")]
    if len(files) != 1:
        what = f"{len(files)} CSV files have the columns Malignant_lbl and coordX"
        raise InputError(Problem(what, "give DLCSD24_Annotations.csv", ", ".join(map(str, paths))))
    source = read_text_table(files[0], _REQUIRED)
    frame = source.frame
    for column in ("patient-id", "nodule_id"):
        source.check_ids(column)
    label = frame["Malignant_lbl"].str.strip().map({"0": 0, "1": 1, "0.0": 0, "1.0": 1, "": None})
    known = frame["Malignant_lbl"].str.strip().isin(("0", "1", "0.0", "1.0", ""))
    source.report(~known, "Malignant_lbl", "is neither 0 nor 1")
    source.report(frame.duplicated(["patient-id", "nodule_id"]), "nodule_id", "stands in the file twice")
    coordinates = {name: source.number(name, empty=False) for name in ("coordX", "coordY", "coordZ")}
    source.finish()
    table = pd.DataFrame(
        {
            "pid": frame["patient-id"],
            "nodule_id": frame["nodule_id"],
            "image_path": frame["ct_nifti_file"],
            **coordinates,
            "malignant": label.astype("Int8"),
            **{new: frame[new].replace("", None) for new in ("w", "h", "d") if new in frame},
        }
    )
    if "benchmark_split" in frame:
        table["benchmark_split"] = frame["benchmark_split"].replace("", None)
    others = [file for file in given if file not in files]
    notes = []
    for file in others:
        table, said = add_columns(table, file)
        notes += said
    prepared = Prepared("dlcs", table, _FIELDS, files + others, {"split": split}, notes=notes)
    prepared.warnings += compare_release(counts(table), RELEASED, "DLCSD24")
    if "benchmark_split" in frame:
        _keep_split(prepared, split)
    elif split:
        raise InputError(Problem("has no column benchmark_split", "leave out --split", files[0], 1))
    _find_images(prepared, paths)
    return prepared


def _keep_split(prepared: Prepared, split: str | None) -> None:
    if split is None:
        return
    table = prepared.nodules
    kept = table["benchmark_split"].str.startswith(split, na=False)
    if not kept.any():
        names = ", ".join(sorted(table["benchmark_split"].dropna().unique()))
        raise InputError(Problem(f"no row has the split {split!r}", f"splits: {names}", prepared.files[0]))
    left = table[~kept].drop_duplicates("pid")["pid"]
    reason = f"not in the split {split}"
    prepared.excluded += [Exclusion(pid, "", reason) for pid in left if pid not in set(table.loc[kept, "pid"])]
    prepared.nodules = table[kept].reset_index(drop=True)


def _find_images(prepared: Prepared, paths: Sequence[Path]) -> None:
    """The folder below the given ones that holds the first image."""
    first = Path(prepared.nodules["image_path"].iloc[0]).name
    for folder in (path for path in paths if path.is_dir()):
        found = next((path for path in list_finished(folder, "**/*") if path.name == first), None)
        if found is not None:
            prepared.image_folder = found.parent
            return
    prepared.missing.append("images: set image_root in cohort.yaml to their folder")
