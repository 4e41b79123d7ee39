"""``bench agree``: do scores of the same nodules, scanned or reconstructed twice, agree?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.table_options import Decimal, Encoding, Sep, Sheet

EXAMPLE = (
    "Example: bench agree results/scores/thin/clip.csv results/scores/thick/clip.csv --threshold 0.06    "
    "or one table: bench agree repeated.csv    (nodule_id, scan, score; pid and model if there are such)"
)


def agree(
    files: Annotated[
        list[Path],
        typer.Argument(help="A score table a scan; or one table of all: nodule_id, scan, score [pid, model]."),
    ],
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="THRESHOLD",
            help="Count the calls that flip between scans at 0.06, or of one model: clip=0.06; may be repeated.",
        ),
    ] = None,
    one_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The tables hold one model under several names: call it so.")
    ] = None,
    level: Annotated[float, typer.Option(help="Confidence level of the intervals.")] = 0.95,
    sep: Sep = None,
    encoding: Encoding = "utf-8",
    decimal: Decimal = None,
    sheet: Sheet = None,
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Where to write; RESULTS/agree by default.")] = None,
) -> None:
    """Measure agreement of repeated scans: ICC, repeatability, Bland-Altman, Lin's CCC, calls that flip.

    Nodules are matched by pid and nodule_id. Those without a score in some scan are counted, and said.
    """
    from benchmark.cli.console import show
    from benchmark.contracts.any_table import TableForm
    from benchmark.report.agree import agree_scans
    from benchmark.report.printing.forms import to_rich

    target = out or results / "agree"
    form = TableForm(sep, encoding, decimal, sheet)
    for table in agree_scans(files, threshold or [], one_model=one_model, form=form, level=level, out=target):
        show(to_rich(table))
    typer.echo(f"tables   {target}  (csv, md, tex, html)")
