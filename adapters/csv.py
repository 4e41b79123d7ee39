"""Any CSV: one score a row, with the columns named by the user, or recognised by common names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from adapters.card import AdapterOptions, ModelCard, Predictions, ScoredUnit
from adapters.tables import Tables, named_roles, pick, read_tables, score_frame
from benchmark.contracts.column_names import NAMES, SCORES
from benchmark.contracts.scores import ENSEMBLE
from benchmark.errors import InputError, Problem

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
    options=("columns", "score_type"),
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read CSV files; ``columns`` names roles that do not have a common name."""
    return [read_as(CARD, files, options)]


def read_as(card: ModelCard, files: Sequence[Path], options: AdapterOptions) -> Predictions:
    """Read CSV files as the scores of the model ``card``.

    Raises:
        InputError: A named column is missing, no column or several could be the score, or a cell is wrong.
    """
    named = named_roles(options, [*NAMES, "score"])
    tables = read_tables(files, tuple(named.values()), options)
    taken = set(named.values())
    roles = {role: name for role, name in named.items() if role != "score"}
    for role, names in NAMES.items():
        found = pick([c for c in tables.columns if c not in taken], names)
        if role not in options.columns and found is not None:
            roles[role] = found
    if not {"pid", "scan_id", "nodule_id"} & set(roles):
        what = "has no column for the patient, the scan or the nodule"
        fix = f"pass --column pid=NAME; columns: {', '.join(tables.columns)}"
        raise InputError(Problem(what, fix, files[0], 1))
    if "pid" in roles and "scan_id" in roles and "nodule_id" in roles:
        roles.pop("scan_id")  # pid and nodule_id name the case; the scan adds nothing
    score = named.get("score") or _score_column(tables, files[0])
    if "fold" in roles:
        check_folds(tables, roles["fold"])
    frame = score_frame(tables, roles, score, drop_missing=options.drop_missing)
    if "fold" in roles:
        frame["fold"] = frame["fold"].str.replace(WHOLE, r"\1", regex=True)
    unit: ScoredUnit = "nodule" if "nodule_id" in roles else "scan" if "scan_id" in roles else "patient"
    recorded = {"columns": ", ".join(f"{role}={name}" for role, name in {**roles, "score": score}.items())}
    return Predictions(card.name, frame, unit, options.score_type or "probability", tables.locate, recorded)


def check_folds(tables: Tables, column: str) -> None:
    """Report every cell that names no fold; ``1.0``, as pandas writes a number beside empty cells, is fold 1."""
    for table in tables.tables:
        cells = table.frame[column]
        fix = f"number the folds, or pass --column fold= if {column} is something else"
        table.report(cells == "", column, "says no fold", fix)
        strange = ~cells.str.fullmatch(rf"{WHOLE}|{ENSEMBLE}") & (cells != "")
        table.report(strange, column, f"is neither the number of a fold nor {ENSEMBLE!r}", fix)


def _score_column(tables: Tables, file: Path) -> str:
    """The one column that can be the score; two columns that might be are an error, never a guess."""
    found = [name for name in SCORES if name in tables.columns]
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
    raise InputError(Problem(what, f"pass --column score=NAME; columns: {', '.join(tables.columns)}", file, 1))
