from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.contracts.nodules import numbers, read_nodule_table, write_nodule_table
from benchmark.contracts.text import TEXT, text_column
from benchmark.errors import InputError

from .strategies import finite, ids

HEADER = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant\n"


def write(folder: Path, text: str, name: str = "nodules.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def problems(path: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read_nodule_table(path, **options)  # type: ignore[arg-type]
    return str(caught.value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(ids, ids, finite, st.sampled_from([0, 1, None])),
        min_size=2,
        max_size=8,
        unique_by=lambda r: r[:2],
    )
)
def test_round_trip_keeps_hostile_ids_to_the_letter(
    tmp_path: Path, rows: list[tuple[str, str, float, int | None]]
) -> None:
    pids = [unicodedata.normalize("NFC", row[0]) for row in rows] + ["plain"]
    nodules = [unicodedata.normalize("NFC", row[1]) for row in rows] + ["id"]
    frame = pd.DataFrame({"pid": pids, "nodule_id": nodules, "image_path": "a.nii.gz"}, dtype=TEXT)
    frame = frame.assign(coordX=[*(row[2] for row in rows), 0.1], coordY=-0.0, coordZ=1e-300)
    frame["malignant"] = pd.array([*(row[3] for row in rows), 1], dtype="Int8")
    frame["nodule_margins"] = text_column([*pids[:-1], None])
    write_nodule_table(frame, tmp_path / "n.csv")
    back = read_nodule_table(tmp_path / "n.csv")
    pd.testing.assert_frame_equal(back, frame)


def test_missing_cells_stay_missing(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER.strip() + ",age\n007,NA,,,,,,\n7,1,a,1,2,3,0,55\n")
    frame = read_nodule_table(path)
    assert frame["pid"].tolist() == ["007", "7"]
    assert frame["nodule_id"].tolist() == ["NA", "1"]
    assert np.isnan(frame["coordX"][0])
    assert frame["malignant"].isna().tolist() == [True, False]
    assert numbers(frame, "age")[1] == 55
    assert np.isnan(numbers(frame, "age")[0])


def test_every_column_of_text_has_the_stated_dtype(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER.strip() + ",age,none,all\n007,NA,,,,,,,,x\n7,1,a,1,2,3,0,55,,y\n")
    frame = read_nodule_table(path)
    text = frame.dtypes.drop(["coordX", "coordY", "coordZ", "malignant"])
    assert (text == TEXT).all()
    # The dtype lasts: what pandas computes from a column has it too, also if nothing is left.
    assert frame["pid"].str.upper().dtype == frame["pid"].map(str.upper).dtype == TEXT
    assert pd.concat([frame, frame])["none"].dtype == frame.iloc[:0]["none"].dtype == TEXT
    assert text_column([None, None]).dtype == text_column([]).dtype == TEXT


def test_every_problem_is_named_with_its_line(tmp_path: Path) -> None:
    text = problems(write(tmp_path, HEADER + "1,0,a,x,2,3,1\n1,1,a,1,inf,3,2\n,2,a,1,2,nan,maybe\n"))
    for expected in (
        ":2:coordX 'x'",
        ":3:coordY 'inf'",
        ":3:malignant '2'",
        ":4:pid ''",
        ":4:coordZ 'nan'",
        ":4:malignant",
    ):
        assert expected in text


def test_line_numbers_count_newlines_inside_cells(tmp_path: Path) -> None:
    assert ":5:coordX" in problems(write(tmp_path, HEADER + '"a\nb",0,a,1,2,3,1\nc,0,a,1,2,3,1\nd,0,a,x,2,3,1\n'))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        (HEADER, "has no rows"),
        (HEADER.replace("coordZ", "coordY"), "column stands 2 times"),
        ("patient_id" + HEADER[3:] + "1,0,a,1,2,3,1\n", "did you mean 'patient_id'"),
        ("pid;malignant\n1;0\n", "semicolon-separated"),
        (HEADER + "1,0,a,1,2,3\n", "has 6 cells, the header has 7"),
        (HEADER + '1,"0,a,1,2,3,1\n', ":2 — quote opened on this line is never closed"),
        (HEADER + "1,0,a,1,2,3,1\n1,0,a,1,2,3,1\n", "stands on lines 2, 3"),
        (HEADER + "1,0,a,1,2,3,1\n1,0,b,1,2,3,0\n", "contradicting labels '0', '1'"),
        (HEADER + "1.0,0,a,1,2,3,1\n2.0,0,b,1,2,3,0\n", "a spreadsheet changed the ids"),
        (HEADER + "1.21E+05,0,a,1,2,3,1\n1.22E+05,0,b,1,2,3,0\n", "a spreadsheet changed the ids"),
        (HEADER + "a ,0,a,1,2,3,1\n", "outer blanks or invisible characters"),
        (HEADER + "a\u200b,0,a,1,2,3,1\n", "U+200B"),
        (HEADER + "e\u0301,0,a,1,2,3,1\n\u00e9,0,a,1,2,3,1\n", "Unicode form"),
        (HEADER + "a\0,0,a,1,2,3,1\n", "NUL bytes"),
        ("PK\x03\x04rest", "Excel or zip file"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: str, expected: str) -> None:
    assert expected in problems(write(tmp_path, content))


@pytest.mark.parametrize("label", ["malignant", "TRUE", "2", "-1", "0.5"])
def test_labels_are_never_cast_by_truth_value(tmp_path: Path, label: str) -> None:
    assert "is not a label" in problems(write(tmp_path, HEADER + f"1,0,a,1,2,3,{label}\n"))


def test_label_map_and_encodings(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + HEADER + "1,0,a,1,2,3,benign\n")
    assert read_nodule_table(path, label_map={"benign": 0})["malignant"].tolist() == [0]
    latin = tmp_path / "latin.csv"
    latin.write_bytes((HEADER + "é,0,a,1,2,3,1\n").encode("latin-1"))
    assert "is not utf-8" in problems(latin)
    assert read_nodule_table(latin, encoding="latin-1")["pid"].tolist() == ["é"]
    wide = tmp_path / "wide.csv"
    wide.write_bytes((HEADER + "1,0,a,1,2,3,1\n").encode("utf-16"))
    assert "UTF-16" in problems(wide)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "does not exist" in problems(tmp_path / "none.csv")
    assert "is a folder" in problems(tmp_path)


def test_one_fault_of_many_rows_is_one_line(tmp_path: Path) -> None:
    rows = "".join(f"{i},0,a,x,2,3,1\n" for i in range(50))
    assert "rows 2-51:coordX 'x' — is not a finite number" in problems(write(tmp_path, HEADER + rows))
