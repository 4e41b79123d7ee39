"""What every cohort reader returns, how it becomes a cohort folder, and the summary that is printed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmark.cohorts.nbia import is_nbia_list
from benchmark.contracts.cohort import (
    MANIFEST,
    TABLE,
    Cohort,
    CohortManifest,
    Source,
    require_cohort_name,
    write_cohort,
)
from benchmark.contracts.nodules import COORDINATES
from benchmark.contracts.patients import patient_labels
from benchmark.contracts.table_writing import write_table
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished, sha256
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, move_in

EXCLUSIONS = "exclusions.csv"


class Exclusion(NamedTuple):
    """A nodule, scan or patient of the source that carries no label or no row, and why."""

    pid: str
    nodule_id: str
    reason: str


@dataclass
class Prepared:
    """A source that was read, not yet written.

    Attributes:
        source: Name of the source, e.g. ``lungx``.
        nodules: Its nodule table.
        fields: Fields of the manifest: title, ct_type, endpoint, ...
        files: The files it was made from.
        options: What was asked, recorded in the manifest.
        excluded: What carries no label or no row, and why.
        warnings: What differs from what the source should hold.
        missing: What the given files could not fill in, e.g. millimetres without the DICOM folder.
        image_folder: Folder that image paths are relative to, if it is known.
        shares_declared: The user said which cohorts share its patients.
        notes: What was taken for what.
        coordinates: What its coordinates are, where that is more than a frame.
        located: What ``bench cohort locate`` recorded of it before.
    """

    source: str
    nodules: pd.DataFrame
    fields: dict[str, Any]
    files: Sequence[Path]
    options: Mapping[str, Any] = field(default_factory=dict)
    excluded: list[Exclusion] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    image_folder: Path | None = None
    shares_declared: bool = False
    notes: list[str] = field(default_factory=list)
    coordinates: str = ""
    located: Mapping[str, Any] = field(default_factory=dict)


def save(prepared: Prepared, out: Path | str, *, overwrite: bool = False) -> Cohort:
    """Write a cohort folder with its manifest, nodule table and ``exclusions.csv``.

    Args:
        prepared: What a reader returned.
        out: The cohort folder; its last part is the cohort's name.
        overwrite: Replace a cohort that is there.

    Raises:
        InputError: The folder holds a cohort already or another file that would be replaced, or the table breaks
            the contract.
    """
    require_cohort_name(Path(out).name)
    with holding(out):
        return _saved(prepared, Path(out), overwrite)


def _saved(prepared: Prepared, out: Path, overwrite: bool) -> Cohort:
    if (out / MANIFEST).exists() and not overwrite:
        raise InputError(Problem("holds a cohort already", "pass --overwrite, or choose another --out", out))
    if prepared.nodules.empty:
        raise InputError(Problem("no nodule was found", "check what --from points at", out))
    manifest = CohortManifest(
        name=out.name,
        sources=tuple(Source(name=path.name, sha256=sha256(path)) for path in prepared.files if path.is_file()),
        image_root=_relative(prepared.image_folder, out),
        details={
            "source": prepared.source,
            "options": {key: value for key, value in prepared.options.items() if value is not None},
            "counts": counts(prepared.nodules),
            "excluded": len(prepared.excluded),
            "warnings": list(prepared.warnings),
            "missing": list(prepared.missing),
            **({"shares": "declared"} if prepared.shares_declared else {}),
            **({"located": dict(prepared.located)} if prepared.located else {}),
        },
        **prepared.fields,
    )
    replaceable = (MANIFEST, TABLE) if (out / MANIFEST).exists() else ()
    with aside(out) as folder:
        made = folder / out.name
        cohort = write_cohort(made, manifest, prepared.nodules)
        if prepared.excluded:
            write_table(pd.DataFrame(prepared.excluded, columns=list(Exclusion._fields)), made / EXCLUSIONS)
        move_in(made, out, seal=MANIFEST, replaceable=replaceable, drop=[EXCLUSIONS])
    return replace(cohort, folder=out)


def declare_shared(prepared: Prepared, shares: Sequence[str]) -> None:
    """Record what the user says about shared patients; ``none`` says that there are none."""
    if not shares:
        return
    names = [name for name in shares if name != "none"]
    if names and len(names) < len(shares):
        what = f"is given beside {', '.join(names)}"
        raise InputError(Problem(what, "name cohorts, or none", column="--shares", value="none"))
    prepared.fields = {**prepared.fields, "shares_patients_with": tuple(names)}
    prepared.shares_declared = True


def counts(nodules: pd.DataFrame) -> dict[str, int]:
    """Patients and nodules of a nodule table: how many, with a label, and positive."""
    label = nodules["malignant"]
    by_patient = patient_labels(nodules)
    number = {
        "patients": nodules["pid"].nunique(),
        "patients_labelled": int(by_patient.notna().sum()),
        "patients_positive": int((by_patient == 1).sum()),
        "nodules": len(nodules),
        "nodules_labelled": int(label.notna().sum()),
        "nodules_positive": int((label == 1).sum()),
    }
    if "scan_id" in nodules:
        number["scans"] = nodules["scan_id"].nunique()
    return number


def summary(prepared: Prepared) -> list[str]:
    """The lines that are printed after a cohort was prepared."""
    number = counts(prepared.nodules)
    scans = f", {number['scans']:,} scans" if "scans" in number else ""
    lines = [
        f"{number['patients']:,} patients, {number['nodules']:,} nodules{scans}",
        f"positive: {number['patients_positive']:,} of {number['patients_labelled']:,} labelled patients, "
        f"{number['nodules_positive']:,} of {number['nodules_labelled']:,} labelled nodules",
    ]
    without = int(prepared.nodules[list(COORDINATES)].isna().any(axis=1).sum())
    if without < number["nodules"]:
        taken = prepared.coordinates or f"mm in {prepared.fields.get('frame', 'LPS')}"
        lines.append(f"coordinates: {taken}")
    if without:
        lines.append(f"without a centre in mm: {without:,} of {number['nodules']:,} nodules")
    lines += prepared.notes
    lines += [f"missing: {text}" for text in prepared.missing]
    lines += _exclusion_lines(prepared.excluded)
    return lines + [f"warning: {text}" for text in prepared.warnings]


def expand(paths: Iterable[Path], suffixes: Sequence[str], what: str) -> list[Path]:
    """The files with one of ``suffixes`` among ``paths``; a folder stands for those inside it.

    Raises:
        InputError: A path does not exist.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        if not path.exists():
            problems.append(Problem("does not exist", f"give {what}", path))
        elif path.is_dir():
            inside = [p for p in list_finished(path) if p.is_file()] or list_finished(path, "**/*")
            found += [p for p in inside if p.name.lower().endswith(tuple(suffixes)) and p.is_file()]
        elif path.name.lower().endswith(tuple(suffixes)):
            found.append(path)
    if problems:
        raise InputError(problems)
    hidden = (".", "~$")
    return [path for path in dict.fromkeys(found) if not (path.name.startswith(hidden) or is_nbia_list(path))]


