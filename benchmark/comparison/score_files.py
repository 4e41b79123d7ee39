"""Finding the score tables of the cohorts and models that are to be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from benchmark.contracts.looks import other_spellings
from benchmark.contracts.scores import COLUMNS, KEY, read_score_table, year_columns
from benchmark.contracts.text_table import nearest
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished

ReadTable = Callable[[Path], pd.DataFrame]
"""Reads a score table; one that remembers spares a second reading where cards are looked at too."""
FIX = "run `bench score` or `bench adapt`"


def score_paths(workspace: Workspace, cohort: str) -> dict[str, Path]:
    """Score tables of a cohort, ``scores/<cohort>/*``, by the name of the file.

    Raises:
        InputError: Two tables have one name, such as ``m.csv`` and ``m.parquet``.
    """
    folder = workspace.scores(cohort)
    paths = [path for path in list_finished(folder) if path.suffix in (".csv", ".parquet")]
    found = {path.stem: path for path in paths}
    if len(found) < len(paths):
        twins = [path for path in paths if found[path.stem] != path]
        what = "stands beside a table of the same name with another ending"
        raise InputError([Problem(what, "remove or rename one of the two", path) for path in twins])
    return found


def read_scores(
    workspace: Workspace,
    cohorts: Sequence[str],
    models: Sequence[str] = (),
    read: ReadTable = read_score_table,
) -> dict[str, pd.DataFrame]:
    """Read the score tables of the cohorts.

    A model is found by the name of its file or by what the column ``model`` of a table says. A model that has no
    scores on one of the cohorts is left out there.

    Args:
        workspace: Where the score tables are.
        cohorts: Names of the cohorts.
        models: Which models, in which order; all when empty.
        read: How a table is read.

    Returns:
        Rows of score tables by cohort.

    Raises:
        InputError: A table is wrong, two tables score the same case, a cohort has no scores of any of the models,
            or a model has none on any cohort.
    """
    found = {cohort: _of_cohort(workspace, cohort, list(dict.fromkeys(models)), read) for cohort in cohorts}
    known = {name for tables in found.values() for name in tables}
    problems = []
    for model in dict.fromkeys(models):
        if model not in known:
            hint = nearest(model, sorted({stem for cohort in cohorts for stem in score_paths(workspace, cohort)}))
            what = f"no scores of model {model!r} on any of the cohorts{hint}"
            problems.append(Problem(what, FIX, workspace.all_scores))
    for cohort, tables in found.items():
        if not tables and not problems:
            what = (
                "holds no scores of the models asked for"
                if score_paths(workspace, cohort)
                else "holds no score tables"
            )
            problems.append(Problem(what, f"{FIX} for this cohort", workspace.scores(cohort)))
    if problems:
        raise InputError(problems)
    return {cohort: _checked_tables(workspace, cohort, tables) for cohort, tables in found.items()}


def _of_cohort(workspace: Workspace, cohort: str, models: list[str], read: ReadTable) -> dict[str, pd.DataFrame]:
    paths = score_paths(workspace, cohort)
    if not models:
        return {stem: read(path) for stem, path in paths.items()}
    tables = {model: read(paths[model]) for model in models if model in paths}
    missing = [model for model in models if model not in paths]
    others = [stem for stem in paths if stem not in tables] if missing else []
    for table in (read(paths[stem]) for stem in others):
        for model in missing:
            rows = table[table["model"] == model]
            if len(rows):
                tables[model] = rows
    return {model: tables[model] for model in models if model in tables}


def _checked_tables(workspace: Workspace, cohort: str, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    joined = pd.concat(list(tables.values()), ignore_index=True)
    joined = joined[[*COLUMNS, *year_columns(joined)]]
    of_cohort = joined[joined["cohort"] == cohort]
    paths = score_paths(workspace, cohort)
    problems = [
        Problem(
            f"holds scores of cohort {', '.join(sorted(set(table['cohort'])))} only",
            f"the column cohort must say {cohort}",
            paths.get(name, workspace.scores(cohort)),
        )
        for name, table in tables.items()
        if not (table["cohort"] == cohort).any()
    ]
    for name, table in tables.items():
        counts = table["cohort"].value_counts()
        for other in other_spellings(cohort, map(str, counts.index)):
            what = f"{counts[other]:,} rows are of cohort {other!r}, which is {cohort!r} but for case or blanks"
            place = paths.get(name, workspace.scores(cohort))
            problems.append(Problem(what, f"the column cohort must say {cohort}", place))
    if of_cohort.duplicated(KEY).any():
        twice = sorted(set(of_cohort.loc[of_cohort.duplicated(KEY), "model"]))
        what = f"two tables hold the same cases of model {', '.join(map(repr, twice))}"
        problems.append(Problem(what, "give each table its own model name", workspace.scores(cohort)))
    if problems:
        raise InputError(problems)
    return of_cohort.reset_index(drop=True)
