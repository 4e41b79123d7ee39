"""Score tables with a risk of each year beside the score."""

import numpy as np
import pandas as pd
import pytest

from benchmark.contracts.scores import COLUMNS, check_score_table, read_score_table, write_score_table
from benchmark.errors import InputError


def rows(**changed):
    frame = {"model": "m", "cohort": "c", "pid": ["a", "b", "d"], "nodule_id": "", "fold": "ensemble"}
    frame |= {"score": [0.3, 0.2, None], "score_kind": "probability", "status": ["scored", "scored", "failed"]}
    frame |= {"reason": ["", "", "no lung"], "year1": [0.1, 0.2, None], "year2": [0.3, 0.2, None]}
    return pd.DataFrame(frame | changed)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_yearly_risks_are_written_and_read_again(tmp_path, suffix):
    path = tmp_path / f"m.{suffix}"
    write_score_table(rows(), path)
    found = read_score_table(path)
    assert list(found.columns) == [*COLUMNS, "year1", "year2"]
    np.testing.assert_array_equal(found[["year1", "year2"]], [[0.1, 0.3], [0.2, 0.2], [np.nan, np.nan]])
    assert list(read_score_table(path).dtypes[["year1", "year2"]]) == ["float64", "float64"]


def test_a_table_without_them_is_what_it_was():
    assert list(check_score_table(rows().drop(columns=["year1", "year2"])).columns) == list(COLUMNS)


@pytest.mark.parametrize("kind", ["memory", "file"])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"year1": [0.4, 0.2, None]}, "year2 .*is below the risk of an earlier year"),
        ({"year1": [-0.1, 0.2, None]}, "year1 .*is no probability"),
        ({"year2": [30.0, 0.2, None]}, "year2 .*is no probability"),
        ({"year1": [None, 0.2, None]}, "year1 .*is empty though other years"),
        ({"year1": [0.1, 0.2, 0.1]}, "year1 .*is given though the row failed"),
        ({"year1": ["high", 0.2, None]}, "year1 .*is not a finite number"),
    ],
)
def test_what_cannot_be_yearly_risks_is_refused(tmp_path, kind, changed, message):
    path = tmp_path / "m.csv"
    rows(**changed).to_csv(path, index=False)
    with pytest.raises(InputError, match=message):
        check_score_table(rows(**changed)) if kind == "memory" else read_score_table(path)
