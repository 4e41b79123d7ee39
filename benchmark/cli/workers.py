"""The option ``--workers``, which is the same in every command."""

from __future__ import annotations

from typing import Annotated

import typer

Workers = Annotated[
    int | None,
    typer.Option("--workers", min=0, help="Scans at a time, one a core by default; 0: one after the other."),
]
