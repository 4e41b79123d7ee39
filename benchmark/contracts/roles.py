"""Which column of a table is what: names that are recognised, and no column is two things."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.errors import InputError, Problem

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "pid": (
        *("pid", "patient_id", "patient-id", "PatientID", "patientID", "subject", "subject_id"),
        *("patient", "participant", "participant_id"),
    ),
    "scan_id": ("scan_id", "SeriesInstanceUID", "seriesuid", "series_id", "exam_id"),
    "nodule_id": ("nodule_id", "AnnotationID", "NoduleID", "noduleID"),
    "fold": ("fold",),
    "date": ("study_date", "StudyDate", "scandate", "date"),
    "label": ("malignant", "label", "Malignant_lbl"),
    "path": (
        *("image_path", "path", "file_path", "file_name", "file", "image_file", "image", "scan_path", "img_path"),
    ),
    "coordX": ("coordX",),
    "coordY": ("coordY",),
    "coordZ": ("coordZ",),
}
"""Role → names of its column that are recognised, in any letter case and with any blanks, dots or dashes.

The first is that of this project's own tables.
"""
SCORES: Final = ("score", "prob", "probability", "pred", "prediction", "risk")
"""Names of the one score column of a table with a row a score."""
ALONE: Final = {
    "pid": ("case", "case_id", "id", "study_id", "mrn", "pat_id"),
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
_LABELS: Final = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
ROLES: Final = {names[0]: role for role, names in NAMES.items()}
"""Column of this project's own tables → its role."""


def check_roles(columns: Mapping[str, str], option: str = "--column", file: Path | str | None = None) -> None:
    """Refuse a column that is named for two roles.

    Args:
        columns: Role → column of the file.
        option: How the user names them.
        file: The file, where it is known.

    Raises:
        InputError: Names each such column and its roles.
    """
    roles: dict[str, list[str]] = {}
    for role, column in columns.items():
        roles.setdefault(column, []).append(role)
    problems = [
        Problem(f"is named for {len(of)} roles: {', '.join(of)}", "give each role a column of its own", file,
                column=option, value=column)
        for column, of in roles.items()
        if len(of) > 1
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


def plain_name(name: str) -> str:
    """A column's name in letters and digits, lower case: ``Patient-ID`` and ``patient_id`` are one."""
    return re.sub(r"[\W_]+", "", name).lower()


def columns_called(columns: Iterable[str], role: str) -> list[str]:
    """Columns that are called as a role of a table that stands alone, in the order of the table."""
    wanted = {plain_name(name) for name in (*NAMES.get(role, ()), *ALONE.get(role, ()))}
    return [column for column in columns if plain_name(column) in wanted]


def recognised_columns(columns: Sequence[str], role: str) -> list[str]:
    """The columns whose name is one of a role's, the best first."""
    names = NAMES[role]
    rank = {plain_name(name): number for number, name in reversed(list(enumerate(names)))}
    found = [column for column in columns if plain_name(column) in rank]
    return sorted(found, key=lambda column: (column != names[0], rank[plain_name(column)]))


def column_of(
    columns: Sequence[str], role: str, cells: Callable[[str], pd.Series], file: Path | str | None = None
) -> str | None:
    """The column of a table that has a role by its name; None if there is none.

    The name that this project itself gives wins over others, but not over its own in another spelling, nor over
    labels that contradict it; of several that could be meant one is taken only if all hold the same.

    Args:
        columns: The columns that have no other role.
        role: A key of ``NAMES``.
        cells: Gives the cells of a column.
        file: The file, for the message.

    Raises:
        InputError: Several columns could have it, and they differ.
    """
    found = recognised_columns(columns, role)
    if not found:
        return None
    first, *others = found
    own = first == NAMES[role][0]
    rivals = [
        other
        for other in others
        if not own
        or plain_name(other) == plain_name(first)
        or (role == "label" and _contradict(cells(first), cells(other)))
    ]
    if any(not cells(first).equals(cells(rival)) for rival in rivals):
        what = f"several columns could be the {role}: {', '.join([first, *rivals])}"
        raise InputError(Problem(what, f"say which with --column {role}=NAME", file, 1))
    return first


def _contradict(first: pd.Series, second: pd.Series) -> bool:
    """Whether two columns of 0 and 1 say different things of a row."""
    stated = [cells.str.strip().map(_LABELS) for cells in (first, second)]
    read = all((known.notna() | (cells == "")).all() for known, cells in zip(stated, (first, second), strict=True))
    return bool(read and ((stated[0] != stated[1]) & stated[0].notna() & stated[1].notna()).any())


def by_role(columns: Mapping[str, str]) -> dict[str, str]:
    """Role → column, where the user may have named the column of this project instead of the role.

    Raises:
        InputError: Both are given.
    """
    named: dict[str, str] = {}
    for name, column in columns.items():
        role = ROLES.get(name, name)
        if role in named:
            what = f"is given twice, as {NAMES[role][0]} and as {role}"
            raise InputError(Problem(what, "give it once", column="--column", value=column))
        named[role] = column
    return named
