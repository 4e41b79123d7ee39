"""JSON read strictly: no NaN, no duplicate keys, no endless depth; objects know the line they begin on."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmark.errors import InputError, Problem

DEPTH: Final = 100
DIGITS: Final = 40
LARGEST: Final = 512 * 2**20
_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|-?Infinity|NaN|-?\d[\d.eE+-]*|[A-Za-z_]+', re.DOTALL)


class Node(dict[str, Any]):
    """A JSON object.

    Attributes:
        line: Line of the file on which it begins.
    """

    line: int = 1


def read_json(path: Path, *, nan_is_null: bool = False) -> Any:  # noqa: ANN401
    """A JSON file, or JSON lines as a list; every object is a ``Node``.

    Args:
        path: The file.
        nan_is_null: Take NaN, which Python writes for a missing number, as null.

    Raises:
        InputError: The file is missing, not UTF-8, not JSON, too deep or too large, or holds NaN, an infinite
            number, a key twice in one object, or a number of more digits than any score has.
    """
    text = _read_text(path)
    try:
        return parse(text, path, nan_is_null=nan_is_null)
    except InputError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) > 1 and all(line.lstrip()[0] in "{[" and _is_json(line) for _, line in lines):
            return [parse(line, path, number, nan_is_null=nan_is_null) for number, line in lines]
        raise error


def parse(text: str, path: Path, first_line: int = 1, *, nan_is_null: bool = False) -> Any:  # noqa: ANN401
    """Parse JSON text; ``path`` and ``first_line`` are for messages."""
    begins = iter(_lines_of_objects(text, path, first_line, nan_is_null=nan_is_null))

    def node(pairs: list[tuple[str, Any]]) -> Node:
        result = Node(pairs)
        result.line = next(begins)
        return result

    try:
        return json.loads(text, object_pairs_hook=node, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        row = first_line + error.lineno - 1
        what = f"is not JSON: {error.msg}"
        at_end = error.pos >= len(text.rstrip())
        fix = "the file is cut short: copy it again" if at_end else "correct it"
        raise InputError(Problem(what, fix, path, row, str(error.colno))) from error


def number(value: Any, path: Path, line: int | None, column: str) -> float:  # noqa: ANN401
    """A JSON value as a score.

    Raises:
        InputError: It is null, text, or no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        what = "is missing" if value is None else "is not a number"
        raise InputError(Problem(what, "every case needs a score", path, line, column, json.dumps(value)[:80]))
    result = float(value)
    if not math.isfinite(result):
        raise InputError(Problem("is not a finite number", "correct it", path, line, column, str(value)[:80]))
    return result


def _lines_of_objects(text: str, path: Path, first_line: int, *, nan_is_null: bool) -> list[int]:
    """Refuse what ``json.loads`` would let through; lines of the objects in the order in which they close."""
    stack: list[tuple[int, set[str]]] = []
    closed: list[int] = []
    previous = ""
    for word, begin, line in _words(text, first_line):
        if word in "{[":
            stack.append((line, set()))
            if len(stack) > DEPTH:
                raise _refused(text, path, begin, first_line, f"is nested deeper than {DEPTH}")
        elif word in "}]" and stack:
            opened, _ = stack.pop()
            if word == "}":
                closed.append(opened)
        elif word == ":" and stack:
            if previous in stack[-1][1]:
                raise _refused(text, path, begin, first_line, f"the key {previous} stands twice in one object")
            stack[-1][1].add(previous)
        elif word in ("NaN", "Infinity", "-Infinity") and not (nan_is_null and word == "NaN"):
            raise _refused(text, path, begin, first_line, f"{word} is not a finite number")
        elif len(word) > DIGITS and (word[0].isdigit() or word[0] == "-"):
            raise _refused(text, path, begin, first_line, f"a number of {len(word)} digits")
        elif "\\u" in word and not _is_text(word):
            raise _refused(text, path, begin, first_line, f"{word[:40]} holds half a character, which is no text")
        previous = word
    return closed


def _words(text: str, line: int) -> Iterator[tuple[str, int, int]]:
    last = 0
    for match in _WORD.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        yield match.group(), last, line


def _refused(text: str, path: Path, begin: int, first_line: int, what: str) -> InputError:
    line = first_line + text.count("\n", 0, begin)
    column = begin - (text.rfind("\n", 0, begin) + 1) + 1
    return InputError(Problem(what, "correct the file", path, line, str(column)))


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise InputError(Problem("does not exist" if not path.exists() else "is a folder", "check the path", path))
    if path.stat().st_size > LARGEST:
        raise InputError(Problem(f"is larger than {LARGEST >> 20} MiB", "split it", path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(Problem("is not UTF-8", "save it as UTF-8", path)) from error
    if not text.strip():
        raise InputError(Problem("is empty", "check that the run finished", path))
    return text


def _is_text(word: str) -> bool:
    """Whether a word in quotes can be written: an escape may stand for half of a pair that makes a character."""
    try:
        json.loads(word).encode()
    except UnicodeEncodeError:
        return False
    except (json.JSONDecodeError, AttributeError):
        pass
    return True


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True
