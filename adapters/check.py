"""Contract checks for an adapter, ours or a third party's: ``bench adapt --check NAME FILE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from adapters import check_adapter
from adapters.adapt import read_predictions
from adapters.card import Adapter, AdapterOptions, Predictions
from adapters.join import join
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.scores import check_score_table
from benchmark.errors import InputError, Problem

ROWS = ("case", "pid", "scan_id", "nodule_id", "fold", "date", "label", "reason", "score")


def check_contract(name: str, adapter: Adapter, files: Sequence[Path], options: AdapterOptions) -> list[str]:
    """Read files with an adapter and check all that other parts rely on.

    A cohort is made up of the ids in the files, so that nothing but the adapter is checked.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from adapters import load_adapter
        >>> from adapters.card import AdapterOptions
        >>> from adapters.check import check_contract
        >>> pd.DataFrame({"patient_id": ["p1", "p2"], "score": [0.9, 0.2]}).to_csv("theirs.csv", index=False)
        >>> check_contract("csv", load_adapter("csv"), [Path("theirs.csv")], AdapterOptions())[2]
        'csv: 2 rows, ids are text, reads the same twice, passes the contract'

    Returns:
        One line for every check that held.

    Raises:
        InputError: Names every check that failed.
    """
    check_adapter(name, adapter)
    first = read_predictions(adapter, files, options)
    second = read_predictions(adapter, files, options)
    problems: list[Problem] = []
    lines = [f"card: {adapter.CARD.title}, unit {adapter.CARD.unit}", f"read: {len(first)} model(s)"]
    if len({p.model for p in first}) != len(first):
        problems.append(Problem("two of its models have one name", "give each its own"))
    for one, other in zip(first, second, strict=False):
        found = _row_problems(one)
        problems += found
        if not one.frame.equals(other.frame):
            problems.append(Problem(f"{one.model}: reading twice gives two results", "leave out randomness"))
        if not found:
            table = join(one, _cohort_of(one), scans="max").table
            checked = check_score_table(table)
            lines.append(
                f"{one.model}: {len(checked):,} rows, ids are text, reads the same twice, passes the contract"
            )
    problems += _refuses_garbage(adapter, options, files[0])
    if problems:
        raise InputError(problems)
    lines.append("an empty file, and one that is no table, are refused with the file's name")
    return lines


def _row_problems(predictions: Predictions) -> list[Problem]:
    frame, model = predictions.frame, predictions.model
    problems = []
    for column in frame.columns.difference(list(ROWS)):
        problems.append(Problem(f"{model}: the frame has a column {column!r}", f"known: {', '.join(ROWS)}"))
    if not {"case", "pid", "scan_id", "nodule_id"} & set(frame):
        problems.append(Problem(f"{model}: no column says whose score it is", "add pid, scan_id or case"))
    if "score" not in frame or frame["score"].dtype != np.dtype(np.float64):
        problems.append(Problem(f"{model}: score is not float64", "convert it"))
    for column in frame.columns.difference(["score"]):
        if not frame[column].map(lambda cell: isinstance(cell, str)).all():
            problems.append(
                Problem(f"{model}: {column} holds something that is no text", "ids are text", column=column)
            )
    if "score" in frame and frame["score"].isna().any() and "reason" not in frame:
        problems.append(Problem(f"{model}: a score is missing without a reason", "add the column reason"))
    try:
        file, _ = predictions.locate(0)
        if not isinstance(file, Path):
            problems.append(Problem(f"{model}: locate() gives no path"))
    except Exception as error:  # a third party's function
        problems.append(Problem(f"{model}: locate(0) fails: {error}"))
    return problems


def _cohort_of(predictions: Predictions) -> Cohort:
    """A cohort that holds exactly the cases of the predictions."""
    frame = predictions.frame
    pid = frame[next(name for name in ("pid", "case", "scan_id", "nodule_id") if name in frame)]
    nodules = pd.DataFrame({"pid": pid, "nodule_id": frame.get("nodule_id", "1")})
    if "scan_id" in frame:
        nodules["scan_id"] = frame["scan_id"]
    nodules = nodules.drop_duplicates().assign(image_path="", coordX=np.nan, coordY=np.nan, coordZ=np.nan)
    nodules["malignant"] = pd.array([pd.NA] * len(nodules), dtype="Int8")
    return Cohort(CohortManifest(name="check", title="check"), nodules.reset_index(drop=True), Path())


def _refuses_garbage(adapter: Adapter, options: AdapterOptions, file: Path) -> list[Problem]:
    """An empty file and a picture must raise ``InputError``, not return rows or crash."""
    import tempfile

    if not file.is_file():
        return []
    problems = []
    data = file.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        for title, content in (
            ("an empty file", b""),
            ("a file that is no table", b"\x89PNG\r\n\x1a\n\0\0" + data[:20]),
        ):
            broken = Path(folder) / file.name
            broken.write_bytes(content)
            try:
                adapter.read([broken], options)
            except InputError as error:
                if str(broken) not in str(error):
                    problems.append(Problem(f"{title} is refused without its name", str(error)[:200]))
            except Exception as error:  # whatever a third party's code raises is the finding
                problems.append(Problem(f"{title} ends in {type(error).__name__}: {error}", "raise InputError"))
            else:
                problems.append(Problem(f"{title} is read as if nothing were wrong", "raise InputError"))
    return problems
