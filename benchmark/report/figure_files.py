"""Figures as files for a manuscript: PNG, SVG and PDF at the widths of one column and of two."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InputError, Problem
from benchmark.report.error_montage import error_montages
from benchmark.report.manuscript.style import FORMATS, METADATA, WIDTHS_MM, print_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.report.drawings import Drawing, Drawings


def check_formats(formats: Sequence[str]) -> None:
    """Refuse unknown formats.

    Raises:
        InputError: Names every one.
    """
    fix = f"choose from {', '.join(FORMATS)}"
    problems = [
        Problem("is no figure format", fix, column="--figures", value=name)
        for name in formats
        if name not in FORMATS
    ]
    if problems:
        raise InputError(problems)


def write_figures(drawings: Drawings, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure, and the errors of each cohort that has crops, at every width; returns the files.

    Raises:
        InputError: A crop is damaged.
    """
    if not formats:
        return []
    from benchmark.report.manuscript.montage import montage

    files = write_drawings(drawings.all(), folder, formats)
    for errors in error_montages(drawings.content):
        texts = [text for nodule in errors.nodules for text in (nodule.label, nodule.group)]
        stem = folder / file_name(f"errors_{errors.cohort}")
        files += save_at_widths(partial(montage, errors.nodules), stem, formats, texts)
    return files


def write_drawings(drawings: Iterable[Drawing], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write some figures as ``folder/<stem>-85mm.<format>`` and so on; returns the files."""
    from benchmark.report.manuscript.render import render
    from benchmark.report.manuscript.text import plain_text

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for drawing in drawings:
        texts = [plain_text(text) for text in _texts(drawing.figure.to_plotly_json())]
        stem = folder / file_name(drawing.stem)
        files += save_at_widths(partial(render, drawing.figure), stem, formats, texts)
    return files


def save_at_widths(
    draw: Callable[[float], Figure], stem: Path, formats: Sequence[str], texts: Iterable[str]
) -> list[Path]:
    """Write what a function draws at each width, the same bytes each time; returns the files.

    Args:
        draw: Gives the figure of a width in mm.
        stem: Path without ``-85mm.png`` and so on.
        formats: Some of ``FORMATS``.
        texts: What is written in the figure; letters that no font of this machine has are said.
    """
    from benchmark.report.manuscript.text import families_for

    families, missing = families_for(texts)
    if missing:
        logging.getLogger(__name__).warning("%s: no font of this machine has %s", stem.name, missing)
    files = []
    for width in WIDTHS_MM:
        with print_style(families), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # said above, with the letters
            figure = draw(width)
            for name in dict.fromkeys(formats):
                files.append(stem.with_name(f"{stem.name}-{width}mm.{name}"))
                figure.savefig(files[-1], format=name, metadata=METADATA[name])
    return files


def _texts(part: object) -> Iterator[str]:
    """All texts in a plotly figure."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from _texts(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _texts(value)


def file_name(stem: str) -> str:
    """The stem with nothing but letters, digits, dots, dashes and underscores of ASCII."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)
