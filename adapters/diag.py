"""The merged table of the Diagnostic Image Analysis Group: several models at once, one row a nodule.

Columns as in ``nlst_allmodels_demos.csv``: ``DL`` and ``DL_cal`` (Venkadesh et al.), ``PanCan2b`` (Brock), and
``sybil_year1..6``, which repeat a scan's score for each nodule. ``InSybilTrain`` marks scans that Sybil saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from adapters.card import AdapterOptions, ModelCard, Predictions, ScoreType
from adapters.tables import Tables, need_one, pick, read_tables, score_frame
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem

COLUMNS: Final = {"venkadesh": "DL", "venkadesh-calibrated": "DL_cal", "brock": "PanCan2b", "sybil": "sybil_year"}
"""Model → its column; Sybil's is followed by the year."""
TRAINED_ON: Final = {"brock": ("pancan",)}
"""Cohorts that a model was fitted on, where they are not the card's."""
KINDS: Final[dict[str, ScoreType]] = {"venkadesh": "rank"}
"""Raw ``DL`` can lie outside [0, 1]; the others are probabilities."""
SEEN: Final = "in Sybil's training set"
CARD = ModelCard(
    name="diag",
    title="Merged table of several models",
    reference="github.com/DIAGNijmegen/bodyct-lung-malignancy-fairness",
    inputs="by model",
    unit="nodule",
    endpoint="by model",
    horizon_years=None,
    trained_on=("nlst",),
    licence="by model",
    options=("models", "year"),
    note="Brock was fitted on PanCan; the other models saw NLST (InSybilTrain says which scans Sybil saw).",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read every model of the table, or those in ``models``; Sybil needs ``year``."""
    tables = read_tables(files, ("PatientID",), options)
    nodule = need_one(files, tables.columns, ("AnnotationID", "NoduleID"), "the nodule", "an AnnotationID column")
    return [_read_model(tables, name, nodule, files[0], options) for name in _chosen(tables, files[0], options)]


def _chosen(tables: Tables, file: Path, options: AdapterOptions) -> list[str]:
    unknown = [name for name in options.models if name not in COLUMNS]
    if unknown:
        raise InputError(
            [Problem(f"no model {n!r} here{nearest(n, list(COLUMNS))}", column="--models") for n in unknown]
        )
    there = [
        name for name, column in COLUMNS.items() if any(c == column or _is_year(c, column) for c in tables.columns)
    ]
    absent = [name for name in options.models if name not in there]
    if absent or not there:
        what = f"has no column for {', '.join(absent or list(COLUMNS))}"
        raise InputError(Problem(what, f"columns: {', '.join(tables.columns)}", file, 1))
    chosen = list(options.models) or there
    if "sybil" in chosen and options.year is None:
        what = "holds Sybil's six years, and no year was chosen"
        raise InputError(Problem(what, "pass --year 1, or leave Sybil out with --models", file, 1, "sybil_year1"))
    return chosen


def _is_year(column: str, stem: str) -> bool:
    return stem == "sybil_year" and column.startswith(stem)


def _read_model(tables: Tables, name: str, nodule: str, file: Path, options: AdapterOptions) -> Predictions:
    kind = options.score_type or KINDS.get(name, "probability")
    label = {"label": "label"} if "label" in tables.columns else {}
    if name != "sybil":
        roles = {"pid": "PatientID", "nodule_id": nodule, **label}
        roles |= {"date": "StudyDate"} if "StudyDate" in tables.columns else {}
        frame = score_frame(tables, roles, COLUMNS[name], drop_missing=options.drop_missing)
        recorded, saw = {"column": COLUMNS[name]}, TRAINED_ON.get(name)
        return Predictions(name, frame, "nodule", kind, tables.locate, recorded, trained_on=saw)
    column = f"{COLUMNS[name]}{options.year}"
    if column not in tables.columns:
        raise InputError(Problem(f"has no column {column}", f"columns: {', '.join(tables.columns)}", file, 1))
    scan = pick(tables.columns, ("SeriesInstanceUID",))
    date = pick(tables.columns, ("StudyDate",))
    roles = {"pid": "PatientID", **({"scan_id": scan} if scan else {}), **({"date": date} if date else {})}
    frame = score_frame(tables, roles, column, drop_missing=options.drop_missing)
    return _scans(tables, frame, column, kind)


def _scans(tables: Tables, frame: pd.DataFrame, column: str, kind: ScoreType) -> Predictions:
    """One row a scan: the largest of its repeated scores, as the table's authors take it."""
    if "InSybilTrain" in tables.columns:
        trained = tables.text("InSybilTrain").str.lower().isin(("true", "1", "1.0")).to_numpy()
        failed = frame["score"].isna().to_numpy(bool)
        stated = frame.get("reason", "")
        frame["reason"] = np.where(trained & ~failed, SEEN, stated)
    key = "scan_id" if "scan_id" in frame else "pid"
    best = frame.sort_values("score", ascending=False, kind="stable").drop_duplicates(["pid", key]).sort_index()
    rows = best.index.to_numpy()
    warnings = []
    if "reason" in best and (best["reason"] == SEEN).any():
        seen = int((best["reason"] == SEEN).sum())
        warnings.append(f"{seen:,} of {len(best):,} scans were in Sybil's training set (InSybilTrain)")
    return Predictions(
        "sybil",
        best.reset_index(drop=True),
        "scan",
        kind,
        lambda row: tables.locate(int(rows[row])),
        {"column": column},
        warnings,
    )
