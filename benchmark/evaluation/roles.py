"""Which column of a table is the patient, the label, the fold, the cohort: as the user says, or by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from benchmark.contracts.any_table import UNNAMED, without_missing
from benchmark.contracts.dialect import parse_numbers
from benchmark.contracts.looks import other_spellings
from benchmark.contracts.roles import ALONE, NAMES, SCORES, check_roles, columns_called, plain_name
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.text_table import TextTable, nearest
from benchmark.errors import InputError, Problem, noting
from benchmark.evaluation.labels import are_labels, meaning_of_label
from benchmark.evaluation.options import NONE, ReadingOptions

_FOLD: Final = re.compile(rf"(\d{{1,9}})(\.0+)?|{ENSEMBLE}")
_MOST_COHORTS: Final = 20
_SHOWN: Final = 6


@dataclass
class Roles:
    """What the columns of a table are.

    Attributes:
        label: Column of the label.
        patient: Column of the patient; None where each row is one.
        nodule: Column of the nodule in the patient.
        cluster: Column of what rows belong to.
        fold: Column of the fold.
        cohort: Column that parts the file into cohorts.
        model: Column of the model's name, in a long table.
        score: Column of the score, in a long table.
        left_out: Column → why it is none of these and no model.
        notes: Sentences on what was guessed.
    """

    label: str
    patient: str | None = None
    nodule: str | None = None
    cluster: str | None = None
    fold: str | None = None
    cohort: str | None = None
    model: str | None = None
    score: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def taken(self) -> list[str]:
        """Columns that have a role."""
        cases = (self.patient, self.nodule, self.cluster)
        others = (self.label, self.fold, self.cohort, self.model, self.score)
        return [name for name in (*cases, *others) if name is not None]


def choose_roles(table: TextTable, options: ReadingOptions) -> Roles:
    """Find the role of every column but those of scores.

    Raises:
        InputError: A column that is named is not there or has two roles, or there are several columns that could
            have a role, or none that must.
    """
    frame = table.frame
    _check_named(table, options)
    columns = [name for name in map(str, frame) if name not in options.named.values() and name != options.by]
    roles, problems = Roles(options.label or ""), list[Problem]()
    if options.label is None:
        with noting(problems):
            roles.label = _find_label(table, columns)
    columns = [name for name in columns if name != roles.label]
    roles.cluster = options.cluster
    with noting(problems):
        _take_patient(roles, table, columns, options)
    if problems:
        raise InputError(problems)
    filled = [name for name in columns if (frame[name] != "").any()]
    roles.nodule = _named_or_called(options.nodule, filled, "nodule_id", roles)
    if roles.patient is None and options.nodule is None:
        roles.nodule = None
    _take_fold(roles, table, columns, options)
    _take_cohort(roles, table, columns, options)
    _refuse_parts(table, columns, options)
    models, scores = columns_called(columns, "model"), [c for c in columns if plain_name(c) in SCORES]
    if len(models) == 1 and len(scores) == 1 and np.isnan(parse_numbers(frame[models[0]], ".")).all():
        roles.model, roles.score = models[0], scores[0]
    for name in columns:
        if name not in roles.taken and (role := _role_by_name(name, frame[name])):
            roles.left_out.setdefault(name, f"called as {role}")
    return roles


def _check_named(table: TextTable, options: ReadingOptions) -> None:
    named = {**options.named, **({"--by": options.by} if options.by is not None else {})}
    check_roles(named, "the same column", table.path)
    columns = [str(name) for name in table.frame]
    fix = f"columns: {', '.join(columns)}"
    problems = [
        Problem(f"is no column{nearest(name, columns)}", fix, table.path, 1, option, name)
        for option, name in named.items()
        if name not in table.frame
    ]
    if problems:
        raise InputError(problems)


def _find_label(table: TextTable, columns: Sequence[str]) -> str:
    frame = table.frame
    called = columns_called(columns, "label")
    good = [name for name in called if are_labels(frame[name])]
    if len(good) == 1 or (not good and len(called) == 1):
        return (good or called)[0]
    if len(good) > 1:
        meant = [without_missing(frame[name]).map(meaning_of_label) for name in good]
        if all(meant[0].equals(other) for other in meant[1:]):
            return good[0]
        what = "several columns could be the label, and they differ: " + _counted(frame, good)
        raise InputError(Problem(what, f"name it: --label {good[0]}", table.path, 1))
    if called:
        what = f"no column called as a label holds both labels: {', '.join(called)}"
        raise InputError(Problem(what, f"name it: --label {called[0]}", table.path, 1))
    could = [name for name in columns if are_labels(frame[name])][:_SHOWN]
    could = could or [name for name in columns if len(set(without_missing(frame[name])) - {""}) == 2][:_SHOWN]
    what = "no column is called as a label (label, malignant, y, y_true, cancer, outcome, ...)"
    if could:
        what += f"; with two values that could be one: {_counted(frame, could)}"
    fix = f"name it: --label {could[0] if could else 'COLUMN'}; columns: {', '.join(map(str, frame))}"
    raise InputError(Problem(what, fix, table.path, 1))


def _counted(frame: pd.DataFrame, names: Sequence[str]) -> str:
    """Columns with how often each value stands in them."""
    return "; ".join(f"{name!r} ({_counts(without_missing(frame[name]))})" for name in names)


def _counts(cells: pd.Series) -> str:
    """The most frequent values of a column and how often each stands there."""
    counts = cells.value_counts().head(_SHOWN)
    return ", ".join(f"{value or 'empty'}: {number:,}" for value, number in counts.items())


def _take_patient(roles: Roles, table: TextTable, columns: Sequence[str], options: ReadingOptions) -> None:
    """The column of the patient; without one, of the scan or nodule, and at last the row itself."""
    if options.patient is not None:
        roles.patient = None if options.patient == NONE else options.patient
        return
    called = _by_priority(columns, "pid")
    if called:
        roles.patient = called[0]
        return
    each = "each counts as a patient of its own. If patients have several rows, name theirs with --id"
    for role, word in (("scan_id", "scan"), ("nodule_id", "nodule")):
        if called := _by_priority(columns, role):
            roles.patient = called[0]
            if options.cluster is None:
                roles.notes.append(f"No column names the patient, {called[0]!r} names the {word}: {each}.")
            return
    index = next((name for name in columns if UNNAMED.fullmatch(name) and not _are_row_numbers(table, name)), None)
    if index is not None:
        roles.patient = index
        roles.notes.append("The column without a name is taken for the patient's id.")
        return
    could = [name for name in columns if _looks_like_ids(table, name)]
    if could:
        what = f"no column is called as an id of patients, and {', '.join(map(repr, could[:_SHOWN]))} could be one"
        fix = f"say --id {could[0]}, or --id {NONE} if each row is a patient of its own"
        raise InputError(Problem(what, fix, table.path, 1))
    if options.cluster is None:
        roles.notes.append(f"No column names the patient: rows have no id, and {each}.")


def _by_priority(columns: Sequence[str], role: str) -> list[str]:
    order = [plain_name(name) for name in (*NAMES.get(role, ()), *ALONE.get(role, ()))]
    return sorted(columns_called(columns, role), key=lambda name: order.index(plain_name(name)))


def _are_row_numbers(table: TextTable, column: str) -> bool:
    """Whether a column counts the rows, as pandas' index does; a filtered one still rises."""
    numbers = parse_numbers(table.frame[column], ".")
    return bool((numbers % 1 == 0).all() and (len(numbers) < 2 or (np.diff(numbers) > 0).all()))


