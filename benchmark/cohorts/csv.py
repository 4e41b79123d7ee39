"""Any nodule table: columns by name, or mapped; the paper's sample CSV needs no mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from benchmark.cohorts.prepared import Exclusion, Prepared
from benchmark.contracts.dialect import commas_to_points
from benchmark.contracts.nodules import COORDINATES, REQUIRED, read_nodule_table
from benchmark.contracts.roles import check_roles
from benchmark.contracts.text_table import TextTable, read_text_table, write_table
from benchmark.errors import InputError, Problem

TEXTS: Final = ("pid", "nodule_id", "image_path", "scan_id", "study_date")
"""Columns in which a comma is no decimal mark."""


def prepare(
    paths: Sequence[Path],
    *,
    columns: Mapping[str, str] | None = None,
    label_map: Mapping[str, str] | None = None,
    coords: Literal["LPS", "RAS"] = "LPS",
    title: str | None = None,
    sep: str = ",",
    encoding: str = "utf-8",
    decimal: str = ".",
) -> Prepared:
    """Read a CSV as a nodule table.

    Args:
        paths: One CSV file; a folder beside it is taken as the root of its image paths.
        columns: Our column → theirs, e.g. ``{"pid": "patient-id"}``. Columns of the contract that the file lacks
            and nobody mapped are left empty, except ``pid``.
        label_map: Spelling in ``malignant`` → ``0``, ``1``, or empty for no label.
        coords: Frame of the coordinates; they are stored as they are.
        title: Title of the cohort.
        sep: Delimiter.
        encoding: Codec.
        decimal: Decimal mark; a comma becomes a point in every cell that is a number, but for ids and paths.
    """
    files = [path for path in paths if not path.is_dir()]
    if len(files) != 1:
        raise InputError(Problem(f"{len(files)} files", "give one CSV file", ", ".join(map(str, paths))))
    columns = dict(columns or {})
    check_roles(columns, file=files[0])
    required = ["pid"] if "pid" not in columns else []
    source = read_text_table(files[0], required, sep=sep, encoding=encoding, decimal=decimal)
    missing = _rename(source, columns)
    _write_points(source)
    table = _read_as_contract(source, checked_label_map(label_map or {}))
    folder = next((path for path in paths if path.is_dir()), files[0].parent)
    prepared = Prepared(
        "csv",
        table,
        {"title": title or files[0].stem, "frame": coords},
        files,
        {"columns": columns, "label_map": dict(label_map or {})},
        image_folder=folder,
    )
    if missing:
        prepared.missing.append(f"columns {', '.join(missing)}: left empty")
    unlabelled = table["malignant"].isna()
    if unlabelled.any() and not unlabelled.all():
        prepared.excluded += [
            Exclusion(pid, nodule, "no label")
            for pid, nodule in zip(table.loc[unlabelled, "pid"], table.loc[unlabelled, "nodule_id"], strict=True)
        ]
    if unlabelled.all():
        prepared.warnings.append("no nodule has a label: the cohort can be scored, not evaluated")
    return prepared


def _rename(source: TextTable, columns: dict[str, str]) -> list[str]:
    """Bring a table to our names; what stays empty."""
    frame = source.frame
    absent = [theirs for theirs in columns.values() if theirs not in frame]
    if absent:
        found = f"columns found: {', '.join(map(str, frame.columns))}"
        raise InputError([Problem("column is missing", found, source.path, 1, name) for name in absent])
    clash = [ours for ours, theirs in columns.items() if ours in frame and ours != theirs]
    if clash:
        what = "exists already, and another column was mapped to it"
        raise InputError([Problem(what, "rename one of them", source.path, 1, name) for name in clash])
    frame = frame.rename(columns={theirs: ours for ours, theirs in columns.items()})
    missing = [name for name in REQUIRED if name not in frame]
    for name in missing:
        frame[name] = frame.groupby("pid").cumcount().astype(str) if name == "nodule_id" else ""
    source.frame = frame
    if set(COORDINATES) & set(missing) and not set(COORDINATES) <= set(missing):
        names = ", ".join(sorted(set(COORDINATES) & set(missing)))
        raise InputError(Problem(f"lacks {names}", "map all three coordinates, or none", source.path, 1))
    return missing


def _write_points(source: TextTable) -> None:
    """Bring decimal commas to points, so that the cohort's table has one decimal mark."""
    if source.decimal == ".":
        return
    for column in COORDINATES:
        source.number(column)
    source.finish()
    for column in source.frame.columns.difference([*TEXTS, "malignant"]):
        source.frame[column] = commas_to_points(source.frame[column])


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


def _read_as_contract(source: TextTable, label_map: Mapping[str, int | None]) -> pd.DataFrame:
    """The contract's own checks, with the lines and the name of the user's file."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / source.path.name
        write_table(source.frame, copy)
        try:
            return read_nodule_table(copy, label_map=label_map)
        except InputError as error:
            problems = [
                Problem(p.what, p.fix, source.path, p.row and source.line(p.row - 2), p.column, p.value)
                for p in error.problems
            ]
            raise InputError(problems) from error
