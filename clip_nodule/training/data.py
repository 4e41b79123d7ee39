"""What a run trains on, written into its folder so that every fold, and a resumed run, sees the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmark.cohorts.given_folds import TRAINED, VALIDATED, GivenFolds
from benchmark.cohorts.joint import HELD_OUT, split_together
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text import TEXT
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from benchmark.files import own_file, replacing, sha256
from benchmark.formats.npz import read_npy
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.network.losses import MISSING
from clip_nodule.runs.run_folder import DATA, FOLDS
from clip_nodule.runs.settings import Settings
from clip_nodule.text.tokens import tokenize
from clip_nodule.training.sampling import class_weights, diagnosis_weights, semantic_weights

TEST = HELD_OUT
TABLE, TOKENS = "nodules.csv", "tokens.npy"
_AGAIN = "copy the run folder again"


@dataclass(frozen=True)
class TrainingData:
    """The nodules of a run that have a crop.

    Attributes:
        table: ``row`` (in the crop stores, joined), ``cohort``, ``pid``, ``nodule_id``, ``label`` (0, 1,
            ``MISSING``), ``fold`` (0..k-1, -1 for those that no fold validates on). Runs of before there could be
            several cohorts have no ``cohort``, and a column ``semantic`` in the place of ``rarity``.
        tokens: ``[wordings, n, context]`` token ids; wording 0 is the plain one. None for images alone.
        rarity: ``[folds, n]`` sampling weights by semantic features, of each fold counted among its own training
            nodules; 0 for the others.
        sides: ``[folds, n]`` ``TRAINED``, ``VALIDATED`` or ``NEITHER``, where folds were given: patients may be
            validated several times or never.
    """

    table: pd.DataFrame
    tokens: npt.NDArray[np.uint16] | None
    rarity: npt.NDArray[np.float64] | None = None
    sides: npt.NDArray[np.int8] | None = None

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """``[n]``."""
        return self.table["label"].to_numpy(np.int64)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """``[n]`` rows of the crop store."""
        return self.table["row"].to_numpy(np.int64)

    @property
    def rows_in_folds(self) -> npt.NDArray[np.int64]:
        """Rows of the crop store that some fold trains or validates on; those held out are not among them."""
        if self.sides is None:
            return self.rows[self.table["fold"].to_numpy(np.int64) >= 0]
        used = np.flatnonzero(np.isin(self.sides, (TRAINED, VALIDATED)).any(axis=0))
        return self.rows[used]

    @cached_property
    def longest_text(self) -> int:
        """Tokens of the longest text in any wording; 0 for images alone."""
        return 0 if self.tokens is None else int(self.tokens.argmax(-1).max()) + 1

    @property
    def cohorts(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Which nodules are of which cohort, where there are several: ``[n]`` by name."""
        names = list(dict.fromkeys(self.table["cohort"])) if "cohort" in self.table else []
        return {str(n): (self.table["cohort"] == n).to_numpy(bool) for n in names} if len(names) > 1 else {}

    def split(self, fold: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Positions in ``table`` to train on and to validate on."""
        if self.sides is not None:
            return np.flatnonzero(self.sides[fold] == TRAINED), np.flatnonzero(self.sides[fold] == VALIDATED)
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

    def validates_both_classes(self, fold: int) -> bool:
        """Whether there is a benign and a malignant nodule among those that a fold validates on."""
        _, validation = self.split(fold)
        return {0, 1} <= set(self.labels[validation].tolist())

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
    given: GivenFolds | None = None,
) -> tuple[TrainingData, pd.DataFrame]:
    """Training data from a cohort.

    Args:
        nodules: Its nodule table, all of it, or that of several joined (``join_cohorts``).
        rows: Rows of the nodules that have a crop.
        texts: Wordings, each with one text a nodule of ``nodules``; None for images alone.
        settings: Folds, held-out share and sampling.
        seed: Seed of the split.
        given: Folds that were made before, in place of a split.

    Returns:
        The data, and the table of patients ``pid, fold, cohort`` (see ``split_patients``).
    """
    nodules = _as_joined(nodules)
    patients = split_patients(nodules, settings, seed, given)
    keys = zip(patients["cohort"], patients["pid"], strict=True)
    first = patients["fold"].str.partition("+")[0]
    place = dict(zip(keys, first.where(first.str.isdecimal(), "-1").astype(int), strict=True))
    chosen = nodules.iloc[rows]
    table = pd.DataFrame(
        {
            "row": rows,
            "cohort": chosen["cohort"].to_numpy(),
            "pid": chosen["pid"].to_numpy(),
            "nodule_id": chosen["nodule_id"].to_numpy(),
            "label": chosen["malignant"].astype("Float64").fillna(MISSING).astype(int).to_numpy(),
            "fold": [place[key] for key in zip(chosen["cohort"], chosen["pid"], strict=True)],
        }
    )
    tokens = None
    if texts is not None:
        tokens = np.stack([tokenize([wording[row] for row in rows]).numpy() for wording in texts]).astype(
            np.uint16
        )
    sides = None if given is None else np.stack([given.sides[person] for person in chosen["person"]], axis=1)
    data = TrainingData(table, tokens, sides=sides)
    return replace(data, rarity=_rarity(data, chosen, settings)), patients


def _rarity(data: TrainingData, chosen: pd.DataFrame, settings: Settings) -> npt.NDArray[np.float64] | None:
    """``TrainingData.rarity``: no fold counts what its validation or held-out patients have."""
    if settings.data.sampling != "semantic":
        return None
    rarity = np.zeros((settings.data.folds, len(chosen)))
    for fold, weights in enumerate(rarity):
        train, _ = data.split(fold)
        weights[train] = semantic_weights(chosen.iloc[train].reset_index(drop=True))
    return rarity


def require_trainable(data: TrainingData, folds: int, store: JoinedStore) -> None:
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


def without_crops(store: CropStore | JoinedStore, what: str) -> Problem:
    """What nodules without a crop lead to, with their number and the commonest reasons."""
    reasons = store.failures["reason"].str.replace(r"^\S+ — ", "", regex=True)  # the scan's name
    whys = "; ".join(f"{count} x {reason}" for reason, count in reasons.value_counts().head(3).items())
    text = f"{len(store.failures)} of {len(store)} nodules have no crop ({whys}): {what}"
    parts = store.parts if isinstance(store, JoinedStore) else (store,)
    worst = max(parts, key=lambda part: len(part.failures))
    return Problem(text, "see failures.csv there, and mend the scans' paths or the centres", worst.folder)


def split_patients(
    nodules: pd.DataFrame, settings: Settings, seed: int, given: GivenFolds | None = None
) -> pd.DataFrame:
    """Every patient's part: ``pid``, ``fold``, ``cohort``.

    ``fold`` is the number of the fold that validates on the patient, or ``test``. Of folds that were given it may
    be several numbers, ``0+2``, or ``train`` where none does.

    Raises:
        InputError: The cohorts cannot be split so.
    """
    nodules = _as_joined(nodules)
    if given is not None:
        each = nodules.drop_duplicates(["cohort", "pid"])
        parts = each[["pid"]].assign(fold=[given.part(p) for p in each["person"]], cohort=each["cohort"])
        return parts.reset_index(drop=True)
    shares = {str(cohort): settings.data.held_out_share(str(cohort)) for cohort in nodules["cohort"].unique()}
    return split_together(nodules, settings.data.folds, shares, seed)


def _as_joined(nodules: pd.DataFrame) -> pd.DataFrame:
    """A nodule table with the columns of ``join_cohorts``; of one cohort without a name where it has none."""
    if "person" in nodules:
        return nodules
    return nodules.assign(cohort="", person=nodules["pid"])


def save_data(run: Path, data: TrainingData, patients: pd.DataFrame) -> dict[str, str]:
    """Write the data into a run folder; returns hashes that identify it."""
    write_table(patients, run / FOLDS)
    write_table(data.table, run / DATA / TABLE)
    hashes = {"nodules": sha256(run / DATA / TABLE), "patients": sha256(run / FOLDS)}
    if data.tokens is not None:
        with replacing(run / DATA / TOKENS) as temporary:
            np.save(temporary, data.tokens, allow_pickle=False)
        hashes["texts"] = hashlib.sha256(np.ascontiguousarray(data.tokens).tobytes()).hexdigest()
    for name, array in (("rarity", data.rarity), ("sides", data.sides)):
        if array is not None:
            with replacing(run / DATA / f"{name}.npy") as temporary:
                np.save(temporary, array, allow_pickle=False)
            hashes[name] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return hashes


def load_data(run: Path) -> TrainingData:
    """Read what ``save_data`` wrote.

    Raises:
        InputError: It is not that: a row is no whole number, or an array has not a place for each nodule.
    """
    text = read_text_table(run / DATA / TABLE, ("row", "pid", "nodule_id", "label", "fold"))
    table = text.frame.copy()
    for column in ("row", "label", "fold"):
        values = text.number(column, empty=False)
        wrong = ~((values % 1 == 0) & (np.abs(values) < 2**31))
        text.report(wrong, column, "is no whole number of a run", _AGAIN)
        table[column] = np.where(wrong, 0, values).astype(np.int64)
    if "semantic" in table:
        table["semantic"] = text.number("semantic", empty=False)
    text.finish()
    tokens, rarity, sides = (
        read_npy(run / DATA / name) if (run / DATA / name).is_file() else None
        for name in (TOKENS, "rarity.npy", "sides.npy")
    )
    for name, array, axes in ((TOKENS, tokens, 3), ("rarity.npy", rarity, 2), ("sides.npy", sides, 2)):
        if array is not None and (
            array.ndim != axes or array.shape[1] != len(table) or array.dtype.kind not in "iuf"
        ):
            what = f"holds {array.dtype} {list(array.shape)}, not numbers of each of {len(table):,} nodules"
            raise InputError(Problem(what, _AGAIN, run / DATA / name))
    return TrainingData(table, tokens, rarity, sides)


def read_patients(run: Path, expected: str | None = None, cohort: str = "") -> pd.DataFrame:
    """``folds.csv`` of a run: ``pid``, ``fold`` and ``cohort``, all text.

    Args:
        run: The run folder.
        expected: Its SHA-256 as the run recorded it; None where it did not.
        cohort: What the run was trained on, if it is of before there could be several.

    Raises:
        InputError: The file is not the one that the run was trained with.
    """
    path = run / FOLDS
    if not path.is_file():
        return pd.DataFrame({"pid": [], "fold": [], "cohort": []}, dtype=TEXT)
    path = own_file(run, FOLDS)
    if expected is not None and sha256(path) != expected:
        raise InputError(Problem("differs from what was written", "copy the run folder again", path))
    frame = read_text_table(path, ("pid", "fold")).frame
    return frame if "cohort" in frame else frame.assign(cohort=cohort)
