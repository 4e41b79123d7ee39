"""A small cohort that a model can learn: one ball a scan, larger and denser in malignant nodules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.cohorts.phantom.scanner import write_nifti
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort

TINY = {
    "epochs": 2,
    "folds": 2,
    "test_fraction": 0.0,
    "batch_size": 4,
    "parallel": 1,
    "pretrained": None,
    "tuning": "lora",
    "augment": "none",
}


def ball(diameter: float, hu: float, random: np.random.Generator) -> np.ndarray:
    """A ball of ``diameter`` mm in lung, 104 points an axis, 1 mm apart."""
    axis = np.arange(104) - 52.0
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    inside = z**2 + y**2 + x**2 <= (diameter / 2) ** 2
    return np.where(inside, hu, -850) + random.normal(0, 20, inside.shape)


def make_cohort(folder: Path, patients: int = 20, *, broken: int = 0) -> Cohort:
    """Write the cohort; the last ``broken`` patients have no image, every tenth patient no label."""
    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for index in range(patients):
        malignant = index % 2
        diameter = random.uniform(16, 24) if malignant else random.uniform(5, 10)
        pid = f"{index:03d}"
        if index < patients - broken:
            hu = ball(diameter, 40 if malignant else -300, random).astype(np.int16)
            write_nifti(folder / "images" / f"{pid}.nii.gz", hu, np.ones(3), np.eye(3), np.zeros(3))
        rows.append(
            {
                "pid": pid,
                "nodule_id": "1",
                "image_path": f"images/{pid}.nii.gz",
                "coordX": 52.0,
                "coordY": 52.0,
                "coordZ": 52.0,
                "malignant": None if index % 10 == 9 else malignant,
                "longest_axial_diameter_(mm)": f"{diameter:.1f}",
                "nodule_consistency": "Solid" if malignant else "Pure ground glass",
                "pleural_attachment": "Absent" if index % 3 else "Present",
            }
        )
    table = pd.DataFrame(rows).astype({"malignant": "Int8"})
    return write_cohort(folder, CohortManifest(name=folder.name, title=folder.name), table)
