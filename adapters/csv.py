"""Any CSV: one score a row, with the columns named by the user, or recognised by common names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import AdapterOptions, ModelCard, Predictions, ScoredUnit
from adapters.path_columns import add_ids_of_paths
from adapters.tables import Tables, named_roles, read_tables, score_frame
from adapters.yearly import columns_of_years, say_years, with_horizons, with_years
from benchmark.contracts.column_guesses import columns_found, guesses, number_columns
from benchmark.contracts.readings import are_ratings, reader_columns
from benchmark.contracts.roles import SCORES, column_of, plain_name
from benchmark.contracts.scores import ENSEMBLE, YEARS
from benchmark.errors import InputError, Problem
from benchmark.wording import first_few

ROLES: Final = ("pid", "scan_id", "nodule_id", "fold", "date", "label")
"""Roles of ``benchmark.contracts.roles`` whose columns are recognised without being named."""
WHOLE: Final = r"^(\d+)(?:\.0+)?$"
CARD = ModelCard(
    name="csv",
    title="Scores from a CSV file",
    reference="",
    inputs="not stated",
    unit="nodule",
    endpoint="not stated",
    horizon_years=None,
    trained_on=None,
    licence="not stated",
    options=("columns", "score_type", "id_pattern", "all_years", "year"),
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read CSV files; ``columns`` names roles that do not have a common name."""
    return [read_as(CARD, files, options)]


def read_as(card: ModelCard, files: Sequence[Path], options: AdapterOptions) -> Predictions:
    """Read CSV files as the scores of the model ``card``.

    Raises:
        InputError: A named column is missing, no column or several could be the score, or a cell is wrong.
    """
    named = named_roles(options, [*ROLES, "path", "score", "horizon", *YEARS])
    tables = read_tables(files, tuple(named.values()), options)
    if options.year is not None and "horizon" not in named:
        what, fix = (
            "is given, and no column says the horizon of a row",
            "pass --column horizon=NAME, or leave it out",
        )
        raise InputError(Problem(what, fix, files[0], column="--year"))
    yearly = {year: named[year] for year in YEARS if year in named}
    if options.all_years and not yearly:
        yearly = columns_of_years(tables.columns, files[0])
        named |= yearly
    roles = {role: name for role, name in named.items() if role not in ("score", "path", "horizon", *YEARS)}
    free = [name for name in tables.columns if name not in named.values()]
    for role in ROLES:
        found = column_of(free, role, tables.text, files[0]) if role not in options.columns else None
        if found is not None:
            roles[role] = found
    last = list(yearly)[-1] if yearly else ""
    score = named.get("score") or yearly.get(last) or _score_column(tables, roles, files[0])
    if options.id_pattern is not None:
        roles |= add_ids_of_paths(tables, roles, named.get("path"), options.id_pattern)
    if not {"pid", "scan_id", "nodule_id", "case"} & set(roles):
        raise InputError(_no_case(tables, files[0]))
    if "pid" in roles and "scan_id" in roles and "nodule_id" in roles:
        roles.pop("scan_id")  # pid and nodule_id name the case; the scan adds nothing
    if "fold" in roles:
        check_folds(tables, roles["fold"])
    frame = score_frame(tables, roles, score, drop_missing=options.drop_missing)
    if yearly:
        frame = with_years(frame, tables, yearly, drop_missing=options.drop_missing)
    if "fold" in roles:
        frame["fold"] = frame["fold"].str.replace(WHOLE, r"\1", regex=True)
    unit = _unit(roles)
    recorded = {"columns": ", ".join(f"{role}={name}" for role, name in {**roles, "score": score}.items())}
    _refuse_readings(tables, score, options.score_type is not None, frame["score"].to_numpy(np.float64), files[0])
    if "horizon" in named:
        return _by_horizon(card, frame, tables, {**roles, "score": score}, named["horizon"], options)
    predictions = Predictions(card.name, frame, unit, options.score_type or "probability", tables.locate, recorded)
    if yearly and "score" not in named:
        what = f"no score was named: a binary endpoint is judged by {score}; --column score=NAME chooses another"
        return say_years(predictions, list(yearly), [what])
    return predictions


