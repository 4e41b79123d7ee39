"""What a run trains on, written into its folder so that every fold, and a resumed run, sees the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmark.cohorts.folds import assign_folds, hold_out
from benchmark.contracts.text import TEXT
from benchmark.contracts.text_table import read_text_table, write_table
from benchmark.errors import InputError, Problem
from benchmark.files import own_file, replacing, sha256
from benchmark.formats.npz import read_npy
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.network.losses import MISSING
from clip_nodule.runs.run_folder import DATA, FOLDS
from clip_nodule.runs.settings import Settings
from clip_nodule.text.tokens import tokenize
from clip_nodule.training.sampling import class_weights, diagnosis_weights, semantic_weights

TEST = "test"
TABLE, TOKENS, RARITY = "nodules.csv", "tokens.npy", "rarity.npy"


@dataclass(frozen=True)
class TrainingData:
    """The nodules of a run that have a crop.

    Attributes:
        table: ``row`` (in the crop store), ``pid``, ``nodule_id``, ``label`` (0, 1, ``MISSING``), ``fold``
            (0..k-1, -1 for held-out patients). Runs of before ``rarity`` have a column ``semantic`` in its place.
        tokens: ``[wordings, n, context]`` token ids; wording 0 is the plain one. None for images alone.
        rarity: ``[folds, n]`` sampling weights by semantic features, of each fold counted among its own training
            nodules; 0 for the others.
    """

    table: pd.DataFrame
    tokens: npt.NDArray[np.uint16] | None
    rarity: npt.NDArray[np.float64] | None = None

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """``[n]``."""
        return self.table["label"].to_numpy(np.int64)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """``[n]`` rows of the crop store."""
        return self.table["row"].to_numpy(np.int64)

    def split(self, fold: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Positions in ``table`` to train on and to validate on."""
        folds = self.table["fold"].to_numpy(np.int64)
        return np.flatnonzero((folds >= 0) & (folds != fold)), np.flatnonzero(folds == fold)

    def sampling_weights(self, train: npt.NDArray[np.int64], by: str, fold: int) -> npt.NDArray[np.float64]:
        """Probabilities of drawing each training nodule of a fold; ``[len(train)]``."""
        if by == "diagnosis":
            weights = diagnosis_weights(self.labels[train])
        elif by == "semantic":
            every = self.table["semantic"].to_numpy(float) if self.rarity is None else self.rarity[fold]
            weights = every[train]
        else:
            weights = np.ones(len(train))
        return np.asarray(weights / weights.sum())

    def class_weights(self, train: npt.NDArray[np.int64]) -> torch.Tensor:
        """Class weights of the cross-entropies, ``[2]``: inverse counts of the training nodules, summing to 1."""
        return torch.from_numpy(class_weights(self.labels[train])).float()

    def text_ids(self, which: npt.NDArray[np.int64], wording: npt.NDArray[np.int64] | int) -> torch.Tensor | None:
        """Token ids ``[len(which), context]`` in the wordings given."""
        if self.tokens is None:
            return None
        return torch.from_numpy(self.tokens[wording, which].astype(np.int64))


def assemble(
    nodules: pd.DataFrame,
    rows: npt.NDArray[np.int64],
    texts: list[list[str]] | None,
    settings: Settings,
    seed: int,
) -> tuple[TrainingData, pd.DataFrame]:
    """Training data from a cohort.

    Args:
        nodules: Its nodule table, all of it.
        rows: Rows of the nodules that have a crop.
        texts: Wordings, each with one text a nodule of ``nodules``; None for images alone.
        settings: Folds, held-out share and sampling.
        seed: Seed of the split.

    Returns:
        The data, and the table of patients ``pid, fold`` (a number or ``test``).
    """
    patients = split_patients(nodules, settings, seed)
    trained = patients[patients["fold"] != TEST]
    place = dict(zip(trained["pid"], trained["fold"].astype(int), strict=True))
    chosen = nodules.iloc[rows]
    table = pd.DataFrame(
        {
            "row": rows,
            "pid": chosen["pid"].to_numpy(),
            "nodule_id": chosen["nodule_id"].to_numpy(),
            "label": chosen["malignant"].astype("Float64").fillna(MISSING).astype(int).to_numpy(),
            "fold": [place.get(pid, -1) for pid in chosen["pid"]],
        }
    )
    tokens = None
    if texts is not None:
        tokens = np.stack([tokenize([wording[row] for row in rows]).numpy() for wording in texts]).astype(
            np.uint16
        )
    return TrainingData(table, tokens, _rarity(chosen, table, settings)), patients


