"""The run folder: what a training run was asked for and what it left; nothing in it is unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.contracts.cohort import validation_problems
from benchmark.contracts.names import SafeName, name_fault, path_named
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished, own_file, write_text
from benchmark.formats.yaml import read_yaml
from benchmark.imaging.recipe import RecipeValues
from benchmark.outputs.locks import InUseError, holding
from clip_nodule.network.backbone_config import BackboneValues
from clip_nodule.runs.setting_parts import MOST_FOLDS
from clip_nodule.runs.settings import Settings

MANIFEST, BACKBONE, FOLDS, DATA = "run.yaml", "backbone.safetensors", "folds.csv", "data"
HASHES = "hashes.json"
START = "start_heads.safetensors"
"""Heads that came with the backbone's weights, where there were some."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
NUMBERS = 10**9
"""Runs have numbers below this."""
SCHEMA = 4
"""4 has ``computed``, 3 has ``cohorts``, 2 had one ``cohort``, 1 its settings by plain names. All are read; none
has other keys."""


class Computed(BaseModel):
    """Where a run is computed, and in which arithmetic: its numbers are those of both.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: What ``auto`` was on it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16"]

    def __str__(self) -> str:
        """``cuda in bf16``."""
        return f"{self.device} in {self.precision}"


class RunInfo(BaseModel):
    """``run.yaml``.

    Attributes:
        schema_version: Version of this layout.
        name: The run's name, and the model's name in score tables.
        number: Counts the runs of a results folder; the largest is the newest.
        kind: ``trained`` here or ``imported`` from the paper's code.
        cohorts: What it was trained on; empty if that is not known.
        seed: The run's seed.
        folds: Number of folds.
        settings: What was asked.
        recipe: How its crops and planes are made.
        backbone: open_clip's model configuration.
        backbone_sha256: Of ``backbone.safetensors``, the frozen weights that the folds share; None where every
            fold has weights of its own.
        inputs: SHA-256 of what it was trained on.
        computed: Where it is trained; None where that was not recorded, or it was imported.
        notes: What a reader should know.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA
    name: SafeName
    number: int = Field(ge=0, lt=NUMBERS)
    kind: Literal["trained", "imported"] = "trained"
    cohorts: tuple[SafeName, ...] = ()
    seed: int = Field(0, ge=0, lt=2**64)
    folds: int = Field(ge=1, le=MOST_FOLDS)
    settings: Settings
    recipe: RecipeValues
    backbone: BackboneValues
    backbone_sha256: Sha256 | None = None
    inputs: dict[str, Sha256] = Field(default_factory=dict)
    computed: Computed | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_one_cohort(cls, values: Any) -> Any:  # noqa: ANN401
        if not isinstance(values, Mapping) or "cohort" not in values:
            return values
        one = values["cohort"]
        if "cohorts" in values and isinstance(one, str) and not name_fault(one):
            raise ValueError("cohort and cohorts are both there: a run has one of them")
        own = {key: value for key, value in values.items() if key != "cohort"}
        return own if one is None else own | {"cohorts": (one,)}

    @property
    def cohort(self) -> str | None:
        """The cohorts it was trained on in one name, e.g. ``nlst+lidc``; None if they are not known."""
        return "+".join(self.cohorts) or None


def fold_folder(run: Path, fold: int) -> Path:
    """Folder of one fold."""
    return run / f"fold_{fold}"


