"""What a run trains on, read from a folder in which something else stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import InputError
from clip_nodule.training.data import load_data
from tests.fuzz.child import lay_out
from tests.fuzz.corpus import training_data


def test_the_data_of_a_run_are_read(tmp_path: Path) -> None:
    lay_out(training_data(), tmp_path / "run")
    data = load_data(tmp_path / "run")
    assert (data.rows.tolist(), data.labels.tolist()) == ([0, 3], [1, -1])
    assert data.tokens is not None
    assert [part.tolist() for part in data.split(0)] == [[0], [1]]


@pytest.mark.parametrize("cell", ["1.5", "1e30", "-1e19"])
def test_a_row_that_is_no_whole_number_is_refused(tmp_path: Path, cell: str) -> None:
    """It would be cut off, or become another row."""
    files = training_data()
    files["data/nodules.csv"] = files["data/nodules.csv"].replace(b"3,b,", f"{cell},b,".encode())
    lay_out(files, tmp_path / "run")
    with pytest.raises(InputError, match="is no whole number of a run"):
        load_data(tmp_path / "run")


@pytest.mark.parametrize("name", ["tokens", "rarity", "sides"])
@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 3)), np.zeros((2, 3, 3)), np.array([["a", "b"]])])
def test_an_array_of_other_nodules_is_refused(tmp_path: Path, name: str, array: Any) -> None:
    lay_out(training_data(), tmp_path / "run")
    np.save(tmp_path / "run" / "data" / f"{name}.npy", array)
    with pytest.raises(InputError, match="not numbers of each of 2 nodules"):
        load_data(tmp_path / "run")
