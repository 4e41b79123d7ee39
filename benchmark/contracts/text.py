"""Columns of text: which dtype they have, in every table that is read, computed or written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

TEXT: Final = pd.Series(["text"]).dtype
"""The dtype of a column of text: the one that the installed pandas itself gives to text.

That is ``str`` from pandas 3 on and ``object`` before. Any other choice would not last: what pandas computes from
a column (``map``, ``concat``, ``assign``) has this one. Where a cell is missing, it holds what ``pandas.isna``
knows.
"""


def text_column(cells: Iterable[Any], index: pd.Index | None = None) -> pd.Series:
    """A column of ``TEXT`` from texts and missing values (None or NaN), also where all or none are given."""
    return pd.Series(list(cells), index=index, dtype=object).astype(TEXT)
