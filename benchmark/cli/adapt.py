"""``bench adapt``: files of another system to a score table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.commands import files_by_cohort, named_columns
from benchmark.errors import InputError, PartlyDone, Problem

if TYPE_CHECKING:
    from adapters.adapt import Adapted
    from adapters.card import Adapter, AdapterOptions

EXAMPLE = (
    "Example: bench adapt sybil runs/sybil/ --cohort lungx --year 1\n\n"
    "Example: bench adapt csv scores.csv --cohort lungx --column pid=subject --column score=risk --model mine\n\n"
    "Example: bench adapt new acme    writes a package to change: an adapter of your own"
)


class ScoreType(StrEnum):
    """What the numbers of a file are."""

    probability = "probability"
    logit = "logit"
    percent = "percent"
    rank = "rank"


class Scans(StrEnum):
    """Which scan speaks for a patient."""

    latest = "latest"
    earliest = "earliest"
    max = "max"


class Extra(StrEnum):
    """What to do with ids that the cohort does not have."""

    error = "error"
    drop = "drop"


class Missing(StrEnum):
    """What cases without a score are."""

    failed = "failed"
    accept = "accept"
    error = "error"


def adapt(
    name: Annotated[
        str, typer.Argument(help="Adapter; `bench adapt list` names them, `bench adapt new NAME` begins one.")
    ],
    files: Annotated[list[Path] | None, typer.Argument(help="Files, or folders, of one run.")] = None,
    cohort: Annotated[str | None, typer.Option("--cohort", "-c", help="Cohort that the scores are about.")] = None,
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File or folder; default results/scores/COHORT/.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model in the table.")] = None,
    trained_on: Annotated[
        list[str] | None, typer.Option(help="Cohort that the model saw, instead of its card's; 'none' for none.")
    ] = None,
    trained_patients: Annotated[
        list[str] | None,
        typer.Option(metavar="COHORT=FILE", help="File that lists which patients of that cohort the model saw."),
    ] = None,
    year: Annotated[
        int | None,
        typer.Option(help="sybil, pillar0, diag: years of the risk, 1 to 6; csv: with a column horizon."),
    ] = None,
    all_years: Annotated[
        bool, typer.Option("--all-years", help="sybil, pillar0, csv: keep the risk of each year beside the score.")
    ] = False,
    branch: Annotated[str | None, typer.Option(help="deepipn: imaging or fusion.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=COLUMN",
            help="Roles: pid, scan_id, nodule_id, score, fold, date, label, path, year1, year2, ..., "
            "or horizon (years) where a row is a case and horizon. "
            "nodule_id alone joins where no two patients have a nodule of one name; fold= for no folds. "
            "Dates: 20010315, 2001-03-15, or the year alone.",
        ),
    ] = None,
    class_column: Annotated[str | None, typer.Option(help="fmcib: column of the positive class.")] = None,
    id_pattern: Annotated[
        str | None,
        typer.Option(
            help="Python regular expression for ids in a path, with groups pid, scan_id, nodule_id, or id: "
            "'.*/(?P<pid>[^/]+)/[^/]+$' takes the last folder; csv: of the column path."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=1, help="clip-nodule: folds that a result must hold.")] = 5,
    calibrated: Annotated[
        bool, typer.Option("--calibrated", help="Take calibrated scores, not raw ones.")
    ] = False,
    models: Annotated[list[str] | None, typer.Option(help="diag: read only these models.")] = None,
    root: Annotated[Path | None, typer.Option(help="grand-challenge: folder of the outputs.")] = None,
    slug: Annotated[
        str | None, typer.Option(help="grand-challenge: output of the jobs that holds the scores.")
    ] = None,
    score_type: Annotated[ScoreType | None, typer.Option(help="What the numbers are.")] = None,
    scans: Annotated[
        Scans | None,
        typer.Option(
            help="Which scan speaks for a patient with several; nodules of its other scans are set aside."
        ),
    ] = None,
    id_map: Annotated[Path | None, typer.Option(help="CSV from,to: ids of the file → ids of the cohort.")] = None,
    write_id_map: Annotated[
        Path | None, typer.Option(help="Write ids that differ only in zeros, blanks or case here, and stop.")
    ] = None,
    extra: Annotated[Extra, typer.Option(help="Ids that the cohort does not have.")] = Extra.error,
    missing: Annotated[
        Missing,
        typer.Option(help="Cases without a score: failed rows and exit 3, the same and exit 0, or an error."),
    ] = Missing.failed,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="An empty score is a failed case, not an error.")
    ] = False,
    sep: Annotated[str, typer.Option(help="Delimiter of CSV files, or its name (tab, semicolon).")] = ",",
    encoding: Annotated[str, typer.Option(help="Codec of CSV files.")] = "utf-8",
    decimal: Annotated[str, typer.Option(help="Decimal mark of CSV files, point or comma.")] = ".",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a score table that is there.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only run the contract checks on an adapter with these files.")
    ] = False,
) -> None:
    """Read what another system wrote and make a score table of it."""
    from adapters import adapter_names, load_adapter
    from adapters.card import AdapterOptions
    from benchmark.contracts.roles import by_role

    if name == "list":
        list_adapters(adapter_names())
        return
    if name == "new":
        begin_adapter(files or [], out)
        return
    adapter = load_adapter(name)
    if not files:
        raise InputError(Problem("no file was given", "name the files that the model wrote", column="FILES"))
    lists = files_by_cohort(trained_patients)
    options = AdapterOptions(
        year=year,
        all_years=all_years,
        branch=branch,
        columns=by_role(named_columns(column or [], "ROLE=COLUMN", may_be_none=True)),
        class_column=class_column,
        id_pattern=id_pattern,
        folds=folds,
        calibrated=calibrated,
        models=tuple(models or ()),
        root=root,
        slug=slug,
        score_type=score_type.value if score_type else None,
        drop_missing=drop_missing,
        sep=sep,
        encoding=encoding,
        decimal=decimal,
    )
    if check:
        report_contract(name, adapter, files, options)
        return
    if cohort is None:
        raise InputError(Problem("no cohort was given", "pass --cohort NAME", column="--cohort"))
    from adapters.adapt import TableOptions, read_predictions
    from adapters.adapt import adapt as run
    from adapters.id_maps import read_id_map, suggest_id_map
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.names import require_name
    from benchmark.contracts.workspace import Workspace

    if model is not None:
        require_name(model, "model", "--model")
    loaded = load_cohort(cohort, cohorts)
    if write_id_map is not None:
        number = suggest_id_map(read_predictions(adapter, files, options), loaded, write_id_map)
        typer.echo(f"{number:,} pairs in {write_id_map}: look at them, then pass --id-map {write_id_map}")
        return
    results = run(
        name,
        adapter,
        files,
        loaded,
        options,
        out or Workspace().scores(loaded.name),
        TableOptions(
            model=model,
            scans=scans.value if scans else None,
            id_map=read_id_map(id_map) if id_map else None,
            extra=extra.value,
            fail_on_missing=missing is Missing.error,
            overwrite=overwrite,
            trained_on=trained_on or (),
            trained_patients=lists,
        ),
    )
    for result in results:
        report_adapted(result)
    failed = sum(result.joined.failed for result in results)
    if failed and missing is Missing.failed:
        done = sum(int((result.joined.table["status"] == "scored").sum()) for result in results)
        raise PartlyDone(done, failed, ", ".join(str(result.path) for result in results if result.joined.failed))


def report_adapted(result: Adapted) -> None:
    """What was written, what the model has seen, and what the user should know."""
    table, card = result.joined.table, result.card
    aside = result.joined.set_aside
    scored = len(table) - result.joined.failed - aside
    failed = f"{result.joined.failed:,} failed" + (f", {aside:,} of other scans" if aside else "")
    chosen = "".join(f", {key} {value}" for key, value in card.recorded.items() if key != "columns")
    typer.echo(f"{card.model}{chosen}: {scored:,} scored, {failed}, in {result.path}")
    if "columns" in card.recorded:
        typer.echo(f"columns: {card.recorded['columns']}")
    if card.exposure == "seen":
        typer.echo(f"seen: {card.title} was trained on patients of this cohort; tests leave it out (--allow-seen)")
    elif card.exposure == "cross-validated":
        typer.echo(
            "cross-validated on this cohort: the score of each patient is that of the folds that held it out"
        )
    elif card.exposure == "unknown":
        names = ", ".join(card.trained_on or ())
        what = (
            f"whether this cohort shares patients with {names}, which the model was trained on, is not known: "
            "`bench cohort prepare --shares` or `shares_patients_with` in cohort.yaml names the cohorts that do, "
            "or none"
            if names
            else "whether the model has seen these patients is not known; --trained-on names the cohorts that it "
            "saw, or none"
        )
        typer.echo(f"unknown: {what}")
    for warning in card.warnings:
        typer.echo(f"warning: {warning}", err=True)


def report_contract(name: str, adapter: Adapter, files: list[Path], options: AdapterOptions) -> None:
    """Print what the contract checks of an adapter found."""
    from adapters.check import check_contract

    for line in check_contract(name, adapter, files, options):
        typer.echo(line)


def begin_adapter(names: list[Path], out: Path | None) -> None:
    """Write the package of a new adapter and say what to do with it."""
    from adapters.template import write_template

    if len(names) != 1:
        raise InputError(Problem("needs one name", "e.g. bench adapt new acme", column="NAME"))
    name = str(names[0])
    folder = write_template(name, out)
    module = folder / (name.replace("-", "_") + "_adapter.py")
    typer.echo(f"{folder}: works as it stands, on {folder / 'example.csv'}; install it once and try it:")
    typer.echo(f"  pip install -e {folder}")
    typer.echo(f"  bench adapt {name} {folder / 'example.csv'} --check")
    typer.echo(f"then change the card and read() of {module} and check it on your files:")
    typer.echo(f"  bench adapt {name} FILE --check")


def list_adapters(names: list[str]) -> None:
    """Print a line on each adapter."""
    from adapters import load_adapter

    for name in names:
        card = load_adapter(name).CARD
        typer.echo(f"{name:16} {card.title}; {card.unit}; {card.reference or 'any'}")
