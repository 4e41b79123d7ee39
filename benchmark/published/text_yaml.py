"""YAML (and JSON) in which every scalar stays the text that was written, so that ``0.070`` keeps its last zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import InputError, Problem
from benchmark.published.printed import Literal

LARGEST = 5_000_000
"""Characters of the longest file that is read."""
MOST_NODES = 200_000
"""Entries of the largest file, aliases counted as often as they are used."""
DEEPEST = 50
_PLAIN_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"}


class _TextLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


@dataclass
class TextDocument:
    """A file of nested mappings, lists and texts.

    Attributes:
        path: Where it was read from.
        content: The top mapping.
        lines: Line on which the entry at a path of keys begins.
        problems: What is wrong with it.
    """

    path: Path
    content: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def line(self, keys: tuple[str | int, ...]) -> int | None:
        """Line of an entry, or of the nearest entry around it."""
        for end in range(len(keys), -1, -1):
            if keys[:end] in self.lines:
                return self.lines[keys[:end]]
        return None


def read_text_yaml(path: Path) -> TextDocument:
    """Read a file without turning anything into a number, a date or a truth value.

    Raises:
        InputError: The file is missing, not YAML, too large or too deep, repeats a key or carries a tag.
    """
    document = TextDocument(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        if len(text) > LARGEST:
            raise InputError(Problem(f"is longer than {LARGEST} characters", "split it", path))
        root = yaml.compose(text, _TextLoader)
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", "check the path", path)) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem("is not UTF-8 text", "save it as UTF-8", path)) from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "is nested too deeply"
        raise InputError(
            Problem(f"is not YAML: {what}", file=path, row=mark.line + 1 if mark else None)
        ) from error
    if not isinstance(root, yaml.MappingNode):
        raise InputError(Problem("holds no fields", "it needs at least `performance` or `operating_points`", path))
    document.content = _value_of_node(root, (), document)
    if document.problems:
        raise InputError(document.problems)
    return document


def _value_of_node(node: yaml.Node, keys: tuple[str | int, ...], document: TextDocument) -> Any:  # noqa: ANN401
    line = node.start_mark.line + 1
    document.lines[keys] = line
    document.nodes += 1
    if document.nodes > MOST_NODES or len(keys) > DEEPEST:
        what = f"holds more than {MOST_NODES} entries or is more than {DEEPEST} levels deep"
        raise InputError(Problem(what, "an alias may contain itself", document.path, line))
    if node.tag not in _PLAIN_TAGS:
        document.problems.append(
            Problem("tags are not read", "remove it", document.path, line, _name(keys), node.tag)
        )
        return ""
    if isinstance(node, yaml.SequenceNode):
        return [_value_of_node(item, (*keys, at), document) for at, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, keys, document)
    return Literal(node.value) if getattr(node, "style", None) in ("'", '"') else node.value


def _mapping(node: yaml.MappingNode, keys: tuple[str | int, ...], document: TextDocument) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value
        here = (*keys, key)
        if not isinstance(key, str):
            document.problems.append(
                Problem("a key must be text", file=document.path, row=line, column=_name(keys))
            )
            continue
        if key in content:
            what = "stands twice; YAML would keep the last"
            document.problems.append(Problem(what, "keep one of them", document.path, line, _name(here)))
        content[key] = _value_of_node(value_node, here, document)
        document.lines[here] = line
    return content


def _name(keys: tuple[str | int, ...]) -> str:
    return ".".join(map(str, keys))
