"""The registry of cohort sources says what its modules take, and the command line is made from it."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command

from benchmark.cli.main import app
from benchmark.cohorts import lidc, lndb, lungx
from benchmark.cohorts.boxes import BOX_MODES
from benchmark.cohorts.prepare import check_source, prepare_cohort
from benchmark.cohorts.sources import OPTIONS, SOURCES, BoxMode, LabelSource, PhantomPreset, Suspicious, flag_of
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.dialect import Dialect
from benchmark.errors import InputError

NEEDS = {"masks": "ct", "sr": "dicom"}
"""Source → the extra that its reader needs."""
NOT_OPTIONS = {"paths", "step", "progress"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.needs(NEEDS[name])) if name in NEEDS else name
        for name, source in SOURCES.items()
        if not source.makes_images
    ],
)
def test_a_source_names_all_that_its_reader_takes(name: str) -> None:
    module = import_module(SOURCES[name].module)
    reader = module.prepare
    taken = dict(inspect.signature(reader).parameters)
    dialect = (
        set(getattr(module, "FollowedDialect", Dialect).__annotations__) if taken.pop("dialect", None) else set()
    )
    assert set(taken) - NOT_OPTIONS | dialect == set(SOURCES[name].options)


def test_every_option_is_of_some_source_and_every_source_of_known_options() -> None:
    assert {option for source in SOURCES.values() for option in source.options} == set(OPTIONS)


def test_choices_are_those_of_the_readers() -> None:
    assert [mode.value for mode in BoxMode] == list(BOX_MODES)
    assert {choice.value for choice in Suspicious} == set(get_args(lungx.Suspicious))
    assert {choice.value for choice in LabelSource} == set(get_args(lidc.LabelSource))
    assert set(get_args(lndb.LndbLabels)) == set(get_args(lidc.LabelSource)) - {"diagnosis"}  # LNDb has none


@pytest.mark.needs("ct")
def test_presets_are_those_of_the_phantom() -> None:
    from benchmark.cohorts.phantom import PRESETS

    assert [preset.value for preset in PhantomPreset] == list(PRESETS)


def test_the_command_has_each_option_once_with_its_sources() -> None:
    command = get_command(app).commands["cohort"].commands["prepare"]  # type: ignore[attr-defined]
    spelled = {flag: parameter for parameter in command.params for flag in parameter.opts}
    for name in OPTIONS:
        owners = [source for source, entry in SOURCES.items() if name in entry.options]
        assert spelled[flag_of(name)].help.startswith(f"{', '.join(owners)}: ")


@pytest.mark.parametrize(
    ("source", "option", "flag"),
    [("lungx", "seed", "--seed"), ("phantom", "suspicious", "--suspicious"), ("csv", "cutoffs", "--cutoff")],
)
def test_an_option_of_another_source_is_refused_with_the_own_ones(source: str, option: str, flag: str) -> None:
    with pytest.raises(InputError, match=f"{flag} means nothing to {source}"):
        check_source(source, {option: "x"})


def test_a_cohort_is_made_without_a_command_line(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("person,nodule_id,image_path,coordX,coordY,coordZ,malignant\n007,1,a.nii.gz,1.5,2,3,1\n")
    lines = prepare_cohort("csv", [table], tmp_path / "mine", {"columns": {"pid": "person"}})
    assert lines[:2] == [f"csv: {tmp_path / 'mine'}", "1 patients, 1 nodules"]
    assert load_cohort("mine", tmp_path).nodules["pid"].tolist() == ["007"]
