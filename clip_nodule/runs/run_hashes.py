"""``hashes.json`` of a run: SHA-256 of its manifest, its record and what its folds say, written at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import InputError, Problem
from benchmark.files import own_file, sha256, write_text
from benchmark.formats.json import read_json
from clip_nodule.runs.run_folder import HASHES, MANIFEST, Sha256, fold_folder

RECORD: Final = "record.json"
OF_A_FOLD: Final = ("validation.csv", "calibration.json", "weights.json")
_FIX = "copy the run folder again"


class _Hashes(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    sha256: dict[str, Sha256]


def hashed_files(run: Path, folds: int) -> list[str]:
    """Names, within the run folder, of the files of a run that are hashed and are there."""
    names = [MANIFEST, RECORD, *(f"{fold_folder(run, k).name}/{name}" for k in range(folds) for name in OF_A_FOLD)]
    return [name for name in names if (run / name).is_file()]


def write_hashes(run: Path, folds: int) -> None:
    """Hash what a finished run holds."""
    hashes = {name: sha256(run / name) for name in hashed_files(run, folds)}
    write_text(run / HASHES, json.dumps({"sha256": hashes}, indent=2, sort_keys=True) + "\n")


def drop_hashes(run: Path) -> None:
    """Forget them, for a run that goes on."""
    (run / HASHES).unlink(missing_ok=True)


def check_hashes(run: Path, folds: int) -> None:
    """Compare a run's files with its hashes; runs of earlier versions, and unfinished ones, have none.

    Raises:
        InputError: Names every file that is missing, differs, or stands there unlisted.
    """
    if not (run / HASHES).exists() and not (run / HASHES).is_symlink():
        return
    path = own_file(run, HASHES)
    try:
        expected = _Hashes.model_validate(read_json(path)).sha256
    except (InputError, OSError, ValidationError) as error:
        raise InputError(Problem("is no list of hashes", _FIX, path)) from error
    of_before = set() if MANIFEST in expected else {MANIFEST}  # earlier versions did not hash it
    there = [name for name in hashed_files(run, folds) if name not in of_before]
    problems = [
        Problem("is not listed", f"{_FIX}: {HASHES} lacks it", run / n) for n in there if n not in expected
    ]
    for name, given in expected.items():
        if name not in there:
            problems.append(Problem("is missing, or no file of a run", _FIX, path, value=name[:200]))
        elif sha256(own_file(run, name)) != given:
            problems.append(Problem("differs from what was written", _FIX, run / name))
    if problems:
        raise InputError(problems)
