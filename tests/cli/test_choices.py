"""The command line offers what the library takes: each enumeration against the list that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, get_args, get_type_hints

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from adapters import card, join, scans
from benchmark.cli import adapt, choices
from benchmark.cli.main import app
from benchmark.cohorts import sources
from benchmark.comparison.units import Unit
from benchmark.contracts.cohort import CohortManifest
from benchmark.errors import InputError
from benchmark.imaging.recipe import RECIPES
from clip_nodule import ablation
from clip_nodule.inference.api import PRECISIONS
from clip_nodule.network import lora, model
from clip_nodule.network.device import choose_device
from clip_nodule.runs import setting_parts as settings
from clip_nodule.search.trials import CHOSEN_BY
from clip_nodule.text import report_text
from clip_nodule.training.tracking.callbacks import CALLBACKS

PAIRS = [
    (choices.Unit, get_args(Unit)),
    (choices.RecipeName, RECIPES),
    (sources.Frame, get_args(get_type_hints(CohortManifest)["frame"])),
    (choices.Precision, PRECISIONS),
    (choices.TrainingPrecision, get_args(settings.Precision)),
    (choices.Selection, get_args(settings.Select)),
    (choices.Tracking, CALLBACKS),
    (choices.Tracking, get_args(settings.Track)),
    (choices.Sampling, get_args(settings.Sampling)),
    (choices.Augmentation, get_args(settings.Augment)),
    (choices.Modality, get_args(model.Modality)),
    (choices.Tuning, get_args(settings.Tuning)),
    (choices.Position, get_args(lora.Position)),
    (choices.Encoder, get_args(lora.Encoder)),
    (choices.Ablation, ablation.ROWS),
    (choices.ChooseBy, CHOSEN_BY),
    (choices.Backend, get_args(report_text.Backend)),
    (adapt.ScoreType, get_args(card.ScoreType)),
    (adapt.Scans, get_args(scans.Scans)),
    (adapt.Extra, get_args(join.Extra)),
]


@pytest.mark.parametrize(("offered", "taken"), PAIRS, ids=lambda item: getattr(item, "__name__", ""))
def test_an_enumeration_is_the_librarys_list(offered: type[StrEnum], taken: Iterable[str]) -> None:
    assert {choice.value for choice in offered} == set(taken)


def test_the_library_still_refuses_what_the_command_line_does_not_offer() -> None:
    with pytest.raises(InputError, match="is no device"):
        choose_device("tpu")
    with pytest.raises(InputError, match="use template or gemini"):
        report_text.report_texts(pd.DataFrame(), backend="llama")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no ablation"):
        ablation.run_ablation("size", "nowhere")


CHOICES = {"device", "patients", "precision", "recipe", "modality", "tuning", "backend", "coords"}
"""Options with a closed list of values, wherever they stand."""


def all_commands(command: Any) -> Iterator[tuple[str, Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield name, child
        yield from all_commands(child)


def test_options_with_a_closed_list_refuse_other_words_in_every_command() -> None:
    commands = dict(all_commands(typer.main.get_command(app)))
    found = [
        (name, option.name)
        for name, command in commands.items()
        for option in command.params
        # The phantom's number of patients is no choice.
        if option.name in CHOICES and (name, option.name) != ("prepare", "patients")
    ]
    assert len(found) >= len(CHOICES)
    for name, option in found:
        words = ["cohort", name] if name in ("prepare", "check") else [name]
        done = CliRunner().invoke(app, [*words, f"--{option}", "no-such-word"])
        assert done.exit_code == 2
        assert f"Invalid value for '--{option}'" in done.output


def test_a_wrong_choice_is_a_usage_error_that_lists_the_right_ones() -> None:
    done = CliRunner().invoke(app, ["compare", "--cohort", "x", "--unit", "scan"])
    assert done.exit_code == 2
    assert "'scan' is not one of 'patient', 'nodule'" in " ".join(done.output.replace("│", " ").split())
