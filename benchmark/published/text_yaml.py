"""YAML (and JSON) in which every scalar stays the text that was written, so that ``0.070`` keeps its last zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import read_text
from benchmark.formats.yaml import LARGEST, BoundedLoader, compose_yaml
from benchmark.published.printed import Literal

_PLAIN_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"}


class _TextLoader(BoundedLoader):
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
    root = compose_yaml(read_text(path, LARGEST), path, _TextLoader)
    if not isinstance(root, yaml.MappingNode):
        raise InputError(Problem("holds no fields", "it needs at least `performance` or `operating_points`", path))
    document.content = _value_of_node(root, (), document)
    if document.problems:
        raise InputError(document.problems)
    return document


def _value_of_node(node: yaml.Node, keys: tuple[str | int, ...], document: TextDocument) -> Any:  # noqa: ANN401
    line = node.start_mark.line + 1
    document.lines[keys] = line
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
