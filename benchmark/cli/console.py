"""Printing tables on the terminal, whole: no column is cut where the output is a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def show(content: RenderableType) -> None:
    """Print a rich renderable on standard output."""
    from rich.console import Console

    class Passing(Console):
        """Rich itself ends the program with 1 where nobody reads any more."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    Passing(width=None if sys.stdout.isatty() else 200, soft_wrap=False).print(content)
