"""Scores of a cohort's nodules: every fold and their mean, as a score table."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.cohort import Cohort, find_manifest
from benchmark.contracts.names import require_name
from benchmark.contracts.overlap import exposure_of, fitted_on_several
from benchmark.contracts.score_card import ScoreCard, check_replaceable, holding_scores, write_scores
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.imaging.cropping.store import CropStore
from benchmark.outputs.command_line import command_line
from benchmark.outputs.run_record import RunRecord, check_record
from benchmark.progress import Progress, labelled
from benchmark.work.other_machines import OtherMachines
from clip_nodule.inference.api import Run, load_run
from clip_nodule.inference.blocks import rows_on_other_machines
from clip_nodule.network.device import describe_device
from clip_nodule.runs.calibration import load_calibration
from clip_nodule.runs.run_folder import FOLDS, RunInfo, find_run, fold_folder, read_run
from clip_nodule.training.data import TEST, read_patients

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float64]
INT8_NODULES = 8
"""How many nodules are scored in fp32 too when int8 is asked for."""
INT8_TOLERANCE = 0.01
"""Largest difference of a probability in int8 from fp32 that is accepted."""


@dataclass(frozen=True)
class Scoring:
    """Whom a run scores, and how.

    Attributes:
        patients: ``auto``: where the run was trained on this cohort and held patients out, those alone; ``all``.
        calibrated: Apply each fold's calibration before the mean.
        precision: ``fp32``, ``bf16``, ``auto`` or ``int8`` (see ``load_run``); int8 is compared with fp32 on a few
            nodules first.
        device: ``auto``, ``cpu``, ``cuda``, or one of several cards: ``cuda:1``.
        place: Other machines that crop and score; this one loads the run too, and writes the table.
    """

    patients: str = "auto"
    calibrated: bool = False
    precision: str = "fp32"
    device: str = "auto"
    place: OtherMachines | None = None


def score_cohort(
    cohort: str,
    scoring: Scoring | None = None,
    workspace: Workspace | None = None,
    *,
    run: Path | str | None = None,
    model: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Score a cohort with all folds of a run.

    Example::

        >>> from benchmark.contracts.scores import read_score_table
        >>> from clip_nodule.inference.predict import score_cohort
        >>> path = score_cohort("nlst", run="first", model="clip")
        >>> scores = read_score_table(path)
        >>> path.as_posix(), scores["fold"].unique().tolist()
        ('results/scores/nlst/clip.csv', ['0', '1', 'ensemble'])

    Args:
        cohort: Name of the cohort.
        scoring: Whom it scores, and how; by default a ``Scoring()``.
        workspace: Where cohorts, runs, crops (made when missing) and scores are; a ``Workspace()`` by default.
        run: Name or path of a run; None for the newest.
        model: The model's name in the table; default the run's.
        out: The table; default ``results/scores/<cohort>/<model>.csv``.
        progress: Called with nodules done, their number, and a line.

    Returns:
        The table's path. Nodules without a crop are rows with status ``failed`` and the reason.

    Raises:
        InputError: There is no such cohort or run, the run is not whole, or its probabilities in int8 are more
            than 0.01 from those in fp32.
    """
    scoring, workspace = scoring or Scoring(), workspace or Workspace()
    if scoring.patients not in ("auto", "all"):
        raise InputError(Problem("is neither auto nor all", column="patients", value=scoring.patients))
    if model is not None:
        require_name(model, "model", "--model")
    loaded = workspace.cohort(cohort)
    folder = find_run(workspace.results, run)
    name = model or read_run(folder).name
    path = out or workspace.score_table(cohort, name)
    with holding_scores([path]):
        check_replaceable(path, "run")
        check_record(path.with_suffix(".json"))
        network = load_run(folder, device=scoring.device, precision=scoring.precision)
        _score_to(path, loaded, folder, network, name, scoring, workspace, progress)
    return path


def _score_to(
    path: Path,
    loaded: Cohort,
    folder: Path,
    network: Run,
    name: str,
    scoring: Scoring,
    workspace: Workspace,
    progress: Progress | None,
) -> None:
    precision, calibrated = scoring.precision, scoring.calibrated
    record = RunRecord(command_line(), {"run": str(folder), "precision": precision, "calibrated": calibrated})
    with record.timed("crops"):
        told = labelled(progress, "crops")
        store = crops_of(loaded, workspace.results, network.recipe, workers=scoring.place, progress=told)
    chosen = rows_to_score(loaded, folder, network, scoring.patients)
    folds = range(network.info.folds)
    maps = [load_calibration(fold_folder(folder, fold)) for fold in folds] if calibrated else []
    given = chosen[np.isin(chosen, store.cropped)]
    checked: dict[str, float] = {}
    if precision == "int8":
        with record.timed("check of int8"):
            checked["int8_difference"] = int8_difference(network, store, given)
    with record.timed("scoring"):
        scores = score_rows(network, store, given, progress, scoring.place)
    if calibrated:
        scores = {row: np.array([m(s) for m, s in zip(maps, value, strict=True)]) for row, value in scores.items()}
    table = score_table(loaded, store, chosen, scores, name, network.info.folds)
    write_scores(table, run_card(loaded, table, folder, network.info, name, workspace.cohorts), path)
    computed = {"device": network.device.type, "precision": network.precision}
    where = {"device": describe_device(network.device), "computed": computed}
    record.write(
        path.with_suffix(".json"), nodules=len(chosen), scored=len(scores), model=name, **where, **checked
    )


