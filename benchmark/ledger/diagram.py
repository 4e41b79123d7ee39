"""The flow diagram: from the cohort through each model to the cases that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.ledger.cases import ledger, ledger_cases

WIDTH: Final = 760
_BOX: Final = 300
_LINE: Final = 17
_GAP: Final = 34
_SHOWN: Final = 3


def flow_svg(
    cohort: Cohort, scores: pd.DataFrame, *, title: str = "", models: Mapping[str, str] | None = None
) -> str:
    """An SVG of who was lost where, patients as the unit (the flow chart of STARD and TRIPOD).

    Args:
        cohort: The cohort.
        scores: Rows of score tables.
        title: What is printed for the cohort; its manifest's title by default.
        models: What is printed for each model; its name by default.

    Returns:
        A self-contained ``<svg>`` element: text is escaped, no script, no outside resource, colours from the page.
    """
    table = ledger(cohort, scores)
    patients = table[table["unit"] == "patient"]
    nodules = len(cohort.nodules)
    first = patients.iloc[0] if len(patients) else None
    expected = cohort.nodules["pid"].nunique()
    title = title or cohort.manifest.title
    boxes = [(title, [f"{expected:,} patients, {nodules:,} nodules"])]
    if first is not None and first["unlabelled"]:
        boxes[0][1].append(f"{first['unlabelled']:,} patients without a label")
    drawing = _Drawing()
    drawing.box(0, boxes[0][0], boxes[0][1])
    for row in patients.to_dict("records"):
        lost = _lost_lines(row)
        drawing.step(
            (models or {}).get(str(row["model"]), str(row["model"])),
            [f"scored {row['scored']:,} patients ({row['scored_positive']:,} positive)"],
            lost,
        )
    if len(patients) > 1:
        common = _common(cohort, scores, list(patients["model"]))
        drawing.step("Scored by all models", [f"{common:,} patients"], [])
    return drawing.svg(f"Flow of patients of {title}")


def _lost_lines(row: Mapping[Any, Any]) -> list[str]:
    lines = []
    for state, title in (("failed", "failed"), ("missing", "no row"), ("extra", "not in the cohort")):
        number = int(str(row[state]))
        if number:
            positive = f" ({row[f'{state}_positive']} positive)" if state != "extra" else ""
            lines.append(f"{number:,} {title}{positive}")
    reasons = str(row["reasons"]).split("; ") if row["reasons"] else []
    return lines + [text if len(text) <= 44 else text[:41] + "..." for text in reasons[:_SHOWN]]


def _common(cohort: Cohort, scores: pd.DataFrame, models: list[str]) -> int:
    """Patients that every model scored."""
    cases = ledger_cases(cohort, scores)
    lost = cases[(cases["unit"] == "patient") & (cases["state"] != "extra") & cases["model"].isin(models)]
    return int(cohort.nodules["pid"].nunique() - lost["pid"].nunique())


class _Drawing:
    """Boxes from top to bottom, losses to the right."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.bottom = 0.0

    def box(self, x: float, title: str, lines: list[str], *, y: float | None = None, faint: bool = False) -> float:
        """Draw a box at ``x``; returns its height."""
        top = self.bottom if y is None else y
        height = _LINE * (len(lines) + (1 if title else 0)) + 14
        dash = ' stroke-dasharray="4 3"' if faint else ""
        self.parts.append(
            f'<rect x="{x + 1:g}" y="{top + 1:g}" width="{_BOX - 2}" height="{height - 2:g}" rx="4" fill="none" '
            f'stroke="currentColor"{dash}/>'
        )
        cursor = top + _LINE + 2
        for number, text in enumerate([title, *lines] if title else lines):
            weight = ' font-weight="600"' if title and number == 0 else ""
            self.parts.append(
                f'<text x="{x + 12:g}" y="{cursor:g}" fill="currentColor"{weight}>{escape(text)}</text>'
            )
            cursor += _LINE
        if y is None:
            self.bottom = top + height
        return height

    def step(self, title: str, lines: list[str], lost: list[str]) -> None:
        """An arrow down to the next box, and one to the right to what was lost."""
        start = self.bottom
        gap = _GAP + (_LINE * max(0, len(lost) - 1) + 14 if lost else 0)
        self.bottom = start + gap
        middle = _BOX / 2
        self.parts.append(_arrow(middle, start, middle, self.bottom))
        if lost:
            height = _LINE * len(lost) + 14
            top = start + (gap - height) / 2
            self.parts.append(_arrow(middle, start + gap / 2, _BOX + 60, start + gap / 2))
            self.box(_BOX + 60, "", lost, y=top, faint=True)
        self.box(0, title, lines)

    def svg(self, title: str) -> str:
        """The whole drawing."""
        height = self.bottom + 2
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
            f'height="{height:g}" role="img" font-family="sans-serif" font-size="13">'
            f"<title>{escape(title)}</title>{''.join(self.parts)}</svg>"
        )


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    head = (
        f"M{x2 - 4:g} {y2 - 7:g} L{x2:g} {y2:g} L{x2 + 4:g} {y2 - 7:g}"
        if x1 == x2
        else f"M{x2 - 7:g} {y2 - 4:g} L{x2:g} {y2:g} L{x2 - 7:g} {y2 + 4:g}"
    )
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="currentColor"/>'
        f'<path d="{head}" fill="none" stroke="currentColor"/>'
    )
