"""``bench tune``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.choices import ChooseBy, Device
from benchmark.cli.commands import shares_by_cohort
from benchmark.cli.progress import progress
from benchmark.cli.training_options import (
    COHORT,
    COHORTS,
    CONFIG,
    EPOCHS,
    FOLDS,
    HOLD_OUT,
    PARALLEL,
    RESULTS,
    SET,
    SPLITS,
    TEST_FRACTION,
    TEXT,
    given_settings,
    texts_by_cohort,
)
from benchmark.cli.workers import Jobs, place_of, with_place

EXAMPLE = (
    "Example: bench tune --cohort nlst --cohort lidc --hold-out nlst=0.2 --config tiny-cpu --sweep lr=1e-4,5e-4 "
    "--sweep rank=2,4,8\n\n"
    "Example: bench tune --cohort nlst --config zhuang2025 --sweep lr=1e-5:1e-3:log --sweep rank=2:16 --trials 20"
)


@with_place
def tune(
    cohort: COHORT,
    sweep: Annotated[
        list[str],
        typer.Option(
            help="A setting and what to try: rank=2,4,8, or a range lr=1e-5:1e-3:log; may be repeated.",
            metavar="NAME=VALUES",
        ),
    ],
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="How many to try; default every combination, fewer are proposed by Optuna."),
    ] = None,
    choose_by: Annotated[
        ChooseBy, typer.Option(help="Mean over validation folds that chooses (loss: log loss of the nodules).")
    ] = ChooseBy.auroc,
    name: Annotated[str, typer.Option(help="Name of the search; its runs are NAME-000 and so on.")] = "tune",
    cohorts: COHORTS = Path("cohorts"),
    results: RESULTS = Path("results"),
    config: CONFIG = "tiny-cpu",
    text: TEXT = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random, the same in every trial.")] = 0,
    folds: FOLDS = None,
    test_fraction: TEST_FRACTION = None,
    hold_out: HOLD_OUT = None,
    splits: SPLITS = None,
    epochs: EPOCHS = None,
    parallel: PARALLEL = None,
    workers: Jobs = None,
    set_: SET = None,
) -> None:
    """Search over settings: train each combination and choose by the mean over validation folds, as the paper did.

    Patients that are held out take part in no trial. The same command goes on with a search that was ended; more
    values or --trials add to it. Writes a table, a page and the chosen configuration, which `bench train --config`
    reads.
    """
    from benchmark.cli.console import show
    from benchmark.cli.interrupted import interruption
    from benchmark.contracts.workspace import Workspace
    from benchmark.report.printing.forms import to_rich
    from benchmark.report.tables.trials import trial_table
    from clip_nodule.search.outcome import CONFIG as CHOSEN
    from clip_nodule.search.outcome import PAGE, TABLE
    from clip_nodule.search.trials import CHOSEN_BY, FAILED
    from clip_nodule.train import TrainingRequest
    from clip_nodule.tune import TRIAL, Search, run_search

    flags = {
        "folds": folds,
        "test_fraction": test_fraction,
        "hold_out": shares_by_cohort(hold_out),
        "epochs": epochs,
        "parallel": parallel,
    }
    texts = texts_by_cohort(text, cohort)
    request = TrainingRequest(
        config, given_settings(flags, set_), texts, device, seed, splits, place=place_of(workers)
    )
    search = Search(sweep, trials, choose_by.value, name)
    with interruption(lambda: KEPT), progress(f"search on {' and '.join(cohort)}") as step:

        def report(done: int, total: int, text: str = "", /) -> None:
            if text.startswith(TRIAL):
                typer.echo(text, err=True)
            else:
                step(done, total)

        searched = run_search(cohort, search, request, Workspace(cohorts, results), progress=report)
    show(to_rich(trial_table(searched.trials, searched.varied, CHOSEN_BY[search.by])))
    for note in searched.notes:
        typer.echo(note)
    typer.echo(f"table: {searched.folder / TABLE}")
    typer.echo(f"page: {searched.folder / PAGE}")
    typer.echo(f"chosen: {searched.folder / CHOSEN}")
    typer.echo(f"its model: bench score --cohort {shlex.quote(cohort[0])} --run {shlex.quote(searched.best[0])}")
    if searched.best[0] != searched.trials["run"].iloc[-1]:
        typer.echo("  (without --run the newest run scores, which is another trial)")
    words = [*(word for one in cohort for word in ("--cohort", one)), "--config", str(searched.folder / CHOSEN)]
    words += [word for one in text or [] for word in ("--text", one)]
    words += ["--splits", str(splits)] if splits is not None else []
    words += ["--seed", str(seed)] if seed else []
    typer.echo(f"train with it: bench train {shlex.join(words)}")
    if (searched.trials["state"] == FAILED).any():
        raise typer.Exit(3)  # done in part: the same command tries again what failed


KEPT = "trials that were trained are kept; the same command goes on where it stopped"
