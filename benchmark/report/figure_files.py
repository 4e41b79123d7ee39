"""Figures as files for a manuscript: PNG, SVG and PDF at the widths of one column and of two."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InputError, Problem
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
    """Write every figure at every width as ``folder/<stem>-85mm.<format>``; returns the files."""
    return write_drawings(drawings.all(), folder, formats) if formats else []


def write_drawings(drawings: Iterable[Drawing], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write some figures; see `write_figures`."""
    folder.mkdir(parents=True, exist_ok=True)
    return [path for drawing in drawings for path in _write_drawing(drawing, folder, formats)]


def _write_drawing(drawing: Drawing, folder: Path, formats: Sequence[str]) -> Iterator[Path]:
    from benchmark.report.manuscript.render import render
    from benchmark.report.manuscript.text import families_for, plain_text

    texts = _texts(drawing.figure.to_plotly_json())
    families, missing = families_for(plain_text(text) for text in texts)
    if missing:
        logging.getLogger(__name__).warning("%s: no font of this machine has %s", drawing.stem, missing)
    for width in WIDTHS_MM:
        with print_style(families), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # said above, with the letters
            yield from save_all(
                render(drawing.figure, width), folder / f"{_file_name(drawing.stem)}-{width}mm", formats
            )


def save_all(figure: Figure, stem: Path, formats: Sequence[str]) -> Iterator[Path]:
    """Write a figure in each of some formats, the same bytes each time; gives the files."""
    for name in dict.fromkeys(formats):
        path = stem.with_name(f"{stem.name}.{name}")
        figure.savefig(path, format=name, metadata=METADATA[name])
        yield path


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


def _file_name(stem: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)
