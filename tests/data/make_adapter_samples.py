"""Writes tests/data/adapters: for every adapter a good file and four bad ones, in the exact format of its system.

Made by us; the layouts are those that the adapters name. Run: python tests/data/make_adapter_samples.py
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent / "adapters"

# pid, nodule_id (LUNA25's AnnotationID), scan, date, label, score
CASES = [
    ("007", "007_1_19990102", "1.2.3.1", "19990102", 1, 0.81),
    ("007", "007_2_20000102", "1.2.3.2", "20000102", 0, 0.12),
    ("0042", "0042_1_19990102", "1.2.4.1", "19990102", 0, 0.07),
    ("NA", "NA_1_19990102", "1.2.5.1", "19990102", 1, 0.66),
    ("x-3", "x-3_1_19990102", "1.2.6.1", "19990102", 0, 0.31),
]
UNKNOWN = ("999", "999_1_19990102", "9.9.9.9", "19990102", 0, 0.5)
FIRST_SCANS = [CASES[0], *CASES[2:]]
"""One scan a patient."""


def main() -> None:
    write(HERE / "cohort" / "cohort.yaml", COHORT)
    rows = [f"{p},{n},{s}.mha,1.0,2.0,3.0,{y},{s},{d}" for p, n, s, d, y, _ in CASES]
    header = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,scan_id,study_date"
    write(HERE / "cohort" / "nodules.csv", table(header, rows))
    for name, (header, line, cases) in CSV.items():
        csv_family(HERE / name, header, line, cases)
    sybil()
    points()


COHORT = """\
name: cohort
title: Made-up cohort of the adapter tests
frame: LPS
details:
  source: made-up
"""


def clip_nodule(p: str, n: str, s: str, d: str, y: int, score: float | str) -> str:
    if isinstance(score, str):
        return f"{p},{n},{score},0.1,0.1,0.1,0.1,0.1"
    folds = [round(score + k, 4) for k in (-0.02, -0.01, 0, 0.01, 0.02)]
    return ",".join([p, n, *map(str, folds), str(score)])


CSV = {
    "sybil-csv": (
        "SeriesInstanceUID,year1,year2,year3,year4,year5,year6",
        lambda p, n, s, d, y, score: f"{s},{score},0.9,0.9,0.9,0.9,0.9",
        FIRST_SCANS,
    ),
    "pillar0": (
        "accession,logit,y,time_at_event",
        lambda p, n, s, d, y, score: f'{s},"tensor([{score}, 0.9000, 0.9000, 0.9000, 0.9000, 0.9000])",{y},1',
        FIRST_SCANS,
    ),
    "deepipn": ("id,pred", lambda p, n, s, d, y, score: f"{p}time{d[:4]},{score}", FIRST_SCANS),
    "venkadesh": (
        "SeriesInstanceUID,PatientID,StudyDate,AnnotationID,DL,DL_cal",
        lambda p, n, s, d, y, score: f"{s},{p},{d},{n},{score if isinstance(score, str) else score * 3},{score}",
        CASES,
    ),
    "lungbl": (",pid,scandate,label,prob", lambda p, n, s, d, y, score: f"0,{p},{d},{y},{score}", FIRST_SCANS),
    "diag": (
        "SeriesInstanceUID,PatientID,StudyDate,NoduleID,AnnotationID,Diameter_mm,DL,DL_cal,PanCan2b,label,"
        "InSybilTrain,sybil_year1,sybil_year2",
        lambda p, n, s, d, y, score: f"{s},{p},{d},1,{n},8.5,{score},0.4,0.3,{y},False,0.2,0.3",
        CASES,
    ),
    "clip-nodule": ("pid,nodule_id,raw_0,raw_1,raw_2,raw_3,raw_4,ensemble", clip_nodule, CASES),
    "fmcib": (
        ",pid,nodule_id,malignancy,coordX,coordY,coordZ,image_path,conf_scores_class_1",
        lambda p, n, s, d, y, score: f"0,{p},{n},{y},1.0,2.0,3.0,{s}.mha,{score}",
        CASES,
    ),
    "hscnn": ("pid,nodule_id,prob", lambda p, n, s, d, y, score: f"{p},{n},{score}", CASES),
    "clip-lung": ("pid,nodule_id,score", lambda p, n, s, d, y, score: f"{p},{n},{score}", CASES),
    "csv": ("patient_id,score", lambda p, n, s, d, y, score: f"{p},{score}", FIRST_SCANS),
}


def csv_family(folder: Path, header: str, line: object, cases: list[tuple[object, ...]]) -> None:
    lines = [line(*case) for case in cases]  # type: ignore[operator]
    nan = [*lines[:2], line(*cases[2][:5], "nan"), *lines[3:]]  # type: ignore[operator]
    write(folder / "good.csv", table(header, lines))
    write(folder / "truncated.csv", table(header, lines)[: -len(lines[-1]) // 2 - len(lines[-2])])
    write(folder / "unknown_id.csv", table(header, [*lines, line(*UNKNOWN)]))  # type: ignore[operator]
    write(folder / "nan.csv", table(header, nan))
    write(folder / "duplicate.csv", table(header, [*lines, lines[1]]))


def sybil() -> None:
    """One exam a folder; a duplicate is one patient in two folders, told apart only by the path above."""

    def exam(kind: str, pid: str, text: str) -> None:
        write(HERE / "sybil" / kind / pid / "prediction_scores.json", text)

    for pid, _, _, _, _, score in FIRST_SCANS:
        text = json.dumps({"predictions": [[score, 0.9, 0.9, 0.9, 0.9, 0.9]]})
        for kind in ("good", "truncated", "unknown_id", "nan", "duplicate/run1", "duplicate/run2"):
            exam(kind, pid, text)
    exam("truncated", "NA", '{"predictions": [[0.66, 0.9,')
    exam("unknown_id", "999", json.dumps({"predictions": [[0.5, 0.9, 0.9, 0.9, 0.9, 0.9]]}))
    exam("nan", "0042", '{"predictions": [[NaN, 0.9, 0.9, 0.9, 0.9, 0.9]]}')


def points() -> None:
    def file(cases: list[tuple[object, ...]]) -> str:
        items = [{"name": c[1], "point": [1.0, 2.0, 3.0], "probability": c[5]} for c in cases]
        content = {
            "name": "Points of interest",
            "type": "Multiple points",
            "version": {"major": 1, "minor": 0},
            "points": items,
        }
        return json.dumps(content, indent=1) + "\n"

    folder = HERE / "grand-challenge"
    write(folder / "good.json", file(CASES))
    write(folder / "truncated.json", file(CASES)[:-60])
    write(folder / "unknown_id.json", file([*CASES, UNKNOWN]))
    write(folder / "nan.json", file(CASES).replace("0.66", "NaN"))
    write(folder / "duplicate.json", file([*CASES, CASES[1]]))


def table(header: str, lines: list[str]) -> str:
    return "\n".join([header, *lines]) + "\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
