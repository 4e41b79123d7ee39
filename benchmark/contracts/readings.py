"""Readers and their ratings in a table that was meant for models: a rating is a rank, never a probability."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmark.contracts.roles import plain_name

READERS: Final = ("reader", "reader_id", "radiologist", "observer", "rater")
"""Names of a column that says who read a case."""
RATINGS: Final = ("rating", "reading", "confidence", "likelihood", "suspicion", "score")
"""Names of the column of a reading; models have some of them too."""
_OF_READERS: Final = ("rating", "rated", "reader", "radiologist", "observer", "rater", "likert", "lungrads")


def reader_columns(columns: Iterable[str]) -> list[str]:
    """Columns that say who read a case."""
    known = set(map(plain_name, READERS))
    return [name for name in columns if plain_name(name) in known]


def are_ratings(name: str, values: npt.NDArray[np.float64]) -> str:
    """Why numbers are a reader's ratings, or calls, and no probabilities; empty where nothing says so.

    Args:
        name: Name of their column.
        values: The numbers; NaN where one is missing.
    """
    if any(word in plain_name(name) for word in _OF_READERS):
        return "ratings by its name"
    known = values[np.isfinite(values)]
    if len(known) > 2 and set(np.unique(known).tolist()) == {0.0, 1.0}:
        return "nothing but 0 and 1, which are calls"
    return ""