def compare_release(found: Mapping[str, int], released: Mapping[str, int], title: str) -> list[str]:
    """A warning for every count that differs from the published release."""
    return [
        f"{name}: {found[name]:,}, the {title} release has {expected:,}"
        for name, expected in released.items()
        if found.get(name) != expected
    ]


def blank_table(rows: int) -> pd.DataFrame:
    """A nodule table of ``rows`` rows with empty paths, no coordinates and no labels."""
    table = pd.DataFrame({"image_path": [""] * rows})
    for column in COORDINATES:
        table[column] = float("nan")
    table["malignant"] = pd.array([pd.NA] * rows, dtype="Int8")
    return table


def _exclusion_lines(excluded: Sequence[Exclusion], shown: int = 10) -> list[str]:
    if not excluded:
        return []
    lines = []
    for reason in dict.fromkeys(item.reason for item in excluded):
        items = [item for item in excluded if item.reason == reason]
        names = [f"{item.pid} nodule {item.nodule_id}" if item.nodule_id else item.pid for item in items]
        rest = f", ... and {len(names) - shown:,} more" if len(names) > shown else ""
        lines.append(f"excluded ({reason}): {len(names):,}: {', '.join(names[:shown])}{rest}")
    return lines


def _relative(folder: Path | None, out: Path) -> str:
    return "." if folder is None else Path(os.path.relpath(folder.resolve(), out.resolve())).as_posix()
