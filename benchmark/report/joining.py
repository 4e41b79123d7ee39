"""Tables of several cohorts, below each other."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd


def joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other; empty ones leave only their columns."""
    kept = list(frames)
    filled = [frame for frame in kept if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else kept[0]
