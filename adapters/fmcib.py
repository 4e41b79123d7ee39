"""FMCIB, the foundation model for cancer imaging biomarkers: features, unless a column of class scores is named.

Its ``pred_0..pred_k`` are features (``get_features``: 4,096 of them) or class scores, with the same names: nothing
in the file tells which. The published task-2 files have ``conf_scores_class_1`` or ``conf_scores_class``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.tables import Tables, named_roles, pick, read_tables, score_frame
from benchmark.errors import InputError, Problem

CARD = ModelCard(
    name="fmcib",
    title="FMCIB",
    reference="Pai et al., Nat Mach Intell 6:354-367, 2024",
    inputs="50 mm crop around a nodule",
    unit="nodule",
    endpoint="by the head that was trained on it",
    horizon_years=None,
    trained_on=("deeplesion", "luna16"),
    licence="MIT",
    options=("class_column", "columns"),
    note="The published malignancy heads were tuned on LUNA16, which is LIDC.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read a prediction file; ``class_column`` must name the column of the positive class."""
    roles = named_roles(options, ("pid", "scan_id", "nodule_id", "fold", "date", "label"))
    tables = read_tables(files, tuple(roles.values()), options)
    column = options.class_column
    if column is None:
        raise InputError(_advice(tables, files[0]))
    if column not in tables.columns:
        raise InputError(Problem("column is missing", f"columns: {_shown(tables.columns)}", files[0], 1, column))
    _check_classes(tables, column, files[0])
    for role, common in (
        ("pid", ("pid", "patient_id", "PatientID")),
        ("nodule_id", ("nodule_id", "noduleID", "AnnotationID")),
        ("label", ("malignancy", "malignant")),
    ):
        found = pick(tables.columns, common)
        if role not in options.columns and found is not None:
            roles[role] = found
    if "pid" not in roles and "scan_id" not in roles:
        what = "has no column for the patient"
        fix = f"pass --column pid=NAME; columns: {_shown(tables.columns)}"
        raise InputError(Problem(what, fix, files[0], 1))
    frame = score_frame(tables, roles, column, drop_missing=options.drop_missing)
    unit = CARD.unit if "nodule_id" in roles else "patient"
    return [
        Predictions(CARD.name, frame, unit, options.score_type or "probability", tables.locate, {"column": column})
    ]


def _advice(tables: Tables, file: Path) -> Problem:
    classes = [c for c in tables.columns if c.startswith("conf_scores")]
    features = [c for c in tables.columns if re.fullmatch(r"pred_\d+", c)]
    unclear = f"; {len(features):,} columns pred_* may be features, which are not scores" if features else ""
    what = f"no class column is named{unclear}"
    fix = (
        f"pass --class-column {_positive_class(classes)}"
        if classes
        else "fit a classifier on the features, or, if they are class scores, pass --class-column pred_1"
    )
    return Problem(what, fix, file, 1)


def _positive_class(columns: Sequence[str]) -> str:
    """The column to name: of the classes 0 and 1, class 1; of more classes, all to choose from."""
    names = [name for name in columns if not name.endswith("_0")]
    return names[0] if len(names) == 1 else f"with the column of the malignant class: {', '.join(columns)}"


def _check_classes(tables: Tables, column: str, file: Path) -> None:
    """Class scores add up to one; features do not."""
    if not re.fullmatch(r"pred_\d+", column):
        return
    all_of_them = [c for c in tables.columns if re.fullmatch(r"pred_\d+", c)]
    total = np.sum([tables.numbers(c, drop_missing=True) for c in all_of_them], axis=0)
    if len(all_of_them) > 1 and not np.allclose(total[np.isfinite(total)], 1, atol=1e-3):
        what = f"the {len(all_of_them):,} columns pred_* do not add up to 1: they are features, or logits"
        raise InputError(Problem(what, "features are not scores: fit a classifier on them", file, 1, column))


def _shown(columns: Sequence[str]) -> str:
    return ", ".join(columns[:12]) + (f", ... ({len(columns):,} in all)" if len(columns) > 12 else "")
