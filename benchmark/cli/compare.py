"""``bench compare``: score tables to tables, tests, curves and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: bench compare --cohort nlst --cohort lungx --out results/compare"


def compare(
    cohort: Annotated[list[str], typer.Option("--cohort", help="Cohort to compare on; give it once a cohort.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Model to compare; all that have scores by default.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder that holds scores/<cohort>/<model>.csv.")] = Path(
        "results"
    ),
    cohorts: Annotated[Path, typer.Option(help="Folder that holds the cohort folders.")] = Path("cohorts"),
    out: Annotated[Path | None, typer.Option(help="Where to write; RESULTS/compare by default.")] = None,
    unit: Annotated[str, typer.Option(help="What a case is: patient or nodule.")] = "patient",
    replicates: Annotated[int, typer.Option(min=1, help="Bootstrap replicates.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare models on cohorts: tables, tests, ROC and PR curves, one page."""
    from benchmark.cli.console import show
    from benchmark.report.compare import compare_cohorts
    from benchmark.report.table import to_rich

    target = out or results / "compare"
    tables = compare_cohorts(
        cohort,
        models=model or [],
        results=results,
        cohorts=cohorts,
        out=target,
        unit=unit,
        replicates=replicates,
        seed=seed,
    )
    for table in tables:
        show(to_rich(table))
    typer.echo(f"tables: {target / 'tables'}")
    typer.echo(f"page:   {target / 'report' / 'index.html'}")
