"""Rounding: the only place where a number becomes text for a reader."""

from __future__ import annotations

import math

MISSING = "–"


def decimals(value: float | None, places: int = 3) -> str:
    """``0.895``; a dash where the value is undefined."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{places}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    """``0.841–0.940``; negative ends are joined by "to"."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    joint = " to " if low < 0 or high < 0 else "–"
    return decimals(low, places) + joint + decimals(high, places)


def estimate(value: float | None, low: float | None = None, high: float | None = None, places: int = 3) -> str:
    """``0.895 (0.841–0.940)``."""
    between = interval(low, high, places)
    return decimals(value, places) + (f" ({between})" if between else "")


def p_value(p: float | None) -> str:
    """``0.032``, ``0.0004``, ``<0.0001``; never 0."""
    if p is None or not math.isfinite(p):
        return MISSING
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.001 else f"{p:.3f}"


def attainable(p: float | None) -> str:
    """The smallest p of a test, a fraction of few digits: ``0.0625``, not 0.062."""
    return f"{p:.4f}" if p is not None and 0.001 <= p < 0.1 else p_value(p)


def count(value: float | None) -> str:
    """``1,120``."""
    return MISSING if value is None or not math.isfinite(value) else f"{round(value):,}"


def score(value: float | None) -> str:
    """A threshold with four significant digits: ``0.4213``, ``1.2e-05``."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:.4g}".replace("-", "−", 1)


def signed(value: float | None, places: int = 3) -> str:
    """``+0.021``, ``−0.004``."""
    text = decimals(value, places)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def percent(value: float | None, places: int = 1) -> str:
    """``5.6 %`` of a share in 0..1, with a blank that does not break."""
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.{places}f}\u00a0%"
