"""LIDC's diagnoses as TCIA publishes them (``tcia-diagnosis-data-2012-04-20``): of 157 patients, by patient.

The table numbers a patient's nodules, but not as the readings do: which of several nodules a diagnosis is of
cannot be told from it. A benign patient's nodules are all benign; the only nodule of a malignant one is malignant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.cohorts.prepared import Exclusion, Prepared
from benchmark.contracts.sheets import SheetRow, read_sheets
from benchmark.errors import InputError, Problem

BENIGN, MALIGNANT, METASTASIS = "1", "2", "3"
_MEANING: Final = {"0": "unknown", BENIGN: "benign", MALIGNANT: "malignant", METASTASIS: "metastasis"}
_PATIENT, _DIAGNOSIS = ("tcia patient id", "tcia patent id"), "diagnosis at the patient level"
_ENDINGS: Final = (".xlsx", ".xlsm", ".csv")


def diagnosis_files(paths: Sequence[Path]) -> list[Path]:
    """Tables among the paths that may hold diagnoses: workbooks and CSV files given as such."""
    return [path for path in paths if path.suffix.lower() in (*_ENDINGS, ".xls")]


def read_diagnoses(path: Path) -> dict[str, str]:
    """Patient → ``0`` unknown, ``1`` benign, ``2`` primary lung cancer, ``3`` metastasis of another cancer.

    Raises:
        InputError: It is no such table, or a patient stands twice or has another code. Names every cell.
    """
    if path.suffix.lower() == ".xls":
        raise InputError(
            Problem("is a workbook of Excel before 2007, which is not read", "save it as .xlsx", path)
        )
    for _, rows in read_sheets(path):
        columns = _columns_of(rows)
        if columns is not None:
            return _coded_patients(rows[1:], *columns, path)
    what = "has no columns 'TCIA Patient ID' and 'Diagnosis at the Patient Level'"
    raise InputError(Problem(what, "give TCIA's diagnosis table of LIDC", path, 1))


def label_by_diagnosis(prepared: Prepared, diagnoses: Mapping[str, str]) -> None:
    """Fill ``malignant`` and ``diagnosis``; nodules without a label are excluded with the reason.

    A metastasis is malignant, but no lung cancer: it gets no label.

    Raises:
        InputError: No patient of the cohort has a diagnosis.
    """
    table = prepared.nodules
    code = table["pid"].map(dict(diagnoses))
    if code.isna().all():
        raise InputError(Problem("no patient of the table is in the database", "are the ids LIDC-IDRI-0001, ...?"))
    table["diagnosis"] = code.map(_MEANING)
    nodules = table.groupby("pid")["nodule_id"].transform("size")
    benign, malignant = (code == BENIGN).to_numpy(bool), ((code == MALIGNANT) & (nodules == 1)).to_numpy(bool)
    table["malignant"] = pd.Series(malignant, index=table.index).astype("Int8").where(benign | malignant)
    reasons = {
        "no diagnosis in TCIA's table": code.isna() | (code == "0"),
        "metastasis of another cancer: neither lung cancer nor benign": code == METASTASIS,
        "lung cancer in one of several nodules: the table does not tell which": (code == MALIGNANT)
        & (nodules > 1),
    }
    for reason, rows in reasons.items():
        without = table[rows.to_numpy(bool)]
        prepared.excluded += [
            Exclusion(pid, nodule, reason)
            for pid, nodule in zip(without["pid"], without["nodule_id"], strict=True)
        ]
    unread = len(set(diagnoses) - set(table["pid"]))
    if unread:
        prepared.warnings.append(f"{unread:,} patients of TCIA's diagnosis table have no nodule in the database")


def _columns_of(rows: list[SheetRow]) -> tuple[int, int] | None:
    """Places of the patient and of the patient's diagnosis, by the first line; the titles go on with the codes."""
    titles = [" ".join(cell.casefold().split()) for cell in rows[0][1]] if rows else []
    patient = [place for place, title in enumerate(titles) if title.startswith(_PATIENT)]
    diagnosis = [place for place, title in enumerate(titles) if title.startswith(_DIAGNOSIS)]
    return (patient[0], diagnosis[0]) if len(patient) == len(diagnosis) == 1 else None


def _coded_patients(rows: list[SheetRow], patient: int, diagnosis: int, path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    problems = []
    for line, cells in rows:
        pid, code = (cells[place] if place < len(cells) else "" for place in (patient, diagnosis))
        if not pid:
            continue
        if code not in _MEANING:
            known = ", ".join(f"{number} {text}" for number, text in _MEANING.items())
            problems.append(Problem("is no code of a diagnosis", known, path, line, "Diagnosis", code))
        if pid in found:
            problems.append(
                Problem("stands in the table twice", "keep one row", path, line, "TCIA Patient ID", pid)
            )
        found[pid] = code
    if problems:
        raise InputError(problems)
    return found
