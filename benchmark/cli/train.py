"""``bench train``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.choices import (
    Ablation,
    Augmentation,
    Device,
    Encoder,
    Modality,
    Position,
    RecipeName,
    Sampling,
    Selection,
    Tracking,
    TrainingPrecision,
    Tuning,
)
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
from benchmark.errors import InputError, Problem

if TYPE_CHECKING:
    from benchmark.contracts.workspace import Workspace

EXAMPLE = (
    "Example: bench train --cohort nlst --config tiny-cpu --name clip --seed 1\n\n"
    "Example: bench train --cohort nlst --cohort lidc --hold-out nlst=0.2 --config zhuang2025"
)


@with_place
def train(
    cohort: COHORT,
    cohorts: COHORTS = Path("cohorts"),
    results: RESULTS = Path("results"),
    config: CONFIG = "tiny-cpu",
    name: Annotated[
        str | None, typer.Option(help="Name of the run; default made of what it is and a number.")
    ] = None,
    text: TEXT = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run --name, or the newest.")] = False,
    resume_elsewhere: Annotated[
        bool,
        typer.Option(
            "--resume-elsewhere",
            help="Go on though the device or the precision is another than the run began with: rounding changes "
            "midway, and the run is repeatable on neither.",
        ),
    ] = False,
    ablation: Annotated[Ablation | None, typer.Option(help="Train every row of that table.")] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    modality: Annotated[
        Modality | None, typer.Option(help="clip: images and texts; vision: images alone.")
    ] = None,
    tuning: Annotated[Tuning | None, typer.Option(help="Which weights are trained.")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="A ViT of open_clip, hf-hub:OWNER/MODEL, local-dir:FOLDER, tiny or tiny-fast."),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            help="Its weights: a tag of open_clip; own for those of an hf-hub model; a file in open_clip's, "
            "Hugging Face's or this project's names (.safetensors, or .pt and .bin of tensors alone), "
            "RUN/fold_0/backbone.safetensors of a run with --tuning full among them; none for random ones."
        ),
    ] = None,
    recipe: Annotated[RecipeName | None, typer.Option(help="How crops and planes are cut.")] = None,
    folds: FOLDS = None,
    test_fraction: TEST_FRACTION = None,
    hold_out: HOLD_OUT = None,
    splits: SPLITS = None,
    epochs: EPOCHS = None,
    batch_size: Annotated[int | None, typer.Option(help="Nodules a step.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Steps whose gradients are added up.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--lr", help="AdamW's learning rate.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without improvement before a loss (or the AUROC) counts as stopped.")
    ] = None,
    select: Annotated[
        Selection | None, typer.Option(help="Loss, or auroc, on validation patients that chooses the best state.")
    ] = None,
    sampling: Annotated[Sampling | None, typer.Option(help="What batches are balanced by.")] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the low-rank updates.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Their scale.")] = None,
    position: Annotated[Position | None, typer.Option(help="Layers with low-rank updates.")] = None,
    encoder: Annotated[Encoder | None, typer.Option(help="Encoders with low-rank updates.")] = None,
    params: Annotated[str | None, typer.Option(help="Projections, e.g. q,k,v.")] = None,
    augment: Annotated[Augmentation | None, typer.Option(help="How images are varied.")] = None,
    precision: Annotated[TrainingPrecision | None, typer.Option(help="Numbers to train with.")] = None,
    compile_: Annotated[
        bool,
        typer.Option("--compile", help="Train through torch.compile; needs a compiler, and minutes at first."),
    ] = False,
    track: Annotated[
        list[Tracking] | None,
        typer.Option(help="Log of epochs: tensorboard (default) or mlflow (results/mlflow.db); may be repeated."),
    ] = None,
    parallel: PARALLEL = None,
    workers: Jobs = None,
    set_: SET = None,
) -> None:
    """Train the model with cross-validation over the patients of one cohort or several.

    Settings come from --config; flags win over it. A killed run goes on with --resume, an ablation
    by itself.
    """
    flags = {
        "modality": modality,
        "tuning": tuning,
        "backbone": backbone,
        "pretrained": pretrained,
        "recipe": recipe,
        "folds": folds,
        "test_fraction": test_fraction,
        "hold_out": shares_by_cohort(hold_out),
        "epochs": epochs,
        "batch_size": batch_size,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "patience": patience,
        "select": select,
        "sampling": sampling,
        "rank": rank,
        "alpha": alpha,
        "position": position,
        "encoder": encoder,
        "params": None if params is None else params.replace(",", " ").split(),
        "augment": augment,
        "precision": precision,
        "compile": compile_ or None,
        "track": [kind.value for kind in track] if track else None,
        "parallel": parallel,
    }
    from benchmark.cli.console import show
    from benchmark.cli.interrupted import interruption
    from benchmark.contracts.workspace import Workspace
    from benchmark.report.printing.forms import to_rich
    from clip_nodule.ablation import ROW, ablation_table, run_ablation
    from clip_nodule.search.validation_metrics import validation_lines
    from clip_nodule.train import ORIGIN, TrainingRequest, train_run

    if resume_elsewhere and not (resume or ablation):
        raise InputError(Problem("goes with --resume alone", "leave it out", column="--resume-elsewhere"))
    settings = given_settings(flags, set_)
    request = TrainingRequest(
        config, settings, texts_by_cohort(text, cohort), device, seed, splits, resume_elsewhere, place_of(workers)
    )
    workspace = Workspace(cohorts, results)
    table = run = None
    before = newest_number(results)
    going_on = partial(how_to_go_on, workspace, name, before, resume=resume, ablation=ablation is not None)
    with interruption(going_on), progress(f"train on {' and '.join(cohort)}") as step:

        def report(done: int, total: int, text: str = "", /) -> None:
            if not text.startswith(ROW):
                step(done, total)
            if text.startswith(("fold", ORIGIN, ROW)):
                typer.echo(text, err=True)

        if ablation is not None:
            table = run_ablation(ablation.value, cohort, request, workspace, name=name, progress=report)
        else:
            run = train_run(cohort, request, workspace, name=name, resume=resume, progress=report)
    if table is not None:
        show(to_rich(ablation_table(table)))
        typer.echo(f"table: {table}")
    if run is not None:
        for line in validation_lines(run):
            typer.echo(line)
        typer.echo(f"run: {run}")
        for name_of_cohort in cohort:
            typer.echo(f"score with it: bench score --cohort {name_of_cohort} --run {run.name}")


def newest_number(results: Path) -> int:
    """The largest number of a run; -1 if there is none, or if it cannot be told."""
    from clip_nodule.runs.run_folder import list_runs

    try:
        return max((number for number, _ in list_runs(results)), default=-1)
    except InputError:
        return -1


def how_to_go_on(workspace: Workspace, name: str | None, before: int, *, resume: bool, ablation: bool) -> str:
    """What is kept of training that was interrupted, and what to type.

    Args:
        workspace: Where its runs are.
        name: The name that was given.
        before: Number of the newest run when it began.
        resume: It was going on already.
        ablation: It was training the rows of an ablation.
    """
    from clip_nodule.runs.run_folder import MANIFEST, list_runs

    if ablation or resume:
        return "what was trained is kept; the same command goes on where it stopped"
    try:
        begun = [folder.name for number, folder in list_runs(workspace.results) if number > before]
    except InputError:
        begun = []
    if name is not None and (workspace.run(name) / MANIFEST).is_file():
        begun = [name]
    if not begun:
        return "no run was begun yet; crops that were made are kept, and the same command begins again"
    run = begun[-1]
    given = "" if name is not None else f" --name {run}"
    return f"the run {run} is kept; go on where it stopped with the same command and --resume{given}"
