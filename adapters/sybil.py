"""Sybil: risk of lung cancer in one to six years from a whole low-dose CT.

Its command writes ``prediction_scores.json``, one exam a folder and no id inside; there is no official CSV. Two
community tables are read as well: ``SeriesInstanceUID,year1,...,year6``, and a merged table with
``sybil_year1,...,sybil_year6`` in which a scan stands once for each of its nodules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from adapters.answers import Answer, answer, answers_frame
from adapters.card import AdapterOptions, Location, ModelCard, Predictions
from adapters.exams import ExamIds, exam_contents, exam_files
from adapters.tables import read_tables, score_frame
from adapters.yearly import chosen_year, say_years, with_risks, with_years
from benchmark.errors import InputError, Problem
from benchmark.formats.json import Node, or_raise

YEARS: Final = 6
NAMES: Final = tuple(f"year{number}" for number in range(1, YEARS + 1))
CARD = ModelCard(
    name="sybil",
    title="Sybil",
    reference="Mikhael et al., J Clin Oncol 41:2191-2200, 2023; github.com/reginabarzilaygroup/Sybil",
    inputs="whole low-dose CT",
    unit="scan",
    endpoint="lung cancer within the chosen number of years",
    horizon_years=None,
    trained_on=("nlst",),
    licence="MIT",
    options=("year", "all_years", "id_pattern"),
    note="Scores of years 1 to 6 never fall, so all years rank patients almost alike: fix the year beforehand.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read Sybil's JSON files (or folders of them), or one of the two community CSVs.

    Args:
        files: ``prediction_scores.json`` files, folders that hold them, CSV tables, and DIAG's ``error_ids.csv``.
        options: ``year`` 1..6 is required, but with ``all_years``, which keeps the risks of all of them;
            ``id_pattern`` finds the id in the path of a JSON file.
    """
    warnings: list[str] = []
    year = options.year
    if options.all_years:
        year, warnings = chosen_year(options, NAMES)
    if year is None:
        what = "Sybil gives six scores, for one to six years, and no year was chosen"
        fix = "pass --year 1 for the one-year risk, or --all-years for a column a year"
        raise InputError(Problem(what, fix, files[0]))
    if not 1 <= year <= YEARS:
        raise InputError(Problem(f"Sybil has no year {year}", f"choose 1 to {YEARS}", files[0]))
    json_files = exam_files(files, (".json",), "prediction_scores.json")
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    if bool(json_files) == bool(tables):
        what = "give either JSON files (or folders that hold them) or CSV tables"
        raise InputError(Problem(what, "", ", ".join(map(str, files))))
    result = _read_exams(json_files, year, options) if json_files else _read_csv(tables, year, options)
    result.recorded["year"] = str(year)
    return [say_years(result, NAMES, warnings) if options.all_years else result]


def _read_exams(files: list[Path], year: int, options: AdapterOptions) -> Predictions:
    exams, problems = [], []
    ids = ExamIds(files, options.id_pattern)
    for file, content in exam_contents(files, drop_missing=options.drop_missing):
        try:
            kind, name = ids.of(file)
            exams.append(_one_exam(or_raise(content), file, name, drop_missing=options.drop_missing))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    answers = [exam[year - 1] for exam in exams]
    frame = answers_frame(answers, kind)
    if options.all_years:
        risks = np.array([[one.score for one in exam] for exam in exams])
        frame = with_risks(frame, dict(zip(NAMES, risks.T, strict=True)))
    return Predictions(
        CARD.name, frame, CARD.unit, options.score_type or "probability", lambda row: answers[row].place
    )


