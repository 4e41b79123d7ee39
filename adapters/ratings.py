"""Readers' ratings that stand where a probability is expected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HIGHEST = 10
"""Ratings run from 0 or 1 to at most this; LIDC's run from 1 to 5."""


def rating_scale(scores: npt.NDArray[np.float64]) -> str:
    """What scores look like if they are ratings, or means of several readers' ratings; empty if they do not.

    Args:
        scores: Scores ``(rows,)``; NaN is left out.
    """
    known = scores[np.isfinite(scores)]
    if not len(known) or known.max() <= 1 or known.max() > HIGHEST or known.min() < 0:
        return ""
    steps = bool((known * 2 == np.round(known * 2)).all())
    means = known.min() >= 1 and known.max() <= 5
    return f"ratings from {known.min():g} to {known.max():g}" if steps or means else ""
