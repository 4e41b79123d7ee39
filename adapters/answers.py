"""What JSON outputs say of a case: one score, or none and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from adapters.card import Location
from adapters.json_text import number
from benchmark.errors import InputError, Problem
from benchmark.formats.json import Node

POINTS_MAJOR: Final = 1
NO_SCORE: Final = "the file holds no score"
_IMAGE_SUFFIXES: Final = (".nii.gz", ".mha", ".mhd", ".nii", ".dcm", ".tif", ".tiff")


class Answer(NamedTuple):
    """A score, and where it stands.

    Attributes:
        case: Id of a patient or scan; empty where ``nodule_id`` is the id.
        nodule_id: Id of a nodule; empty for a score of a scan.
        score: The score, NaN if there is none.
        file: File that holds it.
        line: Line in it.
        reason: Why there is no score.
    """

    case: str
    nodule_id: str
    score: float
    file: Path | str
    line: int
    reason: str = ""

    @property
    def place(self) -> Location:
        """File and line."""
        return Path(self.file), self.line


def answer(
    case: str,
    value: Any,  # noqa: ANN401
    file: Path | str,
    line: int,
    column: str,
    *,
    drop_missing: bool,
    nodule_id: str = "",
) -> Answer:
    """A JSON value as the answer for a case; with ``drop_missing`` null is a failure.

    Raises:
        InputError: The value is no score.
    """
    if value is None and drop_missing:
        return Answer(case, nodule_id, float("nan"), file, line, NO_SCORE)
    return Answer(case, nodule_id, number(value, file, line, column), file, line)


def points(content: Node, file: Path | str, *, drop_missing: bool) -> list[Answer]:
    """The points of a Grand Challenge value "Multiple points": one nodule each, ``name`` is its id.

    Raises:
        InputError: Another version, or points without name or probability; all are named.
    """
    version = content.get("version", {"major": POINTS_MAJOR})  # the challenge's evaluation does not ask for it
    major = version.get("major") if isinstance(version, dict) else None
    if major != POINTS_MAJOR:
        what = f"is version {major} of Multiple points, {POINTS_MAJOR}.x is supported"
        raise InputError(Problem(what, "convert it", file, content.line, "version"))
    if not isinstance(content.get("points"), list):
        raise InputError(Problem("is no list", "", file, content.line, "points"))
    found: list[Answer] = []
    problems: list[Problem] = []
    for point in content["points"]:
        line = point.line if isinstance(point, Node) else content.line
        if not isinstance(point, Node) or not isinstance(point.get("name"), str) or not point["name"]:
            problems.append(Problem("a point without a name", "LUNA25 needs the AnnotationID", file, line, "name"))
            continue
        try:
            value, name = point.get("probability"), point["name"]
            found.append(answer("", value, file, line, "probability", drop_missing=drop_missing, nodule_id=name))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def image_id(name: str) -> str:
    """The id of a case from the name, or path, of its image: without folder and suffix."""
    name = name.rstrip("/").rsplit("/", 1)[-1]
    for suffix in _IMAGE_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def answers_frame(answers: Sequence[Answer], case: str) -> pd.DataFrame:
    """Answers as the frame of ``Predictions``, the id of a scan in the column ``case``."""
    column, of = ("nodule_id", "nodule_id") if answers[0].nodule_id else (case, "case")
    frame = pd.DataFrame({column: [getattr(one, of) for one in answers], "score": [one.score for one in answers]})
    if frame["score"].isna().any():
        frame["reason"] = [one.reason for one in answers]
    return frame


def refuse_labels(answers: Sequence[Answer], score_type: str | None) -> None:
    """Refuse numbers of scans that are 0 or 1 throughout: a challenge's ground truth has the file name of scores.

    Raises:
        InputError: There are several, all are 0 or 1, and ``score_type`` does not say that they are scores.
    """
    known = np.array([one.score for one in answers if not np.isnan(one.score)])
    if len(known) < 2 or score_type is not None or not np.isin(known, (0, 1)).all():
        return
    what = f"all {len(known):,} numbers are 0 or 1: these are labels, not scores"
    fix = "give what the algorithm wrote; if it decides without a score, pass --score-type rank"
    raise InputError(Problem(what, fix, *answers[0].place))


def refuse_features(content: Any, file: Path | str) -> None:  # noqa: ANN401
    """Refuse embeddings, which UNICORN's algorithms write.

    Raises:
        InputError: The content is an object, or a list of objects, with ``features``.
    """
    items = content if isinstance(content, list) else [content]
    if items and all(isinstance(item, Node) and "features" in item for item in items):
        what = "holds embeddings (features), not scores"
        fix = "fit a classifier on them, write its scores as CSV, and read those with the adapter csv"
        raise InputError(Problem(what, fix, file, items[0].line, "features"))
