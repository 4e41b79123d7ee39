"""What a reader tells two texts apart by."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_TURNING: Final = dict.fromkeys(
    map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)
"""Characters that turn the direction of the text behind them, beyond their own end."""


def as_seen(text: str) -> str:
    """A text as it may be printed: U+FFFD for what steers a terminal, turns text round or cannot be written."""
    return "".join("\ufffd" if _steers(mark) else mark for mark in text)


def _steers(mark: str) -> bool:
    return ord(mark) in _TURNING or (unicodedata.category(mark) in ("Cc", "Cs") and not mark.isspace())


def looks_of(text: str) -> str:
    """A text in NFKC without case, invisible characters, outer and double blanks; all dashes are one."""
    visible = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_DASHES)
    return " ".join(visible.split()).casefold()


def other_spellings(text: str, texts: Iterable[str]) -> list[str]:
    """Those of some texts that look like another one and are not it: by case, blanks or invisible characters."""
    looks = looks_of(text)
    return [other for other in texts if other != text and looks_of(other) == looks]
