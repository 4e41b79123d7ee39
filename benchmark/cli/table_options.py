"""Options of the commands that read any table: how it is written, where that is not to be found."""

from __future__ import annotations

from typing import Annotated

import typer

Sep = Annotated[str | None, typer.Option(help="Delimiter, or its name (tab, semicolon); found.")]
Encoding = Annotated[str, typer.Option(help="Codec of text files.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark, point or comma; found.")]
Sheet = Annotated[str | None, typer.Option(help="Sheet of a workbook that has several.")]
