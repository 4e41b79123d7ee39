"""What is too long for every day is done on one day of several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")
DAY = date.today().toordinal()


def todays_third(items: Sequence[T]) -> Sequence[T]:
    """Every third of some things, beginning with another one each day."""
    return items[DAY % 3 :: 3]


def is_in_share(name: str, share: str, day: int = DAY) -> bool:
    """Whether a test is in a share ``I/N`` of a day: in one of the N shares each day, and in each once in N days.

    Raises:
        ValueError: No such share.
    """
    number, shares = (int(part) for part in share.split("/")) if re.fullmatch(r"\d+/\d+", share) else (1, 0)
    if number >= shares:
        message = f"{share} is no share: 0/2 is one half, 1/2 the other"
        raise ValueError(message)
    return (crc32(name.encode()) + day) % shares == number