def read_run(run: Path) -> RunInfo:
    """Read ``run.yaml``.

    Raises:
        InputError: It is missing, wrong, or was written by a newer version.
    """
    if not (run / MANIFEST).is_file():
        raise InputError(Problem("is no run folder", f"it has no {MANIFEST}: train one with `bench train`", run))
    path = own_file(run, MANIFEST)
    content = read_yaml(path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA:
        raise InputError(
            Problem(f"was written by a newer version (schema {version})", "update nodule-bench", path)
        )
    try:
        return RunInfo.model_validate(content)
    except ValidationError as error:
        raise InputError(validation_problems(error, path, list(RunInfo.model_fields))) from error


def write_run(run: Path, info: RunInfo) -> None:
    """Write ``run.yaml`` atomically."""
    write_text(run / MANIFEST, yaml.safe_dump(info.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def _run_folders(runs: Path) -> list[Path]:
    """Folders that hold a manifest, of whatever kind; one that is being written begins with a dot."""
    there = [path for path in list_finished(runs) if not name_fault(path.name)]
    return [path for path in there if (path / MANIFEST).is_symlink() or (path / MANIFEST).exists()]


def list_runs(results: Path | str) -> list[tuple[int, Path]]:
    """Number and folder of every run in ``results/runs``, oldest first.

    Raises:
        InputError: Names every run whose manifest or number cannot be read: which is the newest cannot be told.
    """
    return _numbered_runs(Path(results) / "runs")


def _numbered_runs(runs: Path) -> list[tuple[int, Path]]:
    found: list[tuple[int, Path]] = []
    problems: list[Problem] = []
    fix = "mend it or move its folder away; a run that is named with --run is found all the same"
    for folder in _run_folders(runs):
        try:
            content = read_yaml(own_file(folder, MANIFEST))
        except InputError as error:
            problems += [replace(problem, fix=fix) for problem in error.problems]
            continue
        number = content.get("number") if isinstance(content, dict) else None
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < NUMBERS:
            found.append((number, folder))
        else:
            what = f"has no number of a run, which is one below {NUMBERS:,}"
            problems.append(Problem(what, fix, folder / MANIFEST, column="number"))
    if problems:
        raise InputError(problems)
    return sorted(found)


def find_run(results: Path | str, run: Path | str | None = None) -> Path:
    """The folder of a run.

    Args:
        results: The results folder.
        run: A name in ``results/runs``, a path, or None for the newest.

    Raises:
        InputError: There is no such run.
    """
    if run is None:
        runs = list_runs(results)
        if not runs:
            raise InputError(Problem("holds no run", "train one with `bench train`", Path(results) / "runs"))
        return runs[-1][1]
    for path in (Path(results) / "runs" / str(run), Path(run)):
        if (path / MANIFEST).is_file():
            return path
    names = [path.name for path in _run_folders(Path(results) / "runs")]
    fix = f"runs there: {', '.join(names[-10:])}" if names else "train one with `bench train`"
    raise InputError(Problem(f"is no run{nearest(str(run), names)}", fix, Path(results) / "runs", value=str(run)))


@contextmanager
def new_run(results: Path | str, name: str | None, kind: str) -> Iterator[tuple[Path, int]]:
    """Hold the name of a new run; its folder is not made.

    Args:
        results: The results folder.
        name: Its name; None makes one of ``kind`` and the run's number.
        kind: e.g. ``clip-lora``.

    Yields:
        The folder and the run's number.

    Raises:
        InputError: A run of that name is there, or is being made.
    """
    runs = Path(results) / "runs"
    made = [folder for folder in (runs, *runs.parents) if not folder.exists()]
    with ExitStack() as held:
        held.callback(_remove_empty, made)
        with holding(runs, wait=True):
            remove_left_claims(runs)
            number = held.enter_context(claimed_number(runs))
            while True:
                folder = path_named(runs, name if name is not None else f"{kind}-{number}", "run")
                try:
                    held.enter_context(holding(folder))
                    break
                except InUseError:  # under the name that this number would give
                    if name is not None:
                        raise
                    number = held.enter_context(claimed_number(runs, number + 1))
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            fix = "pass --resume to go on with it, or choose another --name"
            raise InputError(Problem("there is a run of that name", fix, folder))
        yield folder, number


@contextmanager
def claimed_number(runs: Path, least: int = 1) -> Iterator[int]:
    """The number of a new run, which no other process gets while this context is open.

    Close it when the run's manifest is written: from then on the run itself tells that the number is taken. A
    process that is killed claims nothing any more.

    Args:
        runs: The folder of runs.
        least: The smallest number that will do.
    """
    with ExitStack() as held:
        number = max(least, _next_number(runs))
        while True:
            try:
                held.enter_context(holding(runs / f"number-{number}"))
            except InUseError:
                number += 1
                continue
            newest = _next_number(runs)
            if newest <= number:
                break
            number = newest  # another run was finished between the two looks
        yield number


def remove_left_claims(runs: Path) -> None:
    """Remove what killed processes left of their claims to a number; those of others that run stay."""
    for path in sorted(runs.glob(".number-*.l*")):
        with suppress(InUseError), holding(runs / path.stem.removeprefix(".")):
            pass


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _next_number(runs: Path) -> int:
    """The number after the largest in a folder of runs; runs just begun count by the end of their name."""
    number = max((number for number, _ in _numbered_runs(runs)), default=0) + 1
    for path in list_finished(runs):
        tail = path.name.rpartition("-")[2]
        number = max(number, int(tail) + 1) if tail.isdigit() and path.is_dir() else number
    return number
