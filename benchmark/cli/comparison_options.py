"""Options that ``bench compare`` and ``bench evaluate`` share, and how both end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.commands import numbers_by_name

if TYPE_CHECKING:
    from benchmark.report.printing.table import Table

PUBLISHED = Annotated[
    list[str] | None,
    typer.Option("--published", help="Paper whose printed rows stand beside, marked †: a key or a YAML file."),
]
TITLE = Annotated[
    list[str] | None,
    typer.Option("--title", metavar="MODEL=TITLE", help="What is printed for a model; may be repeated."),
]
RECALL = Annotated[
    list[float] | None, typer.Option("--recall", help="Recall of an operating point; 0.6 to 0.9 by default.")
]
SPECIFICITY = Annotated[
    list[float] | None,
    typer.Option(help="Specificity that recalls are compared at; 0.9 and 0.95 by default."),
]
METRIC = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        help="Metric besides AUROC and AUPRC, once each: recall@specificity=0.95, npv@recall=0.9, ...",
    ),
]
REFERENCE = Annotated[
    str | None, typer.Option(help="Model that differences are taken from; the strongest by default.")
]
MARGIN = Annotated[
    list[str] | None,
    typer.Option(
        "--margin",
        metavar="METRIC=LOSS",
        help="Test that no model is worse than --versus by this or more: auroc=0.05.",
    ),
]
VERSUS = Annotated[
    str | None, typer.Option(help="Model that the others must not be worse than, by --margin.", metavar="MODEL")
]
MISSING_BY = Annotated[
    list[str] | None,
    typer.Option(
        "--missing-by",
        metavar="COLUMN",
        help="Weight cases for those without a score by this column (and the label); may be repeated.",
    ),
]
THRESHOLD = Annotated[
    list[str] | None,
    typer.Option(
        metavar="THRESHOLD",
        help="Rates at a threshold fixed elsewhere: MODEL=0.06, or brock for 6 % and 10 %; may be repeated.",
    ),
]
THRESHOLD_FROM = Annotated[
    str | None,
    typer.Option(
        metavar="COHORT[:RULE]",
        help="Choose thresholds on another cohort by recall=0.9 (default), specificity=0.95 or youden.",
    ),
]
PREVALENCE = Annotated[
    list[float] | None,
    typer.Option(help="PPV and NPV of these thresholds where this share is positive, such as 0.01; repeatable."),
]
WITHIN = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHERE",
        help="AUROC of the models within fifths of MODEL's score or groups of COLUMN, or where MODEL<0.06 or "
        "COLUMN>=8.",
    ),
]
FUSE = Annotated[
    list[str] | None,
    typer.Option(metavar="MODEL+MODEL", help="Fuse two models, out of fold, and compare with each of them."),
]
TOP = Annotated[
    list[str] | None,
    typer.Option(metavar="NUMBER", help="Count the positives among this many highest scores: 100, or 5%."),
]
FIGURES = Annotated[
    str,
    typer.Option(help="Also write every figure as a file, 85 and 180 mm wide: png,svg,pdf or some of them."),
]
ALL_TABLES = Annotated[
    bool,
    typer.Option(
        "--all-tables", help="Print operating points, added value and the rest too, which are files otherwise."
    ),
]
SHOW_IDS = Annotated[bool, typer.Option("--show-ids", help="Print patient ids on the page instead of pseudonyms.")]
REPLICATES = Annotated[int, typer.Option(min=1, help="Bootstrap replicates.")]
SEED = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")]
SAMPLED_WHOLE = Annotated[
    bool,
    typer.Option(
        "--sampled-whole",
        help="The number of positives is chance, as in a screening cohort, and not fixed, as in a challenge: the "
        "bootstrap draws both classes together.",
    ),
]
FEW_REPLICATES = 200


def figure_formats(text: str) -> list[str]:
    """``png,svg`` or ``png svg`` as names of formats."""
    return text.replace(",", " ").lower().split()


def margins_from_text(given: list[str] | None) -> dict[str, float]:
    """``METRIC=LOSS`` texts as a mapping.

    Raises:
        InputError: Names every one that is none.
    """
    return numbers_by_name(given or [], "--margin", "METRIC=LOSS", "is no number", "e.g. auroc=0.05")


def show_compared(
    tables: list[Table], out: Path, *, figures: str, replicates: int, everything: bool, at_points: bool
) -> None:
    """Print the tables of a comparison that answer its question, and where its files are.

    Args:
        tables: What a terminal can show.
        out: Folder of the comparison.
        figures: Formats of figures that were asked for.
        replicates: Bootstrap replicates.
        everything: Whether all tables are printed.
        at_points: Whether recalls or specificities were asked for, and what is measured at them is printed.
    """
    from benchmark.cli.console import show, tell
    from benchmark.report.printing.forms import to_rich
    from benchmark.report.terminal import FURTHER

    asked = ("tab:operating-blocks", "tab:operating-pairs") if at_points else ()
    left = [] if everything else [one.label for one in tables if one.label in FURTHER and one.label not in asked]
    for table in tables:
        if table.label not in left:
            show(to_rich(table))
    if left:
        tell(
            f"More: {'; '.join(FURTHER[label] for label in left)}. --all-tables prints them; the files hold them."
        )
    if replicates < FEW_REPLICATES:
        typer.echo(f"warning: {replicates} replicates are too few for intervals; use 2000", err=True)
    typer.echo(f"tables   {out / 'tables'}  (csv, md, tex, html)")
    if figures:
        typer.echo(f"figures  {out / 'figures'}")
    typer.echo(f"page     {out / 'report' / 'index.html'}")
