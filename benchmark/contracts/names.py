"""Names that become parts of paths: of runs, models, cohorts and of the files that are called after them.

Ids of patients and nodules are not such names: they are text, whatever they hold, and never part of a path.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator

from benchmark.errors import InputError, Problem

LONGEST: Final = 120
"""Bytes of a name in UTF-8: with any ending of ours it stays below the 255 of file systems."""
SEPARATORS: Final = "/\\:"
_INVISIBLE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and formatting characters, lone surrogates, and ends of lines and paragraphs."""
_PORTS: Final = [f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³"]
_DEVICES: Final = {"con", "prn", "aux", "nul", *_PORTS}
"""Names that Windows keeps for devices, whatever ending follows."""
FIX: Final = "give a name of letters, digits, '-', '_', '.' and blanks inside, of one line and without slashes"


def name_fault(text: str) -> str:
    r"""What keeps a text from being a name that a path may hold; empty where nothing does.

    A name is one line of 1 to ``LONGEST`` bytes: letters of any script, digits, marks, blanks inside. It has no
    separator of paths (``/``, ``\``, ``:``), no control or formatting character, no dot or blank at its beginning
    and none at its end, and is none of the names that Windows keeps for devices (``CON``, ``nul.csv``).
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "holds half a character"
    if not text:
        return "is empty"
    if size > LONGEST:
        return f"has {size:,} bytes, more than {LONGEST}"
    if separator := next((mark for mark in text if mark in SEPARATORS), ""):
        return f"holds {separator!r}, which separates the parts of a path"
    if hidden := next((mark for mark in text if unicodedata.category(mark) in _INVISIBLE), ""):
        return f"holds the character U+{ord(hidden):04X}, which cannot be seen"
    if text[0] == "." or text[0].isspace():
        return "begins with a dot or a blank"
    if text[-1] == "." or text[-1].isspace():
        return "ends with a dot or a blank"
    if text.split(".")[0].rstrip().lower() in _DEVICES:
        return "is a name that Windows keeps for a device"
    return ""


def require_name(text: str, what: str, column: str | None = None) -> str:
    """The text, if it may be part of a path.

    Args:
        text: The name.
        what: What is called so, e.g. ``run``.
        column: Option, column or key that gave it.

    Raises:
        InputError: It may not (see ``name_fault``).
    """
    if fault := name_fault(text):
        raise InputError(Problem(f"is no name of a {what}: it {fault}", FIX, column=column, value=text[:200]))
    return text


def path_named(folder: Path, name: str, what: str, ending: str = "") -> Path:
    """``folder/name`` with an ending; the one way from a name in data or in an option to a path.

    Raises:
        InputError: The name could lead elsewhere (see ``name_fault``).
    """
    return folder / f"{require_name(name, what)}{ending}"


def _valid_name(text: str) -> str:
    if fault := name_fault(text):
        raise ValueError(f"is no name that a file may have: it {fault}")
    return text


SafeName = Annotated[str, AfterValidator(_valid_name)]
"""Text of a file or an option that is called a name and becomes part of a path (see ``name_fault``)."""
