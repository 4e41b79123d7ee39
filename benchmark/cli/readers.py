"""``bench readers``: how good are readers, and a model beside them?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.commands import named_columns
from benchmark.cli.comparison_options import REPLICATES, SEED
from benchmark.cli.table_options import Decimal, Encoding, Sep, Sheet

EXAMPLE = (
    "Example: bench readers readings.csv --cohort lungx --model clip --call-from 4    "
    "readings.csv: reader, case, rating [modality, nodule_id, label]"
)


class Random(StrEnum):
    """What a comparison of modalities may be carried over to."""

    both = "readers and cases"
    cases = "cases"
    readers = "readers"


def readers(
    table: Annotated[
        Path,
        typer.Argument(help="Table, a row a reading: reader, case, rating [modality, nodule_id, label]."),
    ],
    cohort: Annotated[
        str | None, typer.Option(help="Cohort of the labels and of the models' scores; cases are its patients.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Model to set against the readers; all by default.")
    ] = None,
    call_from: Annotated[
        list[str] | None,
        typer.Option(
            "--call-from",
            metavar="RATING",
            help="Rating from which a case is called positive: 4, or of one reader: anna=3; may be repeated.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="Roles: reader, case, rating, modality, nodule_id, label."),
    ] = None,
    random: Annotated[
        Random, typer.Option(help="What several modalities are compared for: readers and cases, or one of them.")
    ] = Random.both,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Test models also on cohorts that they saw in training.")
    ] = False,
    level: Annotated[float, typer.Option(help="Confidence level of the intervals.")] = 0.95,
    replicates: REPLICATES = 2000,
    seed: SEED = 0,
    sep: Sep = None,
    encoding: Encoding = "utf-8",
    decimal: Decimal = None,
    sheet: Sheet = None,
    cohorts: Annotated[Path, typer.Option(help="Folder of cohorts.")] = Path("cohorts"),
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Where to write; RESULTS/readers by default.")] = None,
) -> None:
    """Judge readers, set models against them, and compare modalities over readers (MRMC).

    Ratings are ranks, never probabilities. Without --cohort the table has a column label, and there are no models.
    """
    from benchmark.cli.console import show
    from benchmark.contracts.any_table import TableForm
    from benchmark.contracts.workspace import Workspace
    from benchmark.report.printing.forms import to_rich
    from benchmark.report.readers import ReaderOptions, compare_readers

    target = out or results / "readers"
    options = ReaderOptions(
        cohort=cohort,
        models=model or [],
        call_from=call_from or [],
        columns=named_columns(column or [], "ROLE=COLUMN", may_be_none=True),
        form=TableForm(sep, encoding, decimal, sheet),
        random=random.value,
        allow_seen=allow_seen,
        level=level,
        replicates=replicates,
        seed=seed,
    )
    for printed in compare_readers(table, Workspace(cohorts, results), options, out=target):
        show(to_rich(printed))
    typer.echo(f"tables   {target}  (csv, md, tex, html)")
    typer.echo(f"page     {target / 'index.html'}")
