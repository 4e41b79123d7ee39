"""Training overlap: seen, unseen, unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters import ADAPTERS, load_adapter
from benchmark.contracts.cohort import CohortManifest
from benchmark.errors import InputError
from benchmark.overlap import (
    SAME_PATIENTS,
    ScoreCard,
    card_path,
    exposure,
    read_score_card,
    state_of,
    write_score_card,
)


def manifest(name: str, **fields: Any) -> CohortManifest:
    return CohortManifest.model_validate({"name": name, "title": name, **fields})


@pytest.mark.parametrize(
    ("trained_on", "cohort", "state"),
    [
        (("nlst",), manifest("luna25"), "seen"),
        (("luna25",), manifest("nlst"), "seen"),
        (("luna25",), manifest("unicorn"), "seen"),
        (("luna16",), manifest("lidc"), "seen"),
        (("lidc",), manifest("mine", details={"source": "luna16"}), "seen"),
        (("nlst",), manifest("screen", shares_patients_with=["luna25"]), "seen"),
        (("NLST",), manifest("nlst"), "seen"),
        (("ucla",), manifest("ucla"), "seen"),
        (("nlst",), manifest("lungx"), "unseen"),
        (("lidc",), manifest("luna25"), "unseen"),
        (("nlst",), manifest("mine", details={"source": "csv"}), "unknown"),
        (("nlst",), manifest("mine", details={"shares": "declared"}), "unseen"),
        (("nlst",), manifest("lungx", details={"phantom": "lungx"}), "unseen"),
        ((), manifest("mine"), "unseen"),
        (None, manifest("lungx"), "unknown"),
    ],
)
def test_three_states(trained_on: tuple[str, ...] | None, cohort: CohortManifest, state: str) -> None:
    assert exposure(trained_on, cohort) == state


def test_seen_is_symmetric_between_cohorts_of_one_pool() -> None:
    for small, large in SAME_PATIENTS.items():
        assert exposure((small,), manifest(large)) == exposure((large,), manifest(small)) == "seen"


@pytest.mark.parametrize("name", ["sybil", "venkadesh", "deepipn", "clip-nodule"])
def test_models_that_saw_nlst_say_so(name: str) -> None:
    assert name in ADAPTERS
    assert exposure(load_adapter(name).CARD.trained_on, manifest("luna25")) == "seen"
    assert exposure(load_adapter(name).CARD.trained_on, manifest("lungx")) == "unseen"


def test_cards_round_trip_beside_their_table(tmp_path: Path) -> None:
    scores = tmp_path / "sybil.csv"
    assert read_score_card(scores) is None
    assert state_of(scores, manifest("lungx")) == "unknown"
    card = ScoreCard(
        "sybil", "lungx", "Sybil", "adapter sybil", ("nlst",), "unseen", {"year": "1"}, warnings=["w"]
    )
    write_score_card(card, scores)
    assert card_path(scores).name == "sybil.card.json"
    assert read_score_card(scores) == ScoreCard(
        "sybil", "lungx", "Sybil", "adapter sybil", ("nlst",), "unseen", {"year": "1"}, [], ["w"], []
    )
    assert state_of(scores, manifest("luna25")) == "seen"
    card_path(scores).write_text("{")
    with pytest.raises(InputError, match="score card"):
        read_score_card(scores)