def _looks_like_ids(table: TextTable, column: str) -> bool:
    """Whether a column of text differs in most rows."""
    cells = table.frame[column]
    if cells.nunique() <= len(cells) / 2:
        return False
    return bool(np.isnan(parse_numbers(cells, table.decimal)).mean() > 0.5)


def _named_or_called(given: str | None, columns: Sequence[str], role: str, roles: Roles) -> str | None:
    if given is not None:
        return None if given == NONE else given
    return next((name for name in _by_priority(columns, role) if name not in roles.taken), None)


def _take_fold(roles: Roles, table: TextTable, columns: Sequence[str], options: ReadingOptions) -> None:
    fold = _named_or_called(options.fold, columns, "fold", roles)
    if fold is None:
        return
    cells = table.frame[fold].str.strip()
    wrong = [cell for cell in cells.unique() if not _FOLD.fullmatch(cell)]
    if wrong and options.fold is None:
        roles.left_out[fold] = f"called as a fold, but {wrong[0]!r} is no number of one"
    elif wrong:
        rows = cells.isin(wrong)
        table.report(rows, fold, f"is neither the number of a fold nor {ENSEMBLE!r}", "correct it, or --fold none")
    elif cells.nunique() == 1:
        roles.left_out[fold] = "a single fold"
    else:
        roles.fold = fold
        roles.notes.append(
            f"{fold!r} is taken for the fold: of a cross-validation that held the row out, or of one of several "
            f"models that scored every case; --fold {NONE} if it is neither."
        )


