"""``bench score``."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmark.cli.choices import Device, Patients, Precision
from benchmark.cli.commands import named_columns
from benchmark.cli.progress import progress
from benchmark.cli.workers import Jobs, place_of, with_place
from benchmark.errors import InputError, PartlyDone, Problem
from benchmark.producers import PRODUCERS, ProducerOptions, names_taking

EXAMPLE = "Example: bench score --cohort lungx    or    bench score --cohort lungx --model brock"
DEFAULTS: Final = ProducerOptions()
FITTED = ", ".join(names_taking("train"))


@with_place
def score(
    cohort: Annotated[str, typer.Option(help="Cohort to score.")],
    cohorts: Annotated[Path, typer.Option(help="Folder of cohorts.")] = Path("cohorts"),
    results: Annotated[
        Path, typer.Option(help="Folder of results: runs, crops (made when missing), scores.")
    ] = Path("results"),
    run: Annotated[str | None, typer.Option(help="Name or path of a run; default the newest.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name in the table; default the run's. Without --run also one of these, which need no scans: "
            f"{', '.join(PRODUCERS)}."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The table, .csv or .parquet.")] = None,
    patients: Annotated[
        Patients, typer.Option(help="auto: on its training cohort the held-out alone.")
    ] = Patients.auto,
    calibrated: Annotated[bool, typer.Option("--calibrated", help="Apply each fold's calibration.")] = False,
    precision: Annotated[
        Precision,
        typer.Option(
            help="auto: bf16 where the device has it, never int8. int8: needs VNNI; pays for ViT-B/32 (twice as "
            "fast as bf16), not for the tiny network (0.6 times as fast as fp32); it is compared with fp32 first."
        ),
    ] = Precision.fp32,
    device: Device = "auto",
    workers: Jobs = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Calculators: which column of the nodule table is an input.", metavar="INPUT=COLUMN"),
    ] = None,
    code: Annotated[
        list[str] | None,
        typer.Option(
            help="Calculators: what a code means, e.g. female:1=male; may be repeated.",
            metavar="INPUT:CELL=MEANING",
        ),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(help="Calculators: unit of a column, e.g. cigarettes_per_day=packs.", metavar="INPUT=UNIT"),
    ] = None,
    impute_from: Annotated[
        str | None, typer.Option(help="Calculators: cohort whose medians stand in for missing inputs.")
    ] = None,
    train_cohort: Annotated[str | None, typer.Option(help=f"{FITTED}: cohort to fit on.")] = None,
    features: Annotated[str | None, typer.Option(help="semantic-lr: columns to use, separated by commas.")] = None,
    folds: Annotated[int, typer.Option(min=2, help=f"{FITTED}: cross-validation folds.")] = DEFAULTS.folds,
    test_fraction: Annotated[
        float, typer.Option(help=f"{FITTED}: share of the patients held out, as in training.")
    ] = DEFAULTS.test_fraction,
    seed: Annotated[int, typer.Option(min=0, help=f"{FITTED}: seed of the split.")] = DEFAULTS.seed,
) -> None:
    """Score a cohort: with every fold of a run and their mean, or with a model that needs no scan."""
    from benchmark.contracts.workspace import Workspace
    from benchmark.producers.write import OF_RUNS, refuse_foreign_options, score_with_producer

    producer = model if run is None and model in PRODUCERS else None
    refuse_foreign_options(
        producer,
        {
            "--column": ("columns", column), "--code": ("codes", code), "--unit": ("units", unit),
            "--impute-from": ("impute_from", impute_from), "--train-cohort": ("train", train_cohort),
            "--features": ("features", features), "--folds": ("folds", folds != DEFAULTS.folds),
            "--test-fraction": ("test_fraction", test_fraction != DEFAULTS.test_fraction),
            "--seed": ("seed", seed != DEFAULTS.seed), "--patients": (OF_RUNS, patients is not Patients.auto),
            "--calibrated": (OF_RUNS, calibrated), "--precision": (OF_RUNS, precision is not Precision.fp32),
            "--device": (OF_RUNS, device != "auto"), "--on or --workers": (OF_RUNS, workers is not None),
        },
    )  # fmt: skip
    if run is None and producer is None and model is not None:
        _refuse_misspelled(model)
    workspace = Workspace(cohorts, results)
    if producer is None:
        from clip_nodule.inference.predict import Scoring, score_cohort

        with progress(f"score {cohort}") as step:
            path = score_cohort(
                cohort, Scoring(patients.value, calibrated, precision.value, device, place_of(workers)), workspace,
                run=run, model=model, out=out, progress=step,
            )  # fmt: skip
    else:
        from benchmark.producers.calculators import codes_from_text, units_from_text

        options = ProducerOptions(
            columns=named_columns(column or [], "INPUT=COLUMN"),
            codes=codes_from_text(code or []),
            units=units_from_text(unit or []),
            features=[name.strip() for name in features.split(",")] if features else None,
            folds=folds,
            test_fraction=test_fraction,
            seed=seed,
        )
        path = score_with_producer(
            producer, cohort, workspace, options, train=train_cohort, impute_from=impute_from, out=out,
        )  # fmt: skip
    report_scores(path)


def _refuse_misspelled(model: str) -> None:
    """Refuse a name that is nearly that of a model without scans: the newest run would be scored under it."""
    meant = get_close_matches(model.lower(), PRODUCERS, n=1, cutoff=0.75)
    if meant:
        fix = "name the run too (--run), if the scores of a run are to have this name"
        raise InputError(Problem(f"is no model; did you mean {meant[0]!r}?", fix, column="--model", value=model))


def report_scores(path: Path) -> None:
    """Report where the scores are; cases that failed end the command with status 3."""
    from benchmark.contracts.score_card import read_score_card
    from benchmark.contracts.scores import ENSEMBLE, read_score_table

    table, card = read_score_table(path), read_score_card(path)
    main = table[table["fold"] == ENSEMBLE]
    failed = int((main["status"] == "failed").sum())
    typer.echo(f"scores: {path}")
    if card is not None and card.exposure == "seen":
        typer.echo(f"seen: {card.title} was fitted on patients of this cohort; tests leave it out (--allow-seen)")
    if failed:
        raise PartlyDone(len(main) - failed, failed, path)
