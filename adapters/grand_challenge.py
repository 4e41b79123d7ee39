"""Grand Challenge: LUNA25's points, the platform's ``predictions.json``, LUNA22's bare number, grt123.

Which format a file has is seen from its content. LUNA25's file is ``lung-nodule-malginancy-likelihoods.json`` in
its own inference script (sic), and spelled rightly elsewhere: both are found in folders. grt123 writes
``results.json``: a list of ``entity`` and ``metrics.cancer_score`` (its processor), or one report with
``cancerinfo``. UNICORN's algorithms write embeddings, which are no scores: they are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from adapters.answers import Answer, answer, answers_frame, image_id, points, refuse_features, refuse_labels
from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.exams import ExamIds, exam_contents
from adapters.jobs import read_jobs
from adapters.venkadesh import RISK_FILE
from benchmark.errors import InputError, Problem
from benchmark.files import list_named
from benchmark.formats.json import Node, or_raise

NAMES: Final = (
    "predictions.json",
    "lung-nodule-malginancy-likelihoods.json",
    "lung-nodule-malignancy-likelihoods.json",
    RISK_FILE,
    "results.json",
)
CARD = ModelCard(
    name="grand-challenge",
    title="A Grand Challenge algorithm",
    reference="grand-challenge.org: LUNA22, LUNA25, grt123",
    inputs="CT, and for LUNA25 the positions of nodules",
    unit="nodule",
    endpoint="malignancy risk",
    horizon_years=None,
    trained_on=None,
    licence="of the algorithm",
    options=("id_pattern", "root", "score_type", "slug"),
    note="Name the model with --model; what it was trained on is not known.",
)
_Read = tuple[list[Answer], list[str]]
"""Answers and warnings."""


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read JSON files, or folders of them, of one kind.

    Args:
        files: Files, or folders in which the known names are looked for.
        options: ``root`` is the folder that ``predictions.json`` counts from (default its own folder).
    """
    found = _gather(files)
    answers: list[Answer] = []
    warnings: list[str] = []
    kinds: dict[str, str] = {}
    problems: list[Problem] = []
    ids = ExamIds(found, options.id_pattern)
    for file, content in exam_contents(found, drop_missing=options.drop_missing):
        try:
            kind, reader = _kind(or_raise(content), file, ids)
            kinds.setdefault(kind, file)
            more, said = reader(content, file, options)
            answers += more
            warnings += said
        except InputError as error:
            problems += error.problems
    if len(kinds) > 1:
        named = ", ".join(f"{kind} ({Path(path).name})" for kind, path in kinds.items())
        what = f"several formats at once: {named}"
        problems.append(Problem(what, "give the files of one kind"))
    if not problems and not answers:
        problems.append(Problem("holds no prediction", "check that the run finished", found[0]))
    if problems:
        raise InputError(problems)
    return [_predictions(answers, next(iter(kinds)), options, warnings)]


def _gather(files: Sequence[Path]) -> list[str]:
    found: list[str] = []
    for path in files:
        if path.is_dir() and (path / "predictions.json").is_file():
            found.append(str(path / "predictions.json"))  # an output of a job may have any name, this one too
        elif path.is_dir():
            found += _outputs_below(path)
        else:
            found.append(str(path))
    if not found:
        what = f"holds none of {', '.join(NAMES)}, and no other JSON file"
        raise InputError(Problem(what, "give the output folder of the algorithm", files[0]))
    return found


def _outputs_below(folder: Path) -> list[str]:
    """Files of the known names in a folder; if there is none, all its JSON files: an output may have any name."""
    jobs, *known, every = list_named(folder, "predictions.json", *NAMES, "*.json")
    return jobs or [path for files in known for path in files] or every  # jobs name the other files


def _kind(content: Any, file: str, ids: ExamIds) -> tuple[str, Callable[[Any, str, AdapterOptions], _Read]]:  # noqa: ANN401
    if isinstance(content, Node) and "points" in content:
        return "points", _read_points
    if isinstance(content, Node) and "cancerinfo" in content:
        return "grt123", partial(_grt123_report, ids)
    if isinstance(content, list) and content and all(isinstance(c, Node) for c in content):
        if all("pk" in c for c in content):
            return "predictions.json", _jobs
        if all("entity" in c and "metrics" in c for c in content):
            return "grt123 results", _grt123_results
    if isinstance(content, (int, float)) or content is None:
        return "risk", partial(_risk, ids)
    refuse_features(content, file)
    what = "is no format of Grand Challenge that is known here"
    fix = "known: LUNA25 points, predictions.json, a bare number, grt123's results and report"
    raise InputError(Problem(what, fix, file, 1))


def _predictions(answers: list[Answer], kind: str, options: AdapterOptions, warnings: list[str]) -> Predictions:
    of_nodules = bool(answers[0].nodule_id)
    if not of_nodules:
        refuse_labels(answers, options.score_type)
    return Predictions(
        CARD.name,
        answers_frame(answers, "case"),
        CARD.unit if of_nodules else "scan",
        options.score_type or "probability",
        lambda row: answers[row].place,
        {"format": kind},
        warnings,
    )


def _read_points(content: Node, file: str, options: AdapterOptions) -> _Read:
    return points(content, file, drop_missing=options.drop_missing), []


def _jobs(content: list[Node], file: str, options: AdapterOptions) -> _Read:
    path = Path(file)
    root = options.root or path.parent
    return read_jobs(content, path, root, drop_missing=options.drop_missing, slug=options.slug)


def _risk(ids: ExamIds, content: Any, file: str, options: AdapterOptions) -> _Read:  # noqa: ANN401
    _, name = ids.of(file)
    return [answer(name, content, file, 1, "", drop_missing=options.drop_missing)], []


def _grt123_report(ids: ExamIds, content: Node, file: str, options: AdapterOptions) -> _Read:
    info = content["cancerinfo"]
    value = info.get("casecancerprobability") if isinstance(info, dict) else None
    line = info.line if isinstance(info, Node) else content.line
    _, name = ids.of(file)
    return [answer(name, value, file, line, "casecancerprobability", drop_missing=options.drop_missing)], []


def _grt123_results(content: list[Node], file: str, options: AdapterOptions) -> _Read:
    """One scan an entry; one that failed has messages instead of a score."""
    found, problems = [], []
    for item in content:
        metrics, said = item["metrics"], item.get("error_messages") or []
        value = metrics.get("cancer_score") if isinstance(metrics, dict) else None
        try:
            if not isinstance(item["entity"], str) or not item["entity"]:
                raise InputError(Problem("names no scan", "one entry a scan", file, item.line, "entity"))
            one = answer(
                image_id(item["entity"]), value, file, item.line, "cancer_score", drop_missing=options.drop_missing
            )
            found.append(one._replace(reason=f"grt123: {said[0]}") if one.reason and said else one)
        except InputError as error:
            hint = f"; it says {str(said[0])!r}: pass --drop-missing to count the scan as failed" if said else ""
            problems += [replace(p, what=p.what + hint) for p in error.problems]
    if problems:
        raise InputError(problems)
    return found, []
