"""Where the objects of a JSON text begin: looked for when first asked, which is mostly never."""

from __future__ import annotations

import re
from typing import Final

_TEXT: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string that is never closed is one too: else each quote in it would be tried as the begin of another."""


class ObjectLines:
    r"""The lines on which the objects of a text begin, by the order in which they end.

    Example::

        >>> from benchmark.formats.json_places import ObjectLines
        >>> lines = ObjectLines('[{"inner":\n {"key": "}"}}]', 1, 2)
        >>> lines.of(0), lines.of(1)
        (2, 1)

    Args:
        text: JSON that was read.
        first_line: Line of its first character.
        objects: How many objects it has.
    """

    __slots__ = ("_at", "_ended", "_line", "_open", "_text")

    def __init__(self, text: str, first_line: int, objects: int) -> None:
        plain = text.count("{") == objects == text.count("}")
        self._text = text if plain else _TEXT.sub("", text)  # texts hold no line end
        self._line, self._at = first_line, 0
        self._open: list[int] = []
        self._ended: list[int] = []

    def of(self, number: int) -> int:
        """Line of the object that is the ``number``-th to end, from 0."""
        text = self._text
        while len(self._ended) <= number:
            end = text.index("}", self._at)
            begin = text.find("{", self._at, end)
            if begin < 0:
                self._ended.append(self._open.pop())
                begin = end
            self._line += text.count("\n", self._at, begin)
            if begin != end:
                self._open.append(self._line)
            self._at = begin + 1
        return self._ended[number]
