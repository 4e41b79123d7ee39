"""Functions that worker processes of the tests load."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def slow_square(number: int) -> int:
    time.sleep(0.05 if number % 3 == 0 else 0)
    print("a library that prints")  # noqa: T201
    sys.stdin.read()
    return number * number


def dies_at_two(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), 9)
    return number


def refuses_odd(number: int) -> int:
    if number % 2:
        time.sleep(0.2 if number == 1 else 0)
        raise ValueError(f"{number} is odd")
    return number


class Picky(Exception):
    """An error that cannot be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def raises_picky(number: int) -> int:
    raise Picky("not", " today")


def never_ends(task: tuple[str, int]) -> None:
    folder, number = task
    (Path(folder) / f"{number}.pid").write_text(str(os.getpid()))
    time.sleep(600)
