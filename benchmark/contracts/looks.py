"""What a reader tells two texts apart by."""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")


def looks_of(text: str) -> str:
    """A text in NFKC without case, invisible characters, outer and double blanks; all dashes are one."""
    visible = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_DASHES)
    return " ".join(visible.split()).casefold()
