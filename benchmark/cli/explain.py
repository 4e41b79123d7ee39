"""``bench explain``: zero-shot semantic features of a cohort, or of one nodule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.choices import Device, Patients, Precision
from benchmark.cli.progress import progress
from benchmark.errors import InputError, Problem

EXAMPLE = "Example: bench explain --cohort nlst --nodule 000012:1"


def explain(
    cohort: Annotated[str, typer.Option(help="Cohort whose nodules to explain.")],
    run: Annotated[str | None, typer.Option(help="Run folder or its name; the newest by default.")] = None,
    nodule: Annotated[str | None, typer.Option(help="Show one nodule, given as PID:NODULE_ID.")] = None,
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    results: Annotated[Path, typer.Option(help="Folder of runs, crops and what is written.")] = Path("results"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="RESULTS/explain/COHORT by default.")] = None,
    prompts: Annotated[Path | None, typer.Option(help="YAML: feature column to class to sentence.")] = None,
    patients: Annotated[
        Patients, typer.Option(help="auto: held-out patients of the training cohort.")
    ] = Patients.auto,
    minimum: Annotated[int, typer.Option(min=1, help="Fewest positives of a class for a number.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    precision: Annotated[
        Precision, typer.Option(help="auto: bf16 where the device has it, never int8.")
    ] = Precision.fp32,
    device: Device = "auto",
    figures: Annotated[
        str,
        typer.Option(help="With --nodule: also a figure of it, 85 and 180 mm wide: png,svg,pdf or some of them."),
    ] = "",
) -> None:
    """Predict semantic features by prompts alone, and compare them with the radiologists'."""
    from benchmark.cli.comparison_options import figure_formats
    from benchmark.cli.console import show
    from benchmark.contracts.workspace import Workspace
    from benchmark.report.printing.forms import to_rich
    from clip_nodule.inference.explain import ExplainOptions
    from clip_nodule.inference.explanation import write_explanation, write_nodule_explanation
    from clip_nodule.inference.zero_shot import read_prompts

    if figures and nodule is None:
        raise InputError(Problem("goes with --nodule alone", "name a nodule, or leave it out", column="--figures"))
    workspace = Workspace(cohorts, results)
    sentences = read_prompts(prompts) if prompts else None
    options = ExplainOptions(run, sentences, patients.value, device, minimum, seed, precision.value)
    if nodule is not None:
        table, sheet = write_nodule_explanation(
            cohort, nodule, workspace, options, out=out, figures=figure_formats(figures)
        )
        show(to_rich(table))
        typer.echo(f"planes and attention: {sheet}")
        if figures:
            typer.echo(f"figures: {sheet.with_suffix('')}-*mm.*")
        return
    with progress(f"zero-shot on {cohort}") as step:
        table = write_explanation(cohort, workspace, options, out=out, progress=step)
    show(to_rich(table))
    typer.echo(f"predictions and tables: {out or workspace.explanation(cohort)}")
