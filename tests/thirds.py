"""What is too long for every day is done on one day of three."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

T = TypeVar("T")
TODAY = date.today().toordinal() % 3
"""Number of today's third."""


def todays_third(items: Sequence[T]) -> Sequence[T]:
    """Every third of some things, beginning with another one each day."""
    return items[TODAY::3]
