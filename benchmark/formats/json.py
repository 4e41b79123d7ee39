"""JSON read strictly: no NaN, no duplicate keys, no endless depth; objects know the line they begin on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from math import isinf
from pathlib import Path
from typing import Any, Final, Literal

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import as_text, read_bytes
from benchmark.redaction import note_values

DEPTH: Final = 100
"""Levels: Python's own limit on recursion lies some hundred levels farther down."""
DIGITS: Final = 40
"""Characters of a number: a score has 20, and Python takes quadratic time for an integer of many digits."""
LARGEST: Final = 512 * 2**20
"""Bytes of the largest file."""
MOST_VALUES: Final = 8_000_000
"""Values of the largest file, an object counted as four: they take some 60 bytes each, and ten seconds in all."""
_OBJECT: Final = 4
_WORD: Final = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\]:,]|-?Infinity|NaN|-?\d[\d.eE+-]*|[A-Za-z_]+', re.DOTALL
)
"""A string that is never closed is one word too: else each quote in it would be tried as the begin of another."""
_TEXT_OR_BRACE: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|\{', re.DOTALL)

NotANumber = Literal["refused", "null", "kept"]
"""What becomes of NaN and infinities, which are no JSON: refused; NaN taken as null, for Python writes it for a
missing number; or kept, in what our own training wrote."""


class Node(dict[str, Any]):
    """A JSON object.

    Attributes:
        line: Line of the file on which it begins.
    """

    line: int = 1


def read_json(path: Path | str, *, nan: NotANumber = "refused", lines: bool = False) -> Any:  # noqa: ANN401
    """The content of a JSON file; every object is a ``Node``.

    Args:
        path: The file.
        nan: What becomes of NaN and infinities.
        lines: Take JSON lines too, as a list.

    Raises:
        InputError: The file is missing, not UTF-8, not JSON, too deep or too large, or holds NaN, an infinite
            number, a key twice in one object, or a number of more digits than any score has.
    """
    content = _json_or_lines(path if isinstance(path, Path) else Path(path), nan, lines=lines)
    note_values(content)
    return content


def _json_or_lines(path: Path, nan: NotANumber, *, lines: bool) -> Any:  # noqa: ANN401
    text = _text(path)
    try:
        return parse_json(text, path, nan=nan)
    except InputError as error:
        if not lines:
            raise
        each = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(each) > 1 and all(line.lstrip()[0] in "{[" and _is_json(line) for _, line in each):
            return [parse_json(line, path, number, nan=nan) for number, line in each]
        raise error


def parse_json(text: str, path: Path | str, first_line: int = 1, *, nan: NotANumber = "refused") -> Any:  # noqa: ANN401
    """The same for a text; ``path`` and ``first_line`` are for messages."""
    if plain := _plain_content(text, first_line):
        return plain[0]
    begins = iter(_refuse_repeats_and_non_numbers(text, path, first_line, nan))

    def node(pairs: list[tuple[str, Any]]) -> Node:
        result = Node(pairs)
        result.line = next(begins)
        if len(result) < len(pairs):  # one key, once with an escape in it
            what = "holds a key twice, which is spelled in two ways"
            raise InputError(Problem(what, "correct the file", path, result.line))
        return result

    try:
        if nan == "kept":
            return json.loads(text, object_pairs_hook=node)
        return json.loads(text, object_pairs_hook=node, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        row = first_line + error.lineno - 1
        what = f"is not JSON: {error.msg}"
        at_end = error.pos >= len(text.rstrip())
        fix = "the file is cut short: copy it again" if at_end else "correct it"
        raise InputError(Problem(what, fix, path, row, str(error.colno))) from error
    except (RecursionError, ValueError, StopIteration) as error:
        raise InputError(Problem(f"is not JSON: {error}", "correct it", path, first_line)) from error


def _node_without_repeats(pairs: list[tuple[str, Any]]) -> Node:
    result = Node(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result


def _short_integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError("a number of many digits")
    return int(text)


def _short_float(text: str) -> float:
    if len(text) > DIGITS:
        raise ValueError("a number of many digits")
    number = float(text)
    if isinf(number):
        raise ValueError("a number larger than the largest")
    return number


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a finite number")


_PLAIN: Final = json.JSONDecoder(
    object_pairs_hook=_node_without_repeats,
    parse_int=_short_integer,
    parse_float=_short_float,
    parse_constant=_no_number,
)
"""Made once: journals have a hundred thousand lines, and folders as many files."""


def _plain_content(text: str, first_line: int) -> tuple[Any] | None:
    """The content of a text that nothing speaks against at a glance; None where each word must be looked at."""
    brackets = text.count("{") + text.count("[")
    if "\\u" in text or text.count(",") + _OBJECT * brackets > MOST_VALUES:
        return None
    try:
        content = _PLAIN.decode(text)
        if first_line > 1 or brackets > DEPTH or "\n" in text:
            _give_lines(content, text, first_line)
    except (ValueError, RecursionError):
        return None
    return (content,)


def _give_lines(content: Any, text: str, line: int) -> None:  # noqa: ANN401
    """Tell the objects of a content their lines: they are in the order of the braces that open them.

    Raises:
        ValueError: It is too deep.
    """
    nodes: list[Node] = []
    _gather_nodes(content, nodes, 1)
    last = 0
    for node, brace in zip(nodes, _braces(text, len(nodes)), strict=True):
        line += text.count("\n", last, brace)
        node.line, last = line, brace


def _braces(text: str, objects: int) -> Iterator[int]:
    """Where the braces stand that open objects, and not those in texts."""
    if text.count("{") > objects:
        yield from (match.start() for match in _TEXT_OR_BRACE.finditer(text) if match.group() == "{")
        return
    at = -1
    for _ in range(objects):
        yield (at := text.index("{", at + 1))


def _gather_nodes(content: Any, nodes: list[Node], depth: int) -> None:  # noqa: ANN401
    if type(content) is Node:
        nodes.append(content)
        values: Iterable[Any] = content.values()
    elif type(content) is list:
        values = content
    else:
        return
    if depth > DEPTH:
        raise ValueError("nested too deep")
    for value in values:
        if type(value) is Node or type(value) is list:
            _gather_nodes(value, nodes, depth + 1)


def _refuse_repeats_and_non_numbers(text: str, path: Path | str, first_line: int, nan: NotANumber) -> list[int]:
    """Refuse what ``json.loads`` would let through; lines of the objects in the order in which they close."""
    stack: list[tuple[int, set[str]]] = []
    closed: list[int] = []
    values = 0
    previous = ""
    for word, begin, line in _words(text, first_line):
        if word in "{[":
            stack.append((line, set()))
            values += _OBJECT if word == "{" else 1
            if len(stack) > DEPTH:
                raise _refused(text, path, begin, first_line, f"is nested deeper than {DEPTH}")
        elif word in "}]" and stack:
            opened, _ = stack.pop()
            if word == "}":
                closed.append(opened)
        elif word == ":" and stack:
            if previous in stack[-1][1]:
                what = f"the key {_short(previous)} stands twice in one object"
                raise _refused(text, path, begin, first_line, what)
            stack[-1][1].add(previous)
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
    return closed


def _is_infinite(number: str) -> bool:
    """Whether a number is too large for a float, as 1e999 is; what is no number is refused later."""
    try:
        return isinf(float(number))
    except ValueError:
        return False


def _words(text: str, line: int) -> Iterator[tuple[str, int, int]]:
    last = 0
    for match in _WORD.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        yield match.group(), last, line


def _refused(text: str, path: Path | str, begin: int, first_line: int, what: str) -> InputError:
    line = first_line + text.count("\n", 0, begin)
    column = begin - (text.rfind("\n", 0, begin) + 1) + 1
    return InputError(Problem(what, "correct the file", path, line, str(column)))


def _short(word: str) -> str:
    return word if len(word) <= 80 else f'{word[:80]}..."'


def _text(path: Path) -> str:
    text = as_text(read_bytes(path, LARGEST), path)
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
    except (ValueError, RecursionError):
        return False
    return True
