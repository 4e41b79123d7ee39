"""``bench demo``: the whole path, from synthetic CT scans to a comparison, with one command."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.progress import progress
from benchmark.cli.workers import Workers

EXAMPLE = "Example: bench demo --out results/demo"


def demo(
    out: Annotated[
        Path,
        typer.Option(help="Where everything goes; replaced if it holds what the demo wrote, and nothing else."),
    ] = Path("results/demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Much smaller, for a first look or a test.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    workers: Workers = None,
) -> None:
    """Make four synthetic CT cohorts, train the CLIP model, score, compare, and show the page."""
    from benchmark.cli.console import show
    from benchmark.report.printing.forms import to_rich
    from clip_nodule.demo import FULL, QUICK, run_demo

    begin = time.monotonic()
    tables = run_demo(out, QUICK if quick else FULL, seed=seed, workers=workers, stages=progress)
    show(to_rich(tables[0]))
    typer.echo(
        f"\nDone in {time.monotonic() - begin:.0f} s. Synthetic nodules: the numbers say nothing about people."
    )
    typer.echo(f"  page    {out / 'report' / 'index.html'}")
    typer.echo(f"  tables  {out / 'tables'}")
    typer.echo(f"  scores  {out / 'scores'}")
