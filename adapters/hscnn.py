"""HSCNN: hierarchical semantic CNN; it has no fixed output file, so any CSV is read with its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.csv import read_as

CARD = ModelCard(
    name="hscnn",
    title="HSCNN",
    reference="Shen et al., Expert Syst Appl 128:84-95, 2019",
    inputs="3-D crop of a nodule",
    unit="nodule",
    endpoint="malignancy as rated by LIDC's readers",
    horizon_years=None,
    trained_on=("lidc",),
    licence="not stated",
    options=("columns", "score_type", "id_pattern"),
    note="Trained on readers' ratings, not on pathology.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read a CSV of scores; columns as for the adapter ``csv``."""
    return [read_as(CARD, files, options)]
