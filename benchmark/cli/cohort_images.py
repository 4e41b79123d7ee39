"""``bench cohort locate`` and ``fetch``: which public series hold a cohort's scans, and downloading them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.progress import progress
from benchmark.errors import PartlyDone


def locate(
    name: Annotated[str, typer.Argument(help="Cohort whose scans are looked for.")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    rule: Annotated[
        str,
        typer.Option(
            help="Reconstruction of a scan that is known by patient and year: "
            "thinnest-soft, soft-thinnest, thinnest-sharp, sharp-thinnest, or none to take known series alone."
        ),
    ] = "thinnest-soft",
    kernel: Annotated[
        list[str] | None, typer.Option(help="Take only this kernel, e.g. B30f; may be repeated.")
    ] = None,
    annotations: Annotated[
        list[str] | None, typer.Option(help="List this analysis result of IDC too, e.g. nlst_sybil.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="IDC's idc_index.parquet; by default that of the extra idc.")
    ] = None,
    ct_index: Annotated[
        Path | None, typer.Option(help="IDC's ct_index.parquet, which tells kernel and slice thickness.")
    ] = None,
) -> None:
    """Find the public series of a cohort's scans (Imaging Data Commons).

    Writes series.csv and series.s5cmd into the cohort folder, and vendor, scanner, kernel, slice thickness and
    size into its nodule table (for --by). Nothing is downloaded.
    """
    from benchmark.cohorts.idc.index import find_index
    from benchmark.cohorts.idc.locate import locate_cohort
    from benchmark.cohorts.idc.reconstructions import check_rule
    from benchmark.contracts.cohort import load_cohort

    check_rule(rule)
    cohort = load_cohort(name, cohorts)
    located = locate_cohort(
        cohort, find_index(index, ct_index), rule=rule, kernels=kernel or [], annotations=annotations or []
    )
    for line in located.lines:
        typer.echo(line)
    if len(located.missing):
        raise PartlyDone(located.scans - len(located.missing), len(located.missing), located.listing)


def fetch(
    name: Annotated[str, typer.Argument(help="Cohort that was located.")],
    to: Annotated[Path, typer.Option(help="Folder of the images; a series is a folder in it.")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Fetch only the annotations that locate listed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched; fetch nothing.")] = False,
) -> None:
    """Download the series that `bench cohort locate` found, with s5cmd.

    Begun again, it goes on where it stopped. A series counts as fetched when the number and size of its files are
    those of IDC's index.
    """
    from benchmark.cohorts.idc.fetch import fetch_cohort
    from benchmark.contracts.cohort import load_cohort

    with progress(f"fetch {name}") as tell:
        fetched = fetch_cohort(
            load_cohort(name, cohorts), to, annotations=annotations, dry_run=dry_run, progress=tell
        )
    for line in fetched.lines:
        typer.echo(line)
    if len(fetched.failed):
        raise PartlyDone(fetched.done, len(fetched.failed), fetched.listing)
