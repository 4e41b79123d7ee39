"""Figures as files for a manuscript, through kaleido and a Chrome on this machine."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InputError, Problem
from benchmark.extras import require_extra
from benchmark.report.drawings import Drawing, Drawings

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMATS = ("png", "svg", "pdf")
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chrome-headless-shell",
)
WIDTH, SCALE = 560, 3
"""Width in px of a figure (its text is sized for a column of a journal), and the factor of PNG files."""


def check_formats(formats: Sequence[str]) -> None:
    """Refuse unknown formats, and any format where kaleido or Chrome is missing.

    Raises:
        InputError: With what to install.
    """
    problems = [
        Problem("is no figure format", f"choose from {', '.join(FORMATS)}", column="--figures", value=name)
        for name in formats
        if name not in FORMATS
    ]
    if formats and not problems:
        require_extra("images", "--figures (the page holds all figures without it)")
        if find_browser() is None:
            fix = (
                "install chromium (Debian: apt-get install chromium) or leave --figures out; the page has them all"
            )
            problems.append(
                Problem("figure files need Chrome or Chromium, and none is found", fix, None, None, "--figures")
            )
    if problems:
        raise InputError(problems)


def find_browser() -> str | None:
    """Path of a Chrome or Chromium; None without one."""
    named = os.environ.get("BROWSER_PATH")
    if named:
        return named if shutil.which(named) else None
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def write_figures(drawings: Drawings, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure as ``folder/<stem>.<format>``; returns the files.

    Raises:
        InputError: Chrome could not draw a figure.
    """
    if not formats:
        return []
    import kaleido

    logging.getLogger("kaleido").setLevel(logging.CRITICAL)
    logging.getLogger("choreographer").setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    specs = [
        {
            "fig": _printable(drawing),
            "path": folder / f"{_file_name(drawing.stem)}.{name}",
            "opts": {"format": name, "scale": SCALE if name == "png" else 1},
        }
        for drawing in drawings.all()
        for name in dict.fromkeys(formats)
    ]
    # The page generator names plotly.js of this machine and no MathJax: nothing is fetched.
    options = {"page_generator": kaleido.PageGenerator(mathjax=False)}
    try:
        kaleido.write_fig_from_object_sync(specs, kopts=options, cancel_on_error=True)
    except Exception as error:
        fix = "check that chromium starts, or leave --figures out; the page has all figures"
        what = f"Chrome could not draw the figures: {type(error).__name__}: {error}"
        raise InputError(Problem(what, fix, column="--figures")) from error
    return [spec["path"] for spec in specs]


def _printable(drawing: Drawing) -> go.Figure:
    """The figure on white, with its width and a legend that fits."""
    import plotly.graph_objects as go

    figure = go.Figure(drawing.figure)
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white", width=WIDTH)
    return figure


def _file_name(stem: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)
