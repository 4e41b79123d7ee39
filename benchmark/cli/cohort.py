"""``bench cohort``: make, check, list and split cohort folders, find and fetch their images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.choices import RecipeName
from benchmark.cli.cohort_images import fetch, locate
from benchmark.cli.commands import Commands, shares_by_cohort
from benchmark.cli.progress import progress
from benchmark.cli.read_options import AssumeOrientation, MaxGap, Orthonormalize, Series
from benchmark.cli.source_options import given_options, with_source_options
from benchmark.cli.workers import Workers, with_place
from benchmark.cohorts.sources import SOURCES
from benchmark.errors import InputError, PartlyDone, Problem

app = Commands(help="Make, check, list and split cohorts; find and fetch their images.", no_args_is_help=True)
SHOWN = 20
"""Findings of a check that are printed; all are in its table."""


@app.command(
    epilog="Example: bench cohort prepare lungx --from data/lungx --out cohorts/lungx\n\n"
    "Example: bench cohort prepare phantom --preset nlst --out cohorts/nlst --seed 0 --workers 2",
)
@with_source_options
@with_place
def prepare(
    source: Annotated[str, typer.Argument(help=f"Where the cohort comes from: {', '.join(SOURCES)}.")],
    more: Annotated[
        list[Path] | None, typer.Argument(help="Further paths of --from.", metavar="[PATH]...")
    ] = None,
    from_: Annotated[list[Path] | None, typer.Option("--from", help="Files and folders of the source.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Cohort folder to write.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is there.")] = False,
    shares: Annotated[
        list[str] | None, typer.Option(help="Cohorts that share its patients; 'none' if there are none.")
    ] = None,
    workers: Workers = None,
    **options: Any,  # noqa: ANN401 - those of the registry of sources
) -> None:
    """Make a cohort folder from a source."""
    from benchmark.cohorts.prepare import prepare_cohort

    if out is None:
        raise InputError(Problem("no cohort folder was given", "pass --out cohorts/NAME", column="--out"))
    lines = prepare_cohort(
        source,
        [*(from_ or []), *(more or [])],
        out,
        given_options(options),
        shares=shares or [],
        overwrite=overwrite,
        workers=workers,
        stages=progress,
    )
    for line in lines:
        typer.echo(line, err=line.startswith("warning"))


app.command(
    epilog="Example: bench cohort locate lungx\n\nExample: bench cohort locate nlst --kernel B30f",
)(locate)
app.command(epilog="Example: bench cohort fetch lungx --to images/lungx --dry-run")(fetch)


@app.command("list", epilog="Example: bench cohort list --cohorts cohorts")
def list_(cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts")) -> None:
    """Name the cohorts, their patients and nodules."""
    from benchmark.cohorts.prepared import counts
    from benchmark.contracts.cohort import list_cohorts, load_cohort

    names = list_cohorts(cohorts)
    if not names:
        raise InputError(Problem("holds no cohort", "make one with `bench cohort prepare`", cohorts))
    for name in names:
        cohort = load_cohort(name, cohorts)
        number = counts(cohort.nodules)
        typer.echo(
            f"{name:20} {number['patients']:,} patients ({number['patients_positive']:,} positive), "
            f"{number['nodules']:,} nodules ({number['nodules_positive']:,} positive)  {cohort.manifest.title}"
        )


@app.command(epilog="Example: bench cohort check lungx --images --with luna25 --with lidc")
@with_place
def check(
    name: Annotated[str, typer.Argument(help="Cohort to check.")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    images: Annotated[
        bool, typer.Option("--images", help="Read every scan as `bench crop` does: would it crop each nodule?")
    ] = False,
    with_: Annotated[list[str] | None, typer.Option("--with", help="Cohorts that may share patients.")] = None,
    splits: Annotated[Path | None, typer.Option(help="A folder of folds to check against the cohort.")] = None,
    assume_hu: Annotated[
        bool, typer.Option("--assume-hu", help="With --images: only warn of values that do not look like HU.")
    ] = False,
    recipe: Annotated[RecipeName, typer.Option(help="With --images: recipe of the crops.")] = RecipeName.default,
    series: Series = None,
    max_gap: MaxGap = 1.01,
    assume_orientation: AssumeOrientation = False,
    orthonormalize: Orthonormalize = False,
    workers: Workers = None,
) -> None:
    """Check a cohort: ids, labels, centres, images, shared patients, folds."""
    from benchmark.cohorts.check_cohort import check_cohort
    from benchmark.cohorts.findings import finding_lines
    from benchmark.contracts.cohort import load_cohort

    options = None
    if images:
        from benchmark.imaging.scans.scan import ReadOptions

        options = ReadOptions(series, max_gap, assume_orientation, orthonormalize, assume_hu)
    found = check_cohort(
        load_cohort(name, cohorts),
        [load_cohort(other, cohorts) for other in with_ or []],
        images=options,
        recipe=recipe.value,
        splits=splits,
        workers=workers,
        stages=progress,
    )
    lines = finding_lines(found.findings)
    for line in lines[:SHOWN]:
        typer.echo(line)
    if len(lines) > SHOWN:
        typer.echo(f"... and {len(lines) - SHOWN:,} more")
    typer.echo(f"{name}: {found.fit:,} of {found.nodules:,} nodules are fit for {found.purpose}")
    if found.unfit:
        raise PartlyDone(found.fit, found.unfit, found.listing)


@app.command(
    epilog="Example: bench cohort overlap lungx nlst    "
    "then open results/overlap/lungx--nlst.csv: which scan and nodule is which",
)
@with_place
def overlap(
    name: Annotated[str, typer.Argument(help="A cohort.", metavar="A")],
    other: Annotated[str, typer.Argument(help="Another.", metavar="B")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    results: Annotated[Path, typer.Option(help="Folder of the results: crops are there.")] = Path("results"),
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Read scans and crops, or compare series UIDs alone.")
    ] = True,
    workers: Workers = None,
) -> None:
    """Find scans and nodules that stand in two cohorts, whatever they are called.

    By series UID, by hash of the voxels, and by a fingerprint of each nodule's crop, which stays the same when a
    scan is resampled, rescaled or shifted by half a voxel. Crops that are missing are made.
    """
    from benchmark.cohorts.overlap import find_overlap
    from benchmark.contracts.workspace import Workspace

    workspace = Workspace(cohorts, results)
    pair = workspace.cohort(name), workspace.cohort(other)
    found = find_overlap(*pair, workspace, images=images, workers=workers, stages=progress)
    for line in found.lines():
        typer.echo(line)
    for problem in found.unread[:SHOWN]:
        typer.echo(f"warning: {problem}", err=True)
    if len(found.unread) > SHOWN:
        typer.echo(f"warning: {len(found.unread) - SHOWN:,} more scans could not be read", err=True)
    typer.echo(f"pairs: {found.listing}")


@app.command(
    epilog="Example: bench cohort split lungx --folds 5 --out splits/lungx\n\n"
    "Example: bench cohort split nlst lidc --hold-out nlst=0.2 --out splits/both",
)
def split(
    names: Annotated[
        list[str], typer.Argument(help="Cohort to split, or several to split together.", metavar="NAME...")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that gets fold_0, fold_1, ...")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    folds: Annotated[int, typer.Option("--folds", "-k", help="Number of folds.")] = 5,
    test: Annotated[
        float | None, typer.Option(help="Share of the patients of every cohort to set aside first.")
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="That share by cohort; cohorts not named set nobody aside.", metavar="COHORT=SHARE"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace folds that are there.")] = False,
) -> None:
    """Write patient folds, stratified by label and cohort: fold_k/train_pid.csv and fold_k/val_pid.csv.

    bench train --splits reads them.
    """
    from benchmark.cohorts.split_cohort import split_cohort
    from benchmark.contracts.cohort import load_cohort

    shares = shares_by_cohort(hold_out)
    if shares is not None and test is not None:
        raise InputError(Problem("says of every cohort what --hold-out says of each", "give one", column="--test"))
    drawn = split_cohort(
        [load_cohort(name, cohorts) for name in names],
        out,
        folds=folds,
        test=(test or 0.0) if shares is None else shares,
        seed=seed,
        overwrite=overwrite,
    )
    for note in drawn.notes:
        typer.echo(f"note: {note}", err=True)
    for fold, (patients, positive) in enumerate(drawn.folds):
        typer.echo(f"fold {fold}: {patients:,} patients to validate, {positive:,} positive")
    if drawn.test is not None:
        typer.echo(f"test: {drawn.test.patients:,} patients, {drawn.test.positive:,} positive")
    typer.echo(f"folds: {out}")
