"""With ``bench --redact``: what is printed names no patient, so that it can be shown to others.

Hidden are the ids and other texts with digits of every table and document that is read, names of scans and crops,
and all that stands in quotes, for a file that could not be read to its end has ids that are in none of them. Rows
and columns stay. A number that is also an id is hidden wherever it stands.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

HIDDEN = "***"
_WORD = re.compile(r"[\w.^-]+")
_QUOTED = re.compile(r"(?<!\w)('[^'\n]*'|\"[^\"\n]*\")(?!\w)")
_SCAN = re.compile(r"[^\s/\\'\"]+?(\.nii\.gz|\.nii|\.mha|\.mhd|\.nrrd|\.nhdr|\.dcm|\.pt)\b", re.IGNORECASE)
_PLACE = re.compile(r"(?<=:)\d+(?=[: ])|\b(?:rows?|lines?) \d[\d, -]*")
"""Lines of a file."""
_ID_COLUMN = re.compile(
    r"(id|uid|number|mrn|name|date|path|file|image|case|patient|subject|participant|scan|exam|series|study"
    r"|nodule|lesion|annotation)s?$",
    re.IGNORECASE,
)
_MOST_PARTS = 12


class _Ids:
    """What is to be hidden: words, and texts that are no single word."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.texts: set[str] = set()

    def add(self, value: object, *, is_id: bool) -> None:
        """Note a cell: any of an id's column, of others what has digits and is no number."""
        text = str(value).strip()
        if not text or not (is_id or (isinstance(value, str) and _has_digits_and_more(text))):
            return
        (self.words if _WORD.fullmatch(text) else self.texts).add(text)
        if len(parts := re.split(r"[/\\]", text)) > 1 and (stem := parts[-1].partition(".")[0]):
            self.add(stem, is_id=True)

    def hide(self, text: str) -> str:
        """A text without them."""
        text = _SCAN.sub(rf"{HIDDEN}\1", _QUOTED.sub(f"'{HIDDEN}'", text))
        for odd in self.texts:
            if odd in text:
                text = text.replace(odd, HIDDEN)
        kept = [match.span() for match in _PLACE.finditer(text)]

        def hidden(match: re.Match[str]) -> str:
            if any(begin <= match.start() and match.end() <= end for begin, end in kept):
                return match.group()
            return self._word_without(match.group())

        return _WORD.sub(hidden, text)

    def _word_without(self, word: str) -> str:
        if word in self.words:
            return HIDDEN
        parts = re.split(r"([._-])", word)[: 2 * _MOST_PARTS]
        for length in range(len(parts), 0, -1):
            for begin in range(0, len(parts) - length + 1):
                if (part := "".join(parts[begin : begin + length])) in self.words:
                    return word.replace(part, HIDDEN)
        return word


_ids: _Ids | None = None


def note_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Note what is to be hidden of a table that was read; the table itself."""
    if _ids is not None:
        for number, column in enumerate(map(str, frame.columns)):
            cells, is_id = frame.iloc[:, number].dropna(), _ID_COLUMN.search(column) is not None
            for value in cells.unique() if is_id or cells.dtype.kind not in "biuf" else ():
                _ids.add(value, is_id=is_id)
    return frame


def note_values(content: Any) -> None:  # noqa: ANN401
    """Note what is to be hidden of a document: texts and keys, in lists, tuples and mappings within each other."""
    if _ids is None:
        return
    left: list[tuple[Any, bool]] = [(content, False)]
    while left:
        value, is_id = left.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                _ids.add(key, is_id=False)
                left.append((inner, isinstance(key, str) and _ID_COLUMN.search(key) is not None))
        elif isinstance(value, (list, tuple)):
            left += [(inner, is_id) for inner in value]
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            _ids.add(value, is_id=is_id)


def redacted(text: str) -> str:
    """A text without what is to be hidden; as it is without ``--redact``."""
    return text if _ids is None else _ids.hide(text)


@contextmanager
def redacting() -> Iterator[None]:
    """While this context is open, nothing that is to be hidden is printed."""
    global _ids
    _ids, before = _Ids(), (sys.stdout, sys.stderr)
    own = [_Redacted(stream) for stream in before]
    sys.stdout, sys.stderr = own
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        _detach(own)
        _ids = None


class _Redacted(io.TextIOWrapper):
    """A stream whose text is redacted."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401
        stream.flush()
        super().__init__(
            stream.buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True, write_through=True
        )

    def write(self, text: str) -> int:
        """Write it."""
        super().write(redacted(text))
        return len(text)


def _detach(streams: Iterable[_Redacted]) -> None:
    """Leave the streams beneath open, which the program goes on with."""
    for stream in streams:
        try:
            stream.detach()
        except (OSError, ValueError):  # nobody reads it any more
            continue


def _has_digits_and_more(text: str) -> bool:
    if not any(letter.isdigit() for letter in text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
