"""What the trials of a search have in common and what they vary, checked together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import InputError
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.settings import PLACES, Settings
from clip_nodule.search.space import Sweep, parse_sweeps


def checked_settings(
    swept: Sequence[str], config: Path | str | None, common: Mapping[str, Any]
) -> tuple[Settings, tuple[Sweep, ...]]:
    """What trials have in common and what they vary; what is wrong with either is told together.

    Args:
        swept: What is varied (`parse_sweeps`).
        config: See ``load_settings``.
        common: Settings that win over the configuration's.

    Raises:
        InputError: Everything that is wrong.
    """
    settings, problems = Settings(), []
    try:
        settings = load_settings(config, common)
    except InputError as error:
        problems += error.problems
    given = {PLACES.get(name, tuple(name.split("."))) for name in common}
    try:
        sweeps = parse_sweeps(swept, settings, given)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return settings, sweeps
