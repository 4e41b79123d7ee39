"""Every adapter on files in its system's format: a good one, and a cut, a strange, an empty and a doubled case."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from adapters import ADAPTERS, load_adapter
from adapters.adapt import TableOptions, adapt
from adapters.card import AdapterOptions
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError

DATA = Path(__file__).parents[1] / "data" / "adapters"
FORMATS = {
    "sybil": ("sybil", AdapterOptions(year=1)),
    "sybil-csv": ("sybil", AdapterOptions(year=1)),
    "pillar0": ("pillar0", AdapterOptions(year=1)),
    "deepipn": ("deepipn", AdapterOptions(branch="imaging")),
    "venkadesh": ("venkadesh", AdapterOptions(calibrated=True)),
    "grand-challenge": ("grand-challenge", AdapterOptions()),
    "lungbl": ("lungbl", AdapterOptions()),
    "diag": ("diag", AdapterOptions(models=("venkadesh",))),
    "clip-nodule": ("clip-nodule", AdapterOptions()),
    "fmcib": ("fmcib", AdapterOptions(class_column="conf_scores_class_1")),
    "hscnn": ("hscnn", AdapterOptions()),
    "clip-lung": ("clip-lung", AdapterOptions()),
    "csv": ("csv", AdapterOptions()),
}
EXPECTED = {"007": 0.81, "0042": 0.07, "NA": 0.66, "x-3": 0.31}
"""Highest score of each patient, as ``make_adapter_samples.py`` wrote it."""


def sample(folder: str, kind: str) -> list[Path]:
    found = [path for path in sorted((DATA / folder).iterdir()) if path.stem == kind or path.name == kind]
    assert len(found) == 1
    return found


def run(folder: str, kind: str, out: Path, **options: object) -> Path:
    name, given = FORMATS[folder]
    results = adapt(
        name,
        load_adapter(name),
        sample(folder, kind),
        load_cohort("cohort", DATA),
        given,
        out,
        TableOptions(**options),
    )
    assert len(results) == 1
    return results[0].path


def test_every_adapter_is_tried() -> None:
    assert {name for name, _ in FORMATS.values()} == set(ADAPTERS)


@pytest.mark.parametrize("folder", FORMATS)
def test_a_good_file_becomes_a_score_table(folder: str, tmp_path: Path) -> None:
    table = read_score_table(run(folder, "good", tmp_path))
    table = table[table["fold"] == "ensemble"]
    assert (table["status"] == "scored").all()
    assert table.groupby("pid")["score"].max().to_dict() == pytest.approx(EXPECTED)
    assert set(table["cohort"]) == {"cohort"}


@pytest.mark.parametrize("folder", FORMATS)
@pytest.mark.parametrize("kind", ["truncated", "unknown_id", "nan", "duplicate"])
def test_a_bad_file_is_refused_with_its_name_and_row(folder: str, kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(folder, kind, tmp_path)
    placed = [p for p in caught.value.problems if p.row is not None and kind in str(p.file)]
    assert placed, str(caught.value)
    assert not list(tmp_path.iterdir())


BAD_ROWS = {
    # header is line 1; unknown and duplicate rows were appended after four or five cases
    ("csv", "unknown_id"): (6, "999"),
    ("csv", "nan"): (4, "nan"),
    ("csv", "duplicate"): (6, "0042"),
    ("clip-nodule", "unknown_id"): (7, "999"),
    ("clip-nodule", "nan"): (4, "nan"),
    ("clip-nodule", "duplicate"): (7, "007"),
    ("clip-nodule", "truncated"): (5, None),
    ("deepipn", "unknown_id"): (6, "999"),
}


@pytest.mark.parametrize(("folder", "kind"), BAD_ROWS)
def test_the_row_named_is_the_bad_one(folder: str, kind: str, tmp_path: Path) -> None:
    row, value = BAD_ROWS[folder, kind]
    with pytest.raises(InputError) as caught:
        run(folder, kind, tmp_path)
    assert any(p.row == row and (value is None or p.value == value) for p in caught.value.problems), str(
        caught.value
    )


def test_line_of_a_json_object_is_named(tmp_path: Path) -> None:
    # six lines a point from line 8 on: the sixth point begins on line 8 + 5 * 9
    text = (DATA / "grand-challenge" / "unknown_id.json").read_text(encoding="utf-8").splitlines()
    line = next(number for number, one in enumerate(text, 1) if "999_1" in one) - 1
    with pytest.raises(InputError) as caught:
        run("grand-challenge", "unknown_id", tmp_path)
    assert any(p.row == line for p in caught.value.problems), str(caught.value)


def test_samples_are_what_their_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("samples", DATA.parent / "make_adapter_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HERE", tmp_path)
    module.main()
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(DATA): path.read_bytes() for path in DATA.rglob("*") if path.is_file()}
    assert made == kept


@pytest.mark.parametrize("folder", ["venkadesh", "fmcib", "hscnn", "clip-lung", "csv"])
def test_a_role_that_does_not_exist_is_refused(folder: str) -> None:
    name, given = FORMATS[folder]
    with pytest.raises(InputError, match=r"no role nodul_id.*roles: pid"):
        load_adapter(name).read(sample(folder, "good"), replace(given, columns={"nodul_id": "nodule_id"}))


def test_two_names_for_the_score_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("pid,DL,DL_cal\n007,1,0.5\n")
    for columns in ({"score": "DL"}, {"score": "DL_cal"}):
        with pytest.raises(InputError, match="both name the score"):
            load_adapter("venkadesh").read([table], AdapterOptions(calibrated=True, columns=columns))
    with pytest.raises(InputError, match="no role score"):
        load_adapter("fmcib").read([table], AdapterOptions(class_column="DL_cal", columns={"score": "DL"}))
    bare = tmp_path / "007" / "lung-nodule-malignancy-risk.json"
    bare.parent.mkdir()
    bare.write_text("0.5")
    with pytest.raises(InputError, match="about tables"):
        load_adapter("venkadesh").read([bare], AdapterOptions(calibrated=True))
