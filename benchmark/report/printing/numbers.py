"""Rounding: the only place where a number becomes text for a reader."""

from __future__ import annotations

import math
from collections.abc import Iterator

MISSING = "–"


def decimals(value: float | None, places: int = 3) -> str:
    """``0.895``; a dash where the value is undefined."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{places}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    """``0.841–0.940``; negative ends are joined by "to"; a dash where an interval is wanted but there is none."""
    if low is None or high is None:
        return ""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    joint = " to " if low < 0 or high < 0 else "–"
    return decimals(low, places) + joint + decimals(high, places)


def estimate_text(
    value: float | None, low: float | None = None, high: float | None = None, places: int = 3
) -> str:
    """``0.895 (0.841–0.940)``; ``0.895 (–)`` where there is no interval; a dash alone where there is no value."""
    text = decimals(value, places)
    between = interval(low, high, places) if text != MISSING else ""
    return text + (f" ({between})" if between else "")


def p_value(p: float | None, least: float | None = None) -> str:
    """``0.032``, ``0.0004``, ``<0.0001``; never 0, and on the same side of 0.05 as the number.

    Args:
        p: The p-value.
        least: The smallest that the test can give here: what is printed is never below it.
    """
    if p is None or not math.isfinite(p):
        return MISSING
    least = least if least is not None and math.isfinite(least) else 0.0
    if p < 0.0001 and least < 0.0001:
        return "<0.0001"
    text = next(text for text in _longer(p) if (float(text) < 0.05) == (p < 0.05))
    return attainable(p) if float(text) < least else text


def _longer(p: float) -> Iterator[str]:
    """A p-value with more and more decimals."""
    first = 4 if p < 0.001 else 3
    return (f"{p:.{places}f}" for places in range(first, 18))


def attainable(p: float | None) -> str:
    """The smallest p of a test, rounded up where it has more than four digits: ``0.0625``, not 0.062."""
    if p is None or not 0.0001 <= p < 1:
        return p_value(p)
    text = f"{math.ceil(round(p * 10_000, 6)) / 10_000:.4f}"
    return text if p < 0.1 or not text.endswith("0") else text[:-1]


def count(value: float | None) -> str:
    """``1,120``."""
    return MISSING if value is None or not math.isfinite(value) else f"{round(value):,}"


def threshold_text(value: float | None) -> str:
    """A threshold with four significant digits: ``0.4213``, ``1.2e-05``."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:.4g}".replace("-", "−", 1)


def signed(value: float | None, places: int = 3) -> str:
    """``+0.021``, ``−0.004``."""
    text = decimals(value, places)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def percent(value: float | None, places: int = 1) -> str:
    """``5.6 %`` of a share in 0..1, with a blank that does not break."""
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.{places}f}\u00a0%"
