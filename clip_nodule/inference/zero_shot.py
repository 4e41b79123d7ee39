"""Zero-shot semantic features: how near a nodule's image is to each sentence about it.

Section 3.4 of Zhuang et al. 2025: one sentence a class, cosine similarity with the image, softmax over the classes
of a feature with the learned temperature. Folds are averaged after the softmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.text_table import nearest
from benchmark.contracts.vocabulary import BY_COLUMN
from benchmark.errors import InputError, Problem
from benchmark.formats.yaml import read_yaml
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from clip_nodule.inference.api import Run
from clip_nodule.text.semantics import default_prompts

Prompts = Mapping[str, Mapping[str, str]]
COLUMNS = ("pid", "nodule_id", "feature", "class", "probability", "cosine")
BLOCK = 64
"""Nodules whose probabilities are worked out at once."""


def class_probabilities(
    images: npt.NDArray[np.float32], texts: npt.NDArray[np.float32], scales: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Probabilities of the classes of one feature, and the cosines behind them.

    Shape notation: k folds, n nodules, c classes, d dimensions.

    Example::

        >>> import numpy as np
        >>> from clip_nodule.inference.zero_shot import class_probabilities
        >>> image, texts = np.array([[[1.0, 0.0]]]), np.array([[[0.8, 0.6], [0.6, 0.8]]])
        >>> probabilities, cosines = class_probabilities(image, texts, scales=np.array([10.0]))
        >>> probabilities.round(3).tolist(), cosines.tolist()
        ([[0.881, 0.119]], [[0.8, 0.6]])

    Args:
        images: Unit-length image embeddings ``[k, n, d]``.
        texts: Unit-length embeddings of one sentence a class, ``[k, c, d]``.
        scales: Factor on the cosines (1/temperature) of each fold, ``[k]``.

    Returns:
        Mean over folds of the softmax, and of the cosines, ``[n, c]`` each.
    """
    cosine = np.einsum("knd,kcd->knc", images.astype(np.float64), texts.astype(np.float64))
    logits = scales[:, None, None] * cosine
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    return (weights / weights.sum(axis=2, keepdims=True)).mean(axis=0), cosine.mean(axis=0)


def predict_features(
    run: Run,
    store: CropStore,
    rows: npt.NDArray[np.int64],
    prompts: Prompts | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Zero-shot probabilities of every class of every feature for some nodules.

    Args:
        run: A run that was trained with text.
        store: Crops made with the run's recipe.
        rows: Rows of the store that have a crop.
        prompts: Feature column to class to sentence; the paper's by default.
        progress: Called with nodules done and their number.

    Returns:
        Columns ``COLUMNS``; ``feature`` is the feature's column in a nodule table.

    Raises:
        InputError: The run reads no text.
    """
    chosen = default_prompts() if prompts is None else prompts
    sentences = list(dict.fromkeys(sentence for classes in chosen.values() for sentence in classes.values()))
    texts = run.embed_texts(sentences)
    place = {sentence: index for index, sentence in enumerate(sentences)}
    scales = run.scales
    embedded = run.embed_rows(store, rows, progress)
    frames = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        images = embedded[:, start : start + BLOCK]
        ids = store.index.loc[block, ["pid", "nodule_id"]].reset_index(drop=True)
        for feature, classes in chosen.items():
            at = [place[sentence] for sentence in classes.values()]
            probability, cosine = class_probabilities(images, texts[:, at], scales)
            for c, name in enumerate(classes):
                part = ids.assign(feature=feature, probability=probability[:, c], cosine=cosine[:, c])
                part["class"] = name
                frames.append(part)
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(frames, ignore_index=True)
    order = {pair: i for i, pair in enumerate(map(tuple, store.index.loc[rows, ["pid", "nodule_id"]].to_numpy()))}
    position = [order[pair] for pair in zip(table["pid"], table["nodule_id"], strict=True)]
    return table.iloc[np.argsort(position, kind="stable")][list(COLUMNS)].reset_index(drop=True)


def read_prompts(path: Path) -> dict[str, dict[str, str]]:
    """Read prompts from YAML: ``feature column: {class: sentence}``; features not named are left out.

    Raises:
        InputError: Names every feature and class that the vocabulary does not have, and every missing sentence.
    """
    content = read_yaml(path)
    if not isinstance(content, dict) or not content:
        fix = "write `nodule_margins: {Smooth: This nodule margin is smooth., ...}`"
        raise InputError(Problem("holds no prompts", fix, path))
    problems: list[Problem] = []
    for column, classes in content.items():
        feature = BY_COLUMN.get(str(column))
        if feature is None or not feature.classes:
            what = f"is no feature with classes{nearest(str(column), list(BY_COLUMN))}"
            problems.append(Problem(what, file=path, column=str(column)))
            continue
        given = classes if isinstance(classes, dict) else {}
        for name in feature.classes:
            if not isinstance(given.get(name), str) or not given[name].strip():
                problems.append(
                    Problem(f"has no sentence for class {name!r}", "write one", path, column=str(column))
                )
        for name in given:
            if name not in feature.classes:
                what = f"is no class of it{nearest(str(name), list(feature.classes))}"
                problems.append(Problem(what, file=path, column=str(column), value=str(name)))
    if problems:
        raise InputError(problems)
    return {
        str(column): {name: str(text) for name, text in classes.items()} for column, classes in content.items()
    }
