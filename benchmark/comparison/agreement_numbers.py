"""Agreement of every model over repeated scans, as tables for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import pandas as pd

from benchmark.comparison.repeated_scans import NODULE, RepeatedScans
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import agreement, flipped_calls


def agreement_rows(repeated: RepeatedScans, level: float = 0.95) -> pd.DataFrame:
    """A row a model: ``model, n_patients`` and the attributes of `benchmark.statistics.Agreement`.

    Bland–Altman's limits stand in ``limit_low, limit_high``; ``n_patients`` are those with a nodule that has a
    score in every scan, missing where patients are not known.

    Raises:
        InputError: Too few nodules of a model have a score in every scan.
    """
    rows, problems = [], []
    for model, table in repeated.models.items():
        scores = table[list(repeated.scans)]
        try:
            clusters = table["pid"].to_list() if repeated.patients else None
            found = asdict(agreement(scores, level, clusters))
        except SampleError as error:
            problems += [Problem(f"{model}: {problem.what}", problem.fix) for problem in error.problems]
            continue
        found["limit_low"], found["limit_high"] = found.pop("limits")
        complete = scores.notna().all(axis=1)
        patients = table.loc[complete, "pid"].nunique() if repeated.patients else pd.NA
        rows.append({"model": model, "n_patients": patients, **found})
    if problems:
        raise InputError(problems)
    return pd.DataFrame(rows).astype({"n_patients": "Int64"})


def flipped_call_rows(
    repeated: RepeatedScans, thresholds: Mapping[str, list[float]], level: float = 0.95
) -> pd.DataFrame:
    """A row a model and threshold: how many calls flip, with Wilson's interval by patients.

    Args:
        repeated: The scores.
        thresholds: Model → its thresholds.
        level: Confidence level.

    Returns:
        ``model, threshold, n, flipped, share, low, high, up, down, always, never``.
    """
    rows = []
    for model, table in repeated.models.items():
        patients = table["pid"] if repeated.patients else table[NODULE].apply(tuple, axis=1)
        for threshold in thresholds.get(model, ()):
            found = flipped_calls(table[list(repeated.scans)], threshold, patients.to_list(), level)
            share = found.flipped
            rows.append(
                {
                    "model": model, "threshold": found.threshold, "n": share.total, "flipped": share.count,
                    "share": share.rate, "low": share.low, "high": share.high, "up": found.up, "down": found.down,
                    "always": found.always, "never": found.never,
                }
            )  # fmt: skip
    columns = ["model", "threshold", "n", "flipped", "share", "low", "high", "up", "down", "always", "never"]
    return pd.DataFrame(rows, columns=columns)
