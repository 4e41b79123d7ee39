"""Rows of a figure, each with its whole name beside it."""

from __future__ import annotations

from benchmark.report.figures.base import wrapped

LABEL = 22
"""Characters of a line of a row's name."""
LINE = 0.55
"""Height of a further line of a row's name, in rows."""


class NamedRows:
    """Rows from the top down, each as high as the lines of its name."""

    def __init__(self) -> None:
        self.y = 0.0
        self.labels: list[tuple[float, str]] = []

    def add(self, name: str, *, bold: bool = False) -> float:
        """Place a row; returns where it stands."""
        text, lines = wrapped(name, LABEL)
        height = 1 + LINE * (lines - 1)
        at = self.y - (height - 1) / 2
        self.labels.append((at, f"<b>{text}</b>" if bold else text))
        self.y -= height
        return at
