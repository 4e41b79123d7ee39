"""``predictions.json``: the jobs of an algorithm as Grand Challenge hands them to an evaluation.

The answers lie beside it, in ``{pk}/output/{relative_path}``, or in the job itself (``value``): one number a scan
(LUNA22), or one point a nodule (LUNA25).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from adapters.answers import Answer, answer, image_id, points, refuse_features
from benchmark.errors import InputError, Problem
from benchmark.formats.json import Node, read_json
from benchmark.formats.opening import is_file, refusing

RISK: Final = "lung-nodule-malignancy-risk"
LIKELIHOODS: Final = "nodule-locations-likelihoods"
EMBEDDING: Final = "neural-representation"
"""Part of the slugs of UNICORN's embeddings."""


def read_jobs(
    jobs: Sequence[Node], file: Path, root: Path, *, drop_missing: bool
) -> tuple[list[Answer], list[str]]:
    """The answers of all jobs.

    Args:
        jobs: The list in ``predictions.json``.
        file: That file.
        root: Folder with one folder a job.
        drop_missing: A job without an answer has failed, instead of an error.

    Returns:
        The answers, and warnings. A failed job cannot name the nodules that it should have scored.

    Raises:
        InputError: Names every job without an answer, and every answer that is no score.
    """
    found: list[Answer] = []
    lost: list[Node] = []
    problems: list[Problem] = []
    for job in jobs:
        try:
            answers = _answers(job, file, root, drop_missing=drop_missing)
            found += answers
            lost += [] if answers else [job]
        except InputError as error:
            problems += error.problems
    kinds = {bool(one.nodule_id) for one in found}
    if len(kinds) > 1:
        what = "some jobs give a number a scan and others points of nodules"
        problems.append(Problem(what, "give the jobs of one algorithm", file, 1))
    if problems:
        raise InputError(problems)
    warnings = []
    if lost and (True in kinds):
        names = ", ".join(f"{job['pk']} ({job.get('status', 'no status')})" for job in lost[:5])
        warnings.append(f"{len(lost):,} of {len(jobs):,} jobs gave no points, e.g. {names}")
    elif lost:
        found += [
            Answer(_image(job, file), "", float("nan"), file, job.line, "its job gave no output") for job in lost
        ]
    return found, warnings


def _answers(job: Node, file: Path, root: Path, *, drop_missing: bool) -> list[Answer]:
    """The answers of one job; none if it failed and that is no error."""
    item = _output(job, file, required=not drop_missing)
    if item is None:
        return []
    value, place = item.get("value"), file
    if value is None:
        place = _beside(item, job, file, root)
        if not is_file(place):
            if drop_missing:
                return []
            what = f"job {job['pk']} ({job.get('status', 'no status')}) left no output"
            fix = "copy its folder too, or pass --drop-missing to count its cases as failed"
            raise InputError(Problem(what, fix, place))
        value = read_json(place, nan="null" if drop_missing else "refused", lines=True)
    refuse_features(value, place)
    if _slug(item) == LIKELIHOODS:
        if not isinstance(value, Node) or "points" not in value:
            raise InputError(Problem("is no Multiple points", "give LUNA25's output", place, 1, "points"))
        return points(value, place, drop_missing=drop_missing)
    line = job.line if place == file else 1
    return [answer(_image(job, file), value, place, line, "value", drop_missing=drop_missing)]


def _slug(item: Any) -> str:  # noqa: ANN401
    """What an output is; the platform calls an interface a socket since 2025."""
    socket = item.get("interface") or item.get("socket") if isinstance(item, dict) else None
    return str(socket.get("slug")) if isinstance(socket, dict) else ""


def _output(job: Node, file: Path, *, required: bool) -> Node | None:
    outputs = job.get("outputs") or []
    found = [item for item in outputs if _slug(item) in (RISK, LIKELIHOODS)]
    if len(found) == 1:
        return found[0]  # type: ignore[no-any-return]
    slugs = ", ".join(slug for slug in map(_slug, outputs) if slug)
    if len(found) > 1:
        what, fix = f"has several outputs that are scores: {slugs}", "keep one"
    elif EMBEDDING in slugs:
        what = f"has embeddings ({slugs}), not scores"
        fix = "fit a classifier on them, write its scores as CSV, and read those with the adapter csv"
    elif not outputs and not required:
        return None
    else:
        what = f"has no output {RISK} or {LIKELIHOODS}" + (f", but {slugs}" if slugs else "")
        fix = (
            "is this the right algorithm?" if slugs else "a failed job? pass --drop-missing to count it as failed"
        )
    raise InputError(Problem(what, fix, file, job.line, "outputs", str(job["pk"])))


def _beside(item: Node, job: Node, file: Path, root: Path) -> Path:
    """The file of an output, which must lie below ``root``."""
    socket = item.get("interface") or item["socket"]
    with refusing(file, "an output has no path", "correct relative_path"):
        path = (root / str(job["pk"]) / "output" / str(socket.get("relative_path"))).resolve()
    if root.resolve() not in path.parents:
        raise InputError(
            Problem(f"the output {path} lies outside {root}", "refused", file, job.line, "relative_path")
        )
    return path


def _image(job: Node, file: Path) -> str:
    """The id of a job: the name of its input image."""
    for item in job.get("inputs") or []:
        image = item.get("image") if isinstance(item, dict) else None
        if isinstance(image, dict) and isinstance(image.get("name"), str):
            return image_id(str(image["name"]))
    raise InputError(Problem("a job without an input image", "its case cannot be told", file, job.line, "inputs"))
