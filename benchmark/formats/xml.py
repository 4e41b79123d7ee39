"""XML without document types: no entities, no other files, and a bound on the size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, ParseError, XMLParser

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import read_bytes

XmlElement: TypeAlias = Element
LARGEST: Final = 32 * 2**20
"""Bytes of a file: the longest of LIDC's have some 2 MB."""
DEEPEST: Final = 100
"""Levels of elements within each other."""
_DOCTYPE: Final = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def read_xml(path: Path | str) -> XmlElement:
    """The root of an XML file, in UTF-8 or what else Python's parser takes for a text of single bytes.

    Raises:
        InputError: It is missing, too large or too deep, no XML, or declares a document type or entities.
    """
    data = read_bytes(path, LARGEST)
    fix = "export it again"
    if b"\0" in data:  # a declaration could hide in UTF-16
        raise InputError(Problem("is no XML in UTF-8", "save it as UTF-8", path))
    if _DOCTYPE.search(data):
        raise InputError(
            Problem("declares a document type, which is not read", "take its <!DOCTYPE ...> out", path)
        )
    parser = XMLParser()  # noqa: S314 (what declares a document type, and so entities, was refused above)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        row = error.position[0] if isinstance(error, ParseError) else None
        raise InputError(Problem(f"is no XML: {error}", fix, path, row)) from error
    if _depth(root) > DEEPEST:
        raise InputError(Problem(f"has more than {DEEPEST} levels of elements", fix, path))
    return root


def _depth(root: Element) -> int:
    level, depth = [root], 0
    while level:
        depth += 1
        level = [child for element in level for child in element]
    return depth
