"""The whole of a comparison: read, evaluate, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark import __version__
from benchmark.comparison.evaluate import RECALLS, evaluate
from benchmark.comparison.units import Unit, find_scores, gather
from benchmark.contracts.cohort import load_cohort
from benchmark.errors import InputError, Problem
from benchmark.report.table import Table
from benchmark.report.write import write_comparison


def compare_cohorts(
    names: Sequence[str],
    *,
    out: Path,
    models: Sequence[str] = (),
    results: Path = Path("results"),
    cohorts: Path = Path("cohorts"),
    unit: str = "patient",
    recalls: Sequence[float] = RECALLS,
    replicates: int = 2000,
    seed: int = 0,
    model_titles: dict[str, str] | None = None,
) -> list[Table]:
    """Compare the models that have scores on each of the cohorts, and write tables and page to ``out``.

    Args:
        names: Cohorts, in the order to print.
        out: Folder to write to.
        models: Models to compare; all that have scores by default.
        results: Folder that holds ``scores/<cohort>/<model>.csv``.
        cohorts: Folder that holds the cohort folders.
        unit: ``patient`` or ``nodule``.
        recalls: Recalls of the operating points.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
        model_titles: Printed names of models.

    Raises:
        InputError: A cohort or a model has no scores, or a table is wrong; nothing was written.
    """
    chosen: Unit
    if unit == "patient":
        chosen = "patient"
    elif unit == "nodule":
        chosen = "nodule"
    else:
        raise InputError(Problem("is no unit", "use patient or nodule", column="--unit", value=unit))
    read = [load_cohort(name, cohorts) for name in dict.fromkeys(names)]
    units = [gather(cohort, find_scores(results, cohort.name, models), chosen) for cohort in read]
    evaluated = [evaluate(scored, recalls=recalls, replicates=replicates, seed=seed) for scored in units]
    titles = {cohort.name: cohort.manifest.title for cohort in read} | (model_titles or {})
    footer = f"nodule-bench {__version__}; {replicates} bootstrap replicates of {unit}s, seed {seed}."
    return write_comparison(out, evaluated, titles, read, footer)
