"""Figures as files for a manuscript."""

from __future__ import annotations
from collections.abc import Sequence
from pathlib import Path
from benchmark.report.content import Content


def check_formats(formats: Sequence[str]) -> None:
    """x."""


def write_figures(content: Content, folder: Path, formats: Sequence[str]) -> None:
    """x."""
