"""Any nodule table: columns recognised by common names, or named; the paper's sample CSV needs no naming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Unpack

import pandas as pd

from benchmark.cohorts.prepared import Exclusion, Prepared
from benchmark.cohorts.table_columns import name_columns
from benchmark.cohorts.table_followup import CENSORED, take_followup
from benchmark.contracts.column_guesses import centre_guess, guesses
from benchmark.contracts.dialect import Dialect, commas_to_points
from benchmark.contracts.followup import COLUMNS as FOLLOW_UP
from benchmark.contracts.followup import TimeUnit
from benchmark.contracts.nodules import COORDINATES, checked_nodules
from benchmark.contracts.roles import ALONE, plain_name
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem


class FollowedDialect(Dialect, total=False):
    """How a table with follow-up is written.

    Attributes:
        time_unit: Unit of the column ``time``, which with ``event`` is the patients' follow-up.
        horizon_years: Years within which the endpoint counts.
    """

    time_unit: TimeUnit
    horizon_years: float


TEXTS: Final = ("pid", "nodule_id", "image_path", "scan_id", "study_date")
"""Columns in which a comma is no decimal mark."""
TIME_TOO: Final = (
    "pass --column time=NAME --time-unit years (or months, days) too, and time and event are follow-up"
)
_NODULE_NAMES: Final = frozenset(map(plain_name, ALONE["nodule_id"]))


def prepare(
    paths: Sequence[Path],
    *,
    columns: Mapping[str, str] | None = None,
    label_map: Mapping[str, str] | None = None,
    coords: Literal["LPS", "RAS", "voxel"] | None = None,
    id_pattern: str | None = None,
    title: str | None = None,
    **dialect: Unpack[FollowedDialect],
) -> Prepared:
    """Read a CSV as a nodule table.

    Args:
        paths: One CSV file; a folder beside it is taken as the root of its image paths.
        columns: Role or column of ours → column of theirs, e.g. ``{"pid": "Fall", "label": "outcome"}``; an empty
            one says that there is none. Others are recognised by the names of ``benchmark.contracts.roles.NAMES``.
            Columns of the contract that nobody finds are left empty, except ``pid``; nodules are then numbered.
        label_map: Spelling in the label → ``0``, ``1``, or empty for no label.
        coords: Frame of the coordinates, LPS by default, which are stored as they are. ``voxel``: they are indices
            ``(i, j, k)`` of the scan's columns, rows and slices, from 0, and the header of the scan turns them
            into mm.
        id_pattern: Regular expression for the ids in the path of the image: groups ``pid``, ``nodule_id`` and
            ``scan_id``, or one that is the patient.
        title: Title of the cohort.
        dialect: Delimiter, codec and decimal mark; a decimal comma becomes a point in every cell that is a number,
            but for ids and paths. And ``time_unit, horizon_years``: see `take_followup`.
    """
    time_unit, horizon_years = dialect.pop("time_unit", None), dialect.pop("horizon_years", None)
    form: Dialect = {"sep": dialect.get("sep", ",")}
    if "encoding" in dialect:
        form["encoding"] = dialect["encoding"]
    if "decimal" in dialect:
        form["decimal"] = dialect["decimal"]
    files = [path for path in paths if not path.is_dir()]
    if len(files) != 1:
        what = f"{len(files)} files" if files else "is a folder, and no file beside it" if paths else "no file"
        fix = "give one CSV file, and the folder of the images if there are any"
        raise InputError(Problem(what, fix, ", ".join(map(str, paths)), column="--from"))
    source = read_text_table(files[0], **form)
    found = name_columns(source, dict(columns or {}), id_pattern)
    _write_points(source)
    table = checked_nodules(source, checked_label_map(label_map or {}))
    folder = next((path for path in paths if path.is_dir()), files[0].parent)
    if coords == "voxel":
        from benchmark.cohorts.voxel_centres import to_millimetres

        table, scans = to_millimetres(table, folder, source)
        frame = f"indices i, j, k (column, row, slice, from 0) turned into mm in LPS by {scans:,} scan headers"
    prepared = Prepared(
        "csv",
        table,
        {"title": title or files[0].stem, "frame": "RAS" if coords == "RAS" else "LPS"},
        files,
        {
            "columns": dict(found.renamed),
            "label_map": dict(label_map or {}),
            "coords": coords,
            "id_pattern": id_pattern,
            "time_unit": time_unit,
            "horizon_years": horizon_years,
        },
        image_folder=folder,
    )
    prepared.notes += _taken_lines(found.renamed, id_pattern)
    if coords is None:
        prepared.coordinates = "taken as mm in LPS (x to the left, y to the back); else pass --coords RAS or voxel"
    elif coords == "voxel":
        prepared.coordinates = frame
    empty_columns = [name for name in found.missing if name != "nodule_id"]
    if empty_columns:
        prepared.missing.append(
            f"columns {', '.join(empty_columns)}: left empty{_centre_hint(source, empty_columns)}"
        )
    if "nodule_id" in found.missing:
        prepared.missing.append(_numbered_nodules(table, source))
    _refuse_event_as_label(source, found.renamed.get("malignant", ""), horizon_years)
    censored = take_followup(prepared, source, time_unit, horizon_years)
    table = prepared.nodules
    followed = set(FOLLOW_UP) <= set(table.columns)
    unlabelled = table["malignant"].isna()
    if unlabelled.any() and not unlabelled.all():
        rows = zip(table["pid"], table["nodule_id"], unlabelled, censored, strict=True)
        prepared.excluded += [
            Exclusion(pid, nodule, CENSORED if early else "no label")
            for pid, nodule, empty, early in rows
            if empty
        ]
    if unlabelled.all():
        hint = "" if followed else _label_hint(source)
        prepared.warnings.append(f"no nodule has a label: the cohort can be scored, not evaluated{hint}")
    return prepared


def _taken_lines(renamed: Mapping[str, str], id_pattern: str | None) -> list[str]:
    """What stands for what."""
    taken = [f"{ours} from {theirs!r}" for ours, theirs in renamed.items()]
    taken += ["ids from the paths (--id-pattern)"] if id_pattern is not None else []
    return [f"columns: {', '.join(taken)}"] if taken else []


def _centre_hint(source: TextTable, missing: Sequence[str]) -> str:
    three = centre_guess(source.frame) if COORDINATES[0] in missing else None
    if three is None:
        return ""
    named = " ".join(f"--column {ours}={theirs}" for ours, theirs in zip(COORDINATES, three, strict=True))
    return f"; are {', '.join(three)} the centre? pass {named} (--coords says what they are)"


def _numbered_nodules(table: pd.DataFrame, source: TextTable) -> str:
    """How nodules are called where no column names them; scores of nodules must call them the same."""
    several = table["pid"].duplicated().any()
    told = "0, 1, ... within a patient, in the order of the rows" if several else "0, one a patient"
    likely = [str(name) for name in source.frame.columns if plain_name(str(name)) in _NODULE_NAMES]
    if likely:
        hint = f"; is {likely[0]!r} the nodule? pass --column nodule_id={likely[0]}"
        return f"column nodule_id: nodules are called {told}{hint}"
    hint = "; pass --column nodule_id=NAME if a column names them" if several else ""
    return f"column nodule_id: nodules are called {told}{hint}"


def _refuse_event_as_label(source: TextTable, label: str, horizon: float | None) -> None:
    """An event at any time is no label within a horizon.

    Raises:
        InputError: The label is the column of the event, and a horizon is given.
    """
    if horizon is not None and plain_name(label) == "event":
        what = f"is taken as the label within {horizon:g} years, but says nothing of when the event was"
        raise InputError(Problem(what, f"{TIME_TOO}; or leave --horizon-years out", source.path, 1, label))


def _label_hint(source: TextTable) -> str:
    if "event" in source.frame and "time" not in source.frame:
        return f"; column event says nothing of when: {TIME_TOO}"
    likely = guesses(source.frame.drop(columns=["malignant"], errors="ignore"), "label")
    if not likely:
        return ""
    mapped = "" if source.frame[likely[0]].isin(["0", "1", ""]).all() else ", and --label-map TEXT=0 or TEXT=1"
    return f"; is {likely[0]!r} the label? pass --column label={likely[0]}{mapped}"


def _write_points(source: TextTable) -> None:
    """Bring decimal commas to points, so that the cohort's table has one decimal mark."""
    if source.decimal == ".":
        return
    for column in COORDINATES:
        source.number(column)
    source.finish()
    for column in source.frame.columns.difference([*TEXTS, "malignant"]):
        source.frame[column] = commas_to_points(source.frame[column])
    source.decimal = "."


def checked_label_map(label_map: Mapping[str, str]) -> dict[str, int | None]:
    """What ``--label-map`` says, as labels; None for no label.

    Raises:
        InputError: A text is mapped to something else than 0, 1 or nothing.
    """
    wrong = [text for text, value in label_map.items() if value not in ("0", "1", "")]
    if wrong:
        fix = "TEXT=0, TEXT=1, or TEXT= for no label"
        raise InputError(
            [Problem("is not mapped to 0 or 1", fix, column="--label-map", value=text) for text in wrong]
        )
    return {text: int(value) if value else None for text, value in label_map.items()}
