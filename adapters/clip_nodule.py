"""The paper's own result file: ``pid,nodule_id,raw_0..raw_4,ensemble[,calibrated_0..,calibrated_ensemble]``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.tables import read_tables, score_frame
from benchmark.contracts.scores import ENSEMBLE
from benchmark.errors import InputError, Problem

CARD = ModelCard(
    name="clip-nodule",
    title="CLIP (Zhuang et al.)",
    reference="Zhuang et al., J Biomed Inform 172:104947, 2025; github.com/luotingzhuang/CLIP_nodule",
    inputs="nine planes through a nodule",
    unit="nodule",
    endpoint="lung cancer diagnosed within one year",
    horizon_years=1,
    trained_on=("nlst", "lidc"),
    licence="of its repository",
    options=("folds", "calibrated"),
    note="The ensemble is the mean of the folds.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read ``{exp}_{ckpt}_result.csv``: every fold and the ensemble, raw or ``calibrated``."""
    kind = "calibrated" if options.calibrated else "raw"
    whole = "calibrated_ensemble" if options.calibrated else "ensemble"
    tables = read_tables(files, ("pid", "nodule_id", whole), options)
    found = sorted(int(m.group(1)) for c in tables.columns if (m := re.fullmatch(rf"{kind}_(\d{{1,9}})", c)))
    if found != list(range(options.folds)):
        what = f"holds the folds {', '.join(map(str, found)) or 'none'}, {options.folds} are expected"
        fix = f"run the missing folds; if there are only {len(found)}, pass --folds {len(found)}"
        raise InputError(Problem(what, fix, files[0], 1, f"{kind}_*"))
    columns = {str(fold): f"{kind}_{fold}" for fold in found} | {ENSEMBLE: whole}
    roles = {"pid": "pid", "nodule_id": "nodule_id"}
    parts = [
        score_frame(tables, roles, column, drop_missing=options.drop_missing).assign(fold=fold)
        for fold, column in columns.items()
    ]
    rows = len(parts[0])
    stated = parts[-1]["score"].to_numpy(np.float64)
    mean = np.mean([part["score"].to_numpy(np.float64) for part in parts[:-1]], axis=0)
    off = np.flatnonzero(np.abs(stated - mean) > 1e-6)
    warnings = []
    if len(off):
        file, line = tables.locate(int(off[0]))
        warnings.append(
            f"the ensemble of {len(off):,} of {rows:,} nodules is not the mean of the folds, first {file}:{line}: "
            f"{stated[off[0]]!r} instead of {mean[off[0]]!r}; the file's was kept"
        )
    name = f"{CARD.name}-calibrated" if options.calibrated else CARD.name
    return [
        Predictions(
            name,
            pd.concat(parts, ignore_index=True),
            CARD.unit,
            options.score_type or "probability",
            lambda row: tables.locate(row % rows),
            {"folds": str(len(found)), "scores": kind},
            warnings,
        )
    ]
