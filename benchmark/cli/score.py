"""``bench score``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmark.cli.commands import named_columns
from benchmark.cli.progress import progress
from benchmark.errors import InputError, PartlyDone

FOLDS: Final = 5
TEST_FRACTION: Final = 0.2
EXAMPLE = "Example: bench score --cohort lungx    or    bench score --cohort lungx --model brock"


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
            help="Name in the table; default the run's. Without --run also brock, mayo, va, plco2012, size, "
            "clinical-logistic, semantic-lr or diameter, which need no scans."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The table, .csv or .parquet.")] = None,
    patients: Annotated[str, typer.Option(help="auto: on its training cohort the held-out alone; all.")] = "auto",
    calibrated: Annotated[bool, typer.Option("--calibrated", help="Apply each fold's calibration.")] = False,
    precision: Annotated[
        str,
        typer.Option(
            help="fp32, bf16, auto (bf16 where the device has it, never int8) or int8 (a processor with VNNI: "
            "fastest for ViT-B/32, slower than fp32 for the tiny network)."
        ),
    ] = "fp32",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
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
    train_cohort: Annotated[str | None, typer.Option(help="semantic-lr, diameter: cohort to fit on.")] = None,
    features: Annotated[str | None, typer.Option(help="semantic-lr: columns to use, separated by commas.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="semantic-lr, diameter: cross-validation folds.")] = FOLDS,
    test_fraction: Annotated[
        float, typer.Option(help="semantic-lr, diameter: share of the patients held out, as in training.")
    ] = TEST_FRACTION,
    seed: Annotated[int, typer.Option(min=0, help="semantic-lr, diameter: seed of the split.")] = 0,
) -> None:
    """Score a cohort: with every fold of a run and their mean, or with a model that needs no scan."""
    from benchmark.baselines import BASELINES
    from benchmark.calculators import CALCULATORS, LOGISTIC

    calculator = run is None and model in (*CALCULATORS, LOGISTIC)
    baseline = run is None and model in BASELINES
    _refuse_alien(
        "the calculators",
        calculator,
        {"--column": column, "--code": code, "--unit": unit, "--impute-from": impute_from},
    )
    _refuse_alien(
        " and ".join(BASELINES),
        baseline,
        {
            "--train-cohort": train_cohort,
            "--features": features,
            "--folds": folds != FOLDS,
            "--test-fraction": test_fraction != TEST_FRACTION,
            "--seed": seed != 0,
        },
    )
    _refuse_alien(
        "runs", not (calculator or baseline),
        {
            "--patients": patients != "auto", "--calibrated": calibrated, "--precision": precision != "fp32",
            "--device": device != "auto",
        },
    )  # fmt: skip
    if baseline and model is not None:
        _baseline(model, cohort, cohorts, results, out, train_cohort, features, folds, test_fraction, seed)
    elif calculator and model is not None:
        _calculator(model, cohort, cohorts, results, out, column or [], code or [], unit or [], impute_from)
    else:
        _network(cohort, cohorts, results, run, model, out, patients, calibrated, precision, device)


def _refuse_alien(whose: str, chosen: bool, options: Mapping[str, object]) -> None:
    """Refuse options that mean nothing to what was chosen.

    Args:
        whose: What they are for.
        chosen: It was chosen.
        options: Option → whether it was given.
    """
    if alien := [option for option, given in options.items() if given and not chosen]:
        raise InputError([f"{option} is for {whose} — leave it out, or choose one" for option in alien])


def _network(
    cohort: str,
    cohorts: Path,
    results: Path,
    run: str | None,
    model: str | None,
    out: Path | None,
    patients: str,
    calibrated: bool,
    precision: str,
    device: str,
) -> None:
    from clip_nodule.inference.predict import Scoring, score_cohort

    with progress(f"score {cohort}") as step:
        path = score_cohort(
            cohort, Scoring(patients, calibrated, precision, device),
            cohorts=cohorts, results=results, run=run, model=model, out=out,
            progress=lambda done, total, text: step(done, total),
        )  # fmt: skip
    _say(path)


def _calculator(
    model: str,
    cohort: str,
    cohorts: Path,
    results: Path,
    out: Path | None,
    column: list[str],
    code: list[str],
    unit: list[str],
    impute_from: str | None,
) -> None:
    from benchmark.calculators import codes_from_text, units_from_text, write_calculator_scores
    from benchmark.contracts.cohort import load_cohort

    columns = named_columns(column, "INPUT=COLUMN")
    loaded = load_cohort(cohort, cohorts)
    path = out or results / "scores" / loaded.name / f"{model}.csv"
    source = load_cohort(impute_from, cohorts) if impute_from else None
    write_calculator_scores(
        model, loaded, path, columns=columns, codes=codes_from_text(code), units=units_from_text(unit),
        impute_from=source, overwrite=True,
    )  # fmt: skip
    _say(path)


def _baseline(
    model: str,
    cohort: str,
    cohorts: Path,
    results: Path,
    out: Path | None,
    train_cohort: str | None,
    features: str | None,
    folds: int,
    test_fraction: float,
    seed: int,
) -> None:
    from benchmark.baselines import write_baseline_scores
    from benchmark.contracts.cohort import load_cohort

    if train_cohort is None:
        raise InputError(f"--model {model} — needs a cohort to be fitted on — e.g. --train-cohort nlst")
    train = load_cohort(train_cohort, cohorts)
    loaded = train if cohort == train_cohort else load_cohort(cohort, cohorts)
    names = [name.strip() for name in features.split(",")] if features else None
    path = out or results / "scores" / loaded.name / f"{model}.csv"
    write_baseline_scores(
        model, train, loaded, path, features=names, folds=folds, test_fraction=test_fraction, seed=seed
    )
    _say(path)


def _say(path: Path) -> None:
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
