"""Training overlap: seen, unseen, unknown."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import ADAPTERS, load_adapter
from benchmark.contracts.cohort import CohortManifest
from benchmark.contracts.overlap import SAME_PATIENTS, exposure, exposure_of, fitted_card, sharing_patients
from benchmark.contracts.score_card import ScoreCard


def manifest(name: str, **fields: Any) -> CohortManifest:
    return CohortManifest.model_validate({"name": name, "title": name, **fields})


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (manifest("a", shares_patients_with=["B"]), manifest("b"), True),
        (manifest("a"), manifest("b", shares_patients_with=["a"]), True),
        (manifest("luna25"), manifest("unicorn"), True),
        (manifest("mine", details={"source": "luna16"}), manifest("lidc"), True),
        (manifest("a", details={"source": "nlst"}), manifest("b", details={"source": "nlst"}), True),
        (manifest("nlst"), manifest("lungx"), False),
        (manifest("a", shares_patients_with=["c"]), manifest("b", shares_patients_with=["c"]), False),
        (manifest("nlst", details={"phantom": "nlst"}), manifest("luna25"), False),
        (manifest("a", details={"source": "csv"}), manifest("b", details={"source": "csv"}), False),
    ],
)
def test_who_shares_patients_with_whom(first: CohortManifest, second: CohortManifest, share: bool) -> None:
    both = frozenset((first.name, second.name))
    assert sharing_patients([first, second]) == sharing_patients([second, first]) == ({both} if share else set())


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


def fitted(on: CohortManifest, patients: list[str] | None, *, known: bool = True) -> ScoreCard:
    """The card of a model that was fitted on patients of a cohort and scored another."""
    return fitted_card(ScoreCard("m", "c", "M", "test", None, "unknown"), on.name, on if known else None, patients)


@pytest.mark.parametrize(
    ("trained", "cohort", "scored", "state"),
    [
        # The training cohort itself: who was scored counts.
        (manifest("a"), manifest("a"), ["1"], "seen"),
        (manifest("a"), manifest("a"), ["1", "9"], "seen"),
        (manifest("a"), manifest("a"), ["8", "9"], "unseen"),
        (
            manifest("mine", details={"source": "nlst"}),
            manifest("mine", details={"source": "nlst"}),
            ["9"],
            "unseen",
        ),
        # Another cohort: either of the two may say that they share patients, by name or by where they come from.
        (manifest("a"), manifest("b", shares_patients_with=["a"]), ["9"], "seen"),
        (manifest("a"), manifest("b", shares_patients_with=["A"]), ["9"], "seen"),
        (manifest("a", shares_patients_with=["b"]), manifest("b"), ["9"], "seen"),
        (manifest("a", shares_patients_with=["c"]), manifest("b", shares_patients_with=["c"]), ["9"], "seen"),
        (manifest("mine", details={"source": "nlst"}), manifest("luna25"), ["9"], "seen"),
        (manifest("luna25"), manifest("mine", details={"source": "nlst"}), ["9"], "seen"),
        (manifest("nlst"), manifest("lungx"), ["9"], "unseen"),
        (manifest("mine", details={"shares": "declared"}), manifest("lungx"), ["9"], "unseen"),
        # A cohort that does not say whose patients it holds.
        (manifest("a"), manifest("lungx"), ["9"], "unknown"),
        (manifest("nlst"), manifest("b"), ["9"], "unknown"),
        # Synthetic patients are nobody, unless somebody says otherwise.
        (manifest("nlst", details={"phantom": "nlst"}), manifest("luna25"), ["9"], "unseen"),
        (
            manifest("nlst", details={"phantom": "nlst"}),
            manifest("ucla", details={"phantom": "ucla"}),
            ["9"],
            "unseen",
        ),
        (
            manifest("nlst", details={"phantom": "nlst"}),
            manifest("b", shares_patients_with=["nlst"]),
            ["9"],
            "seen",
        ),
    ],
)
def test_a_fitted_model_has_seen_the_patients_that_it_was_fitted_on(
    trained: CohortManifest, cohort: CohortManifest, scored: list[str], state: str
) -> None:
    assert exposure_of(fitted(trained, ["1", "2"]), cohort, scored) == state


def test_a_training_cohort_without_its_manifest_goes_by_its_name() -> None:
    assert exposure_of(fitted(manifest("nlst"), ["1"], known=False), manifest("luna25"), ["9"]) == "seen"
    assert exposure_of(fitted(manifest("nlst"), None, known=False), manifest("lungx"), ["9"]) == "unseen"
    assert exposure_of(fitted(manifest("a"), None), manifest("a"), ["9"]) == "seen"


def test_what_a_card_states_counts_where_it_lists_nobody() -> None:
    def card(trained_on: tuple[str, ...] | None, stated: Any) -> ScoreCard:
        return ScoreCard("m", "nlst", "M", "test", trained_on, stated)

    assert exposure_of(card(("nlst",), "unseen"), manifest("nlst"), ["1"]) == "unseen"  # held-out patients
    assert exposure_of(card(("nlst",), "unknown"), manifest("nlst"), ["1"]) == "seen"
    assert exposure_of(card((), "seen"), manifest("nlst"), ["1"]) == "seen"
    assert exposure_of(card(None, "unknown"), manifest("nlst"), ["1"]) == "unknown"
    assert exposure_of(card((), "unknown"), manifest("mine"), ["1"]) == "unseen"
    # The manifest says today what it did not when the scores were made.
    late = manifest("late", shares_patients_with=["nlst"])
    assert exposure_of(card(("nlst",), "unseen"), late, ["1"]) == "seen"
