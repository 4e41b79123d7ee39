"""Options of the commands that read scans: what may be assumed where a file says too little or too much."""

from __future__ import annotations

from typing import Annotated

import typer

Series = Annotated[str | None, typer.Option(help="DICOM: SeriesInstanceUID to take.")]
MaxGap = Annotated[float, typer.Option(min=1.0, help="DICOM: largest gap, in slice distances.")]
AssumeOrientation = Annotated[
    bool, typer.Option("--assume-orientation", help="Read files that do not say theirs.")
]
Orthonormalize = Annotated[bool, typer.Option("--orthonormalize", help="Repair axes that are off by up to 0.001.")]
