"""No thread of pyarrow is alive when a program ends: one that was brought it down now and then (status 134)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
import os, sys
import pandas, benchmark.contracts.scores as scores
def threads():
    return len(os.listdir("/proc/self/task"))
before = threads()
table = pandas.DataFrame({"model": "m", "cohort": "c", "pid": [str(n) for n in range(2000)], "nodule_id": "1",
    "fold": "ensemble", "score": 0.25, "score_kind": "probability", "status": "scored", "reason": ""})
for name in ("a.csv", "a.parquet", "b.csv"):
    scores.write_score_table(table, name)
    assert scores.read_score_table(name)["pid"].tolist() == table["pid"].tolist()
print(threads() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_reading_and_writing_tables_leaves_no_thread(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "0\n"
