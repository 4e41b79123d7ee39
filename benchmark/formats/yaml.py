"""YAML, with limits on its length, its entries and its depth, and no key twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import read_text, reason, refusing

LARGEST: Final = 5_000_000
"""Bytes of the longest file: a published table with all its rows has some ten thousand."""
MOST_NODES: Final = 100_000
"""Entries of the largest file, aliases counted as often as they are used: nine lines can stand for 10⁹ entries."""
DEEPEST: Final = 50
"""Levels: Python's own limit on recursion lies some hundred levels farther down."""


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which stops at ``MOST_NODES`` entries and ``DEEPEST`` levels while it reads."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = self._level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        """The next entry; see ``yaml.composer.Composer``."""
        self._nodes += 1
        self._level += 1
        if self._nodes > MOST_NODES or self._level > DEEPEST + 1:
            raise _TooMuch(self.line, deep=self._nodes <= MOST_NODES)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


class _TooMuch(Exception):
    """More entries or levels than are read.

    Args:
        line: Line, from 0, that was reached.
        deep: Whether it is the levels that are too many.
    """

    def __init__(self, line: int, *, deep: bool) -> None:
        super().__init__(line)
        self.line, self.deep = line, deep


def read_yaml(path: Path | str) -> Any:  # noqa: ANN401
    """The content of a YAML file: mappings, lists, texts, numbers, dates and truth values.

    Raises:
        InputError: It is missing, no regular file, not YAML, too long, too deep or too large once its aliases are
            followed, repeats a key, or carries a tag that is none of YAML's own.
    """
    return parse_yaml(read_text(path, LARGEST), path)


def parse_yaml(text: str, source: Path | str) -> Any:  # noqa: ANN401
    """The same for a text; ``source`` says in messages where it is from."""
    root = compose_yaml(text, source)
    if root is None:
        return None
    _require_plain(root, source)
    with refusing(source, "is not YAML"):
        loader = BoundedLoader("")
        try:
            return loader.construct_document(root)
        finally:
            loader.dispose()


def compose_yaml(text: str, source: Path | str, loader: type[BoundedLoader] = BoundedLoader) -> yaml.Node | None:
    """The one document of a text as nodes, which are bounded with their aliases followed; None if it has none.

    Raises:
        InputError: It is not YAML, or exceeds a limit.
    """
    try:
        reading = loader(text)
        try:
            root = reading.get_single_node()
        finally:
            reading.dispose()
    except _TooMuch as error:
        raise InputError(_too_much(source, error.line, deep=error.deep)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or reason(error)
        raise InputError(
            Problem(f"is not YAML: {what}", file=source, row=mark.line + 1 if mark else None)
        ) from error
    except Exception as error:  # PyYAML raises IndexError and its like on some damaged texts
        raise InputError(Problem(f"is not YAML: {reason(error)}", file=source)) from error
    if root is not None:
        _measure(root, {}, source)
    return root


def _measure(node: yaml.Node, known: dict[int, tuple[int, int] | None], source: Path | str) -> tuple[int, int]:
    """Entries and levels below a node, every alias followed; ``known`` holds None for those that are begun."""
    if id(node) in known:
        found = known[id(node)]
        if found is None:
            raise InputError(_too_much(source, node.start_mark.line, deep=True))
        return found
    known[id(node)] = None
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        below = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    sizes = [_measure(part, known, source) for part in below]
    size, level = 1 + sum(size for size, _ in sizes), 1 + max((level for _, level in sizes), default=0)
    if size > MOST_NODES or level > DEEPEST + 1:
        raise InputError(_too_much(source, node.start_mark.line, deep=size <= MOST_NODES))
    known[id(node)] = size, level
    return size, level


def _too_much(source: Path | str, line: int, *, deep: bool) -> Problem:
    if deep:
        what = f"is nested too deeply, in more than {DEEPEST} levels"
    else:
        what = f"holds more than {MOST_NODES:,} entries, those of aliases counted wherever they are used"
    return Problem(what, "an alias may contain itself, or others many times: write it out", source, line + 1)


def _require_plain(root: yaml.Node, source: Path | str) -> None:
    """Refuse keys that stand twice, of which YAML keeps the last, and texts that cannot be written again."""
    problems: list[Problem] = []
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode) and not _is_writable(node.value):
            what = "a text holds a NUL, or half a character, which is no text"
            problems.append(Problem(what, "remove it", source, line))
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
            keys: set[tuple[str, str]] = set()
            for key, _ in node.value:
                name = (str(key.tag), str(key.value))
                if isinstance(key, yaml.ScalarNode) and name in keys:
                    what = "stands twice; YAML would keep the last"
                    problems.append(
                        Problem(what, "keep one of them", source, key.start_mark.line + 1, name[1][:80])
                    )
                keys.add(name)
    if problems:
        problems.sort(key=lambda problem: problem.row or 0)
        raise InputError(problems)


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
