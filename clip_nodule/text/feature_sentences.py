"""Every sentence that says one class of one semantic feature, and which of them hold for a nodule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.vocabulary import ABSENT, FEATURES, PRESENT, Feature
from clip_nodule.text.semantics import WORDS, default_prompts, read_features
from clip_nodule.text.template import ABSENT_STATEMENTS, CLASS_STATEMENTS, PRESENT_STATEMENTS, agreeing

CLASSED: tuple[Feature, ...] = tuple(f for f in FEATURES if f.classes and f.group != "assessment")
"""Features with classes, without the reader's level of suspicion."""


@dataclass(frozen=True)
class FeatureSentences:
    """The sentences about one feature.

    Attributes:
        feature: The feature.
        wordings: For each class its sentences; the first is the zero-shot prompt.
    """

    feature: Feature
    wordings: tuple[tuple[str, ...], ...]


def feature_sentences() -> tuple[FeatureSentences, ...]:
    """The sentences of every feature with classes: the prompt, and the statements of the report texts."""
    prompts = default_prompts()
    return tuple(
        FeatureSentences(
            feature,
            tuple((prompts[feature.column][name], *_statements(feature, name)) for name in feature.classes),
        )
        for feature in CLASSED
    )


def class_shares(nodules: pd.DataFrame) -> list[npt.NDArray[np.float32]]:
    """What each nodule is: ``[n, classes]`` a feature, rows summing to 1, or to 0 where it is missing.

    A nodule with two margins has half of each.
    """
    table = read_features(nodules)
    shares: list[npt.NDArray[np.float32]] = []
    for feature in CLASSED:
        share = np.zeros((len(table), len(feature.classes)), np.float32)
        for column in feature.columns:
            for number, name in enumerate(feature.classes):
                share[(table[column] == name).to_numpy(bool), number] = 1
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1)
        shares.append(share)
    return shares


def _statements(feature: Feature, name: str) -> list[str]:
    if name == ABSENT:
        subject = "pleural retraction" if feature.column == "pleural_retraction" else feature.name
        return [agreeing(statement, subject) for statement in ABSENT_STATEMENTS]
    if name == PRESENT:
        return [agreeing(statement, feature.name) for statement in PRESENT_STATEMENTS]
    words = WORDS[feature.column][name]
    return [statement.format(word) for statement in CLASS_STATEMENTS[feature.column] for word in words]
