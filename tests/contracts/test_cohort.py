from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark.contracts.cohort import CohortManifest, list_cohorts, load_cohort, write_cohort
from benchmark.contracts.metrics import COLUMNS, read_metric_table, write_metric_table
from benchmark.errors import InputError

NODULES = pd.DataFrame(
    {"pid": ["007"], "nodule_id": ["0"], "image_path": ["a"], "coordX": [1.0], "coordY": [2.0], "coordZ": [3.0]}
).assign(malignant=pd.array([1], dtype="Int8"))


def test_cohort_folder_round_trip(tmp_path: Path) -> None:
    manifest = CohortManifest(name="x", title="Größe", frame="RAS", details={"seed": 3, "best": 0.91})
    written = write_cohort(tmp_path / "x", manifest, NODULES)
    assert written.manifest == manifest
    assert written.image_root == tmp_path / "x" / "."
    pd.testing.assert_frame_equal(load_cohort("x", tmp_path).nodules, NODULES)
    assert list_cohorts(tmp_path) == ["x"]


def test_unknown_cohort_names_the_nearest(tmp_path: Path) -> None:
    write_cohort(tmp_path / "lungx", CohortManifest(name="lungx", title="t"), NODULES)
    with pytest.raises(InputError, match="did you mean 'lungx'"):
        load_cohort("lungs", tmp_path)


def test_all_wrong_fields_are_named(tmp_path: Path) -> None:
    write_cohort(tmp_path / "x", CohortManifest(name="x", title="t"), NODULES)
    (tmp_path / "x" / "cohort.yaml").write_text("name: x\nframes: LPS\nhorizon_years: soon\n")
    with pytest.raises(InputError) as caught:
        load_cohort("x", tmp_path)
    text = str(caught.value)
    assert "did you mean 'frame'" in text
    assert "horizon_years" in text
    assert "title" in text


def test_a_name_that_is_a_path_is_refused_in_our_own_words(tmp_path: Path) -> None:
    write_cohort(tmp_path / "x", CohortManifest(name="x", title="t"), NODULES)
    (tmp_path / "x" / "cohort.yaml").write_text("name: ../../x\ntitle: t\n")
    with pytest.raises(InputError, match=r"name '\.\./\.\./x' — is no name that a file may have"):
        load_cohort("x", tmp_path)


@pytest.mark.parametrize("content", ["!!python/object/apply:os.system ['true']", "- a\n- b", "a: [", ""])
def test_manifests_that_are_no_mapping_are_refused(tmp_path: Path, content: str) -> None:
    write_cohort(tmp_path / "x", CohortManifest(name="x", title="t"), NODULES)
    (tmp_path / "x" / "cohort.yaml").write_text(content)
    with pytest.raises(InputError, match=r"cohort\.yaml"):
        load_cohort("x", tmp_path)


def test_metric_table_round_trip(tmp_path: Path) -> None:
    row = dict.fromkeys(COLUMNS, "")
    frame = pd.DataFrame([row | {"model": "NA", "at": "0.80", "value": 0.1, "low": float("nan"), "n": 70.0}])
    frame[["high", "n_positive"]] = float("nan")
    write_metric_table(frame, tmp_path / "m.csv")
    back = read_metric_table(tmp_path / "m.csv")
    assert back["model"].tolist() == ["NA"]
    assert back["at"].tolist() == ["0.80"]
    assert back["value"].tolist() == [0.1]
    assert back["low"].isna().all()
    with pytest.raises(InputError, match="columns are missing"):
        write_metric_table(frame.drop(columns="at"), tmp_path / "m.csv")
