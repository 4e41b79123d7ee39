"""Small tables of predictions, as people write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

PATIENTS, POSITIVES = 40, 15


def predictions(seed: int = 0) -> pd.DataFrame:
    """A row a patient: ``pid, label, a, b``; ids with leading zeros."""
    generator = np.random.default_rng(seed)
    label = np.arange(PATIENTS) < POSITIVES
    frame = pd.DataFrame({"pid": [f"{k:03d}" for k in range(1, PATIENTS + 1)], "label": label.astype(int)})
    for name, noise in (("a", 0.6), ("b", 1.8)):
        frame[name] = np.round(1 / (1 + np.exp(0.7 - 1.5 * label - noise * generator.normal(size=PATIENTS))), 4)
    return frame


def saved(frame: pd.DataFrame, path: Path, **form: object) -> Path:
    """The table as a file of the kind that its name says."""
    if path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, **{"index": False, "sep": "\t" if path.suffix == ".tsv" else ",", **form})  # type: ignore[call-overload]
    return path