def _unit(roles: Mapping[str, str]) -> ScoredUnit:
    return "nodule" if "nodule_id" in roles else "scan" if "scan_id" in roles else "patient"


def _by_horizon(
    card: ModelCard, long: pd.DataFrame, tables: Tables, roles: Mapping[str, str], column: str,
    options: AdapterOptions,
) -> Predictions:  # fmt: skip
    """Scores of a table with a row a case and horizon."""
    frame, first, years = with_horizons(long, tables, column, options.year)
    named = {**roles, "horizon": column}
    recorded = {"columns": ", ".join(f"{role}={name}" for role, name in named.items())}
    chosen = options.year or int(years[-1].removeprefix("year"))
    warnings = [] if options.year else [f"no --year was given: the score is the risk of year {chosen}, the last"]
    predictions = Predictions(
        card.name, frame, _unit(roles), options.score_type or "probability",
        lambda row: tables.locate(int(first[row])), recorded | {"year": str(chosen)},
    )  # fmt: skip
    return say_years(predictions, years, warnings)


def _refuse_readings(tables: Tables, score: str, typed: bool, scores: npt.NDArray[np.float64], file: Path) -> None:
    """Refuse a row a reading, and ratings of a reader or calls that nobody said to be probabilities."""
    readers = [name for name in reader_columns(tables.columns) if tables.text(name).nunique() > 1]
    if readers:
        what = f"column {readers[0]!r} says who read a case, and there are several readers"
        fix = "bench readers judges readers and sets models against them; leave out all but one, and the column"
        raise InputError(Problem(what, fix, file, 1))
    why = "" if typed or scores[np.isfinite(scores)].max(initial=0.0) > 1 else are_ratings(score, scores)
    if why:
        fix = "pass --score-type rank, which uses their order only, or probability if they are"
        raise InputError(Problem(f"holds {why}", fix, file, 1, score))


def _no_case(tables: Tables, file: Path) -> Problem:
    frame = tables.tables[0].frame
    what = "has no column for the patient, the scan or the nodule"
    likely, paths = guesses(frame, "pid"), guesses(frame, "path")
    if likely:
        fix = f"pass --column pid={likely[0]} if that is the patient"
    elif paths:
        pattern = "--id-pattern '.*/(?P<pid>[^/]+)/[^/]+$'"
        fix = f"pass --column path={paths[0]} {pattern} if its last folder is the patient"
    else:
        fix = "pass --column pid=NAME"
    return Problem(what, f"{fix}; {columns_found(frame)}", file, 1)


def check_folds(tables: Tables, column: str) -> None:
    """Report every cell that names no fold; ``1.0``, as pandas writes a number beside empty cells, is fold 1."""
    for table in tables.tables:
        cells = table.frame[column]
        fix = f"number the folds, or pass --column fold= if {column} is something else"
        table.report(cells == "", column, "says no fold", fix)
        strange = ~cells.str.fullmatch(rf"{WHOLE}|{ENSEMBLE}") & (cells != "")
        table.report(strange, column, f"is neither the number of a fold nor {ENSEMBLE!r}", fix)


def _score_column(tables: Tables, roles: Mapping[str, str], file: Path) -> str:
    """The one column that can be the score; two columns that might be are an error, never a guess."""
    found = [name for score in SCORES for name in tables.columns if plain_name(name) == score]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        what = f"several columns could be the score: {', '.join(found)}"
        raise InputError(Problem(what, "say which with --column score=NAME", file, 1))
    pairs = [name for name in tables.columns if name.lower().startswith(("prob", "pred", "score", "conf"))]
    what = "has no column for the score"
    if len(pairs) == 2:
        values = [tables.numbers(name, drop_missing=True) for name in pairs]
        complementary = np.allclose(values[0] + values[1], 1, atol=1e-3)
        what = f"the columns {' and '.join(pairs)} " + (
            "add up to 1 and it is not clear which is the positive class"
            if complementary
            else "could be the scores of two classes, but do not add up to 1"
        )
    frame = tables.tables[0].frame
    numbers = [name for name in number_columns(frame) if name not in roles.values()]
    which = f"one of {first_few(numbers)}" if len(numbers) > 1 else "".join(numbers) or "NAME"
    raise InputError(Problem(what, f"pass --column score={which}; {columns_found(frame)}", file, 1))