def fold_names(cells: pd.Series) -> pd.Series:
    """Cells of a fold column as score tables write them: ``1.0`` and ``01`` are fold 1."""
    return cells.str.strip().str.replace(r"^0*(\d+)(\.0+)?$", r"\1", regex=True)


def _take_cohort(roles: Roles, table: TextTable, columns: Sequence[str], options: ReadingOptions) -> None:
    cohort = _named_or_called(options.cohort, columns, "cohort", roles)
    if cohort is None:
        return
    values = table.frame[cohort].str.strip()
    if options.cohort is None and values.nunique() == 1:
        roles.left_out[cohort] = f"{values.iloc[0]!r} in every row"
        return
    if values.nunique() > _MOST_COHORTS:
        what = f"holds {values.nunique():,} cohorts"
        fix = f"name another column with --cohort, or --cohort {NONE} to take the file for one cohort"
        raise InputError(Problem(what, fix, table.path, 1, cohort))
    table.report(values == "", cohort, "names no cohort", f"fill it, or --cohort {NONE} to take the file for one")
    for value in map(str, values.unique()):
        if twins := other_spellings(value, map(str, values.unique())):
            what = f"cohorts {' and '.join(map(repr, (value, *twins)))} differ only in case or blanks"
            raise InputError(Problem(what, f"write them in one way, or --cohort {NONE}", table.path, 1, cohort))
    roles.cohort = cohort
    if options.cohort is None:
        roles.notes.append(f"{cohort!r} parts the file into cohorts; --cohort {NONE} if it does not.")


def _refuse_parts(table: TextTable, columns: Sequence[str], options: ReadingOptions) -> None:
    """Refuse rows of training and test taken together."""
    problems = []
    for name in columns_called(columns, "part"):
        values = table.frame[name].str.strip()
        if name not in options.only and values.nunique() > 1:
            what = f"parts the rows ({_counts(values)}), and which are to be evaluated is not said"
            fix = f"--only {name}={values.value_counts().index[-1]}, or rename the column if all rows count"
            problems.append(Problem(what, fix, table.path, 1, name))
    if problems:
        raise InputError(problems)


def _role_by_name(name: str, cells: pd.Series) -> str:
    """What a column is called as that has not got this role; empty where it could be a score all the same."""
    words = {
        "pid": "an id of patients",
        "scan_id": "an id of scans",
        "nodule_id": "an id of nodules",
        "fold": "a fold",
        "date": "a date",
        "label": "a label",
        "cohort": "a cohort",
        "part": "a part of the data",
        "model": "the name of a model",
    }
    found = next((role for role in words if columns_called([name], role)), "")
    if found == "label" and not are_labels(cells):
        return ""
    if found == "model" and not np.isnan(parse_numbers(cells, ".")).all():
        return ""
    return words.get(found, "")
