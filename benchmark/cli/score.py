"""``bench score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.progress import progress


def score(
    cohort: Annotated[str, typer.Option(help="Cohort to score.")],
    cohorts: Annotated[Path, typer.Option(help="Folder of cohorts.")] = Path("cohorts"),
    results: Annotated[
        Path, typer.Option(help="Folder of results: runs, crops (made when missing), scores.")
    ] = Path("results"),
    run: Annotated[str | None, typer.Option(help="Name or path of a run; default the newest.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name in the table; default the run's.")] = None,
    out: Annotated[Path | None, typer.Option(help="The table, .csv or .parquet.")] = None,
    patients: Annotated[str, typer.Option(help="auto: on its training cohort the held-out alone; all.")] = "auto",
    calibrated: Annotated[bool, typer.Option("--calibrated", help="Apply each fold's calibration.")] = False,
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto for bf16 where the device has it.")] = "fp32",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Score the nodules of a cohort with every fold of a run and their mean.

    Example: bench score --cohort lungx
    """
    from clip_nodule.predict import score_cohort

    with progress(f"score {cohort}") as step:
        path = score_cohort(
            cohort, cohorts=cohorts, results=results, run=run, model=model, out=out, patients=patients,
            calibrated=calibrated, precision=precision, device=device,
            progress=lambda done, total, text: step(done, total),
        )  # fmt: skip
    typer.echo(f"scores: {path}")
