"""The legend of a figure file: beside a wide drawing, below a narrow one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.report.manuscript.style import LETTER_MM, MM
from benchmark.report.manuscript.text import plain_text
from benchmark.report.manuscript.traces import line_look

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend as Artist

_BESIDE_FROM, _MOST_BESIDE, _WIDEST_BESIDE = 140.0, 30, 34
"""Width of a figure in mm that has its legend beside it, so many entries at most, in lines of so many letters."""
_HANDLE = 9.0
"""Millimetres of the sample of a line."""


@dataclass
class Legend:
    """A legend; lengths in millimetres.

    Attributes:
        looks: How matplotlib draws the sample of each entry.
        texts: What stands beside it.
        columns: Entries in a row.
        beside: Whether it stands to the right of the drawing.
        artist: What stands on the figure, once it does.
        width: Its width, as drawn.
        height: Its height, as drawn.
    """

    looks: list[dict[str, Any]]
    texts: list[str]
    columns: int
    beside: bool
    artist: Artist | None = None
    width: float = 0.0
    height: float = 0.0

    def room(self, gap: float) -> tuple[float, float]:
        """What it takes beside and below the drawing, with a gap before it."""
        return (self.width + gap, 0.0) if self.beside else (0.0, self.height + gap)

    def place(self, figure: Figure, x: float, y: float) -> None:
        """Stand with the upper left corner at ``(x, y)``, shares of the figure."""
        from matplotlib.lines import Line2D

        if self.artist is None:
            self.artist = figure.legend(
                handles=[Line2D([], [], **look) for look in self.looks], labels=self.texts, ncols=self.columns,
                loc="upper left", bbox_to_anchor=(x, y),
            )  # fmt: skip
        self.artist.set_bbox_to_anchor((x, y), transform=figure.transFigure)
        box = self.artist.get_window_extent()
        self.width, self.height = (length / (figure.dpi * MM) for length in (box.width, box.height))


def legend_of(traces: Iterable[Mapping[str, Any]], width_mm: float) -> Legend | None:
    """The legend of some traces; None where fewer than two have an entry, as plotly does.

    A line and the marks of the same model are one entry.
    """
    traces = list(traces)
    marks = {t["legendgroup"]: t for t in traces if t.get("legendgroup") and t.get("mode") == "markers"}
    shown = [t for t in traces if t.get("showlegend") is not False and t.get("type", "scatter") == "scatter"]
    if len(shown) < 2:
        return None
    looks = []
    for trace in shown:
        look = line_look(trace)
        mark = marks.get(trace.get("legendgroup", ""))
        looks.append(look | _marker(line_look(mark)) if mark and "marker" not in look else look)
    names = [plain_text(trace["name"].replace("<br>", " ")) for trace in shown]
    longest = max(map(len, names))
    beside = width_mm >= _BESIDE_FROM and len(names) <= _MOST_BESIDE
    columns = 1 if beside else max(1, min(4, int(width_mm / (longest * LETTER_MM + _HANDLE))))
    most = _WIDEST_BESIDE if beside else int((width_mm - _HANDLE) / LETTER_MM)
    return Legend(
        looks, [plain_text(trace["name"].replace("<br>", " "), most) for trace in shown], columns, beside
    )


def _marker(look: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in look.items() if key.startswith("marker")}
