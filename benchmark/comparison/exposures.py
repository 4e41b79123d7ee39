"""Which models saw a cohort in training, from the cards beside their score tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import yaml

from benchmark.comparison.score_files import score_paths
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import FoldStructure
from benchmark.contracts.scores import read_score_table
from benchmark.overlap import ScoreCard, exposure, exposure_of_folds, read_score_card

COLUMNS = ["cohort", "model", "title", "exposure", "trained_on", "producer", "recorded"]
NO_CARD = "not stated"


def exposures(
    cards: Mapping[str, ScoreCard],
    cohort: Cohort,
    models: Iterable[str],
    *,
    runs: Path,
    scored: Mapping[str, frozenset[str]],
    structures: Mapping[str, FoldStructure] | None = None,
) -> pd.DataFrame:
    """A row a model: ``seen``, ``unseen``, ``unknown``, ``cross-validated``, or ``not stated`` without a card.

    What a card says of its own scores counts (it may be of held-out patients of a training cohort); where it does
    not know, the cohort's manifest is asked again. Held-out folds count before both.

    Args:
        cards: Cards beside the cohort's score tables, by model (`score_cards`).
        cohort: The cohort.
        models: Which models.
        runs: Folder of run folders: a model without a card that was trained here is known by its run.
        scored: Patients that each model scored.
        structures: What the folds of each model are.
    """
    rows = []
    for model in models:
        card = cards.get(model)
        if card is None:
            rows.append(_of_run(runs / model, cohort, model, scored.get(model, frozenset())))
            continue
        folds = (structures or {}).get(model, FoldStructure("none"))
        state = card.exposure if card.exposure != "unknown" else exposure(card.trained_on, cohort.manifest)
        if folds.leaks or folds.cross_validated:
            state = exposure_of_folds(card.trained_on, cohort.manifest, folds)
        elif state == "cross-validated":  # the card was written of other rows
            state = exposure(card.trained_on, cohort.manifest)
        trained = "unknown" if card.trained_on is None else ", ".join(card.trained_on)
        recorded = "; ".join(f"{key}: {value}" for key, value in card.recorded.items())
        rows.append((cohort.name, model, card.title, state, trained, card.producer, recorded))
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_run(run: Path, cohort: Cohort, model: str, scored: frozenset[str]) -> tuple[str, ...]:
    """The row of a model without a card; on its training cohort it has seen all patients but those held out."""
    unknown = (cohort.name, model, "", NO_CARD, "", "", "")
    if Path(model).name != model:
        return unknown
    try:
        manifest = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))
        folds = pd.read_csv(run / "folds.csv", dtype=str, keep_default_na=False)
        trained_on = str(manifest["cohort"])
        used = set(folds.loc[folds["fold"] != "test", "pid"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return unknown
    if trained_on == cohort.name:
        state = "seen" if used & scored else "unseen"
    else:
        state = exposure([trained_on], cohort.manifest)
    return (cohort.name, model, "", state, trained_on, f"run {run.name}", "")


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
