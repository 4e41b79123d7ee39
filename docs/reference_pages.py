"""Pages of the reference that are made from the program itself: every command and every setting of training."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.models import ArgumentInfo, OptionInfo, ParameterInfo

from benchmark.cli.main import app


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages; MkDocs calls this before it reads any."""
    pages = {"reference/commands.md": command_page(), "reference/settings.md": settings_page()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def command_page() -> str:
    """Every command with its options, as ``--help`` gives them."""
    lead = "# Commands\n\nMade from the program: `bench COMMAND --help` says the same.\n"
    return "\n".join([lead, *_described("bench", app)])


def _described(name: str, program: typer.Typer) -> Iterator[str]:
    for command in program.registered_commands:
        called: Any = command.callback
        word = command.name or str(called.__name__)
        yield f"## {name} {word}\n\n{_escaped(inspect.getdoc(called) or '')}\n"
        rows = list(_rows(called))
        for title, kind in (("Argument", ArgumentInfo), ("Option", OptionInfo)):
            own = [row for row, info in rows if isinstance(info, kind) and not info.hidden]
            if own:
                yield "\n".join([f"| {title} | Values | What it is |\n|---|---|---|", *own, ""])
        examples = re.findall(r"(?:Example: | or:? +)(bench .+?)(?= {4,}|\n|$)", command.epilog or "")
        if examples:
            yield "```bash\n" + "\n".join(examples) + "\n```\n"
    for group in program.registered_groups:
        if group.typer_instance:
            yield from _described(f"{name} {group.name}", group.typer_instance)


def _rows(callback: Callable[..., Any]) -> Iterator[tuple[str, ParameterInfo]]:
    hints = get_type_hints(callback, include_extras=True)
    for name, parameter in inspect.signature(callback).parameters.items():
        kind, *more = get_args(hints[name])
        info = next(one for one in more if isinstance(one, ParameterInfo))
        dashed = "--" + name.replace("_", "-")
        names = [word for word in info.param_decls or () if word.startswith("-")] or [dashed]
        shown = name.upper() if isinstance(info, ArgumentInfo) else "` `".join(names)
        default = parameter.default
        default = default.value if isinstance(default, Enum) else default
        told = "" if default is None or default is False else f" Default: `{default}`."
        told = " Required." if default is parameter.empty else told
        yield f"| `{shown}` | {_values(kind, info)} | {_escaped(info.help or '')}{told} |", info


def _values(kind: Any, info: ParameterInfo) -> str:  # noqa: ANN401
    """What may be given: the words of a choice, or the kind of value."""
    if info.metavar:
        return f"`{info.metavar}`".replace("|", r"\|")
    options = [one for one in get_args(kind) if one is not type(None)]
    if options:
        found = " or ".join(dict.fromkeys(_values(one, info) for one in options))
        return f"{found}, may be repeated" if get_origin(kind) is list else found
    if issubclass(kind, Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    return {bool: "", Path: "path", int: "whole number", float: "number", str: "text"}[kind]


def settings_page() -> str:
    """Every setting of training: part, field, values, default and meaning."""
    from clip_nodule.runs.settings import Settings

    lead = (
        "# Settings of training\n\nFor a file given to `--config` and for `--set NAME=VALUE`, by part and field "
        "(`lora.rank=4`) or, where one name has one meaning, plainly (`rank=4`). Defaults are the settings' own; "
        "`zhuang2025` and `tiny-cpu` are configurations with values of their own.\n"
    )
    lines = [lead]
    for part, field in Settings.model_fields.items():
        model: Any = field.annotation
        lines.append(f"## {part}\n\n{_summary(model)}\n\n| Setting | Default | What it is |\n|---|---|---|")
        meanings = _attributes(model)
        for name, own in model.model_fields.items():
            default = own.get_default(call_default_factory=True)
            shown = "none" if default is None else str(default)
            lines.append(f"| `{part}.{name}` | `{shown}` | {_escaped(meanings.get(name, ''))} |")
        lines.append("")
    return "\n".join(lines)


def _summary(model: Any) -> str:  # noqa: ANN401
    return _escaped(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0])


def _attributes(model: Any) -> dict[str, str]:  # noqa: ANN401
    text = inspect.cleandoc(model.__doc__ or "").partition("Attributes:")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", text, flags=re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def _escaped(text: str) -> str:
    """Text for a cell of a table: names in one kind of quotation, nothing that Markdown or HTML would take."""
    quoted = re.sub(r"``([^`]+)``", r"`\1`", " ".join(text.split()))
    parts = quoted.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", r"\*").replace("[", r"\[") for part in parts[::2]]
    return "`".join(parts).replace("|", r"\|")
