"""Venkadesh et al.: malignancy risk of a nodule on low-dose CT.

There is no published output schema. Scores come as a column of a merged table (``DL`` raw, ``DL_cal`` calibrated)
or, from Grand Challenge, as one bare number an exam (``lung-nodule-malignancy-risk.json``). Raw ``DL`` can lie
outside [0, 1] and is only ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.answers import answer, answers_frame, refuse_features, refuse_labels
from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.exams import ExamIds, exam_contents, exam_files
from adapters.tables import named_roles, need_one, pick, read_tables, score_frame
from benchmark.errors import InputError, Problem
from benchmark.formats.json import or_raise

RISK_FILE: Final = "lung-nodule-malignancy-risk.json"
CARD = ModelCard(
    name="venkadesh",
    title="Venkadesh et al.",
    reference="Venkadesh et al., Radiology 300:438-447, 2021",
    inputs="2-D and 3-D crops of a nodule on low-dose CT",
    unit="nodule",
    endpoint="malignancy of the nodule",
    horizon_years=None,
    trained_on=("nlst",),
    licence="runs on Grand Challenge; weights are not public",
    options=("columns", "calibrated", "id_pattern", "score_type"),
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read a table with ``DL`` or ``DL_cal`` (or a column that is named), or bare numbers, one JSON an exam."""
    exams = exam_files(files, (".json",), RISK_FILE)
    if exams:
        if options.columns or options.calibrated:
            what = "--column and --calibrated are about tables, and these are bare numbers"
            raise InputError(Problem(what, "leave them out", exams[0]))
        return [read_bare(CARD, exams, options)]
    names = named_roles(options, ("pid", "scan_id", "nodule_id", "label", "score"))
    tables = read_tables(files, tuple(names.values()), options)
    if options.calibrated and "score" in names:
        what = f"--calibrated and --column score={names['score']} both name the score"
        raise InputError(Problem(what, "leave out one of the two", files[0]))
    chosen = "DL_cal" if options.calibrated else "DL"
    score = names.get("score") or need_one(files, tables.columns, (chosen,), "the score", "--column score=NAME")
    pid = names.get("pid") or need_one(
        files, tables.columns, ("PatientID", "pid"), "the patient", "--column pid=NAME"
    )
    roles = {"pid": pid}
    for role, common in (("nodule_id", ("AnnotationID", "NoduleID", "nodule_id")), ("label", ("label",))):
        found = names.get(role) if role in options.columns else pick(tables.columns, common)
        if found:
            roles[role] = found
    if "nodule_id" not in roles:
        own = pick(tables.columns, ("SeriesInstanceUID", "scan_id"))
        scan = names.get("scan_id") if "scan_id" in options.columns else own
        roles |= {"scan_id": scan} if scan else {}
    frame = score_frame(tables, roles, score, drop_missing=options.drop_missing)
    kind = options.score_type or ("rank" if score == "DL" else "probability")
    unit = CARD.unit if "nodule_id" in roles else "patient"
    return [Predictions(CARD.name, frame, unit, kind, tables.locate, {"column": score})]


def read_bare(card: ModelCard, files: Sequence[Path], options: AdapterOptions) -> Predictions:
    """One bare number a file, the id in the path: a score of the whole scan.

    Raises:
        InputError: A file holds anything but one number, or its path no id.
    """
    answers, problems, kinds = [], [], set()
    ids = ExamIds(files, options.id_pattern)
    for file, content in exam_contents(files, drop_missing=options.drop_missing):
        try:
            kind, name = ids.of(file)
            kinds.add(kind)
            refuse_features(or_raise(content), file)
            answers.append(answer(name, content, file, 1, "", drop_missing=options.drop_missing))
        except InputError as error:
            problems += error.problems
    if len(kinds) > 1:
        problems.append(Problem("--id-pattern finds patients in some paths and scans in others", "use one kind"))
    if problems:
        raise InputError(problems)
    refuse_labels(answers, options.score_type)
    frame = answers_frame(answers, kinds.pop())
    return Predictions(
        card.name, frame, "scan", options.score_type or "probability", lambda row: answers[row].place
    )
