"""``bench evaluate``: a table of predictions to tables, tests, figures and a page."""

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
from benchmark.cli.table_options import Decimal, Encoding, Sep, Sheet

EXAMPLE = (
    "Example: bench evaluate preds.csv    "
    'or: bench evaluate nlst.csv lungx.xlsx --label cancer --model sybil="Sybil (1 year)" --model clip=CLIP    '
    "then open results/evaluate/report/index.html"
)


def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, TSV, Excel or Parquet, a cohort each: a row a case, a column a model."),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="COLUMN[=TITLE]", help="Column of a model's scores, in this order; all by default."
        ),
    ] = None,
    title: TITLE = None,
    cohort_title: Annotated[
        list[str] | None,
        typer.Option(
            "--cohort-title", metavar="FILE=TITLE", help="What is printed for a file, or for a cohort in it."
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label; found by its name.")] = None,
    label_map: Annotated[
        list[str] | None,
        typer.Option(
            "--label-map", metavar="TEXT=LABEL", help="What a label's text means: 0, 1, or nothing for no label."
        ),
    ] = None,
    patient: Annotated[
        str | None,
        typer.Option("--id", help="Column of the patient; found by its name. none: each row is a patient."),
    ] = None,
    nodule: Annotated[str | None, typer.Option(help="Column of the nodule in the patient, or none.")] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Column of what rows belong to (patient, site): each row is a case, those of one are resampled "
            "together."
        ),
    ] = None,
    fold: Annotated[
        str | None, typer.Option(help="Column of the fold that held a row out, or none; found by its name.")
    ] = None,
    cohort: Annotated[
        str | None, typer.Option(help="Column that parts a file into cohorts, or none; found by its name.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="COLUMN=VALUE", help="Take the rows with this value alone: split=test."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Column to group by.")] = None,
    unseen: Annotated[
        bool,
        typer.Option(
            "--unseen", help="No model was trained on these patients; else the tables mark that this is not known."
        ),
    ] = False,
    published: PUBLISHED = None,
    unit: Annotated[
        Unit | None, typer.Option(help="What a case is: patient, or nodule (with --cluster).", show_default=False)
    ] = None,
    sep: Sep = None,
    encoding: Encoding = "utf-8",
    decimal: Decimal = None,
    sheet: Sheet = None,
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Where to write; RESULTS/evaluate by default.")] = None,
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
    figures: FIGURES = "",
    all_tables: ALL_TABLES = False,
    show_ids: SHOW_IDS = False,
    replicates: REPLICATES = 2000,
    seed: SEED = 0,
    sampled_whole: SAMPLED_WHOLE = False,
) -> None:
    """Evaluate the models of a table: what compare gives, from one file."""
    from benchmark.cli.console import tell
    from benchmark.cohorts.csv import checked_label_map
    from benchmark.comparison.performance import RECALLS, SPECIFICITIES
    from benchmark.contracts.any_table import TableForm
    from benchmark.evaluation.evaluate_files import evaluate_files
    from benchmark.evaluation.options import ReadingOptions
    from benchmark.report.compare_options import CompareOptions

    reading = ReadingOptions(
        models=model or [],
        label=label,
        patient=patient,
        nodule=nodule,
        cluster=cluster,
        fold=fold,
        cohort=cohort,
        by=by,
        only=split_pairs(only or [], "--only", "COLUMN=VALUE"),
        label_map=checked_label_map(split_pairs(label_map or [], "--label-map", "TEXT=LABEL")),
        unseen=unseen,
        cohort_titles=split_pairs(cohort_title or [], "--cohort-title", "FILE=TITLE"),
        form=TableForm(sep, encoding, decimal, sheet),
    )
    options = CompareOptions(
        unit=unit.value if unit else "patient" if cluster is None else "nodule",
        recalls=recall or RECALLS,
        specificities=specificity or SPECIFICITIES,
        metrics=metric or [],
        replicates=replicates,
        seed=seed,
        sampled_whole=sampled_whole,
        titles=split_pairs(title or [], "--title", "MODEL=TITLE"),
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
        show_ids=show_ids,
        figures=figure_formats(figures),
    )
    target = out or results / "evaluate"
    tables = evaluate_files(files, reading, options, results=results, out=target, say=tell)
    shown = {"everything": all_tables, "at_points": bool(recall or specificity)}
    show_compared(tables, target, figures=figures, replicates=replicates, **shown)
