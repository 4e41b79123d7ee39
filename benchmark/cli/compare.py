"""``bench compare``: score tables to tables, tests, figures and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.choices import Unit

EXAMPLE = (
    "Example: bench compare --cohort nlst --cohort lungx --published zhuang2025 --out results/compare    "
    "then open results/compare/report/index.html"
)


def compare(
    cohort: Annotated[list[str], typer.Option("--cohort", help="Cohort to compare on; give it once a cohort.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Model to compare, in this order; all by default.")
    ] = None,
    published: Annotated[
        list[str] | None,
        typer.Option("--published", help="Paper whose printed rows stand beside, marked †: a key or a YAML file."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Column of the nodule tables to group by.")] = None,
    results: Annotated[Path, typer.Option(help="Folder that holds scores/<cohort>/<model>.csv.")] = Path(
        "results"
    ),
    cohorts: Annotated[Path, typer.Option(help="Folder that holds the cohort folders.")] = Path("cohorts"),
    out: Annotated[Path | None, typer.Option(help="Where to write; RESULTS/compare by default.")] = None,
    unit: Annotated[Unit, typer.Option(help="What a case is.")] = Unit.patient,
    recall: Annotated[
        list[float] | None, typer.Option("--recall", help="Recall of an operating point; 0.6 to 0.9 by default.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            help="Metric besides AUROC and AUPRC, once each: recall@specificity=0.95, npv@recall=0.9, ...",
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Model that differences are taken from; the strongest by default.")
    ] = None,
    allow_seen: Annotated[
        bool,
        typer.Option(
            "--allow-seen",
            help="Test models also on cohorts that they saw in training, and models whose scores have no card.",
        ),
    ] = False,
    figures: Annotated[
        str, typer.Option(help="Also write every figure as a file: png,svg,pdf or some of them (needs Chrome).")
    ] = "",
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="Print patient ids on the page instead of pseudonyms.")
    ] = False,
    replicates: Annotated[int, typer.Option(min=1, help="Bootstrap replicates.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare models on cohorts: tables, tests, figures, one page."""
    from benchmark.cli.console import show
    from benchmark.comparison.performance import RECALLS
    from benchmark.contracts.workspace import Workspace
    from benchmark.report.compare import compare_cohorts
    from benchmark.report.compare_options import CompareOptions
    from benchmark.report.printing.forms import to_rich

    workspace = Workspace(cohorts, results)
    target = out or workspace.comparison
    options = CompareOptions(
        models=model or [],
        unit=unit.value,
        recalls=recall or RECALLS,
        metrics=metric or [],
        replicates=replicates,
        seed=seed,
        published=published or [],
        by=by,
        reference=reference,
        allow_seen=allow_seen,
        show_ids=show_ids,
        figures=[name for name in figures.replace(",", " ").lower().split() if name],
    )
    tables = compare_cohorts(cohort, workspace, options, out=target)
    for table in tables:
        show(to_rich(table))
    if replicates < 200:
        typer.echo(f"warning: {replicates} replicates are too few for intervals; use 2000", err=True)
    typer.echo(f"tables   {target / 'tables'}  (csv, md, tex, html)")
    if figures:
        typer.echo(f"figures  {target / 'figures'}")
    typer.echo(f"page     {target / 'report' / 'index.html'}")
