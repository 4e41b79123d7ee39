"""``bench compare``: score tables to tables, tests, figures and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.choices import Unit
from benchmark.cli.commands import split_pairs
from benchmark.cli.comparison_options import (
    ALL_TABLES,
    FIGURES,
    FUSE,
    MARGIN,
    METRIC,
    MISSING_BY,
    PREVALENCE,
    PUBLISHED,
    RECALL,
    REFERENCE,
    REPLICATES,
    SAMPLED_WHOLE,
    SEED,
    SHOW_IDS,
    SPECIFICITY,
    THRESHOLD,
    THRESHOLD_FROM,
    TITLE,
    TOP,
    VERSUS,
    WITHIN,
    figure_formats,
    margins_from_text,
    show_compared,
)

EXAMPLE = (
    "Example: bench compare --cohort nlst --cohort lungx --published zhuang2025 --out results/compare    "
    "then open results/compare/report/index.html"
)


def compare(
    cohort: Annotated[list[str], typer.Option("--cohort", help="Cohort to compare on; give it once a cohort.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Model to compare, in this order; all by default.")
    ] = None,
    title: TITLE = None,
    cohort_title: Annotated[
        list[str] | None,
        typer.Option("--cohort-title", metavar="COHORT=TITLE", help="What is printed for a cohort."),
    ] = None,
    published: PUBLISHED = None,
    by: Annotated[str | None, typer.Option("--by", help="Column of the nodule tables to group by.")] = None,
    results: Annotated[Path, typer.Option(help="Folder that holds scores/<cohort>/<model>.csv.")] = Path(
        "results"
    ),
    cohorts: Annotated[Path, typer.Option(help="Folder that holds the cohort folders.")] = Path("cohorts"),
    out: Annotated[Path | None, typer.Option(help="Where to write; RESULTS/compare by default.")] = None,
    unit: Annotated[Unit, typer.Option(help="What a case is.")] = Unit.patient,
    recall: RECALL = None,
    specificity: SPECIFICITY = None,
    metric: METRIC = None,
    reference: REFERENCE = None,
    margin: MARGIN = None,
    threshold: THRESHOLD = None,
    threshold_from: THRESHOLD_FROM = None,
    prevalence: PREVALENCE = None,
    within: WITHIN = None,
    fuse: FUSE = None,
    top: TOP = None,
    versus: VERSUS = None,
    missing_by: MISSING_BY = None,
    allow_seen: Annotated[
        bool,
        typer.Option(
            "--allow-seen",
            help="Test models also on cohorts that they saw in training, and models whose scores have no card.",
        ),
    ] = False,
    unseen_patients: Annotated[
        bool,
        typer.Option(
            "--unseen-patients",
            help="Compare on the patients that no compared model saw in training, as far as cards list them.",
        ),
    ] = False,
    figures: FIGURES = "",
    all_tables: ALL_TABLES = False,
    show_ids: SHOW_IDS = False,
    replicates: REPLICATES = 2000,
    seed: SEED = 0,
    sampled_whole: SAMPLED_WHOLE = False,
) -> None:
    """Compare models on cohorts: tables, tests, figures, one page."""
    from benchmark.cli.console import tell
    from benchmark.comparison.performance import RECALLS, SPECIFICITIES
    from benchmark.contracts.workspace import Workspace
    from benchmark.report.compare import compare_cohorts
    from benchmark.report.compare_options import CompareOptions

    workspace = Workspace(cohorts, results)
    target = out or workspace.comparison
    options = CompareOptions(
        models=model or [],
        unit=unit.value,
        recalls=recall or RECALLS,
        specificities=specificity or SPECIFICITIES,
        metrics=metric or [],
        replicates=replicates,
        seed=seed,
        sampled_whole=sampled_whole,
        titles=split_pairs(title or [], "--title", "MODEL=TITLE"),
        cohort_titles=split_pairs(cohort_title or [], "--cohort-title", "COHORT=TITLE"),
        published=published or [],
        by=by,
        reference=reference,
        margins=margins_from_text(margin),
        versus=versus,
        missing_by=missing_by or [],
        thresholds=threshold or [],
        threshold_from=threshold_from,
        prevalences=prevalence or [],
        within=within or [],
        fused=fuse or [],
        top=top or [],
        allow_seen=allow_seen,
        unseen_patients=unseen_patients,
        show_ids=show_ids,
        figures=figure_formats(figures),
    )
    tables = compare_cohorts(cohort, workspace, options, out=target, say=tell)
    shown = {"everything": all_tables, "at_points": bool(recall or specificity)}
    show_compared(tables, target, figures=figures, replicates=replicates, **shown)
