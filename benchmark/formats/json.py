"""JSON read strictly: no NaN, no duplicate keys, no endless depth; objects know the line they begin on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isinf
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmark.errors import InputError, Problem
from benchmark.formats.json_places import ObjectLines
from benchmark.formats.json_words import (
    DEPTH,
    DIGITS,
    NotANumber,
    may_have_many_values,
    refuse_repeats_and_non_numbers,
)
from benchmark.formats.opening import as_text, read_bytes
from benchmark.redaction import note_values

LARGEST: Final = 512 * 2**20
"""Bytes of the largest file."""
_AHEAD: Final = 100
_CHARACTERS_AHEAD: Final = 2**20
P = TypeVar("P", Path, str)


class Node(dict[str, Any]):
    """A JSON object; it knows the line of the file on which it begins."""

    lines: ObjectLines | None = None
    """The lines of all objects of its text; None in a text of one line."""
    number: int = 0
    """How many objects of the text end before it."""

    @property
    def line(self) -> int:
        """Line of the file on which it begins."""
        return 1 if self.lines is None else self.lines.of(self.number)


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
    return _content(_text(path), path, nan, lines=lines)


def read_json_files(
    paths: Sequence[P], *, nan: NotANumber = "refused", lines: bool = False
) -> Iterator[tuple[P, Any]]:
    """Each of many files with its content, or with the ``InputError`` that says why it cannot be read.

    Some are opened before the first of them is decoded, which takes two thirds of the time of one after the other:
    what opens files and what decodes them each stay in the processor's cache.

    Example::

        >>> from pathlib import Path
        >>> from benchmark.formats.json import read_json_files
        >>> paths = [Path("a.json"), Path("b.json")]
        >>> for path, text in zip(paths, ("[0.5]", "[NaN]")):
        ...     _ = path.write_text(text)
        >>> [(path.name, str(content)) for path, content in read_json_files(paths)]
        [('a.json', '[0.5]'), ('b.json', 'b.json:1:2 — NaN is not a finite number — correct the file')]

    Args:
        paths: The files.
        nan: See ``read_json``.
        lines: See ``read_json``.
    """
    begin = 0
    while begin < len(paths):
        texts: list[str | InputError] = []
        length = 0
        while len(texts) < _AHEAD and length < _CHARACTERS_AHEAD and begin + len(texts) < len(paths):
            text = _or_error(_text, paths[begin + len(texts)])
            length += len(text) if isinstance(text, str) else 0
            texts.append(text)
        some = paths[begin : begin + len(texts)]
        begin += len(texts)
        yield from [
            (path, _or_error(_content, text, path, nan, lines=lines) if isinstance(text, str) else text)
            for path, text in zip(some, texts, strict=True)
        ]


def or_raise(content: Any) -> Any:  # noqa: ANN401
    """What ``read_json_files`` gave for a file; raised if it is an error."""
    if isinstance(content, InputError):
        raise content
    return content


def _or_error(read: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
    try:
        return read(*args, **options)
    except InputError as error:
        return error


def _content(text: str, path: Path | str, nan: NotANumber, *, lines: bool) -> Any:  # noqa: ANN401
    content = _json_or_lines(text, path, nan, lines=lines)
    note_values(content)
    return content


def _json_or_lines(text: str, path: Path | str, nan: NotANumber, *, lines: bool) -> Any:  # noqa: ANN401
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
    refuse_repeats_and_non_numbers(text, path, first_line, nan)
    nodes: list[Node] = []

    def node(pairs: list[tuple[str, Any]]) -> Node:
        result = Node(pairs)
        nodes.append(result)
        if len(result) < len(pairs):  # one key, once with an escape in it
            what = "holds a key twice, which is spelled in two ways"
            line = ObjectLines(text, first_line, -1).of(len(nodes) - 1)
            raise InputError(Problem(what, "correct the file", path, line))
        return result

    try:
        constant = None if nan == "kept" else lambda _: None
        content = json.loads(text, object_pairs_hook=node, parse_constant=constant)
    except json.JSONDecodeError as error:
        row = first_line + error.lineno - 1
        what = f"is not JSON: {error.msg}"
        at_end = error.pos >= len(text.rstrip())
        fix = "the file is cut short: copy it again" if at_end else "correct it"
        raise InputError(Problem(what, fix, path, row, str(error.colno))) from error
    except (RecursionError, ValueError) as error:
        raise InputError(Problem(f"is not JSON: {error}", "correct it", path, first_line)) from error
    _give_lines(nodes, text, first_line)
    return content


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


class _PlainReader(threading.local):
    """Reads what needs no second look; made once a thread, for journals have a hundred thousand lines."""

    def __init__(self) -> None:
        nodes: list[Node] = []

        def node_without_repeats(pairs: list[tuple[str, Any]]) -> Node:
            result = Node(pairs)
            if len(result) < len(pairs):
                raise ValueError("a key stands twice")
            nodes.append(result)
            return result

        self.nodes = nodes
        """Objects in the order in which they end."""
        self.decode = json.JSONDecoder(
            object_pairs_hook=node_without_repeats,
            parse_int=_short_integer,
            parse_float=_short_float,
            parse_constant=_no_number,
        ).decode


_PLAIN: Final = _PlainReader()


def _plain_content(text: str, first_line: int) -> tuple[Any] | None:
    """The content of a text that nothing speaks against at a glance; None where each word must be looked at."""
    brackets = text.count("{") + text.count("[")
    if "\\u" in text or may_have_many_values(text, brackets):
        return None
    nodes = _PLAIN.nodes
    try:
        content = _PLAIN.decode(text)
        if brackets > DEPTH:
            _refuse_depth(content, 1)
        _give_lines(nodes, text, first_line)
    except (ValueError, RecursionError):
        return None
    finally:
        nodes.clear()
    return (content,)


def _give_lines(nodes: list[Node], text: str, first_line: int) -> None:
    """Tell the objects of a text, in the order in which they end, where to ask for their lines."""
    if first_line > 1 or "\n" in text:
        lines = ObjectLines(text, first_line, len(nodes))
        for number, node in enumerate(nodes):
            node.lines, node.number = lines, number


def _refuse_depth(content: Any, depth: int) -> None:  # noqa: ANN401
    values: Iterable[Any] = content.values() if type(content) is Node else content if type(content) is list else ()
    if depth > DEPTH and isinstance(content, (Node, list)):
        raise ValueError("nested too deep")
    for value in values:
        if type(value) is Node or type(value) is list:
            _refuse_depth(value, depth + 1)


def _text(path: Path | str) -> str:
    text = as_text(read_bytes(path, LARGEST), path)
    if not text.strip():
        raise InputError(Problem("is empty", "check that the run finished", path))
    return text


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
