"""What columns of other people's tables are called: one list, for adapters and for tables that stand alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

NAMES: Final = {
    "pid": ("pid", "patient_id", "patient-id", "PatientID", "patientID", "subject", "subject_id"),
    "scan_id": ("scan_id", "SeriesInstanceUID", "seriesuid", "series_id", "exam_id"),
    "nodule_id": ("nodule_id", "AnnotationID", "NoduleID", "noduleID"),
    "fold": ("fold",),
    "date": ("study_date", "StudyDate", "scandate", "date"),
    "label": ("malignant", "label", "Malignant_lbl"),
}
"""Role → names that are recognised without being named."""
SCORES: Final = ("score", "prob", "probability", "pred", "prediction", "risk")
"""Names of the one score column of a table with a row a score."""
ALONE: Final = {
    "pid": ("patient", "participant", "participant_id", "case", "case_id", "id", "study_id", "mrn", "pat_id"),
    "scan_id": ("scan", "series", "exam", "accession_number", "study_instance_uid"),
    "nodule_id": ("nodule", "lesion", "lesion_id", "annotation_id", "nodule_number"),
    "fold": ("cv_fold", "fold_id"),
    "label": (
        *("y", "y_true", "true_label", "truth", "ground_truth", "gt", "target", "outcome", "labels", "class"),
        *("cancer", "lung_cancer", "is_cancer", "malignancy", "is_malignant", "malign", "diagnosis", "pathology"),
    ),
    "cohort": ("cohort", "dataset", "data_set"),
    "part": ("split", "subset", "partition", "phase"),
    "model": ("model", "model_name", "algorithm", "method", "system"),
}
"""Role → further names, for a table that carries its own labels: no cohort says what else the column could be."""


def plain_name(name: str) -> str:
    """A column's name in letters and digits, lower case: ``Patient-ID`` and ``patient_id`` are one."""
    return re.sub(r"[\W_]+", "", name).lower()


def columns_called(columns: Iterable[str], role: str) -> list[str]:
    """Columns that are called as a role of a table that stands alone, in the order of the table."""
    wanted = {plain_name(name) for name in (*NAMES.get(role, ()), *ALONE.get(role, ()))}
    return [column for column in columns if plain_name(column) in wanted]
