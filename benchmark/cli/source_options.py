"""Options of ``bench cohort prepare``, made from the registry of sources."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any

import typer

from benchmark.cli.commands import named_columns, split_pairs
from benchmark.cohorts.sources import OPTIONS, SOURCES, flag_of


def with_source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its ``**options``, one option for each entry of ``OPTIONS``."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    annotated = {name: _annotation(name) for name in OPTIONS}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False if option.kind is bool else None,
                          annotation=annotated[name])
        for name, option in OPTIONS.items()
    ]  # fmt: skip
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in own} | annotated
    return command


def given_options(values: dict[str, Any]) -> dict[str, Any]:
    """What was given of ``OPTIONS`` as the library takes it: plain values, and texts ``KEY=VALUE`` as mappings."""
    given = {}
    for name, value in values.items():
        option = OPTIONS[name]
        if value is None or value is False or value in ("", []):
            continue
        if option.names_columns:
            given[name] = named_columns(value, option.pairs, may_be_none=True)
        elif option.pairs:
            given[name] = split_pairs(value, flag_of(name), option.pairs)
        else:
            given[name] = value.value if isinstance(value, Enum) else value
    return given


def _annotation(name: str) -> Any:  # noqa: ANN401 - a type that is made here
    option = OPTIONS[name]
    sources = ", ".join(source for source, entry in SOURCES.items() if name in entry.options)
    kind: Any = option.kind if option.kind is bool else option.kind | None
    if option.pairs:
        kind = list[str] | None
    settings = typer.Option(
        *(option.flags or (flag_of(name),)),
        help=f"{sources}: {option.about}",
        min=option.least,
        metavar=option.pairs or None,
    )
    return Annotated[kind, settings]
