import shutil
from dataclasses import replace

import pytest

from benchmark.comparison.exposures import exposures, score_cards
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.folds import FoldStructure
from benchmark.contracts.score_card import ScoreCard, write_score_card
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from tests.comparison.made import nodule_table, write_made

NODULES = nodule_table([[1], [0], [0]])
FITTED = ScoreCard("clip", "nlst", "CLIP", "run x", ("nlst",), "unknown", patients={"nlst": ("P000", "P001")})


def state(card, where, scored):
    cohort = Cohort(CohortManifest(name=where, title=where), NODULES, None)
    cards = {} if card is None else {"clip": card}
    return exposures(cards, cohort, ["clip"], scored={"clip": frozenset(scored)})["exposure"].item()


def test_held_out_patients_of_the_training_cohort_are_unseen():
    assert state(FITTED, "nlst", ["P002"]) == "unseen"
    assert state(FITTED, "nlst", ["P001", "P002"]) == "seen"


def test_other_cohorts_follow_their_pools_of_patients():
    # LUNA25's patients are NLST's; LUNGx has none of them.
    assert state(FITTED, "luna25", ["P000"]) == "seen"
    assert state(FITTED, "lungx", ["P000"]) == "unseen"
    assert state(FITTED, "mine", ["P000"]) == "unknown"


def test_a_model_without_card_is_not_stated_whatever_its_name():
    assert state(None, "nlst", ["P000"]) == "not stated"


def cohort(name):
    return Cohort(CohortManifest(name=name, title=name), NODULES, None)


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
    card = ScoreCard("clip", name, "CLIP", "test", trained_on, "unknown")
    found = exposures({"clip": card}, cohort(name), ["clip"], scored={}, structures={"clip": HELD_OUT})
    assert found["exposure"].item() == expected


def test_folds_that_held_out_single_nodules_have_seen_the_patient(tmp_path):
    card = ScoreCard("clip", "mine", "CLIP", "test", (), "unseen")
    leaking = {"clip": replace(HELD_OUT, split=1)}
    found = exposures({"clip": card}, cohort("mine"), ["clip"], scored={}, structures=leaking)
    assert found["exposure"].item() == "seen"


def test_a_card_that_says_cross_validated_of_other_rows_is_not_believed(tmp_path):
    card = ScoreCard("clip", "lidc", "CLIP", "test", ("lidc",), "cross-validated")
    found = exposures({"clip": card}, cohort("lidc"), ["clip"], scored={})
    assert found["exposure"].item() == "seen"


def test_a_run_of_the_same_name_says_nothing(tmp_path):
    write_made(tmp_path, {"nlst": (20, 8)}, {"clip": 0.5})
    (tmp_path / "scores" / "nlst" / "clip.card.json").unlink()
    run = tmp_path / "runs" / "clip"
    run.mkdir(parents=True)
    (run / "run.yaml").write_text("name: clip\ncohort: nlst\n")
    (run / "folds.csv").write_text("pid,fold\nP000,0\n")
    assert score_cards(Workspace(results=tmp_path), "nlst") == {}


def test_a_card_speaks_for_its_own_model_and_cohort(tmp_path):
    write_made(tmp_path, {"nlst": (20, 8)}, {"clip": 0.5})
    scores = tmp_path / "scores" / "nlst"
    assert list(score_cards(Workspace(results=tmp_path), "nlst")) == ["clip"]
    # A second part of the same model's scores may say the same again.
    for suffix in (".csv", ".card.json"):
        shutil.copy(scores / f"clip{suffix}", scores / f"part2{suffix}")
    assert list(score_cards(Workspace(results=tmp_path), "nlst")) == ["clip"]
    write_score_card(FITTED, scores / "part2.csv")
    with pytest.raises(InputError, match="says of model 'clip' something else"):
        score_cards(Workspace(results=tmp_path), "nlst")
    write_score_card(ScoreCard("clip", "dlcs", "CLIP", "test", (), "unseen"), scores / "part2.csv")
    with pytest.raises(InputError, match="card of scores of cohort 'dlcs'"):
        score_cards(Workspace(results=tmp_path), "nlst")


def test_a_card_beside_the_scores_of_another_model_is_refused(tmp_path):
    write_made(tmp_path, {"nlst": (20, 8)}, {"good": 0.5, "poor": 2.0})
    scores = tmp_path / "scores" / "nlst"
    (scores / "good.card.json").replace(scores / "good.json.aside")
    # before, poor's card beside good's scores spoke for poor, whose own card is gone
    (scores / "poor.card.json").replace(scores / "good.card.json")
    with pytest.raises(InputError, match=r"good\.card\.json — is the card of model 'poor', .* holds 'good'"):
        score_cards(Workspace(results=tmp_path), "nlst")


def test_a_card_does_not_speak_for_scores_in_another_table_without_one(tmp_path):
    write_made(tmp_path, {"nlst": (20, 8)}, {"clip": 0.5})
    scores = tmp_path / "scores" / "nlst"
    table = (scores / "clip.csv").read_text().splitlines(keepends=True)
    half = len(table) // 2
    (scores / "clip.csv").write_text("".join(table[:half]))
    (scores / "part2.csv").write_text("".join(table[:1] + table[half:]))
    assert score_cards(Workspace(results=tmp_path), "nlst") == {}
    shutil.copy(scores / "clip.card.json", scores / "part2.card.json")
    assert list(score_cards(Workspace(results=tmp_path), "nlst")) == ["clip"]
