"""``bench text``: report text from a cohort's semantic features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.choices import Backend
from benchmark.cli.progress import progress


def text(
    cohort: Annotated[str, typer.Option(help="Name of the cohort.")],
    backend: Annotated[Backend, typer.Option(help="gemini needs GEMINI_API_KEY.")] = Backend.template,
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Table to write; results/texts/COHORT.csv by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of order and wording.")] = 0,
    with_suspicion: Annotated[
        bool,
        typer.Option("--with-suspicion", help="Let the reader's level of suspicion in: a leak, for comparison."),
    ] = False,
    from_dir: Annotated[
        Path | None, typer.Option(help="Read <pid>_<nodule_id>.txt files instead of writing text.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="gemini: name of the model.")] = None,
    cache: Annotated[Path | None, typer.Option(help="gemini: file that keeps the answers.")] = None,
    prompt: Annotated[Path | None, typer.Option(help="gemini: file with another prompt.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="gemini: requests a minute.")] = 60.0,
    base_url: Annotated[str | None, typer.Option(help="gemini: another server that speaks its API.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="gemini: print prompts and cost, ask nothing.")
    ] = False,
) -> None:
    """Write a report of every nodule from its semantic features.

    Example: bench text --cohort nlst --backend template --out results/texts/nlst.csv
    """
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.workspace import Workspace
    from clip_nodule.text.gemini import estimated_cost, make_prompts
    from clip_nodule.text.writing import asking_from, write_report_texts

    nodules = load_cohort(cohort, cohorts).nodules
    asking = asking_from(model, cache, prompt, rate, base_url) if backend is Backend.gemini else None
    if asking is not None and dry_run:
        prompts = make_prompts(nodules, seed, with_suspicion, asking.prompt)
        for line in prompts:
            typer.echo(line + "\n")
        typer.echo(estimated_cost(prompts, asking.model))
        return
    out = out or Workspace().report_texts(cohort)
    with progress(f"text of {cohort}") as step:
        written = write_report_texts(
            nodules, out, backend.value, seed=seed, with_suspicion=with_suspicion, folder=from_dir, asking=asking,
            progress=step,
        )  # fmt: skip
    note = f" ({written.empty} of them empty: no semantic feature is known)" if written.empty else ""
    typer.echo(f"{written.reports} reports in {out}{note}")
