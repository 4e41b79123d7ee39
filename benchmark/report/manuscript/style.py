"""The one style of all figure files: widths, fonts, strokes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WIDTHS_MM = (85, 180)
"""One column and two columns of a journal."""

DPI = 300
MM = 1 / 25.4
"""Inches of a millimetre."""

POINT = 7 / 13
"""Points on paper of a pixel on the page: text of 13 px becomes 7 pt."""

PIXEL_MM = POINT * 25.4 / 72
LETTER_MM = 1.4
"""Width of a letter of 7 pt, on average."""
FORMATS = ("png", "svg", "pdf")

SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # matplotlib brings it: the same letters on every machine
    "font.size": 7.0,
    "pdf.fonttype": 42,  # embedded as TrueType, which journals take; the default (Type 3) some refuse
    "svg.fonttype": "path",  # letters as outlines: an SVG file cannot embed a font that every program reads
    "svg.hashsalt": "nodule-bench",
    "text.parse_math": False,
    "text.usetex": False,
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.2,
    "ytick.major.size": 2.2,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "axes.labelpad": 2.5,
    "axes.axisbelow": True,
    "lines.solid_capstyle": "butt",
    "lines.dash_capstyle": "butt",
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35,
    "legend.borderaxespad": 0.0,
    "legend.borderpad": 0.0,
}

METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""No date and, where it can be left out, no version: the same figure gives the same bytes."""


@contextmanager
def print_style(families: list[str]) -> Iterator[None]:
    """Draw in the style of all figure files, whatever the user's own settings of matplotlib are.

    Args:
        families: Fonts, the first one that has a letter draws it.
    """
    from matplotlib import style

    with style.context(["default", SETTINGS | {"font.family": families}]):
        yield
