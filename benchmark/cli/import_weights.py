"""``bench import-weights``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: bench import-weights ckpt --out results/runs/zhuang2025"


def import_weights(
    source: Annotated[Path, typer.Argument(help="Folder with args.txt and fold_0/best_both.pt, fold_1/...")],
    out: Annotated[Path, typer.Option(help="Run folder to make.")],
    weights: Annotated[str, typer.Option(help="best_both.pt, best_pred.pt or best_clip.pt.")] = "best_both.pt",
) -> None:
    """Import a checkpoint of the paper's code (Zhuang et al. 2025) as a run folder.

    Weights are read as tensors only; a file that would have to run code is refused.
    """
    from clip_nodule.paper.import_weights import import_weights as convert
    from clip_nodule.paper.import_weights import unsupported_files

    run = convert(source, out, weights=weights)
    for path in unsupported_files(source):
        typer.echo(f"warning: {path} is a pickle and was not imported: it can run code when it is read", err=True)
    typer.echo(f"run: {run}")
    typer.echo(f"score with it: bench score --cohort COHORT --run {run}")
