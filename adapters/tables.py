"""Score columns of CSV files, several files as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import AdapterOptions, Location
from benchmark.contracts.cells import NOT_GIVEN, NOT_GIVEN_OR_NOTHING
from benchmark.contracts.dates import report_dates
from benchmark.contracts.dialect import parse_numbers
from benchmark.contracts.roles import check_roles
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem

IDS = ("pid", "scan_id", "nodule_id", "case")
_NO_SCORE = ("", *NOT_GIVEN, *NOT_GIVEN_OR_NOTHING)


@dataclass(frozen=True)
class Tables:
    """CSV files that were read, stacked.

    Attributes:
        tables: The files, in the order given.
    """

    tables: Sequence[TextTable]

    @property
    def columns(self) -> list[str]:
        """Columns that all files have, in the order of the first."""
        return [str(name) for name in self.tables[0].frame if all(name in t.frame for t in self.tables)]

    def text(self, column: str) -> pd.Series:
        """A column of all files, text."""
        parts = [table.frame[column] for table in self.tables]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def locate(self, row: int) -> Location:
        """File and line of a stacked row."""
        for table in self.tables:
            if row < len(table.frame):
                return table.path, table.line(row)
            row -= len(table.frame)
        raise IndexError(row)

    def numbers(self, column: str, *, drop_missing: bool, failed: Sequence[str] = ()) -> npt.NDArray[np.float64]:
        """A score column as float64, NaN where the case failed; what else is not finite is reported.

        Args:
            column: The column.
            drop_missing: Empty cells, NA and the like are failed cases too.
            failed: Words that say that a case failed.
        """
        without = {word.strip().lower() for word in (*failed, *(_NO_SCORE if drop_missing else ()))}
        return np.concatenate([_scores(table, column, without, drop_missing) for table in self.tables])

    def finish(self) -> None:
        """Raise every problem of every file."""
        problems = [problem for table in self.tables for problem in table.problems]
        if problems:
            raise InputError(problems)


def read_tables(files: Sequence[Path], required: Sequence[str], options: AdapterOptions) -> Tables:
    """Read CSV files that all have the columns ``required``.

    Raises:
        InputError: Names everything wrong with any of the files.
    """
    tables, problems = [], []
    for file in files:
        try:
            form = {"sep": options.sep, "encoding": options.encoding, "decimal": options.decimal}
            tables.append(read_text_table(file, required, **form))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return Tables(tables)


def score_frame(
    tables: Tables,
    roles: Mapping[str, str],
    score: str,
    *,
    drop_missing: bool = False,
    failed: Sequence[str] = (),
) -> pd.DataFrame:
    """The columns that ``roles`` names and the score, as the frame of ``Predictions``.

    Args:
        tables: The files.
        roles: Role (``pid, scan_id, case, nodule_id, fold, date, label, reason``) → column.
        score: The score column.
        drop_missing: An empty score is a failed case instead of an error.
        failed: What the score column says where a case failed, in any letter case, e.g. ``("ERR",)``; the word is
            the reason of the failure.
    """
    check_roles({**roles, "score": score}, file=tables.tables[0].path if tables.tables else None)
    for table in tables.tables:
        for role, column in roles.items():
            if role in IDS:
                table.check_ids(column)
            elif role == "date":
                report_dates(table, column)
    values = tables.numbers(score, drop_missing=drop_missing, failed=failed)
    tables.finish()
    frame = pd.DataFrame({role: tables.text(column) for role, column in roles.items()})
    frame["score"] = values
    lost = np.isnan(values)
    if lost.any():
        told = tables.text(score).str.strip()
        words = told.where(told.str.lower().isin([word.strip().lower() for word in failed]), "")
        reason = words.map(lambda word: f"the file says {word!r}" if word else "the file holds no score")
        own = frame.get("reason", "")
        frame["reason"] = np.where(lost & (np.asarray(own) == ""), reason.where(lost, ""), own)
    return frame


def _scores(table: TextTable, column: str, without: set[str], drop_missing: bool) -> npt.NDArray[np.float64]:
    """The scores of one file, NaN where the cell is one of ``without``."""
    text = table.frame[column]
    words = text.str.strip().str.lower()
    values, failed = parse_numbers(text, table.decimal), words.isin(without).to_numpy(bool)
    values[failed] = np.nan
    wrong = np.isnan(values) & ~failed
    missing = wrong & words.isin(_NO_SCORE).to_numpy(bool)
    table.report(
        missing, column, "the score is missing", "correct it, or pass --drop-missing to count the case as failed"
    )
    other = (
        "correct it"
        if drop_missing
        else "correct it, or empty the cell and pass --drop-missing where the case failed"
    )
    table.report_no_numbers(wrong & ~missing, column, other)
    return values


def named_roles(options: AdapterOptions, known: Sequence[str]) -> dict[str, str]:
    """Role → column as the user says; a role that is given an empty column (``fold=``) has none.

    Raises:
        InputError: A role is none of ``known``.
    """
    unknown = sorted(set(options.columns) - set(known))
    if unknown:
        raise InputError(Problem(f"no role {', '.join(unknown)}", f"roles: {', '.join(known)}", column="--column"))
    return {role: name for role, name in options.columns.items() if name}


def pick(columns: Sequence[str], candidates: Sequence[str]) -> str | None:
    """The first of ``candidates`` that is a column."""
    return next((name for name in candidates if name in columns), None)


def need_one(files: Sequence[Path], columns: Sequence[str], candidates: Sequence[str], what: str, how: str) -> str:
    """Like ``pick``, but a column must be there.

    Raises:
        InputError: Names the columns found and the option ``how``.
    """
    found = pick(columns, candidates)
    if found is None:
        message = f"has no column for {what} (looked for {', '.join(candidates)})"
        raise InputError(Problem(message, f"name it with {how}; columns: {', '.join(columns)}", files[0], 1))
    return found
