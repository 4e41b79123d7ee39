"""Sybil-1.5, Pillar-0 finetuned: cumulative risk of lung cancer in one to six years from a whole low-dose CT.

``Sybil15.predict()`` returns ``accession, logit, y, time_at_event`` with six logits a scan and writes no file;
people save it as a CSV, in which a cell of ``logit`` reads ``tensor([-5.1, ..., -2.3])`` or ``[-5.1, ..., -2.3]``.
Sybil-2, which holds it, writes ``patient_id`` and ``year_1_risk`` to ``year_6_risk``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import AdapterOptions, ModelCard, Predictions, ScoredUnit
from adapters.sybil import NAMES
from adapters.tables import Tables, need_one, read_tables, score_frame
from adapters.yearly import chosen_year, columns_of_years, say_years, with_risks, with_years
from benchmark.contracts.dialect import parse_numbers
from benchmark.contracts.text_table import TextTable
from benchmark.errors import InputError, Problem

IDS: Final = {"accession": "case", "SeriesInstanceUID": "scan_id", "patient_id": "pid"}
"""Column of the id → its role; an accession may be the cohort's patient or its scan."""
_LIST: Final = re.compile(r"\s*+(?:tensor\()?\s*+\[([^\[\]()]*)\]\s*+(?:,\s*dtype=torch\.\w+)?\)?\s*+")
CARD = ModelCard(
    name="pillar0",
    title="Sybil-1.5 (Pillar-0)",
    reference="Agrawal et al., arXiv:2511.17803, 2025; huggingface.co/YalaLab/Pillar0-Sybil-1.5",
    inputs="whole low-dose CT",
    unit="scan",
    endpoint="lung cancer within the chosen number of years",
    horizon_years=None,
    trained_on=("nlst",),
    licence="gated, see its model card",
    options=("year", "all_years"),
    note="Logits are ranked as they are: nobody published how to calibrate them.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read a saved ``predict()`` of Sybil-1.5, or the CSV of Sybil-2.

    Args:
        files: CSV files.
        options: ``year`` 1..6 is required, but with ``all_years``, which keeps the risks of all of them.
    """
    warnings: list[str] = []
    year = options.year
    if options.all_years:
        year, warnings = chosen_year(options, NAMES)
    if year is None or not 1 <= year <= len(NAMES):
        what = "gives six risks, for one to six years, and no such year was chosen"
        raise InputError(Problem(what, "pass --year 1 to 6, or --all-years for a column a year", files[0]))
    tables = read_tables(files, (), options)
    column = need_one(files, tables.columns, list(IDS), "the scan", "the header accession or patient_id")
    roles = {IDS[column]: column}
    if "logit" in tables.columns:
        result = _of_logits(tables, roles, year, all_years=options.all_years, options=options)
    else:
        result = _of_years(tables, roles, year, files[0], options)
    result.recorded["year"] = str(year)
    return [say_years(result, NAMES, warnings) if options.all_years else result]


def _of_logits(
    tables: Tables, roles: dict[str, str], year: int, *, all_years: bool, options: AdapterOptions
) -> Predictions:
    for table in tables.tables:
        table.check_ids(next(iter(roles.values())))
    values = np.concatenate([_six_numbers(table, options.drop_missing) for table in tables.tables])
    tables.finish()
    frame = pd.DataFrame({role: tables.text(column) for role, column in roles.items()})
    frame["score"] = values[:, year - 1]
    if np.isnan(values).any():
        frame["reason"] = np.where(np.isnan(frame["score"]), "the file holds no score", "")
    if all_years:
        frame = with_risks(frame, dict(zip(NAMES, values.T, strict=True)))
    return Predictions(CARD.name, frame, CARD.unit, options.score_type or "logit", tables.locate)


def _six_numbers(table: TextTable, drop_missing: bool) -> npt.NDArray[np.float64]:
    """The six logits of each row, ``(rows, 6)``; NaN where a cell is empty and may be."""
    found = np.full((len(table.frame), len(NAMES)), np.nan)
    wrong = np.zeros(len(table.frame), dtype=bool)
    empty = (table.frame["logit"].str.strip() == "").to_numpy(bool)
    for row, text in enumerate(table.frame["logit"]):
        listed = _LIST.fullmatch(str(text))
        numbers = parse_numbers(pd.Series(listed[1].split(",")).str.strip(), ".") if listed else np.array([])
        if numbers.size == len(NAMES) and np.isfinite(numbers).all():
            found[row] = numbers
        else:
            wrong[row] = not empty[row]
    what = f"is no list of {len(NAMES)} numbers"
    table.report(wrong, "logit", what, "save the whole tensor: [float(x) for x in logit]")
    if not drop_missing:
        table.report(empty, "logit", "is empty", "correct it, or pass --drop-missing to count the case as failed")
    return found


def _of_years(
    tables: Tables, roles: dict[str, str], year: int, file: Path, options: AdapterOptions
) -> Predictions:
    yearly = columns_of_years(tables.columns, file)
    lacking = [name for name in NAMES if name not in yearly]
    if lacking:
        what = f"has no column logit, and none for {', '.join(lacking)}"
        raise InputError(Problem(what, f"columns found: {', '.join(tables.columns)}", file, 1))
    frame = score_frame(tables, roles, yearly[f"year{year}"], drop_missing=options.drop_missing)
    if options.all_years:
        frame = with_years(frame, tables, yearly, drop_missing=options.drop_missing)
    unit: ScoredUnit = "patient" if "pid" in roles else CARD.unit
    return Predictions(CARD.name, frame, unit, options.score_type or "probability", tables.locate)
