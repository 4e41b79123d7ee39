"""``bench audit``: can the printed numbers of a paper be true?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.choices import FindingsForm

if TYPE_CHECKING:
    from benchmark.published.finding import Finding

EXAMPLE = (
    "Example: bench audit zhuang2025 --reconstruct results/reconstructed    "
    "then bench compare --cohort ucla --cohorts results/reconstructed/cohorts --results results/reconstructed"
)


def audit(
    file: Annotated[str, typer.Argument(help="YAML or JSON file, or the key of a paper that comes along.")],
    form: Annotated[
        FindingsForm,
        typer.Option(
            "--format", help="A table to read, or a JSON list of all findings, each with what its verdict means."
        ),
    ] = FindingsForm.table,
    everything: Annotated[bool, typer.Option("--all", help="List what is possible too.")] = False,
    reconstruct: Annotated[
        Path | None,
        typer.Option(help="Write pseudo-scores that reprint the paper to DIR.", metavar="DIR", file_okay=False),
    ] = None,
) -> None:
    """Check by exact integer search which printed numbers of a paper can be true, and which counts follow.

    An operating point holds the recall aimed at (recall_target), the one achieved (recall), or both. Of a listed
    row [recall, FPR, precision], listed_recall (aimed or achieved) says which its first number is.
    """
    import json

    from benchmark.published.audit import audit as run
    from benchmark.published.load import load_published

    published = load_published(file)
    findings = run(published)
    built = None
    if reconstruct is not None:
        from benchmark.published.reconstruct import reconstruct as build

        built = build(published, reconstruct)
    if form is FindingsForm.json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
        if built:
            typer.echo(built.summary(), err=True)
        return
    show_findings(published.title or published.key, findings, everything)
    if built:
        typer.echo(built.summary())


def show_findings(title: str, findings: list[Finding], everything: bool) -> None:
    """Print a table of the findings, and how many there are of each verdict."""
    from collections import Counter

    from benchmark.cli.console import show
    from benchmark.published.finding import MEANINGS
    from benchmark.report.printing.forms import to_rich
    from benchmark.report.printing.table import Cell, Table

    shown = [f for f in findings if everything or f.verdict != "possible"]
    rows = [
        (f.cohort or "", f.model or "", f.item, "" if f.recall is None else f"{f.recall:g}", f.verdict, f.detail)
        for f in shown
    ]
    columns = ("cohort", "model", "item", "recall", "verdict", "why")
    table = to_rich(Table(title, columns, tuple(tuple(map(Cell, row)) for row in rows)))
    for column, name in zip(table.columns, columns, strict=True):
        column.justify = "right" if name == "recall" else "left"
        column.no_wrap = name in ("recall", "verdict")
    if shown:
        show(table)
    counts = Counter(f.verdict for f in findings)
    summary = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    typer.echo(f"{len(findings)} items: {summary}")
    for verdict in counts:
        typer.echo(f"  {verdict}: {MEANINGS[verdict]}")
