"""The flow diagram: from the cohort through each model to the cases that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import pandas as pd

from benchmark.contracts.cohort import Cohort

WIDTH: Final = 760
_BOX: Final = 300
_LINE: Final = 17
_GAP: Final = 34
_SHOWN: Final = 3


def flow_svg(
    cohort: Cohort, losses: pd.DataFrame, *, title: str = "", models: Mapping[str, str] | None = None
) -> str:
    """An SVG of who was lost where (the flow chart of STARD and TRIPOD), drawn from the numbers of the ledger.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> from benchmark.ledger import flow_svg, ledger
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "malignant": [1, 0]}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> cohort = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> scores = {"model": "clip", "cohort": "ucla", "pid": ["p1", "p2"], "nodule_id": "", "fold": "ensemble"}
        >>> scores |= {"score": [0.9, None], "status": ["scored", "failed"], "reason": ["", "no lung found"]}
        >>> drawing = flow_svg(cohort, ledger(cohort, pd.DataFrame(scores)))
        >>> drawing.startswith("<svg"), "no lung found" in drawing
        (True, True)

    Args:
        cohort: The cohort.
        losses: Its rows of the ledger, all of one unit, with ``compared`` and ``compared_positive`` where models
            were compared (``benchmark.comparison.losses``).
        title: What is printed for the cohort; its manifest's title by default.
        models: What is printed for each model; its name by default.

    Returns:
        A self-contained ``<svg>`` element: text is escaped, no script, no outside resource, colours from the page.
    """
    title = title or cohort.manifest.title
    patients, nodules = cohort.nodules["pid"].nunique(), len(cohort.nodules)
    drawing = _Drawing()
    rows = losses.to_dict("records")
    units = f"{rows[0]['unit']}s" if rows else "patients"
    unlabelled = int(rows[0]["unlabelled"]) if rows else 0
    without = [f"{unlabelled:,} {units} without a label"] if unlabelled else []
    censored = int(rows[0]["censored"]) if rows else 0
    without += [f"{censored:,} of them censored before the horizon"] if censored else []
    drawing.box(0, title, [f"{patients:,} patients, {nodules:,} nodules", *without])
    compared = max(rows, key=lambda row: int(row.get("compared", 0)), default={})
    number = int(compared.get("compared", 0))
    for row in rows:
        lines = [f"scored {row['scored']:,} {units} ({row['scored_positive']:,} positive)"]
        if row["scored_in_part"]:
            lines.append(f"of them {in_part_text(row)}")
        if number and not row["compared"]:
            lines.append("left out of the comparison")
        name = str(row["model"])
        drawing.step((models or {}).get(name, name), lines, _lost_lines(row))
    if number:
        size = f"{number:,} {units} ({compared['compared_positive']:,} positive)"
        drawing.step("Compared", ["labelled and scored by each model compared:", size], [])
    return drawing.svg(f"Flow of {units} of {title}")


def in_part_text(row: Mapping[Any, Any]) -> str:
    """How many patients of a row of the ledger were scored on some of their nodules only."""
    return f"{row['scored_in_part']:,} on some nodules only ({row['scored_in_part_positive']:,} positive)"


def _lost_lines(row: Mapping[Any, Any]) -> list[str]:
    lines = []
    for state, title in (("failed", "failed"), ("missing", "no row"), ("extra", "not in the cohort")):
        number = int(str(row[state]))
        if number:
            positive = f" ({row[f'{state}_positive']} positive)" if state != "extra" else ""
            lines.append(f"{number:,} {title}{positive}")
    reasons = str(row["reasons"]).split("; ") if row["reasons"] else []
    return lines + [text if len(text) <= 44 else text[:41] + "..." for text in reasons[:_SHOWN]]


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
