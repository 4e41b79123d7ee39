from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.contracts.scores import COLUMNS, check_score_table, read_score_table, write_score_table
from benchmark.errors import InputError

from .strategies import finite, ids


def table(**changes: object) -> pd.DataFrame:
    row = {"model": "m", "cohort": "c", "pid": "007", "nodule_id": "NA", "fold": "ensemble", "score": 0.25}
    row |= {"score_kind": "probability", "status": "scored", "reason": ""}
    return pd.DataFrame([row | changes], columns=list(COLUMNS))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(ids, ids, finite), min_size=1, max_size=8, unique_by=lambda row: row[:2]))
def test_round_trip(tmp_path: Path, suffix: str, rows: list[tuple[str, str, float]]) -> None:
    pids = [*(unicodedata.normalize("NFC", row[0]) for row in rows), "plain"]
    nodules = [*(unicodedata.normalize("NFC", row[1]) for row in rows), ""]
    frame = table().loc[[0] * len(pids)].reset_index(drop=True)
    frame = frame.assign(pid=pids, nodule_id=nodules, score=[*(row[2] for row in rows), 0.1], score_kind="logit")
    frame.loc[len(frame)] = ["m", "c", "failed", "", "0", float("nan"), "logit", "failed", "=why,"]
    path = tmp_path / f"s.{suffix}"
    write_score_table(frame, path)
    pd.testing.assert_frame_equal(read_score_table(path), frame, check_dtype=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"score": float("nan")}, "empty though the row is scored"),
        ({"score": float("inf")}, "score 'inf' — is infinite"),
        ({"score": float("-inf")}, "score '-inf' — is infinite"),
        ({"score": "many"}, "score 'many' — is not a finite number"),
        ({"score": 1.5}, "logits or percentages"),
        ({"score_kind": "percent"}, "is not one of"),
        ({"status": "ok"}, "neither 'scored' nor 'failed'"),
        ({"status": "failed"}, "given though the row failed"),
        ({"status": "failed", "score": None}, "say why"),
        ({"fold": "first"}, "neither a number nor 'ensemble'"),
        ({"pid": ""}, "every row needs an id"),
    ],
)
def test_bad_rows_are_refused(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        check_score_table(table(**changes))


def test_duplicate_rows_and_missing_columns_are_refused() -> None:
    with pytest.raises(InputError, match="scored twice"):
        check_score_table(pd.concat([table(), table(score=0.5)]))
    with pytest.raises(InputError, match="reason"):
        check_score_table(table().drop(columns="reason"))
    assert check_score_table(table(nodule_id=""))["nodule_id"].tolist() == [""]


@pytest.mark.parametrize("scores", [[True, False], pd.Series([True, 0.2], dtype=object)], ids=["bool", "object"])
def test_truth_values_are_no_scores(scores: object, tmp_path: Path) -> None:
    rows = pd.concat([table(), table(pid="2")], ignore_index=True).assign(score=scores)
    with pytest.raises(InputError, match="is a truth value, no score"):
        check_score_table(rows)
    rows.assign(score=[True, False]).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="is a truth value, no score"):
        read_score_table(tmp_path / "s.parquet")
