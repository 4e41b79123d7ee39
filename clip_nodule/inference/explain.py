"""Explain a cohort, or one nodule, by zero-shot semantic features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.text_table import nearest
from benchmark.contracts.vocabulary import BY_COLUMN
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import Recipe
from benchmark.progress import Progress
from clip_nodule.inference.api import Run, load_run
from clip_nodule.inference.nodule_sheet import write_sheet
from clip_nodule.inference.predict import int8_difference, rows_to_score
from clip_nodule.inference.zero_shot import Prompts, predict_features
from clip_nodule.runs.run_folder import find_run
from clip_nodule.text.semantics import read_features
from clip_nodule.training.data import without_crops


@dataclass(frozen=True)
class ExplainOptions:
    """What explains, and whom.

    Attributes:
        run: Run folder or its name; the newest by default.
        prompts: Feature column to class to sentence; the paper's by default.
        patients: ``auto``: of the run's training cohort those held out alone; ``all``.
        device: ``auto``, ``cpu``, ``cuda``, or one of several cards: ``cuda:1``.
        minimum: Fewest positives of a class for a number.
        seed: Seed of the bootstrap.
        precision: See ``Scoring``.
    """

    run: Path | str | None = None
    prompts: Prompts | None = None
    patients: str = "auto"
    device: str = "auto"
    minimum: int = 5
    seed: int = 0
    precision: str = "fp32"


@dataclass(frozen=True)
class Explained:
    """Zero-shot predictions of a cohort.

    Attributes:
        nodules: The cohort's table, semantic columns spelled as in the vocabulary.
        predictions: A row a nodule, feature and class (``zero_shot.COLUMNS``).
        run: Name of the run.
    """

    nodules: pd.DataFrame
    predictions: pd.DataFrame
    run: str


@dataclass(frozen=True)
class NoduleExplanation:
    """One nodule's score and profile.

    Attributes:
        score: Probability of malignancy of each fold, ``(folds,)``.
        attention: Mean attention of the nine planes.
        profile: ``(feature, most likely class, probability)``.
        sheet: The picture.
        title: What stands above its planes.
        crop: HU ``(z, y, x)``.
        recipe: The crop's recipe.
    """

    score: npt.NDArray[np.float64]
    attention: npt.NDArray[np.float32]
    profile: list[tuple[str, str, float]]
    sheet: Path
    title: str
    crop: npt.NDArray[np.int16]
    recipe: Recipe


def explain_cohort(
    cohort: str,
    workspace: Workspace,
    options: ExplainOptions,
    progress: Progress | None = None,
) -> Explained:
    """Predict the semantic features of a cohort's nodules from their images alone.

    Example::

        >>> from benchmark.contracts.workspace import Workspace
        >>> from clip_nodule.inference.explain import ExplainOptions, explain_cohort
        >>> found = explain_cohort("nlst", Workspace(), ExplainOptions("first"))
        >>> found.predictions.columns.tolist()
        ['pid', 'nodule_id', 'feature', 'class', 'probability', 'cosine']

    Args:
        cohort: Name of the cohort.
        workspace: Where cohorts, runs and crops (made when missing) are.
        options: What explains, and whom.
        progress: Called with nodules done and their number.

    Raises:
        InputError: There is no such cohort or run, the run reads no text, a semantic cell has no known class, or
            no nodule has a crop.
    """
    network, store, rows, nodules = _network_and_nodules(cohort, workspace, options, options.patients)
    if not len(rows):
        raise InputError(without_crops(store, "there is none to explain"))
    semantic = read_features(nodules)
    given = [column for column in semantic if column in nodules]
    named = nodules.drop(columns=given).join(semantic[given])
    predictions = predict_features(network, store, rows, options.prompts, progress)
    return Explained(named, predictions, network.info.name)


def explain_nodule(
    cohort: str,
    nodule: tuple[str, str],
    path: Path,
    workspace: Workspace,
    options: ExplainOptions,
) -> NoduleExplanation:
    """Explain one nodule, given as ``(pid, nodule_id)``, and write its sheet to ``path``.

    Raises:
        InputError: The cohort has no such nodule, or the nodule has no crop.
    """
    pid, nodule_id = nodule
    network, store, rows, nodules = _network_and_nodules(cohort, workspace, options, "all")
    match = (nodules["pid"] == pid) & (nodules["nodule_id"] == nodule_id)
    if not match.any():
        there = [f"{p}:{n}" for p, n in zip(nodules["pid"], nodules["nodule_id"], strict=True)]
        what = f"cohort {cohort} has no such nodule{nearest(f'{pid}:{nodule_id}', there)}"
        raise InputError(Problem(what, "give it as PID:NODULE_ID", column="--nodule", value=f"{pid}:{nodule_id}"))
    row = int(np.flatnonzero(match)[0])
    if row not in set(map(int, rows)):
        raise InputError(Problem(f"has no crop: {store.index['reason'].iat[row]}", value=f"{pid}:{nodule_id}"))
    crop = store.crops([row])
    score, attention = network.predict(crop)[0], network.plane_attention(crop)[0]
    table = predict_features(network, store, np.array([row]), options.prompts)
    best = table.loc[table.groupby("feature", sort=False)["probability"].idxmax()]
    profile = [
        (BY_COLUMN[str(feature)].name, str(name), float(probability))
        for feature, name, probability in zip(best["feature"], best["class"], best["probability"], strict=True)
    ]
    title = f"{cohort}  {pid}:{nodule_id}   probability of malignancy {score.mean():.3f}   run {network.info.name}"
    write_sheet(path, crop[0], network.recipe, attention, title, profile)
    return NoduleExplanation(score, attention, profile, path, title, crop[0], network.recipe)


def _network_and_nodules(
    cohort: str, workspace: Workspace, options: ExplainOptions, patients: str
) -> tuple[Run, CropStore, npt.NDArray[np.int64], pd.DataFrame]:
    loaded = workspace.cohort(cohort)
    folder = find_run(workspace.results, options.run)
    network = load_run(folder, device=options.device, precision=options.precision)
    store = crops_of(loaded, workspace.results, network.recipe)
    chosen = rows_to_score(loaded, folder, network, patients)
    given = chosen[np.isin(chosen, store.cropped)]
    if options.precision == "int8":
        int8_difference(network, store, given)
    return network, store, given, loaded.nodules
