from dataclasses import replace

import pytest

from benchmark.comparison.exposures import exposures, score_cards
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.folds import FoldStructure
from benchmark.overlap import ScoreCard, exposure, write_score_card
from tests.comparison.made import nodule_table, write_made

NODULES = nodule_table([[1], [0], [0]])


def cohort(name, source=None):
    details = {"source": source} if source else {}
    return Cohort(CohortManifest(name=name, title=name, details=details), NODULES, None)


def state(tmp_path, where, scored, cards=None):
    table = exposures(cards or {}, where, ["clip"], runs=tmp_path / "runs", scored={"clip": frozenset(scored)})
    return table["exposure"].item()


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "clip"
    folder.mkdir(parents=True)
    (folder / "run.yaml").write_text("name: clip\ncohort: nlst\n")
    (folder / "folds.csv").write_text("pid,fold\nP000,0\nP001,1\nP002,test\n")
    return tmp_path


def test_held_out_patients_of_the_training_cohort_are_unseen(run):
    assert state(run, cohort("nlst"), ["P002"]) == "unseen"
    assert state(run, cohort("nlst"), ["P001", "P002"]) == "seen"


def test_other_cohorts_follow_their_pools_of_patients(run):
    # LUNA25's patients are NLST's; LUNGx has none of them.
    assert state(run, cohort("luna25"), ["P000"]) == "seen"
    assert state(run, cohort("lungx"), ["P000"]) == "unseen"
    assert state(run, cohort("mine"), ["P000"]) == "unknown"


HELD_OUT = FoldStructure("out-of-fold", ("0", "1"), 1, 1, patients=3)


@pytest.mark.parametrize(
    ("name", "trained_on", "expected"),
    [
        ("lidc", ("lidc",), "cross-validated"),
        ("lidc", None, "cross-validated"),
        ("lidc", (), "cross-validated"),
        ("mine", ("nlst",), "cross-validated"),
        # NLST has all patients of LUNA25, in every fold's training.
        ("luna25", ("luna25", "nlst"), "seen"),
    ],
)
def test_folds_that_held_patients_out_have_not_seen_them(tmp_path, name, trained_on, expected):
    card = ScoreCard("clip", name, "CLIP", "test", trained_on, exposure(trained_on, cohort(name).manifest))
    found = exposures(
        {"clip": card}, cohort(name), ["clip"], runs=tmp_path, scored={}, structures={"clip": HELD_OUT}
    )
    assert found["exposure"].item() == expected


def test_folds_that_held_out_single_nodules_have_seen_the_patient(tmp_path):
    card = ScoreCard("clip", "mine", "CLIP", "test", (), "unseen")
    leaking = {"clip": replace(HELD_OUT, split=1)}
    found = exposures({"clip": card}, cohort("mine"), ["clip"], runs=tmp_path, scored={}, structures=leaking)
    assert found["exposure"].item() == "seen"


def test_a_card_that_says_cross_validated_of_other_rows_is_not_believed(tmp_path):
    card = ScoreCard("clip", "lidc", "CLIP", "test", ("lidc",), "cross-validated")
    found = exposures({"clip": card}, cohort("lidc"), ["clip"], runs=tmp_path, scored={})
    assert found["exposure"].item() == "seen"


def test_a_model_without_card_and_run_is_not_stated(tmp_path):
    assert state(tmp_path, cohort("nlst"), ["P000"]) == "not stated"


def test_a_broken_run_folder_says_nothing(run):
    (run / "runs" / "clip" / "run.yaml").write_text("[")
    assert state(run, cohort("nlst"), ["P000"]) == "not stated"


def test_the_card_beside_the_scores_counts_first(run):
    write_made(run, {"nlst": (20, 8)}, {"clip": 0.5})
    card = ScoreCard("clip", "nlst", "CLIP", "test", ("nlst",), "unseen")
    write_score_card(card, run / "scores" / "nlst" / "clip.csv")
    cards = score_cards(run, "nlst")
    assert state(run, cohort("nlst"), ["P000"], cards) == "unseen"
