"""Scores of the same nodules, scanned or reconstructed more than once: read, and brought side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.contracts.any_table import TableForm, read_any_table, without_missing
from benchmark.contracts.folds import with_pooled_scores
from benchmark.contracts.looks import looks_of
from benchmark.contracts.odd_scores import note_on_codes
from benchmark.contracts.scores import ENSEMBLE, read_score_table
from benchmark.errors import InputError, Problem

LONG = ("nodule_id", "scan", "score")
NODULE = ["pid", "nodule_id"]


@dataclass(frozen=True)
class RepeatedScans:
    """Scores of one or more models in every scan.

    Attributes:
        scans: What the scans are called.
        models: Model → a row a nodule: ``pid, nodule_id`` and the score in each scan, NaN without one.
        patients: Whether it is known whom a nodule belongs to.
    """

    scans: tuple[str, ...]
    models: dict[str, pd.DataFrame]
    patients: bool = True


def read_repeated_scans(
    files: Sequence[Path], one_model: str | None = None, form: TableForm | None = None
) -> RepeatedScans:
    """Read a score table a scan, or one long table of all of them.

    Args:
        files: Two or more score tables, whose pooled scores count; or one table (CSV, TSV, Excel or Parquet) with
            the columns ``nodule_id, scan, score``, and ``pid`` and ``model`` where there are such.
        one_model: The name of the one model that every table holds, under whatever name.
        form: How the one table is written, where that is not to be found.

    Raises:
        InputError: A file is wrong, the tables hold different models, or a nodule is scored twice in one scan.
    """
    if len(files) == 1:
        return _one_long_table(files[0], one_model, form or TableForm())
    if form not in (None, TableForm()):
        what = "says how one table of all scans is written, and these are score tables"
        raise InputError(Problem(what, "leave --sep, --encoding, --decimal and --sheet out"))
    if len({path.resolve() for path in files}) < len(files):
        raise InputError(Problem("a file is given twice", "give a table a scan, each once"))
    read = [_scores_of_scan(path) for path in files]
    scans = _names_of_scans(files, read)
    tables = _same_models(files, read, one_model)
    models: dict[str, pd.DataFrame] = {}
    for model in dict.fromkeys(tables[0]["model"]):
        parts = [table[table["model"] == model] for table in tables]
        _refuse_different_kinds(files, parts, str(model))
        sides = [part.set_index(NODULE)["score"].rename(scan) for part, scan in zip(parts, scans, strict=True)]
        models[str(model)] = pd.concat(sides, axis=1, sort=False).reset_index()
        if not sides[0].index.isin(sides[1].index).any():
            examples = [f"{pid!r}, {nodule!r}" for pid, nodule in (part.index[0] for part in sides[:2])]
            what = (
                f"{model}: no nodule of the first table stands in the second: (pid, nodule_id) is ({examples[0]}) "
            )
            fix = "give the nodules the same ids in both"
            raise InputError(Problem(f"{what}in one and ({examples[1]}) in the other", fix, files[1]))
    return RepeatedScans(scans, models)


def _scores_of_scan(path: Path) -> pd.DataFrame:
    """Pooled scores of a score table."""
    table = read_score_table(path)
    cohorts = table["cohort"].unique()
    if len(cohorts) > 1:
        what = f"holds scores of several cohorts: {', '.join(cohorts)}"
        raise InputError(Problem(what, "give a table a scan, each of one cohort", path))
    pooled = with_pooled_scores(table)
    return pooled[pooled["fold"] == ENSEMBLE]


def _names_of_scans(files: Sequence[Path], tables: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    """What tells the scans apart: the cohorts, else the files' names, else their paths."""
    for names in ([str(table["cohort"].iloc[0]) for table in tables], [path.stem for path in files]):
        if len({looks_of(name) for name in names}) == len(names):
            return tuple(names)
    return tuple(path.as_posix() for path in files)


def notes_on_codes(repeated: RepeatedScans) -> list[str]:
    """Models with scores that may say that there is none: one of them decides every measure of agreement."""
    found = []
    for model, table in repeated.models.items():
        if why := note_on_codes(table[list(repeated.scans)].to_numpy(np.float64).ravel(), "scores"):
            found.append(f"Warning: {model}: {why}.")
    return found


def _same_models(
    files: Sequence[Path], tables: Sequence[pd.DataFrame], one_model: str | None
) -> Sequence[pd.DataFrame]:
    """The tables, all with the same models.

    Raises:
        InputError: They hold different ones, and nobody said that all are one.
    """
    held = [list(dict.fromkeys(table["model"])) for table in tables]
    if one_model is not None:
        several = [(path, names) for path, names in zip(files, held, strict=True) if len(names) > 1]
        if several:
            raise InputError(
                [Problem(f"holds {len(names)} models", "leave --one-model out", path) for path, names in several]
            )
        return [table.assign(model=one_model) for table in tables]
    if len({frozenset(names) for names in held}) > 1:
        fix = "give tables of the same models; if the names stand for one model, --one-model NAME says so"
        raise InputError(
            [Problem(f"models: {', '.join(names)}", fix, path) for path, names in zip(files, held, strict=True)]
        )
    return tables


def _refuse_different_kinds(files: Sequence[Path], parts: Sequence[pd.DataFrame], model: str) -> None:
    """Probabilities beside logits agree in nothing."""
    kinds = [", ".join(sorted(part["score_kind"].unique())) for part in parts]
    if len(set(kinds)) > 1:
        problems = [
            Problem(f"scores of {model} are of the kind {kind}", "give the same kind in every table", path)
            for path, kind in zip(files, kinds, strict=True)
        ]
        raise InputError(problems)


def _one_long_table(path: Path, one_model: str | None, form: TableForm) -> RepeatedScans:
    """Scores of all scans below each other."""
    table = read_any_table(path, form, LONG)
    table.frame["score"] = without_missing(table.frame["score"])
    frame, patients = table.frame, "pid" in table.frame
    score = table.number("score")
    columns = ["model", *NODULE, "scan"]
    named = [column for column in columns if column in frame]
    for column in named:
        table.check_ids(column)
    key = pd.DataFrame({column: frame.get(column, "") for column in columns}, frame.index)
    table.report(key.duplicated(), "nodule_id", "is scored twice in one scan", "keep one row")
    table.finish()
    if one_model is not None and "model" in frame:
        raise InputError(Problem("the table names its models", "leave --one-model out", path, column="model"))
    if "model" not in frame:
        key["model"] = one_model or path.stem
    scans = tuple(map(str, dict.fromkeys(key["scan"])))
    if len(scans) < 2:
        raise InputError(Problem(f"holds one scan: {scans[0]}", "two or more can agree", path, column="scan"))
    models = {}
    for model, rows in key.assign(score=score).groupby("model", sort=False):
        wide = rows.pivot(index=NODULE, columns="scan", values="score").reindex(columns=list(scans))
        models[str(model)] = wide.reset_index().rename_axis(columns=None)
    return RepeatedScans(scans, models, patients)
