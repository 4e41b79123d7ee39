"""``bench explain``: zero-shot semantic features of a cohort, or of one nodule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmark.report.table import Table

EXAMPLE = "Example: bench explain --cohort nlst --nodule 000012:1"


def explain(
    cohort: Annotated[str, typer.Option(help="Cohort whose nodules to explain.")],
    run: Annotated[str | None, typer.Option(help="Run folder or its name; the newest by default.")] = None,
    nodule: Annotated[str | None, typer.Option(help="Show one nodule, given as PID:NODULE_ID.")] = None,
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    results: Annotated[Path, typer.Option(help="Folder of runs, crops and what is written.")] = Path("results"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="RESULTS/explain/COHORT by default.")] = None,
    prompts: Annotated[Path | None, typer.Option(help="YAML: feature column to class to sentence.")] = None,
    patients: Annotated[
        str, typer.Option(help="auto (held-out patients of the training cohort), or all.")
    ] = "auto",
    minimum: Annotated[int, typer.Option(min=1, help="Fewest positives of a class for a number.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Predict semantic features by prompts alone, and compare them with the radiologists'."""
    from clip_nodule.inference.zero_shot import read_prompts

    folder = out or results / "explain" / cohort
    sentences = read_prompts(prompts) if prompts else None
    if nodule is not None:
        _one(cohort, nodule, folder, cohorts, results, run, sentences, device)
        return
    from benchmark.cli.console import show
    from benchmark.report.table import to_rich

    table = write_explanation(
        cohort, folder, cohorts=cohorts, results=results, run=run, prompts=sentences,
        patients=patients, device=device, minimum=minimum, seed=seed,
    )  # fmt: skip
    show(to_rich(table))
    typer.echo(f"predictions and tables: {folder}")


def _one(
    cohort: str,
    nodule: str,
    folder: Path,
    cohorts: Path,
    results: Path,
    run: str | None,
    prompts: dict[str, dict[str, str]] | None,
    device: str,
) -> None:
    import hashlib

    from benchmark.cli.console import show
    from benchmark.errors import InputError
    from benchmark.report.table import Cell, Table, to_rich
    from benchmark.written import replacing_own
    from clip_nodule.inference.explain import explain_nodule

    pid, colon, nodule_id = nodule.rpartition(":")
    if not colon:
        raise InputError(f"--nodule {nodule!r} — is no PID:NODULE_ID — e.g. --nodule 000012:1")
    path = folder / f"nodule-{hashlib.sha256(nodule.encode()).hexdigest()[:12]}.png"
    with replacing_own(path) as temporary:
        found = explain_nodule(
            cohort, (pid, nodule_id), temporary,
            cohorts=cohorts, results=results, run=run, prompts=prompts, device=device,
        )  # fmt: skip
    folds = ", ".join(f"{score:.3f}" for score in found.score)
    rows = tuple((Cell(f), Cell(name), Cell(f"{p:.3f}")) for f, name, p in found.profile)
    title = f"{nodule}: probability of malignancy {found.score.mean():.3f} (folds {folds})"
    show(to_rich(Table(title, ("Feature", "Most likely", "Probability"), rows)))
    typer.echo(f"planes and attention: {path}")


def write_explanation(
    cohort: str,
    folder: Path,
    *,
    cohorts: Path,
    results: Path,
    run: Path | str | None = None,
    prompts: dict[str, dict[str, str]] | None = None,
    patients: str = "auto",
    device: str = "auto",
    minimum: int = 5,
    seed: int = 0,
) -> Table:
    """Explain a cohort and write predictions and tables to ``folder``; returns the table of AUROCs."""
    from benchmark.cli.progress import progress
    from benchmark.comparison.semantic import semantic_tables
    from benchmark.contracts.text_table import write_table
    from benchmark.report.names import Names
    from benchmark.report.table import write_forms
    from benchmark.report.tables.semantic import semantic_table
    from benchmark.written import aside, check_own, move_in
    from clip_nodule.inference.explain import explain_cohort

    check_own(folder, ["predictions.csv", "semantic.csv", "semantic_classes.csv"])

    with progress(f"zero-shot on {cohort}") as step:
        found = explain_cohort(
            cohort, cohorts=cohorts, results=results, run=run, prompts=prompts,
            patients=patients, device=device, progress=step,
        )  # fmt: skip
    features, classes = semantic_tables(found.nodules, found.predictions, minimum=minimum, seed=seed)
    table = semantic_table(features, cohort, Names())
    with aside(folder) as made:
        write_table(found.predictions, made / "predictions.csv")
        write_table(features, made / "semantic.csv")
        write_table(classes, made / "semantic_classes.csv")
        write_forms(table, made / "semantic")
        move_in(made, folder)
    return table
