"""Which models saw a cohort in training, from the cards beside their score tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from benchmark.comparison.score_files import score_paths
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.scores import read_score_table
from benchmark.overlap import ScoreCard, exposure, read_score_card

COLUMNS = ["cohort", "model", "title", "exposure", "trained_on", "producer", "recorded"]
NO_CARD = "not stated"


def exposures(cards: Mapping[str, ScoreCard], cohort: Cohort, models: Iterable[str]) -> pd.DataFrame:
    """A row a model: ``seen``, ``unseen``, ``unknown``, or ``not stated`` where its table has no card.

    What a card says of its own scores counts (it may be of held-out patients of a training cohort); where it does
    not know, the cohort's manifest is asked again.

    Args:
        cards: Cards beside the cohort's score tables, by model (`score_cards`).
        cohort: The cohort.
        models: Which models.
    """
    rows = []
    for model in models:
        card = cards.get(model)
        if card is None:
            rows.append((cohort.name, model, "", NO_CARD, "", "", ""))
            continue
        state = card.exposure if card.exposure != "unknown" else exposure(card.trained_on, cohort.manifest)
        trained = "unknown" if card.trained_on is None else ", ".join(card.trained_on)
        recorded = "; ".join(f"{key}: {value}" for key, value in card.recorded.items())
        rows.append((cohort.name, model, card.title, state, trained, card.producer, recorded))
    return pd.DataFrame(rows, columns=COLUMNS)


def score_cards(results: Path, cohort: str) -> dict[str, ScoreCard]:
    """Cards beside the score tables of a cohort, by model."""
    found: dict[str, ScoreCard] = {}
    for path in score_paths(results, cohort).values():
        card = read_score_card(path)
        if card is not None:
            found.setdefault(card.model, card)
            if path.stem != card.model:
                for model in set(read_score_table(path)["model"]):
                    found.setdefault(model, card)
    return found
