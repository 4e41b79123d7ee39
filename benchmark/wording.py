"""Lists in sentences, worded the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def in_words(texts: Iterable[object]) -> str:
    """``A``, ``A and B``, ``A, B and C``; empty without any.

    Example::

        in_words(["AUROC", "AUPRC"])  # AUROC and AUPRC
    """
    *first, last = [*map(str, texts)] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def first_few(names: Sequence[object], shown: int = 10) -> str:
    """The first names, and how many more there are: ``a, b, ... and 3 more``.

    Example::

        first_few(["a", "b", "c"], 2)  # a, b, ... and 1 more
    """
    rest = f", ... and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(map(str, names[:shown])) + rest


def counted(number: float, noun: str) -> str:
    """A number of things: ``1 event``, ``2 events``, ``0.5 years``; ``1,200 patients``.

    Example::

        >>> from benchmark.wording import counted
        >>> counted(1, "event"), counted(1200, "patient"), counted(0.5, "year")
        ('1 event', '1,200 patients', '0.5 years')
    """
    printed = f"{number:,.3g}" if number % 1 else f"{number:,.0f}"
    return f"{printed} {noun}{'s' * (printed != '1')}"
