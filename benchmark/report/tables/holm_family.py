"""How many tests Holm's correction is over, as a table says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from benchmark.report.printing.numbers import count


def family_size(rows: pd.DataFrame, by: Sequence[str]) -> str:
    """``" (6 tests)"``, or ``" (3 to 6 tests)"`` where families differ; empty where nothing is tested.

    Args:
        rows: Rows with ``p_holm``, of one family or of several.
        by: Columns that part them into families.
    """
    tested = rows[rows["p_holm"].notna()] if len(rows) else rows
    return _tests(tested.groupby(list(by)).size()) if len(tested) else ""


def family_size_of(families: Iterable[pd.DataFrame]) -> str:
    """The same where each table is a family of its own."""
    return _tests(number for rows in families if len(rows) and (number := int(rows["p_holm"].notna().sum())))


def _tests(sizes: Iterable[int]) -> str:
    different = sorted(set(map(int, sizes)))
    if not different:
        return ""
    number = " to ".join(map(count, dict.fromkeys((different[0], different[-1]))))
    return f" ({number} test{'s' * (different != [1])})"
