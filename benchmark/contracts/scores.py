"""The score table: what every producer writes and every consumer reads.

``fold`` is ``ensemble`` for the score that counts, or the number of a fold: a model that scored every case, or a
part of a cross-validation that held its cases out. `benchmark.contracts.folds` tells which of the two it is.

``score`` is what a binary endpoint is judged by. A model that predicts when, not only whether, adds a column a
year: ``year1``, ``year2``, ...: the risk of the event within so many years, which never falls from year to year.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text import TEXT
from benchmark.contracts.text_table import INFINITE, TextTable, read_text_table
from benchmark.errors import InputError, Problem
from benchmark.formats.parquet import read_parquet

ScoreKind = Literal["probability", "logit", "rank"]
COLUMNS: Final = ("model", "cohort", "pid", "nodule_id", "fold", "score", "score_kind", "status", "reason")
KEY: Final = ["model", "cohort", "pid", "nodule_id", "fold"]
ENSEMBLE: Final = "ensemble"
LAST_YEAR: Final = 20
YEARS: Final = tuple(f"year{number}" for number in range(1, LAST_YEAR + 1))
"""Columns of yearly risks that a table may have."""


def year_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of yearly risks of a score table, in the order of the years."""
    return [column for column in YEARS if column in frame]


def read_score_table(path: Path | str) -> pd.DataFrame:
    """Read a score table, CSV or Parquet.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.scores import read_score_table, write_score_table
        >>> rows = {"model": "clip", "cohort": "ucla", "pid": ["p1", "p2"], "nodule_id": "", "fold": "ensemble"}
        >>> rows |= {"score": [0.9, None], "score_kind": "probability"}
        >>> rows |= {"status": ["scored", "failed"], "reason": ["", "no lung found"]}
        >>> write_score_table(pd.DataFrame(rows), "sybil.csv")
        >>> read_score_table("sybil.csv")["score"].tolist()
        [0.9, nan]

    Returns:
        The columns of ``COLUMNS``: all text but ``score``, which is float64 and NaN exactly where ``status`` is
        ``failed``. ``nodule_id`` is ``""`` for a score of the whole patient. The columns of ``YEARS`` that the
        file has follow as float64, NaN where there is none.

    Raises:
        InputError: Names every bad cell and duplicate row of the file.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return check_score_table(read_parquet(path, (*COLUMNS, *YEARS)), path)
    table = read_text_table(path, COLUMNS)
    yearly = {column: table.number(column) for column in year_columns(table.frame)}
    return _checked_rows(table, table.number("score"), (table.frame["score"] == "").to_numpy(), yearly)


def write_score_table(frame: pd.DataFrame, path: Path | str) -> None:
    """Check a score table and write it, CSV or Parquet by suffix, atomically.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.scores import write_score_table
        >>> rows = {"model": "clip", "cohort": "ucla", "pid": ["p1", "p2"], "nodule_id": "", "fold": "ensemble"}
        >>> rows |= {"score": [0.9, None], "score_kind": "probability"}
        >>> rows |= {"status": ["scored", "failed"], "reason": ["", "no lung found"]}
        >>> write_score_table(pd.DataFrame(rows), "clip.csv")
    """
    write_table(check_score_table(frame, path), path)


def check_score_table(frame: pd.DataFrame, path: Path | str = "scores") -> pd.DataFrame:
    """The same checks for a table in memory; returns the contract's columns in order.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.scores import check_score_table
        >>> rows = {"model": "clip", "cohort": "ucla", "pid": ["p1", "p2"], "nodule_id": "", "fold": "ensemble"}
        >>> rows |= {"score": [0.9, None], "score_kind": "probability"}
        >>> rows |= {"status": ["scored", "failed"], "reason": ["", "no lung found"]}
        >>> check_score_table(pd.DataFrame(rows))[["pid", "score", "status"]].to_dict("list")
        {'pid': ['p1', 'p2'], 'score': [0.9, nan], 'status': ['scored', 'failed']}
    """
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise InputError(Problem(f"columns are missing: {', '.join(missing)}", file=path))
    yearly = {
        column: pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        for column in year_columns(frame)
    }
    text = frame[[*COLUMNS, *yearly]]
    text.index = pd.RangeIndex(len(text))
    score = pd.to_numeric(text["score"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    for column in text.columns.difference(["score", *yearly]):
        cells = text[column].astype(TEXT)
        text[column] = cells.fillna("") if cells.isna().any() else cells
    empty = text["score"].isna().to_numpy()
    truths = np.zeros(len(text), dtype=bool)
    if text["score"].dtype.kind not in "iuf":
        truths = text["score"].map(lambda cell: isinstance(cell, (bool, np.bool_))).to_numpy(bool)
    table = TextTable(Path(path), text, _lines=range(2, len(text) + 2))
    table.report(truths, "score", "is a truth value, no score", "write the number that the model gave")
    fix = "leave it empty if it is missing"
    columns = {"score": score} | yearly
    for column, values in columns.items():
        given = ~empty if column == "score" else text[column].notna().to_numpy()
        table.report(np.isinf(values), column, INFINITE, fix)
        table.report(np.isnan(values) & given, column, "is not a finite number", fix)
    return _checked_rows(table, np.where(np.isfinite(score), score, np.nan), empty, yearly)


def _checked_rows(
    table: TextTable,
    score: npt.NDArray[np.float64],
    empty: npt.NDArray[np.bool_],
    yearly: dict[str, npt.NDArray[np.float64]],
) -> pd.DataFrame:
    """Check the texts of a table, its scores, NaN where ``empty``, and its yearly risks, NaN where not given."""
    frame = table.frame[list(COLUMNS)]
    for column in ("model", "cohort", "pid"):
        table.check_ids(column)
    table.check_ids("nodule_id", empty=True)
    scored, failed = frame["status"] == "scored", frame["status"] == "failed"
    table.report(~(scored | failed), "status", "is neither 'scored' nor 'failed'")
    folds = [fold for fold in frame["fold"].unique() if re.fullmatch(r"\d{1,9}|ensemble", str(fold))]
    table.report(~frame["fold"].isin(folds), "fold", "is neither a number nor 'ensemble'")
    kinds = get_args(ScoreKind)
    table.report(~frame["score_kind"].isin(kinds), "score_kind", f"is not one of {', '.join(kinds)}")
    table.report(
        scored & empty, "score", "is empty though the row is scored", "set status to failed and give a reason"
    )
    table.report(failed & ~empty, "score", "is given though the row failed", "leave it empty")
    table.report(failed & (frame["reason"] == ""), "reason", "is empty though the row failed", "say why")
    outside = (frame["score_kind"] == "probability") & (
        np.nan_to_num(score, nan=0.5) != np.clip(np.nan_to_num(score, nan=0.5), 0, 1)
    )
    table.report(outside, "score", "is no probability", "logits or percentages? set score_kind")
    table.report(frame.duplicated(KEY), "pid", "is scored twice by one model and fold", "keep one row")
    _report_yearly(table, failed.to_numpy(), (frame["score_kind"] == "probability").to_numpy(), yearly)
    table.finish()
    return frame.assign(score=score, **yearly)


def _report_yearly(
    table: TextTable,
    failed: npt.NDArray[np.bool_],
    probability: npt.NDArray[np.bool_],
    yearly: dict[str, npt.NDArray[np.float64]],
) -> None:
    """Report risks of failed rows, of some years alone, outside [0, 1], or below that of the year before."""
    given = {column: np.isfinite(values) for column, values in yearly.items()}
    some = np.logical_or.reduce(list(given.values())) if given else np.zeros(len(failed), dtype=bool)
    before = np.full(len(failed), -np.inf)
    for column, values in yearly.items():
        table.report(given[column] & failed, column, "is given though the row failed", "leave it empty")
        fix = "give the risk of every year, or of none"
        table.report(some & ~given[column] & ~failed, column, "is empty though other years have a risk", fix)
        outside = probability & given[column] & ~((values >= 0) & (values <= 1))
        table.report(outside, column, "is no probability", "logits or percentages? set score_kind")
        falls = given[column] & (values < before)
        table.report(
            falls,
            column,
            "is below the risk of an earlier year",
            "give risks from the scan on, not of single years",
        )
        before = np.where(given[column], values, before)
