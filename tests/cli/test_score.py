from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import read_score_card
from benchmark.contracts.scores import read_score_table
from tests.clip_nodule.training_cohort import make_cohort
from tests.comparison.made import nodule_table


@pytest.mark.parametrize(
    ("words", "said"),
    [([], "holds no run"), (["--run", "x"], "is no run"), (["--cohort", "none"], "no cohort 'none'")],
)
def test_bad_input_ends_with_status_2_and_nothing_written(tmp_path: Path, words: list[str], said: str) -> None:
    make_cohort(tmp_path / "cohorts" / "balls", 2, broken=2)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path / "results")]
    cohort = [] if "--cohort" in words else ["--cohort", "balls"]
    done = CliRunner().invoke(app, ["score", *cohort, *places, *words])
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "results").exists()


def test_baselines_have_seen_what_they_were_fitted_on_and_who_shares_its_patients(tmp_path: Path) -> None:
    nodules = nodule_table([[k % 2] for k in range(40)]).assign(
        **{"longest_axial_diameter_(mm)": [str(5 + 3 * (k % 2) + k % 7) for k in range(40)]}
    )
    shares = {"fitted": (), "other": ("fitted",), "strangers": ()}
    for name, shared in shares.items():
        manifest = CohortManifest(name=name, title=name, shares_patients_with=shared)
        write_cohort(tmp_path / "cohorts" / name, manifest, nodules)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path)]
    fit = ["--model", "diameter", "--train-cohort", "fitted", "--folds", "2"]
    states = {}
    for name in shares:
        done = CliRunner().invoke(app, ["score", "--cohort", name, *fit, *places])
        assert done.exit_code == 0, done.output
        assert ("seen: Diameter alone was fitted on patients" in done.output) == (name == "other")
        card = read_score_card(tmp_path / "scores" / name / "diameter.csv")
        assert card is not None
        assert card.trained_on == ("fitted",)
        # A fifth of the patients is held out by default.
        assert len(card.patients["fitted"]) == 32
        states[name] = card.exposure
        scored = read_score_table(tmp_path / "scores" / name / "diameter.csv")
        if name == "fitted":
            assert set(scored["pid"]).isdisjoint(card.patients["fitted"])
    assert states == {"fitted": "unseen", "other": "seen", "strangers": "unknown"}
    compared = ["compare", "--cohort", "other", *places, "--out", str(tmp_path / "out"), "--replicates", "200"]
    assert CliRunner().invoke(app, compared).exit_code == 0
    overlap = (tmp_path / "out" / "tables" / "training_overlap.csv").read_text()
    assert "other,diameter,Diameter alone,seen,fitted,baseline diameter" in overlap
