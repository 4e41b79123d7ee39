"""Files of predictions, one or several a comparison, to the predictions of cohorts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmark.contracts.any_table import read_any_table
from benchmark.contracts.ids import twin_ids
from benchmark.contracts.looks import as_seen, other_spellings
from benchmark.contracts.readings import reader_columns
from benchmark.contracts.roles import columns_called
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import TextTable, nearest
from benchmark.errors import InputError, Problem, noting
from benchmark.evaluation.labels import read_labels, words_of_labels
from benchmark.evaluation.models import ScoreColumns, pivoted, score_columns
from benchmark.evaluation.options import ReadingOptions
from benchmark.evaluation.predictions import CohortPredictions, cohort_name
from benchmark.evaluation.roles import Roles, choose_roles, fold_names
from benchmark.evaluation.several_cohorts import (
    parts_by_cohort,
    titled_cohorts,
    with_own_names,
    with_shared_patients,
)
from benchmark.files import sha256
from benchmark.wording import in_words

A = TypeVar("A")
B = TypeVar("B")


def predictions_of_files(paths: Sequence[Path], options: ReadingOptions | None = None) -> list[CohortPredictions]:
    """Read tables of predictions: a row a case and a column a model, or a row a score.

    Args:
        paths: Files; each is a cohort, or several where a column parts it.
        options: Which column is what, and how the files are written.

    Returns:
        One a cohort, in the order of the files and of their rows.

    Raises:
        InputError: Names everything that is wrong with any of the files, and every choice that is to be made.
    """
    given = options or ReadingOptions()
    tables = _every(paths, lambda path: [_rows_asked_for(read_any_table(path, given.form), given.only)])
    asked = asked_models(given.models, tables)
    said = replace(given, models=list(asked))
    files = [table.path for table in tables]
    found = _every(tables, lambda table: _predictions_of_file(table, said, _shown_name(table.path, files)))
    _check_models_found(found, said.models)
    found = [replace(one, titles=asked) for one in found]
    return titled_cohorts(with_shared_patients(with_own_names(found)), said.cohort_titles)


def _every(things: Iterable[A], made_of: Callable[[A], list[B]]) -> list[B]:
    """What is made of all of some things, or all that is wrong with them."""
    made: list[B] = []
    problems: list[Problem] = []
    for thing in things:
        with noting(problems):
            made += made_of(thing)
    if problems:
        raise InputError(problems)
    return made


def asked_models(texts: Sequence[str], tables: Sequence[TextTable]) -> dict[str, str]:
    """``COLUMN`` and ``COLUMN=TITLE`` as column → title, in the order given.

    The name of a column, or of a model in a long table, may hold ``=``: the longest name that is there wins.
    """
    there = {str(name) for table in tables for name in table.frame}
    for table in tables:
        for column in columns_called(map(str, table.frame), "model"):
            there |= set(table.frame[column].unique())
    asked: dict[str, str] = {}
    for text in texts:
        parts = text.split("=")
        ends = [at for at in range(len(parts), 0, -1) if "=".join(parts[:at]).strip() in there]
        at = ends[0] if ends else 1
        name, title = "=".join(parts[:at]).strip(), "=".join(parts[at:]).strip()
        if name in asked:
            raise InputError(Problem("is given twice", "give it once", column="--model", value=name))
        asked[name] = title or name
    return asked


def _shown_name(path: Path, files: Sequence[Path]) -> str:
    """The name of a file, with its folder where another file has the same name."""
    alone = sum(other.name == path.name for other in files) < 2
    return as_seen(path.name if alone else f"{path.parent.name}/{path.name}")


def _predictions_of_file(table: TextTable, options: ReadingOptions, shown: str) -> list[CohortPredictions]:
    path = table.path
    roles = choose_roles(table, options)
    _refuse_readings(table, roles)
    _refuse_repeated_rows(table, roles)
    for column in (roles.patient, roles.nodule, roles.cluster):
        if column is not None:
            table.check_ids(column)
    if roles.model is not None:
        table.check_ids(roles.model, empty=True)
    absent = None
    if roles.model is not None and roles.score is not None:
        if roles.patient is None:
            what = "holds a row a score, and no column says which rows are of one patient"
            raise InputError(Problem(what, "name it: --id COLUMN", path, 1))
        keys = (roles.patient, roles.nodule, roles.cluster, roles.fold, roles.cohort)
        table.finish()
        table, absent = pivoted(table, roles, [key for key in keys if key is not None])
        known = list(map(str, absent))
        chosen = [name for name in options.models if name in known] or ([] if options.models else known)
        own = score_columns(table, roles, replace(options, models=chosen)) if chosen else _no_scores(table)
        others = [name for name in own.left_out if name not in known]
        own.left_out = {name: roles.left_out.get(name, f"not {roles.score!r}") for name in others}
    else:
        own = _no_scores(table)
        if not options.models or any(name in table.frame for name in options.models):
            with noting(table.problems):
                own = score_columns(table, roles, options)
    labels = read_labels(table, roles.label, options.label_map)
    table.finish()
    whole = _predictions_of_table(table, roles, own, labels, absent)
    whole = replace(
        whole,
        origin=shown,
        hashes={shown: sha256(path)},
        notes=_notes_of_table(table, roles, own, labels, shown),
    )
    return [whole] if roles.cohort is None else list(parts_by_cohort(whole, table.frame[roles.cohort]))


def _no_scores(table: TextTable) -> ScoreColumns:
    """Of a file that has none of the models that are asked for."""
    return ScoreColumns(pd.DataFrame(index=table.frame.index))


def _rows_asked_for(table: TextTable, only: Mapping[str, str]) -> TextTable:
    """The rows that have the values that ``--only`` names."""
    absent = [name for name in only if name not in table.frame]
    if absent:
        columns = [str(name) for name in table.frame]
        fix = f"columns: {', '.join(columns)}"
        raise InputError([Problem(f"is no column{nearest(name, columns)}", fix, table.path, 1, "--only", name)
                          for name in absent])  # fmt: skip
    for name, value in only.items():
        cells = table.frame[name].str.strip()
        keep = (cells == value).to_numpy(bool)
        if not keep.any():
            there = ", ".join(map(repr, cells.unique()[:10]))
            what = f"no row has this value of {name!r}"
            raise InputError(Problem(what, f"values there: {there}", table.path, None, "--only", value))
        _refuse_other_spellings(table, cells, name, value)
        rows = np.flatnonzero(keep)
        lines = [table.line(int(row)) for row in rows]
        table = replace(table, frame=table.frame.iloc[rows].reset_index(drop=True), _lines=lines)
    return table


def _refuse_other_spellings(table: TextTable, cells: pd.Series, name: str, value: str) -> None:
    """Refuse ``--only`` where further rows have the value in another spelling, for they would be left out."""
    counts = cells.value_counts()
    if twins := other_spellings(value, map(str, counts.index)):
        also = " and ".join(f"{counts[other]:,} {other!r}" for other in twins)
        what = f"{counts[value]:,} rows have it, and {also}, which differ only in case or blanks"
        raise InputError(Problem(what, f"write it in one way in {name!r}", table.path, None, "--only", value))


def _refuse_readings(table: TextTable, roles: Roles) -> None:
    """Refuse a row a reading: the readers of a case would be taken for its nodules."""
    case = [name for name in (roles.patient, roles.nodule, roles.cluster) if name is not None]
    for name in reader_columns(map(str, table.frame)) if case else []:
        if name in roles.taken or table.frame.groupby(case)[name].nunique().max() < 2:
            continue
        what = f"says who read a case, and cases have several readers, such as {table.frame[name].iloc[0]!r}"
        fix = "bench readers judges readers and sets models against them; of one reader alone, pass --only "
        raise InputError(Problem(what, f"{fix}{name}=NAME", table.path, 1, name))


def _refuse_repeated_rows(table: TextTable, roles: Roles) -> None:
    """Refuse rows that stand twice to the letter: a patient who is counted twice narrows every interval."""
    if roles.patient is None and roles.cluster is None:
        return
    table.report(
        table.frame.duplicated(),
        str(roles.patient or roles.cluster),
        "the whole row stands in the file twice",
        "remove the second, or add a column that tells the two apart",
    )
    table.finish()
    case = [name for name in (roles.patient, roles.nodule, roles.cluster, roles.fold, roles.cohort) if name]
    if roles.nodule is not None and roles.model is None:
        twice = table.frame.duplicated(case)
        table.report(twice, roles.nodule, "stands twice for one patient", "keep one row, or say --nodule none")
        table.finish()


def _predictions_of_table(
    table: TextTable, roles: Roles, own: ScoreColumns, labels: pd.Series, absent: pd.DataFrame | None
) -> CohortPredictions:
    frame = table.frame
    if roles.patient is None:
        where = as_seen(table.path.name)
        ids = text_column((f"{where} row {table.line(row)}" for row in range(len(frame))), frame.index)
    else:
        ids = frame[roles.patient]
    no_groups = {"", *roles.taken, *own.scores, *([] if absent is None else absent)}
    groups = frame[[name for name in map(str, frame) if name not in no_groups]]
    return CohortPredictions(
        cohort=cohort_name(table.path.stem),
        title=as_seen(table.path.stem),
        ids=ids,
        labels=labels,
        scores=own.scores,
        nodules=None if roles.nodule is None else frame[roles.nodule],
        clusters=None if roles.cluster is None else frame[roles.cluster],
        folds=None if roles.fold is None else fold_names(frame[roles.fold]),
        absent=None if absent is None else absent[list(map(str, own.scores))],
        groups=groups.where(groups != "", None),
    )


def _notes_of_table(
    table: TextTable, roles: Roles, own: ScoreColumns, labels: pd.Series, name: str
) -> tuple[str, ...]:
    """What was taken for what, what for no model, and what was guessed."""
    frame = table.frame
    positive, negative = int((labels == 1).sum()), int((labels == 0).sum())
    counts = f"{positive:,} malignant, {negative:,} benign"
    counts += f", {int(labels.isna().sum()):,} without" if labels.isna().any() else ""
    words = words_of_labels(frame[roles.label], labels)
    taken = [
        f"{'case' if roles.cluster else 'patient'} {roles.patient!r}" if roles.patient else "",
        f"nodule {roles.nodule!r}" if roles.nodule else "",
        f"cluster {roles.cluster!r}" if roles.cluster else "",
        f"label {roles.label!r} ({f'{words}; ' if words else ''}{counts})",
        f"models {', '.join(map(repr, own.scores))} (from {roles.model!r} and {roles.score!r})"
        if roles.model
        else f"models {', '.join(map(repr, own.scores)) or 'none of those asked for'}",
    ]
    notes = [f"{name}, {len(frame):,} rows: {', '.join(part for part in taken if part)}."]
    left = [
        f"{column!r} ({why})" if column else f"a column without a name ({why})"
        for column, why in own.left_out.items()
    ]
    if left:
        notes.append(f"{name}, no model: {', '.join(left)}.")
    notes += [f"{name}: {note}" for note in (*roles.notes, *own.notes)]
    notes += [f"{name}: {note}" for note in _notes_on_rows(table, roles)]
    return tuple(notes)


def _notes_on_rows(table: TextTable, roles: Roles) -> Iterator[str]:
    frame = table.frame
    if roles.cluster is not None:
        yield (
            f"each row is a case of its own (a nodule in the words of tables), and the rows of one "
            f"{roles.cluster!r} are resampled together (a patient)."
        )
    elif roles.patient is not None:
        if twins := twin_ids(map(str, frame[roles.patient].unique())):
            first = frame[roles.patient].isin(twins[0]) & ~frame[roles.patient].duplicated()
            lines = in_words(table.line(int(row)) for row in np.flatnonzero(first))
            yield (
                f"ids that differ only in zeros, blanks or case ({len(twins):,} times, such as those of lines "
                f"{lines}) count as different patients: are they?"
            )
        key = [name for name in (roles.patient, roles.fold, roles.cohort) if name is not None]
        several = frame.loc[frame.duplicated(key, keep=False), roles.patient].nunique()
        if several:
            yield (
                f"{several:,} patients have several rows, which count as their nodules: a patient's score is the "
                "highest, and a patient is malignant if any row is."
            )


def _check_models_found(found: Sequence[CohortPredictions], models: Sequence[str]) -> None:
    known = list(dict.fromkeys(str(name) for one in found for name in one.scores))
    problems = []
    for model in models:
        if model not in known:
            could = list(dict.fromkeys([*known, *(c for one in found if one.groups is not None
                                                  for c in map(str, one.groups))]))  # fmt: skip
            what = f"is no column of scores{nearest(model, could)}"
            problems.append(Problem(what, f"columns: {', '.join(could)}", column="--model", value=model))
    if problems:
        raise InputError(problems)
