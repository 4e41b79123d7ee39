"""Options that ``bench train`` and ``bench tune`` share, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.commands import split_pairs
from benchmark.errors import InputError, Problem

COHORT = Annotated[list[str], typer.Option(help="Cohort to train on; may be repeated.")]
COHORTS = Annotated[Path, typer.Option(help="Folder of cohorts.")]
RESULTS = Annotated[Path, typer.Option(help="Folder of results: crops are made in it when missing.")]
CONFIG = Annotated[str, typer.Option(help="YAML file, or zhuang2025 or tiny-cpu.")]
TEXT = Annotated[
    list[str] | None,
    typer.Option(help="CSV pid,nodule_id,text, with several cohorts one each (nlst=FILE); default template text."),
]
FOLDS = Annotated[int | None, typer.Option(help="Cross-validation folds.")]
TEST_FRACTION = Annotated[float | None, typer.Option(help="Share of the patients held out, of every cohort.")]
HOLD_OUT = Annotated[
    list[str] | None,
    typer.Option(
        help="That share by cohort, e.g. nlst=0.2; cohorts that are not named hold nobody out.",
        metavar="COHORT=SHARE",
    ),
]
SPLITS = Annotated[
    Path | None,
    typer.Option(help="Folder of folds to train on: fold_k/train_pid.csv, as `bench cohort split` writes it."),
]
EPOCHS = Annotated[int | None, typer.Option(help="Largest number of epochs.")]
PARALLEL = Annotated[int | None, typer.Option(help="Folds trained at the same time.")]
SET = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any other setting, e.g. smoothing=0.2 or losses.smoothing=0.2; null is a value.",
        metavar="NAME=VALUE",
    ),
]


def given_settings(flags: Mapping[str, Any], assigned: list[str] | None) -> dict[str, Any]:
    """Settings of a command line, by their names.

    Args:
        flags: Settings that have an option; None where it was not given.
        assigned: Texts of ``--set``.

    Raises:
        InputError: See ``parse_assignments``, or a setting is given both ways.
    """
    from clip_nodule.runs.configuration import parse_assignments

    given = {
        key: value.value if isinstance(value, Enum) else value for key, value in flags.items() if value is not None
    }
    others = parse_assignments(assigned or [])
    refuse_two_ways(given, others)
    return given | others


def texts_by_cohort(given: list[str] | None, cohorts: list[str]) -> Path | dict[str, Path] | None:
    """Files of ``--text``: one, or one a cohort.

    Raises:
        InputError: There are several, and not all say whose they are.
    """
    if not given:
        return None
    whose = [text.partition("=")[0].strip() for text in given]
    if len(given) == 1 and whose[0] not in cohorts:
        return Path(given[0])
    strange = [text for text, name in zip(given, whose, strict=True) if name not in cohorts]
    if strange:
        fix = f"give one a cohort, e.g. --text {cohorts[0]}=FILE"
        raise InputError([Problem("does not say which cohort's texts it holds", fix, column="--text", value=text)
                          for text in strange])  # fmt: skip
    return {name: Path(path) for name, path in split_pairs(given, "--text", "COHORT=FILE").items()}


def refuse_two_ways(flags: dict[str, Any], assigned: dict[str, Any]) -> None:
    """Refuse a setting that has a flag of its own and stands in ``--set`` too.

    Raises:
        InputError: Names each such setting with both values.
    """
    twice = [name for name in flags if name in assigned]
    if twice:
        raise InputError(
            [
                Problem(
                    f"is given twice: {flags[name]!r} by its own option and {assigned[name]!r} by --set",
                    "give it once",
                    column=name,
                )
                for name in twice
            ]
        )
