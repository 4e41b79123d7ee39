"""Which models saw a cohort in training, from the cards beside their score tables and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from benchmark.comparison.score_files import ReadTable, score_paths
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import FoldStructure
from benchmark.contracts.overlap import exposure_of, patients_seen
from benchmark.contracts.score_card import ScoreCard, card_path, read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem

COLUMNS = ["cohort", "model", "title", "exposure", "trained_on", "producer", "recorded"]
NO_CARD = "not stated"
UNTESTED = {
    "seen": "it saw this cohort, or some of its patients, in training",
    NO_CARD: "no card beside its scores says what it was trained on",
}
"""Exposures that keep a model out of the tests, and why."""


def exposures(
    cards: Mapping[str, ScoreCard],
    cohort: Cohort,
    models: Iterable[str],
    *,
    scored: Mapping[str, frozenset[str]],
    structures: Mapping[str, FoldStructure] | None = None,
) -> pd.DataFrame:
    """A row a model: ``seen``, ``unseen``, ``unknown``, ``cross-validated``, or ``not stated`` without a card.

    Args:
        cards: Cards beside the cohort's score tables, by model (`score_cards`).
        cohort: The cohort.
        models: Which models.
        scored: Patients that each model scored.
        structures: What the folds of each model are.
    """
    rows: list[tuple[str, ...]] = []
    for model in models:
        card = cards.get(model)
        if card is None:
            rows.append((cohort.name, model, "", NO_CARD, "", "", ""))
            continue
        folds = (structures or {}).get(model, FoldStructure("none"))
        own = scored.get(model, frozenset())
        state = exposure_of(card, cohort.manifest, own, folds)
        if state == "seen":
            which = patients_seen(card, cohort.manifest, cohort.nodules["pid"], folds)
            if which.complete and which.pids.isdisjoint(own):
                state = "cross-validated" if folds.cross_validated else "unseen"
        trained = "unknown" if card.trained_on is None else ", ".join(card.trained_on)
        recorded = "; ".join(f"{key}: {value}" for key, value in card.recorded.items())
        rows.append((cohort.name, model, card.title, state, trained, card.producer, recorded))
    return pd.DataFrame(rows, columns=COLUMNS)


def score_cards(workspace: Workspace, cohort: str, read: ReadTable = read_score_table) -> dict[str, ScoreCard]:
    """Cards beside the score tables of a cohort, by model.

    A card speaks for the model that it names, and for the scores beside it alone: a model of which another table
    without a card holds scores too has none.

    Args:
        workspace: Where the score tables are.
        cohort: Name of the cohort.
        read: How a table is read.

    Raises:
        InputError: A card cannot be read, is of another cohort or of a model that the table beside it does not
            hold, or two contradict each other.
    """
    found: dict[str, ScoreCard] = {}
    without: set[str] = set()
    problems = []
    for path in score_paths(workspace, cohort).values():
        card, held = read_score_card(path), _models_in(path, read)
        without |= held - ({card.model} if card is not None else set())
        if card is None:
            continue
        if card.cohort != cohort:
            what = f"is the card of scores of cohort {card.cohort!r}"
            problems.append(Problem(what, f"make the scores of {cohort} again", card_path(path)))
        elif held and card.model not in held:
            what = f"is the card of model {card.model!r}, the table beside it holds {_listed(held)}"
            problems.append(Problem(what, "make the scores again", card_path(path)))
        elif card.model in found and _statement(found[card.model]) != _statement(card):
            what = f"says of model {card.model!r} something else than the card of another table"
            problems.append(Problem(what, "give each table its own model name", card_path(path)))
        found.setdefault(card.model, card)
    if problems:
        raise InputError(problems)
    return {model: card for model, card in found.items() if model not in without}


def _models_in(path: Path, read: ReadTable) -> set[str]:
    """Models of a score table; none of one that cannot be read: whoever asks for its scores is told."""
    try:
        return set(read(path)["model"].unique())
    except InputError:
        return set()


def _listed(models: set[str]) -> str:
    return ", ".join(map(repr, sorted(models)))


def _statement(card: ScoreCard) -> tuple[object, ...]:
    return card.title, card.trained_on, card.exposure, dict(card.patients), dict(card.people)
