"""Text of a plotly figure as matplotlib draws it, and the fonts that have its letters."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from functools import lru_cache
from html import unescape
from pathlib import Path

_BREAK, _TAG = re.compile(r"<br\s*/?>"), re.compile(r"</?(?:b|i|sup|sub|span)(?:\s[^<>]*)?>")
_BASE = "DejaVu Sans"


def plain_text(markup: str | None, columns: int = 0) -> str:
    """What plotly shows for a text with its tags and entities, without the tags.

    Args:
        markup: The text.
        columns: Characters of a line at most; 0 for no limit.
    """
    lines = unescape(_TAG.sub("", _BREAK.sub("\n", markup or ""))).split("\n")
    if columns:
        lines = [part for line in lines for part in textwrap.wrap(line, columns) or [""]]
    return "\n".join(lines)


def is_bold(markup: str | None) -> bool:
    """Whether plotly shows the whole text in bold."""
    return (markup or "").startswith("<b>")


def families_for(texts: Iterable[str]) -> tuple[list[str], str]:
    """Fonts of this machine that have all letters of some texts, and the letters that none has."""
    missing = {c for text in texts for c in text if c.isprintable()} - _letters(_font_file(_BASE))
    families = [_BASE]
    if missing:
        for family, path in _fonts():
            if found := missing & _letters(path):
                families.append(family)
                missing -= found
            if not missing:
                break
    return families, "".join(sorted(missing))


def _font_file(family: str) -> str:
    from matplotlib.font_manager import findfont

    return str(findfont(family))


def _fonts() -> list[tuple[str, str]]:
    """Upright fonts of normal weight, in the order of their names."""
    from matplotlib.font_manager import fontManager

    plain = [font for font in fontManager.ttflist if font.style == "normal" and font.weight == 400]
    files = {font.name: font.fname for font in plain if Path(font.fname).is_file()}
    return sorted(files.items())


@lru_cache(maxsize=256)
def _letters(path: str) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):  # a font that FreeType cannot read
        return frozenset()
