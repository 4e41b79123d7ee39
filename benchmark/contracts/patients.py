"""Patients of a nodule table: which label a patient has, and where the nodules lie in the patient's body."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.nodules import COORDINATES

Frame = Literal["LPS", "RAS"]
TO_LPS: Final[dict[str, tuple[float, float, float]]] = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
"""Signs that bring a point ``(x, y, z)`` of a frame to LPS, and back."""


def patient_labels(nodules: pd.DataFrame) -> pd.Series:
    """One label a patient, the one that models are judged by.

    Args:
        nodules: A nodule table with ``pid`` and ``malignant``.

    Returns:
        ``Int8`` by ``pid``, in the order in which patients first appear (see ``united_labels``).
    """
    return united_labels(nodules["malignant"], nodules["pid"])


def united_labels(labels: pd.Series, by: Any) -> pd.Series:  # noqa: ANN401
    """One label for the nodules of each patient, scan or other group.

    A group is positive if any nodule is, and negative only if every nodule is known to be benign. Otherwise its
    label is missing: the nodule without a label may be the malignant one.

    Args:
        labels: 1, 0 or missing, of each nodule.
        by: What ``Series.groupby`` takes, e.g. the ``pid`` of each nodule.

    Returns:
        ``Int8`` by group, groups in the order in which they first appear.
    """
    groups = labels.astype("Int8").groupby(by, sort=False)
    highest = groups.max().astype("Int8")
    return highest.where((highest == 1).fillna(False) | (groups.count() == groups.size()))


def lps_centres(nodules: pd.DataFrame, frame: str) -> npt.NDArray[np.float64]:
    """Centres of nodules in mm, LPS.

    Args:
        nodules: A nodule table.
        frame: ``LPS`` or ``RAS``, the frame of its coordinates.

    Returns:
        ``(x, y, z)`` of each nodule, shape ``(n, 3)``; NaN where a coordinate is missing.
    """
    return np.asarray(nodules[list(COORDINATES)].to_numpy(np.float64) * np.array(TO_LPS[frame]))
