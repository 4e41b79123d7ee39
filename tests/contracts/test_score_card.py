"""The card beside a score table."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.contracts.score_card import (
    ScoreCard,
    card_path,
    check_replaceable,
    read_score_card,
    write_score_card,
    write_scores,
)
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError
from tests.comparison.made import nodule_table, score_rows

CARD = ScoreCard(
    "sybil", "lungx", "Sybil", "adapter sybil", ("nlst",), "unseen", {"year": "1"}, warnings=("w",),
    patients={"nlst": ("007", "8")}, people={"nlst": ("nlst",)},
)  # fmt: skip


def table(model: str = "sybil", cohort: str = "lungx") -> Any:
    return score_rows(nodule_table([[1], [0]]), model, cohort, [0.5, np.nan])


def test_cards_round_trip_beside_their_table(tmp_path: Path) -> None:
    scores = tmp_path / "sybil.csv"
    assert read_score_card(scores) is None
    write_score_card(CARD, scores)
    assert card_path(scores).name == "sybil.card.json"
    assert read_score_card(scores) == CARD


def test_a_card_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    content = asdict(CARD)
    del content["patients"], content["people"]
    card_path(tmp_path / "m.csv").write_text(json.dumps(content))
    found = read_score_card(tmp_path / "m.csv")
    assert found is not None
    assert (found.trained_on, found.patients) == (("nlst",), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trained_on": "nlst"}, "trained_on"),  # a text is no list of letters
        ({"exposure": "never"}, "exposure 'never'"),
        ({"patients": {"nlst": [7]}}, "patients.nlst.0"),
        ({"models": "x"}, "did you mean 'model'"),
        ({"model": None}, "model"),
        # a card that was edited by hand and contradicts itself: its patients would not have been seen
        ({"trained_on": ["NLST"]}, "patients 'nlst' — is no score card: is not among the cohorts of trained_on"),
        ({"trained_on": [], "people": {}}, "patients 'nlst'"),
        ({"trained_on": [], "patients": {}}, "people 'nlst'"),
        ({"trained_on": None, "people": {}, "exposure": "unknown"}, "patients 'nlst'"),
        ({"trained_on": None, "people": {}, "patients": {}}, "exposure 'unseen'"),
        ({"trained_on": ["nlst", "dlcs "]}, "trained_on 'dlcs '"),
        ({"trained_on": ["nlst", ""]}, "trained_on ''"),
    ],
)
def test_a_wrong_card_names_its_fields(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    card_path(tmp_path / "m.csv").write_text(json.dumps({**asdict(CARD), **change}))
    with pytest.raises(InputError, match="is no score card") as caught:
        read_score_card(tmp_path / "m.csv")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "3", "", "\x80"])
def test_what_is_no_card_is_refused(tmp_path: Path, text: str) -> None:
    card_path(tmp_path / "m.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is no score card"):
        read_score_card(tmp_path / "m.csv")


def test_the_card_stands_before_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmark.contracts.score_card.write_table", stop)
    with pytest.raises(KeyboardInterrupt):
        write_scores(table(), CARD, tmp_path / "sybil.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["sybil.card.json"]


def test_a_table_and_its_card_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "sybil.csv"
    for wrong in (table("other"), table(cohort="nlst"), table().assign(score=2.0)):
        with pytest.raises(InputError):
            write_scores(wrong, CARD, path)
    assert list(tmp_path.iterdir()) == []
    write_scores(table(), CARD, path)
    assert len(read_score_table(path)) == 2
    assert read_score_card(path) == CARD


class TestReplaceable:
    def test_scores_are_replaced_by_what_made_them_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "sybil.csv"
        check_replaceable(path, "run")
        write_scores(table(), CARD, path)
        check_replaceable(path, "adapter")
        with pytest.raises(InputError, match=r"holds the scores of 'Sybil' \(adapter sybil\)"):
            check_replaceable(path, "run")

    def test_a_table_without_a_card_is_somebody_elses(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.csv"
        path.write_text("pid,score\n1,0.5\n")
        with pytest.raises(InputError, match="has no card"):
            check_replaceable(path, "run")

    def test_a_card_without_its_table_is_of_a_killed_run_or_somebody_elses(self, tmp_path: Path) -> None:
        path = tmp_path / "sybil.csv"
        write_score_card(CARD, path)
        check_replaceable(path, "adapter")
        card_path(path).write_text("my own notes")
        with pytest.raises(InputError, match=r"sybil\.card\.json.*is not replaced"):
            check_replaceable(path, "adapter")
