"""Scored patients who stand in a training cohort under another id: by series UID, by fingerprints of nodules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from benchmark.contracts.cohort import TABLE, Cohort, find_manifest
from benchmark.contracts.fingerprints import Fingerprints, alike, read_fingerprints
from benchmark.contracts.nodules import read_nodule_table
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.series_uids import series_uids
from benchmark.contracts.workspace import Workspace


@dataclass(frozen=True)
class TrainingCopies:
    """Patients of a scored cohort who stand in a training cohort.

    Attributes:
        cohort: The scored cohort.
        trained: The training cohort.
        models: Models that were trained on it.
        pids: Patients of the scored cohort.
        by_series: How many of them by a series UID.
        by_fingerprint: How many of them by the fingerprint of a nodule.
    """

    cohort: str
    trained: str
    models: tuple[str, ...]
    pids: frozenset[str]
    by_series: int
    by_fingerprint: int


def training_copies(
    cohort: Cohort, cards: Mapping[str, ScoreCard], states: Mapping[str, str], workspace: Workspace
) -> list[TrainingCopies]:
    """Look for a scored cohort's scans and nodules in the cohorts that its models were trained on.

    Only training cohorts that stand beside the scored one can be looked at. Fingerprints are those that ``bench
    crop`` or ``bench cohort overlap`` left in the crops; none are made.

    Args:
        cohort: The scored cohort.
        cards: Cards beside its score tables, by model.
        states: Model → exposure; models that are known to have seen the cohort are passed over.
        workspace: Where cohorts and crops are.

    Raises:
        InputError: A training cohort's table, or a file of fingerprints, is damaged.
    """
    if workspace.scores_alone:
        return []
    models: dict[str, list[str]] = {}
    for model, state in states.items():
        trained = cards[model].trained_on if model in cards and state != "seen" else None
        for name in trained or ():
            if name.lower() != cohort.name.lower():
                models.setdefault(name, []).append(model)
    found = []
    for name, of in models.items():
        if find_manifest(name, workspace.cohorts) is not None:
            own = set(_by_series(cohort, read_nodule_table(workspace.cohorts / name / TABLE)))
            alike_ones = set(_by_fingerprint(cohort.name, name, workspace))
            if own or alike_ones:
                pids = frozenset(own | alike_ones)
                found.append(TrainingCopies(cohort.name, name, tuple(of), pids, len(own), len(alike_ones)))
    return found


def _by_series(cohort: Cohort, trained: pd.DataFrame) -> Iterator[str]:
    """Patients of a cohort with a series that stands in a training table."""
    theirs = set(series_uids(trained)) - {""}
    for pid, uid in zip(cohort.nodules["pid"], series_uids(cohort.nodules), strict=True):
        if uid in theirs:
            yield str(pid)


def _by_fingerprint(scored: str, trained: str, workspace: Workspace) -> Iterator[str]:
    """Patients of a cohort with a nodule whose fingerprint is that of a nodule of a training cohort."""
    prints: list[Fingerprints] = []
    for name in (scored, trained):
        own = read_fingerprints(workspace.crops(name))
        if own is None:
            return
        prints.append(own)
    for place, _, _ in alike(prints[0], prints[1]):
        yield prints[0].pids[place]
