"""``bench cohort``: make cohort folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.errors import InputError

app = typer.Typer(help="Make and check cohort folders.", no_args_is_help=True)


@app.command(
    epilog="Example: bench cohort prepare phantom --preset nlst --out cohorts/nlst --seed 0 --workers 2",
)
def prepare(
    source: Annotated[str, typer.Argument(help="Where the cohort comes from: phantom.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Cohort folder to write.")],
    preset: Annotated[str, typer.Option(help="phantom: nlst, lungx, dlcs or ucla.")] = "nlst",
    seed: Annotated[int, typer.Option(min=0, help="phantom: seed of everything drawn.")] = 0,
    patients: Annotated[int | None, typer.Option("-n", "--patients", help="phantom: number of patients.")] = None,
    full: Annotated[bool, typer.Option("--full", help="phantom: as many patients as the paper's cohort.")] = False,
    background: Annotated[
        Path | None, typer.Option(help="phantom: a chest CT (NIfTI) to put the nodules into.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
) -> None:
    """Make a cohort folder from a source."""
    if source != "phantom":
        raise InputError(f"no cohort source {source!r} — use phantom")
    from benchmark.cli.progress import progress
    from benchmark.cohorts.phantom import prepare_phantom

    with progress(f"phantom {preset}") as step:
        cohort = prepare_phantom(preset, out, seed, patients, full, background, workers, progress=step)
    typer.echo(f"{len(cohort.nodules)} nodules of {cohort.nodules['pid'].nunique()} patients in {out}")
