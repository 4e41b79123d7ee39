"""The words of a JSON text, each looked at: what ``json.loads`` lets through is refused where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isinf
from pathlib import Path
from typing import Final, Literal

from benchmark.errors import InputError, Problem

DEPTH: Final = 100
"""Levels: Python's own limit on recursion lies some hundred levels farther down."""
DIGITS: Final = 40
"""Characters of a number: a score has 20, and Python takes quadratic time for an integer of many digits."""
MOST_VALUES: Final = 8_000_000
"""Values of the largest file, an object counted as four: they take some 60 bytes each, and ten seconds in all."""
_OBJECT: Final = 4
_WORD: Final = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\]:,]|-?Infinity|NaN|-?\d[\d.eE+-]*|[A-Za-z_]+', re.DOTALL
)
"""A string that is never closed is one word too: else each quote in it would be tried as the begin of another."""

NotANumber = Literal["refused", "null", "kept"]
"""What becomes of NaN and infinities, which are no JSON: refused; NaN taken as null, for Python writes it for a
missing number; or kept, in what our own training wrote."""


def refuse_repeats_and_non_numbers(text: str, path: Path | str, first_line: int, nan: NotANumber) -> None:
    """Refuse what ``json.loads`` would let through.

    Raises:
        InputError: It is too deep or has too many values, or holds NaN, an infinite number, a key twice in one
            object, a number of too many digits, or half a character.
    """
    stack: list[set[str]] = []
    values = 0
    previous = ""
    for word, begin in _words(text):
        if word in "{[":
            stack.append(set())
            values += _OBJECT if word == "{" else 1
            if len(stack) > DEPTH:
                raise _refused(text, path, begin, first_line, f"is nested deeper than {DEPTH}")
        elif word in "}]" and stack:
            stack.pop()
        elif word == ":" and stack:
            if previous in stack[-1]:
                what = f"the key {_short(previous)} stands twice in one object"
                raise _refused(text, path, begin, first_line, what)
            stack[-1].add(previous)
        elif word == ",":
            values += 1
            if values > MOST_VALUES:
                raise _refused(text, path, begin, first_line, f"holds more than {MOST_VALUES:,} values")
        elif word in ("NaN", "Infinity", "-Infinity"):
            if nan == "refused" or (nan == "null" and word != "NaN"):
                raise _refused(text, path, begin, first_line, f"{word} is not a finite number")
        elif word[0] in "-0123456789":
            if len(word) > DIGITS:
                raise _refused(text, path, begin, first_line, f"a number of {len(word)} digits")
            if nan != "kept" and _is_infinite(word):
                raise _refused(text, path, begin, first_line, f"{word} is not a finite number")
        elif "\\u" in word and not _is_text(word):
            what = f"{word[:40]} holds half a character, which is no text"
            raise _refused(text, path, begin, first_line, what)
        previous = word


def may_have_many_values(text: str, brackets: int) -> bool:
    """Whether a text, of which ``brackets`` open, may have too many values: each must be looked at then."""
    return len(text) > MOST_VALUES // _OBJECT and text.count(",") + _OBJECT * brackets > MOST_VALUES


def _is_infinite(number: str) -> bool:
    """Whether a number is too large for a float, as 1e999 is; what is no number is refused later."""
    try:
        return isinf(float(number))
    except ValueError:
        return False


def _words(text: str) -> Iterator[tuple[str, int]]:
    for match in _WORD.finditer(text):
        yield match.group(), match.start()


def _refused(text: str, path: Path | str, begin: int, first_line: int, what: str) -> InputError:
    line = first_line + text.count("\n", 0, begin)
    column = begin - (text.rfind("\n", 0, begin) + 1) + 1
    return InputError(Problem(what, "correct the file", path, line, str(column)))


def _short(word: str) -> str:
    return word if len(word) <= 80 else f'{word[:80]}..."'


def _is_text(word: str) -> bool:
    """Whether a word in quotes can be written: an escape may stand for half of a pair that makes a character."""
    try:
        json.loads(word).encode()
    except UnicodeEncodeError:
        return False
    except (json.JSONDecodeError, AttributeError):
        pass
    return True
