"""The collector of reference cycles, which looks at all new objects again and again while many are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = 100_000
"""New objects between two looks; Python's own number is 700, or 2,000 since 3.12."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """While this context is open, cycles are looked for only after many new objects.

    For reading what becomes very many small objects without cycles. What is counted off is freed as ever.

    Example::

        >>> import gc
        >>> from benchmark.garbage import collecting_seldom
        >>> before = gc.get_threshold()
        >>> with collecting_seldom():
        ...     rows = [[number] for number in range(1000)]
        >>> gc.get_threshold() == before
        True
    """
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