def _rarity(chosen: pd.DataFrame, table: pd.DataFrame, settings: Settings) -> npt.NDArray[np.float64] | None:
    """``TrainingData.rarity``: no fold counts what its validation or held-out patients have."""
    if settings.data.sampling != "semantic":
        return None
    rarity = np.zeros((settings.data.folds, len(table)))
    for fold, weights in enumerate(rarity):
        train, _ = TrainingData(table, None).split(fold)
        weights[train] = semantic_weights(chosen.iloc[train].reset_index(drop=True))
    return rarity


def require_trainable(data: TrainingData, folds: int, store: CropStore) -> None:
    """Refuse data of which a fold would have nothing to learn from, or nothing to validate on.

    The patients were split so that every fold has both classes; nodules without a crop may have taken them away.

    Raises:
        InputError: Names the folds, how many nodules have no crop, and the commonest reasons.
    """
    lacking = []
    for fold in range(folds):
        train, validation = data.split(fold)
        lacking += [
            f"fold {fold} has no {name} nodule left to train on"
            for label, name in enumerate(("benign", "malignant"))
            if not (data.labels[train] == label).any()
        ]
        lacking += [f"fold {fold} has no nodule left to validate on"] if not len(validation) else []
    if lacking:
        raise InputError(without_crops(store, ", ".join(lacking)))


def without_crops(store: CropStore, what: str) -> Problem:
    """What nodules without a crop lead to, with their number and the commonest reasons."""
    reasons = store.failures["reason"].str.replace(r"^\S+ — ", "", regex=True)  # the scan's name
    whys = "; ".join(f"{count} x {reason}" for reason, count in reasons.value_counts().head(3).items())
    text = f"{len(store.failures)} of {len(store)} nodules have no crop ({whys}): {what}"
    return Problem(text, "see failures.csv there, and mend the scans' paths or the centres", store.folder)


def split_patients(nodules: pd.DataFrame, settings: Settings, seed: int) -> pd.DataFrame:
    """Every patient's part: ``pid`` and ``fold``, the number of the fold that validates on it, or ``test``.

    Raises:
        InputError: The cohort cannot be split so.
    """
    held = set(hold_out(nodules, settings.data.test_fraction, seed))
    folds = assign_folds(nodules[~nodules["pid"].isin(held)], settings.data.folds, seed)
    tested = pd.DataFrame({"pid": sorted(held), "fold": TEST})
    return pd.concat([folds.astype({"fold": str}), tested], ignore_index=True)


def save_data(run: Path, data: TrainingData, patients: pd.DataFrame) -> dict[str, str]:
    """Write the data into a run folder; returns hashes that identify it."""
    write_table(patients, run / FOLDS)
    write_table(data.table, run / DATA / TABLE)
    hashes = {"nodules": sha256(run / DATA / TABLE), "patients": sha256(run / FOLDS)}
    if data.tokens is not None:
        with replacing(run / DATA / TOKENS) as temporary:
            np.save(temporary, data.tokens, allow_pickle=False)
        hashes["texts"] = hashlib.sha256(np.ascontiguousarray(data.tokens).tobytes()).hexdigest()
    if data.rarity is not None:
        with replacing(run / DATA / RARITY) as temporary:
            np.save(temporary, data.rarity, allow_pickle=False)
        hashes["rarity"] = hashlib.sha256(np.ascontiguousarray(data.rarity).tobytes()).hexdigest()
    return hashes


def load_data(run: Path) -> TrainingData:
    """Read what ``save_data`` wrote."""
    text = read_text_table(run / DATA / TABLE, ("row", "pid", "nodule_id", "label", "fold"))
    table = text.frame.copy()
    for column in ("row", "label", "fold"):
        table[column] = text.number(column, empty=False).astype(np.int64)
    if "semantic" in table:
        table["semantic"] = text.number("semantic", empty=False)
    text.finish()
    tokens, rarity = (
        read_npy(run / DATA / name) if (run / DATA / name).is_file() else None for name in (TOKENS, RARITY)
    )
    return TrainingData(table, tokens, rarity)


def read_patients(run: Path, expected: str | None = None) -> pd.DataFrame:
    """``folds.csv`` of a run: ``pid`` and ``fold``, both text.

    Args:
        run: The run folder.
        expected: Its SHA-256 as the run recorded it; None where it did not.

    Raises:
        InputError: The file is not the one that the run was trained with.
    """
    path = run / FOLDS
    if not path.is_file():
        return pd.DataFrame({"pid": [], "fold": []}, dtype=TEXT)
    path = own_file(run, FOLDS)
    if expected is not None and sha256(path) != expected:
        raise InputError(Problem("differs from what was written", "copy the run folder again", path))
    return read_text_table(path, ("pid", "fold")).frame