def _one_exam(content: Any, file: Path, name: str, *, drop_missing: bool) -> list[Answer]:  # noqa: ANN401
    if not isinstance(content, Node) or "predictions" not in content:
        raise InputError(Problem("has no key predictions", "give the file that `sybil-predict` writes", file, 1))
    exams = content["predictions"]
    if not isinstance(exams, list) or len(exams) != 1 or not isinstance(exams[0], list):
        found = len(exams) if isinstance(exams, list) else type(exams).__name__
        what = f"holds {found} exams where one is expected: which patient is which cannot be told"
        raise InputError(Problem(what, "run Sybil on one exam a folder", file, content.line, "predictions"))
    if len(exams[0]) != YEARS:
        what = f"holds {len(exams[0])} scores, Sybil 1.x gives {YEARS}"
        raise InputError(Problem(what, "use a supported version", file, content.line, "predictions"))
    return [
        answer(name, value, file, content.line, f"year{y}", drop_missing=drop_missing)
        for y, value in enumerate(exams[0], 1)
    ]


def _read_csv(files: list[Path], year: int, options: AdapterOptions) -> Predictions:
    failed = [file for file in files if file.name == "error_ids.csv"]
    tables = read_tables([file for file in files if file not in failed], (), options)
    if "SeriesInstanceUID" not in tables.columns:
        what = "is none of Sybil's tables: it has no column SeriesInstanceUID"
        fix = "call the column of ids of scans, or of patients, so; or `bench adapt csv` with --column pid=NAME"
        raise InputError(Problem(what, fix, files[0], 1))
    plain, merged = (f"year{year}", f"sybil_year{year}")
    column = plain if plain in tables.columns else merged
    if column not in tables.columns:
        what = f"has neither the column {plain} nor {merged}"
        raise InputError(Problem(what, f"columns found: {', '.join(tables.columns)}", files[0], 1))
    frame = score_frame(tables, {"scan_id": "SeriesInstanceUID"}, column, drop_missing=options.drop_missing)
    if options.all_years:
        yearly = {name: column.replace(plain, name) for name in NAMES}
        lacking = [name for name in yearly.values() if name not in tables.columns]
        if lacking:
            what = f"has no column {', '.join(lacking)}"
            raise InputError(Problem(what, "leave --all-years out, and pass --year", files[0], 1))
        frame = with_years(frame, tables, yearly, drop_missing=options.drop_missing)
    locate: Callable[[int], Location] = tables.locate
    warnings: list[str] = []
    if column == merged:
        frame, locate, warnings = _one_row_a_scan(frame, locate)
    if failed:
        frame, locate = _with_errors(frame, locate, failed, options)
    return Predictions(CARD.name, frame, CARD.unit, options.score_type or "probability", locate, warnings=warnings)


def _with_errors(
    frame: pd.DataFrame, locate: Callable[[int], Location], files: list[Path], options: AdapterOptions
) -> tuple[pd.DataFrame, Callable[[int], Location]]:
    """Scans that the run itself lists as failed, in the first column of ``error_ids.csv``."""
    tables = read_tables(files, (), options)
    names = tables.text(tables.columns[0])
    errors = pd.DataFrame({"scan_id": names, "score": np.nan, "reason": f"in {files[0].name}"})
    scored = len(frame)

    def place(row: int) -> Location:
        return locate(row) if row < scored else tables.locate(row - scored)

    return pd.concat([frame.assign(reason=""), errors], ignore_index=True), place


def _one_row_a_scan(
    frame: pd.DataFrame, locate: Callable[[int], Location]
) -> tuple[pd.DataFrame, Callable[[int], Location], list[str]]:
    """The merged table repeats a scan for each nodule: keep its largest score, as its authors do."""
    spread = frame.groupby("scan_id")["score"].agg(["min", "max"])
    unequal = int((spread["max"] > spread["min"]).sum())
    warnings = [f"{unequal:,} scans carry several scores; the largest was kept"] if unequal else []
    best = frame.sort_values("score", ascending=False, kind="stable").drop_duplicates("scan_id").sort_index()
    rows = best.index.to_numpy()
    return best.reset_index(drop=True), lambda row: locate(int(rows[row])), warnings
