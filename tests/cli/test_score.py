from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from tests.clip_nodule.training_cohort import make_cohort


@pytest.mark.parametrize(
    ("words", "said"),
    [([], "holds no run"), (["--run", "x"], "is no run"), (["--cohort", "none"], "no cohort 'none'")],
)
def test_bad_input_ends_with_status_2_and_nothing_written(tmp_path: Path, words: list[str], said: str) -> None:
    make_cohort(tmp_path / "cohorts" / "balls", 2, broken=2)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, ["score", "--cohort", "balls", *places, *words])
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "results").exists()
