"""``bench crop``: cubes around nodules, cut from CT scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.choices import RecipeName
from benchmark.cli.read_options import AssumeOrientation, MaxGap, Orthonormalize, Series
from benchmark.cli.workers import Workers, with_place
from benchmark.cohorts.sources import Frame
from benchmark.errors import InputError, PartlyDone
from benchmark.extras import require_extra

if TYPE_CHECKING:
    from benchmark.imaging.cropping.scan_tasks import CropRequest
    from benchmark.imaging.cropping.store import CropStore
    from benchmark.imaging.volume import ReadOptions
    from benchmark.work import WorkersOrPlace

EXAMPLE = (
    "Example: bench crop --cohort nlst --workers 4 --preview 8\n\n"
    "Example: bench crop --nodules nodules.csv --image-root scans --recipe zhuang2025 --out results/crops/mine\n\n"
    "Example: bench crop --cohort nlst --shard 3/8    (1/8 to 8/8, on any machine; then once --finish)"
)


@with_place
def crop(
    cohort: Annotated[str | None, typer.Option(help="Name of a cohort folder.")] = None,
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohort folders.")] = Path("cohorts"),
    nodules: Annotated[Path | None, typer.Option(help="A nodule table, instead of a cohort.")] = None,
    image_root: Annotated[Path | None, typer.Option(help="Folder that image_path is relative to.")] = None,
    coords: Annotated[Frame | None, typer.Option(help="Frame of the coordinates; the cohort's, else LPS.")] = None,
    recipe: Annotated[
        RecipeName | None, typer.Option(help="How to crop; default by default, zhuang2025 with --from-pt.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The crop store; results/crops/COHORT.")] = None,
    workers: Workers = None,
    preview: Annotated[int, typer.Option(min=0, help="Write a picture of this many nodules' planes.")] = 0,
    from_pt: Annotated[Path | None, typer.Option(help="Folder of the paper's {pid}_{nodule_id}.pt files.")] = None,
    series: Series = None,
    max_gap: MaxGap = 1.01,
    assume_orientation: AssumeOrientation = False,
    orthonormalize: Orthonormalize = False,
    assume_hu: Annotated[
        bool, typer.Option("--assume-hu", help="Crop scans whose values do not look like HU, and say so.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before with the same scan and options.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read every crop that is there; damaged ones are made again."),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Crop only this share of the scans, e.g. 3/8, on any machine; --finish joins them.", metavar="I/N"
        ),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Join what shards have done; give the same options to all.")
    ] = False,
) -> None:
    """Cut cubes around the nodules of a cohort into a crop store; an interrupted run goes on where it stopped."""
    if from_pt is not None:
        require_extra("model", "--from-pt")
    from benchmark.contracts.workspace import Workspace
    from benchmark.imaging.volume import ReadOptions

    _refuse_together(shard, finish, preview, from_pt, again=retry_failed or verify)

    named = recipe.value if recipe else None
    frame = coords.value if coords else None
    if (cohort is None) == (nodules is None) and not (from_pt and cohort is None):
        raise InputError("give either --cohort NAME or --nodules CSV with --image-root DIR")
    if out is None and cohort is None:
        raise InputError("where to? — give --out FOLDER")
    out = out or Workspace().crops(str(cohort))
    options = ReadOptions(series, max_gap, assume_orientation, orthonormalize, assume_hu)
    if from_pt is not None:
        _let_do_again(out, workers, verify=verify, failed=retry_failed)
        store = _from_pt(from_pt, out, cohort, cohorts, nodules, named, assume_hu)
    else:
        request = _request(cohort, cohorts, nodules, image_root, frame, named or "default", options)
        _let_do_again(out, workers, verify=verify, failed=retry_failed)
        if shard is not None:
            _crop_shard(request, out, shard, _on_this_machine(workers))
            return
        store = _finish(request, out) if finish else _crop_all(request, out, workers)
    _report(store, out, preview, hint=not (retry_failed or shard or finish))


def _let_do_again(out: Path, workers: WorkersOrPlace, *, verify: bool, failed: bool) -> None:
    """Let what is damaged or failed be done again; a dry run changes nothing."""
    from benchmark.imaging.cropping.again import forget_failed, remove_damaged
    from benchmark.work.other_machines import OtherMachines

    if isinstance(workers, OtherMachines) and workers.dry_run:
        return
    if verify and (damaged := remove_damaged(out)):
        typer.echo(f"warning: {damaged} crops are damaged and made again", err=True)
    if failed:
        forget_failed(out)


def _report(store: CropStore, out: Path, preview: int, *, hint: bool) -> None:
    """Say what a finished store holds."""
    _keep_fingerprints(store)
    done = len(store.cropped)
    typer.echo(f"{done} of {len(store)} nodules cropped with recipe {store.recipe.name} in {out}")
    notes = store.notes
    if notes:
        typer.echo(f"remarks on the scans of {len(notes)} nodules: {out / 'notes.csv'}")
    if assumed := sum("--assume-hu" in note for note in notes):
        typer.echo(f"warning: {assumed} nodules lie in scans that do not look like HU (--assume-hu)", err=True)
    if preview:
        from benchmark.imaging.cropping.layout import PREVIEW
        from benchmark.imaging.cropping.preview import write_preview
        from benchmark.outputs.written import replacing_own

        with replacing_own(out / PREVIEW) as temporary:
            shown = write_preview(store, preview, temporary)
        typer.echo(f"planes of {shown} nodules in {out / PREVIEW}")
    if done < len(store):
        if hint:
            typer.echo("what failed is tried again if its scan changes, or with --retry-failed", err=True)
        raise PartlyDone(done, len(store) - done, out / "failures.csv")


def _keep_fingerprints(store: CropStore) -> None:
    """Leave fingerprints in the store, by which `bench compare` knows the nodules under other ids."""
    from benchmark.cli.progress import progress
    from benchmark.imaging.cropping.fingerprint import shows_enough, store_fingerprints

    if not shows_enough(store.recipe):
        return
    try:
        with progress("fingerprints") as step:
            store_fingerprints(store, step)
    except InputError as error:  # the crops are there all the same
        typer.echo(f"warning: no fingerprints of the nodules: {error}", err=True)


def _refuse_together(shard: str | None, finish: bool, preview: int, from_pt: Path | None, *, again: bool) -> None:
    if shard is not None and finish:
        raise InputError("give --shard I/N for each share of the scans, and --finish once when all are done")
    if shard is not None and preview:
        raise InputError("--preview shows finished crops: give it with --finish, not with --shard")
    if again and (shard is not None or finish):
        raise InputError("--retry-failed and --verify look at a whole store: leave --shard and --finish away")
    if from_pt is not None and (shard is not None or finish):
        raise InputError("--from-pt reads no scans: leave --shard and --finish away")


def _request(
    cohort: str | None,
    cohorts: Path,
    nodules: Path | None,
    image_root: Path | None,
    coords: str | None,
    recipe: str,
    options: ReadOptions,
) -> CropRequest:
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.nodules import read_nodule_table
    from benchmark.imaging.cropping.scan_tasks import CropRequest
    from benchmark.imaging.recipe import get_recipe

    frame = coords or "LPS"
    if nodules is not None:
        if image_root is None:
            raise InputError("--nodules needs --image-root, the folder that image_path is relative to")
        table = read_nodule_table(nodules)
    else:
        loaded = load_cohort(str(cohort), cohorts)
        table, image_root = loaded.nodules, image_root or loaded.image_root
        frame = coords or loaded.manifest.frame
    return CropRequest(table, image_root, get_recipe(recipe), frame, options)


def _on_this_machine(workers: WorkersOrPlace) -> int | None:
    if workers is None or isinstance(workers, int):
        return workers
    raise InputError("--shard is one share on this machine: --on makes and joins all of them by itself")


def _crop_all(request: CropRequest, out: Path, workers: WorkersOrPlace) -> CropStore:
    from benchmark.cli.progress import progress
    from benchmark.imaging.cropping.cohort import crop_cohort

    with progress("crops") as step:
        return crop_cohort(
            request.nodules, request.image_root, out, request.recipe, frame=request.frame,
            workers=workers, options=request.options, progress=step,
        )  # fmt: skip


def _crop_shard(request: CropRequest, out: Path, text: str, workers: int | None) -> None:
    """A shard with failed nodules ends with status 0: what waits for it would never begin; --finish says so."""
    from benchmark.cli.progress import progress
    from benchmark.imaging.cropping.journals import Shard
    from benchmark.imaging.cropping.shards import crop_shard, local_executor

    shard = Shard.parse(text)
    with progress(f"crops of {shard}") as step:
        done = crop_shard(request, out, shard, local_executor(workers), step)
    typer.echo(f"{shard}: {done.cropped} of {done.cropped + done.failed} nodules cropped for {out}")
    if done.failed:
        typer.echo(f"{done.failed} nodules of {shard} failed: --finish lists them with their reasons", err=True)


def _finish(request: CropRequest, out: Path) -> CropStore:
    from benchmark.imaging.cropping.joining import finish_shards

    return finish_shards(request, out)


def _from_pt(
    folder: Path,
    out: Path,
    cohort: str | None,
    cohorts: Path,
    nodules: Path | None,
    recipe: str | None,
    assume_hu: bool,
) -> CropStore:
    from benchmark.cli.progress import progress
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.nodules import read_nodule_table
    from clip_nodule.paper.legacy_crops import RECIPE, crops_from_pt

    if recipe not in (None, RECIPE):
        raise InputError(f"--from-pt gives crops of the recipe {RECIPE}, not of {recipe} — leave --recipe away")
    table = None
    if nodules is not None:
        table = read_nodule_table(nodules)
    elif cohort is not None:
        table = load_cohort(cohort, cohorts).nodules
    with progress("crops") as step:
        return crops_from_pt(folder, out, table, assume_hu=assume_hu, progress=step)