def run_card(
    cohort: Cohort, table: pd.DataFrame, folder: Path, info: RunInfo, model: str, cohorts: Path | str
) -> ScoreCard:
    """The card of a run's scores: the cohorts and the patients that its folds were fitted on.

    Args:
        cohort: The cohort that was scored.
        table: Its score table.
        folder: The run folder.
        info: Its ``run.yaml``.
        model: The model's name in the table, which is printed too.
        cohorts: Folder of cohorts, where the manifests of the training cohorts are looked for.
    """
    card = ScoreCard(model, cohort.name, model, f"run {folder.name}", None, "unknown")
    if not info.cohorts:
        return card
    split = read_patients(folder, info.inputs.get("patients"), info.cohorts[0])
    trained = split[split["fold"] != TEST]
    training = {
        name: (
            cohort.manifest if name == cohort.name else find_manifest(name, cohorts),
            None if split.empty else trained["pid"][trained["cohort"] == name],
        )
        for name in info.cohorts
    }
    card = fitted_on_several(card, training)
    scored = set(table["pid"][table["status"] == "scored"])
    return replace(card, exposure=exposure_of(card, cohort.manifest, scored))


def score_rows(
    network: Run,
    store: CropStore,
    rows: npt.NDArray[np.int64],
    progress: Progress | None = None,
    place: OtherMachines | None = None,
) -> dict[int, Floats]:
    """Probabilities ``[folds]`` by row of the store, computed on other machines where a place is given."""
    if place is not None:
        found = rows_on_other_machines(network, store, rows, place, progress)
        return dict(zip(map(int, rows), found, strict=True))
    return dict(zip(map(int, rows), network.predict_rows(store, rows, progress), strict=True))


def int8_difference(network: Run, store: CropStore, rows: npt.NDArray[np.int64]) -> float:
    """Largest difference between the probabilities of a run in int8 and in fp32, over a few nodules spread evenly.

    Warns where int8 takes longer, as it does for a small network: rounding costs more there than products save.

    Raises:
        InputError: It is more than ``INT8_TOLERANCE``.
    """
    some = rows[np.unique(np.linspace(0, len(rows) - 1, min(INT8_NODULES, len(rows))).astype(int))]
    if not len(some):
        return 0.0
    crops = store.crops(some)
    exact, of_fp32 = _timed_probabilities(load_run(network.folder, device="cpu", precision="fp32"), crops)
    rounded, of_int8 = _timed_probabilities(network, crops)
    difference = float(np.abs(rounded - exact).max())
    if not difference <= INT8_TOLERANCE:
        what = f"changes probabilities of this run by up to {difference:.3f}, more than {INT8_TOLERANCE}"
        raise InputError(Problem(what, "use bf16 or fp32", network.folder, column="precision", value="int8"))
    if of_int8 > of_fp32:
        times = 1000 * of_int8 / len(some), 1000 * of_fp32 / len(some)
        log.warning(
            "int8 takes %.1f ms a nodule of this network, fp32 %.1f ms — leave --precision out, or give auto",
            *times,
        )
    return difference


def _timed_probabilities(network: Run, crops: npt.NDArray[np.int16]) -> tuple[Floats, float]:
    """Probabilities, and the processor seconds that they took, without what only the first nodule needs."""
    network.predict(crops[:1])
    begin = process_time()
    return network.predict(crops), process_time() - begin


def score_table(
    cohort: Cohort,
    store: CropStore,
    rows: npt.NDArray[np.int64],
    scores: dict[int, Floats],
    model: str,
    folds: int,
) -> pd.DataFrame:
    """The score table: for every nodule its folds and, last, their mean."""
    nodules, reasons = cohort.nodules, store.index["reason"].to_list()
    lines = []
    for row in map(int, rows):
        ids = (model, cohort.name, nodules["pid"].iat[row], nodules["nodule_id"].iat[row])
        if row in scores:
            values = [*scores[row], float(np.mean(scores[row]))]
            lines += [(*ids, _fold(k, folds), v, "probability", "scored", "") for k, v in enumerate(values)]
        else:
            why = reasons[row] or "it has no crop"
            lines += [(*ids, _fold(k, folds), np.nan, "probability", "failed", why) for k in range(folds + 1)]
    names = ["model", "cohort", "pid", "nodule_id", "fold", "score", "score_kind", "status", "reason"]
    return pd.DataFrame(lines, columns=names)


def _fold(index: int, folds: int) -> str:
    return ENSEMBLE if index == folds else str(index)


def rows_to_score(cohort: Cohort, folder: Path, network: Run, patients: str) -> npt.NDArray[np.int64]:
    """Rows of the nodule table to score: those held out where the run was trained on this cohort too, else all.

    Raises:
        InputError: The run held patients out, but does not say which.
    """
    everything = np.arange(len(cohort.nodules))
    info = network.info
    if patients == "all" or cohort.name not in info.cohorts:
        return everything
    split = read_patients(folder, info.inputs.get("patients"), cohort.name)
    held = set(split["pid"][(split["fold"] == TEST) & (split["cohort"] == cohort.name)])
    if not held:
        lost = split.empty and "sides" in info.inputs  # folds were given: settings do not say of held-out patients
        if lost or info.settings.data.held_out_share(cohort.name) > 0:
            what = "does not say which patients were held out"
            raise InputError(Problem(what, "copy the whole run folder, or pass --patients all", folder / FOLDS))
        return everything
    return everything[cohort.nodules["pid"].isin(held).to_numpy()]
