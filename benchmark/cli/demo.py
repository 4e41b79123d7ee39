"""``bench demo``: the whole path, from synthetic CT scans to a comparison, with one command."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.progress import progress
from benchmark.errors import InputError, Problem

if TYPE_CHECKING:
    from benchmark.report.table import Table

EXAMPLE = "Example: bench demo --out results/demo"
TRAINING = "nlst"
CONFIG = "tiny-cpu"
MARKER = "demo.json"
"""Stands in a folder that the demo made: only such a folder is ever emptied, and only of what the demo wrote."""


@dataclass(frozen=True)
class Size:
    """How much the demo does.

    Attributes:
        patients: Patients of each cohort.
        test_fraction: Share of the training cohort's patients that no model sees.
        folds: Cross-validation folds.
        settings: Training settings that differ from the configuration ``tiny-cpu``.
        replicates: Bootstrap replicates.
    """

    patients: dict[str, int]
    test_fraction: float
    folds: int
    settings: dict[str, Any]
    replicates: int


FULL = Size({"nlst": 600, "lungx": 70, "dlcs": 112, "ucla": 51}, 0.3, 5, {}, 2000)
QUICK = Size({"nlst": 40, "lungx": 12, "dlcs": 36, "ucla": 12}, 0.3, 2, {"epochs": 1}, 200)


def demo(
    out: Annotated[
        Path,
        typer.Option(help="Where everything goes; replaced if it holds what the demo wrote, and nothing else."),
    ] = Path("results/demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Much smaller, for a first look or a test.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that make and crop scans.")] = 2,
) -> None:
    """Make four synthetic CT cohorts, train the CLIP model, score, compare, and show the page."""
    from benchmark.cli.console import show
    from benchmark.report.table import to_rich
    from benchmark.written import record_all

    begin = time.monotonic()
    _clear(out)
    try:
        tables = run_demo(out, QUICK if quick else FULL, seed=seed, workers=workers)
    finally:
        record_all(out)
    show(to_rich(tables[0]))
    typer.echo(
        f"\nDone in {time.monotonic() - begin:.0f} s. Synthetic nodules: the numbers say nothing about people."
    )
    typer.echo(f"  page    {out / 'report' / 'index.html'}")
    typer.echo(f"  tables  {out / 'tables'}")
    typer.echo(f"  scores  {out / 'scores'}")


def run_demo(out: Path, size: Size, *, seed: int, workers: int) -> list[Table]:
    """Run every step of the demo into ``out``; returns the tables, the main one first."""
    from benchmark.cli.explain import write_explanation
    from benchmark.report.compare import compare_cohorts
    from benchmark.report.compare_options import CompareOptions
    from benchmark.workspace import Workspace

    names = list(size.patients)
    _prepare(out, size, names, seed, workers)
    train_and_score(out, size, seed=seed, names=names)
    _score_baselines(out, size, seed)
    write_explanation(
        TRAINING, out / "explain" / TRAINING, cohorts=out / "cohorts", results=out, run="clip", seed=seed
    )
    options = CompareOptions(replicates=size.replicates, seed=seed, titles={"clip": "CLIP + LoRA"})
    return compare_cohorts(names, Workspace(out / "cohorts", out), options, out=out)


def train_part(out: Path, size: Size, *, seed: int, workers: int) -> None:
    """The demo's training cohort, its model, and the scores of the patients held out."""
    _prepare(out, size, [TRAINING], seed, workers)
    train_and_score(out, size, seed=seed, names=[TRAINING])


def train_and_score(out: Path, size: Size, *, seed: int, names: Sequence[str], name: str = "clip") -> None:
    """Train on the training cohort as the run ``name``, and score the cohorts ``names`` as the model ``clip``."""
    from clip_nodule.inference.predict import score_cohort
    from clip_nodule.train import train_run

    settings = {"test_fraction": size.test_fraction, "folds": size.folds, **size.settings}
    with progress("training") as step:

        def report(done: int, total: int, _: str = "") -> None:
            step(done, total)

        run = train_run(
            TRAINING,
            cohorts=out / "cohorts",
            results=out,
            config=CONFIG,
            settings=settings,
            name=name,
            seed=seed,
            progress=report,
        )
    for cohort in names:
        score_cohort(cohort, cohorts=out / "cohorts", results=out, run=run, model="clip")


def _prepare(out: Path, size: Size, names: Sequence[str], seed: int, workers: int) -> None:
    from benchmark.cohorts.phantom import prepare_phantom
    from benchmark.contracts.cohort import load_cohort
    from benchmark.imaging.cropping.cohort import crops_of

    for name in names:
        number = list(size.patients).index(name)
        with progress(f"CT scans of {name}") as step:
            prepare_phantom(
                name,
                out / "cohorts" / name,
                seed * len(size.patients) + number,
                size.patients[name],
                workers=workers,
                progress=step,
            )
        with progress(f"crops of {name}") as step:
            crops_of(load_cohort(name, out / "cohorts"), out, workers=workers, on_progress=step)


def _score_baselines(out: Path, size: Size, seed: int) -> None:
    from benchmark.producers import ProducerOptions, names_taking
    from benchmark.producers.write import score_with_producer
    from benchmark.workspace import Workspace

    options = ProducerOptions(folds=size.folds, test_fraction=size.test_fraction, seed=seed)
    for model in names_taking("train"):
        for name in size.patients:
            score_with_producer(model, name, Workspace(out / "cohorts", out), options, train=TRAINING)


def _clear(out: Path) -> None:
    from benchmark.written import RECORD, remove_all_own

    fix = "give another --out, or remove the folder"
    if out.exists() and any(out.iterdir()):
        if not (out / MARKER).is_file():
            raise InputError(Problem("is a folder that the demo did not make", fix, out))
        if not (out / RECORD).is_file():
            what = "does not record what the demo wrote: it was killed, or an earlier version made it"
            raise InputError(Problem(what, fix, out))
        remove_all_own(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text('{"made_by": "bench demo"}\n', encoding="utf-8")
