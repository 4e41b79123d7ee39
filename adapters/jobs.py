"""``predictions.json``: the jobs of an algorithm as Grand Challenge hands them to an evaluation.

The answers lie beside it, in ``{pk}/output/{relative_path}``, or in the job itself (``value``): one number a scan
(LUNA22), or one point a nodule (LUNA25).
"""

from __future__ import annotations

import re
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
_SUCCESS: Final = "Succeeded"
_SCORES: Final = re.compile(r"mal[ig]+nan|risk|likelihood|probabilit|score", re.IGNORECASE)
"""Words in the names of outputs that other phases and other challenges give to scores."""
_CLASSES: Final = re.compile(r"type|class|label|binary|decision", re.IGNORECASE)
"""Words in the names of outputs that hold a class and no score."""


def read_jobs(
    jobs: Sequence[Node], file: Path, root: Path, *, drop_missing: bool, slug: str | None = None
) -> tuple[list[Answer], list[str]]:
    """The answers of all jobs.

    Args:
        jobs: The list in ``predictions.json``.
        file: That file.
        root: Folder with one folder a job.
        drop_missing: A job without an answer has failed, instead of an error.
        slug: Name of the output that holds the scores; None for that of LUNA25 or LUNA22, else one that is named
            after a risk, a likelihood, a probability or a score.

    Returns:
        The answers, and warnings. A failed job cannot name the nodules that it should have scored.

    Raises:
        InputError: Names every job without an answer, and every answer that is no score.
    """
    found: list[Answer] = []
    lost: list[Node] = []
    answered: list[Node] = []
    problems: list[Problem] = []
    for job in jobs:
        try:
            answers = _answers(job, file, root, slug, drop_missing=drop_missing)
            found += answers
            lost += [] if answers else [job]
            answered += [job] if any(not one.reason for one in answers) else []
        except InputError as error:
            problems += error.problems
    kinds = {bool(one.nodule_id) for one in found}
    if len(kinds) > 1:
        what = "some jobs give a number a scan and others points of nodules"
        problems.append(Problem(what, "give the jobs of one algorithm", file, 1))
    if problems:
        raise InputError(problems)
    warnings = _of_other_names(jobs, file, slug) + _unsuccessful(jobs, answered)
    if lost and (True in kinds):
        names = ", ".join(f"{job['pk']} ({job.get('status', 'no status')})" for job in lost[:5])
        warnings.append(f"{len(lost):,} of {len(jobs):,} jobs gave no points, e.g. {names}")
    elif lost:
        found += [
            Answer(_image(job, file), "", float("nan"), file, job.line, "its job gave no output") for job in lost
        ]
    return found, warnings


def _of_other_names(jobs: Sequence[Node], file: Path, slug: str | None) -> list[str]:
    """A warning for outputs that were taken for scores by their name alone."""
    taken = (_output(job, file, slug, required=False) for job in jobs)
    names = {_slug(item) for item in taken if item is not None} - {RISK, LIKELIHOODS, slug}
    return [f"taken for scores by its name: the output {name} (--slug chooses)" for name in sorted(names)]


def _unsuccessful(jobs: Sequence[Node], answered: Sequence[Node]) -> list[str]:
    """A warning for jobs that gave scores though their status is another than that of success."""
    odd = [job for job in answered if str(job.get("status") or _SUCCESS).casefold() != _SUCCESS.casefold()]
    if not odd:
        return []
    first = f"{odd[0]['pk']} ({odd[0]['status']})"
    return [
        f"{len(odd):,} of {len(jobs):,} jobs have a status other than {_SUCCESS}, and outputs that count as "
        f"scores (the challenge's own evaluation may count them too): first {first}"
    ]


def _answers(job: Node, file: Path, root: Path, slug: str | None, *, drop_missing: bool) -> list[Answer]:
    """The answers of one job; none if it failed and that is no error."""
    item = _output(job, file, slug, required=not drop_missing)
    if item is None:
        return []
    held = _content(item, job, file, root, drop_missing=drop_missing)
    if held is None:
        return []
    value, place = held
    refuse_features(value, place)
    if isinstance(value, Node) and "points" in value:
        return points(value, place, drop_missing=drop_missing)
    if _slug(item) == LIKELIHOODS or isinstance(value, (dict, list)):
        what = "is no Multiple points" + ("" if _slug(item) == LIKELIHOODS else ", and no number")
        raise InputError(Problem(what, "give LUNA25's output", place, 1, "points"))
    line = job.line if place == file else 1
    return [answer(_image(job, file), value, place, line, "value", drop_missing=drop_missing)]


def _content(item: Node, job: Node, file: Path, root: Path, *, drop_missing: bool) -> tuple[Any, Path] | None:
    """The value of an output, and the file that holds it: its own, or that of the jobs; None if it may be missing.

    Raises:
        InputError: There is none, or the job says one thing and the file of its output another.
    """
    said, place = item.get("value"), _beside(item, job, file, root)
    if is_file(place):
        held = read_json(place, nan="null" if drop_missing else "refused", lines=True)
        if said is not None and said != held:
            what = f"the value of job {job['pk']} in {file.name} is not what the file of its output holds"
            raise InputError(Problem(what, "keep the one that is right", place))
        return held, place
    if said is None and not drop_missing:
        what = f"job {job['pk']} ({job.get('status', 'no status')}) left no output"
        fix = "copy its folder too, or pass --drop-missing to count its cases as failed"
        raise InputError(Problem(what, fix, place))
    return None if said is None else (said, file)


def _slug(item: Any) -> str:  # noqa: ANN401
    """What an output is; the platform calls an interface a socket since 2025."""
    socket = item.get("interface") or item.get("socket") if isinstance(item, dict) else None
    return str(socket.get("slug")) if isinstance(socket, dict) else ""


def _output(job: Node, file: Path, slug: str | None, *, required: bool) -> Node | None:
    """The output of a job that holds its scores: the one of the name ``slug``, or of a known name, or like one."""
    outputs = job.get("outputs") or []
    if not isinstance(outputs, list):
        raise InputError(Problem("is no list", "give predictions.json as it is", file, job.line, "outputs"))
    found = [item for item in outputs if slug is not None and _slug(item) == slug]
    if slug is None:
        found = [item for item in outputs if _slug(item) in (RISK, LIKELIHOODS)]
        found = found or [item for item in outputs if _sounds_like_scores(_slug(item))]
    if len(found) == 1:
        return found[0]  # type: ignore[no-any-return]
    slugs = ", ".join(name for name in map(_slug, outputs) if name)
    if len(found) > 1:
        what, fix = f"has several outputs that are scores: {slugs}", "choose one with --slug"
    elif EMBEDDING in slugs:
        what = f"has embeddings ({slugs}), not scores"
        fix = "fit a classifier on them, write its scores as CSV, and read those with the adapter csv"
    elif not outputs and not required:
        return None
    elif not slugs:
        what = f"has no output {slug or f'{RISK} or {LIKELIHOODS}'}"
        fix = f"its status is {job.get('status', 'not said')}: pass --drop-missing to count it as failed"
    else:
        what = f"has no output {slug or f'{RISK} or {LIKELIHOODS}'}, but {slugs}"
        fix = "is this the right algorithm? if one of them holds its scores, name it with --slug"
    raise InputError(Problem(what, fix, file, job.line, "outputs", str(job["pk"])))


def _sounds_like_scores(slug: str) -> bool:
    return _SCORES.search(slug) is not None and EMBEDDING not in slug and _CLASSES.search(slug) is None


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
