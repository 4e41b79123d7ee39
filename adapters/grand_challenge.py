"""Grand Challenge: LUNA25's points, the platform's ``predictions.json``, LUNA22's bare number, grt123.

Which format a file has is seen from its content. LUNA25's file is ``lung-nodule-malginancy-likelihoods.json`` in
its own inference script (sic), and spelled rightly elsewhere: both are found in folders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from adapters.card import Location, ModelCard, Predictions, ReadOptions
from adapters.exams import exam_id
from adapters.json_text import Node, number, read_json
from adapters.venkadesh import RISK_FILE
from benchmark.errors import InputError, Problem

NAMES: Final = (
    "predictions.json",
    "lung-nodule-malginancy-likelihoods.json",
    "lung-nodule-malignancy-likelihoods.json",
    RISK_FILE,
    "results.json",
)
MAJOR: Final = 1
CARD = ModelCard(
    name="grand-challenge",
    title="A Grand Challenge algorithm",
    reference="grand-challenge.org: LUNA22, LUNA25, UNICORN",
    inputs="CT, and for LUNA25 the positions of nodules",
    unit="nodule",
    endpoint="malignancy risk",
    horizon_years=None,
    trained_on=None,
    licence="of the algorithm",
    options=("id_pattern", "root", "score_type"),
    note="Name the model with --model; what it was trained on is not known.",
)
_Row = tuple[str, str, float, Path, int]
"""Case, nodule or "", score, file, line."""


def read(files: Sequence[Path], options: ReadOptions) -> list[Predictions]:
    """Read JSON files, or folders of them, of one kind.

    Args:
        files: Files, or folders in which the known names are looked for.
        options: ``root`` is the folder that ``predictions.json`` counts from (default its own folder).
    """
    found = _gather(files)
    rows: list[_Row] = []
    kinds: dict[str, Path] = {}
    problems: list[Problem] = []
    for file in found:
        try:
            content = read_json(file)
            kind, reader = _kind(content, file)
            kinds.setdefault(kind, file)
            rows += reader(content, file, options)
        except InputError as error:
            problems += error.problems
    if len(kinds) > 1:
        what = f"several formats at once: {', '.join(f'{kind} ({path.name})' for kind, path in kinds.items())}"
        problems.append(Problem(what, "give the files of one kind"))
    if not problems and not rows:
        problems.append(Problem("holds no prediction", "check that the run finished", found[0]))
    if problems:
        raise InputError(problems)
    return [_predictions(rows, next(iter(kinds)), options)]


def _gather(files: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            for name in NAMES:
                inside = sorted(path.rglob(name))
                found += inside
                if name == "predictions.json" and inside:
                    break  # it names the other files
        else:
            found.append(path)
    if not found:
        what = f"holds none of {', '.join(NAMES)}"
        raise InputError(Problem(what, "give the output folder of the algorithm", files[0]))
    return found


def _kind(content: Any, file: Path) -> tuple[str, Callable[[Any, Path, ReadOptions], list[_Row]]]:  # noqa: ANN401
    if isinstance(content, Node) and "points" in content:
        return "points", _points
    if isinstance(content, Node) and "cancerinfo" in content:
        return "grt123", _grt123
    if isinstance(content, list) and content and all(isinstance(c, Node) and "pk" in c for c in content):
        return "predictions.json", _jobs
    if isinstance(content, (int, float)) or content is None:
        return "risk", _risk
    what = "is no format of Grand Challenge that is known here"
    fix = "known: LUNA25 points, predictions.json, a bare number, grt123 findings"
    raise InputError(Problem(what, fix, file, 1))


def _predictions(rows: list[_Row], kind: str, options: ReadOptions) -> Predictions:
    frame = pd.DataFrame([row[:3] for row in rows], columns=["case", "nodule_id", "score"])
    places: list[Location] = [(row[3], row[4]) for row in rows]
    if kind == "points":
        # the name of a point is the AnnotationID: {patient}_{nodule}_{date}
        frame["pid"] = frame["nodule_id"].str.replace(r"_[^_]+_\d{8}$", "", regex=True)
        frame = frame.drop(columns="case")
    else:
        frame = frame.drop(columns="nodule_id")
    unit = CARD.unit if kind == "points" else "scan"
    return Predictions(
        CARD.name, frame, unit, options.score_type or "probability", lambda row: places[row], {"format": kind}
    )


def _points(content: Node, file: Path, options: ReadOptions) -> list[_Row]:
    version = content.get("version")
    major = version.get("major") if isinstance(version, dict) else None
    if major != MAJOR:
        what = f"is version {major} of Multiple points, {MAJOR}.x is supported"
        raise InputError(Problem(what, "convert it", file, content.line, "version"))
    points = content["points"]
    if not isinstance(points, list):
        raise InputError(Problem("is no list", "", file, content.line, "points"))
    rows: list[_Row] = []
    problems: list[Problem] = []
    for point in points:
        line = point.line if isinstance(point, Node) else content.line
        if not isinstance(point, Node) or not isinstance(point.get("name"), str):
            problems.append(Problem("a point without a name", "LUNA25 needs the AnnotationID", file, line, "name"))
            continue
        try:
            score = number(point.get("probability"), file, line, "probability")
            rows.append(("", point["name"], score, file, line))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return rows


def _grt123(content: Node, file: Path, options: ReadOptions) -> list[_Row]:
    info = content["cancerinfo"]
    value = info.get("casecancerprobability") if isinstance(info, dict) else None
    line = info.line if isinstance(info, Node) else content.line
    _, name = exam_id(file, options.id_pattern)
    return [(name, "", number(value, file, line, "casecancerprobability"), file, line)]


def _risk(content: Any, file: Path, options: ReadOptions) -> list[_Row]:  # noqa: ANN401
    _, name = exam_id(file, options.id_pattern)
    return [(name, "", number(content, file, 1, ""), file, 1)]


def _jobs(content: list[Node], file: Path, options: ReadOptions) -> list[_Row]:
    root = options.root or file.parent
    rows, problems = [], []
    for job in content:
        try:
            name = _image_name(job, file)
            rows.append((name, "", _job_score(job, root, file), file, job.line))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return rows


def _image_name(job: Node, file: Path) -> str:
    """The id of a job: the name of its input image without its suffix."""
    for item in job.get("inputs") or []:
        image = item.get("image") if isinstance(item, dict) else None
        if isinstance(image, dict) and isinstance(image.get("name"), str):
            name = str(image["name"])
            for suffix in (".nii.gz", ".mha", ".mhd", ".nii", ".dcm", ".tif", ".tiff"):
                name = name.removesuffix(suffix)
            return name
    raise InputError(Problem("a job without an input image", "its case cannot be told", file, job.line, "inputs"))


def _job_score(job: Node, root: Path, file: Path) -> float:
    for item in job.get("outputs") or []:
        socket = item.get("interface") or item.get("socket") if isinstance(item, dict) else None
        if not isinstance(socket, dict) or socket.get("slug") != RISK_FILE.removesuffix(".json"):
            continue
        if item.get("value") is not None:
            return number(item["value"], file, job.line, "value")
        path = (root / str(job["pk"]) / "output" / str(socket.get("relative_path"))).resolve()
        if root.resolve() not in path.parents:
            what = f"the output {path} lies outside {root}"
            raise InputError(Problem(what, "refused", file, job.line, "relative_path"))
        return number(read_json(path), path, 1, "")
    what = f"has no output {RISK_FILE.removesuffix('.json')}"
    raise InputError(Problem(what, "is this the right algorithm?", file, job.line, "outputs", str(job["pk"])))
