"""What a figure file cannot hold is an error of ours, never left out unseen."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any


def only_known(part: Mapping[str, Any], known: Set[str], what: str) -> None:
    """Refuse a part of a plotly figure with keys that are not drawn.

    Raises:
        ValueError: Names the keys.
    """
    if unknown := sorted(set(part) - known):
        raise ValueError(f"a figure file cannot hold {', '.join(unknown)} of a {what}")
