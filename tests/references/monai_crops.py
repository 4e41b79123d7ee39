"""Crops of the recipe ``zhuang2025`` beside those of MONAI, the library of the paper's code, on random scans.

``pip install monai`` (no dependency of the project), then ``python tests/references/monai_crops.py``: it prints
the largest difference in HU over scans of random size, spacing, axis order, mirroring and tilt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from benchmark.imaging.cropping.crops import crop_at
from benchmark.imaging.volume import load_volume

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def paper_crop(path: Path, centre: NDArray[np.float64]) -> NDArray[np.float32]:
    """Resample the whole scan to 1 mm, bring it to LPS, cut 100 voxels an axis around the truncated index."""
    from monai.data import MetaTensor
    from monai.transforms import Orientation, Spacing

    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    voxels = torch.from_numpy(sitk.GetArrayFromImage(image).transpose(2, 1, 0).astype(np.float32))
    scan = MetaTensor(voxels[None], affine=torch.from_numpy(FLIP @ affine))
    steps = {"mode": "bilinear", "align_corners": True, "diagonal": True, "padding_mode": "zeros"}
    scan = Orientation(axcodes="LPS")(Spacing(pixdim=(1, 1, 1), **steps)(scan))
    index = (np.linalg.inv(FLIP @ scan.affine.numpy()) @ np.r_[centre, 1])[:3].astype(int)
    whole = np.pad(scan[0].numpy(), 100)
    first = index + 50
    x, y, z = (slice(start, start + 100) for start in first)
    return whole[x, y, z].transpose(2, 1, 0)


def random_scan(path: Path, random: np.random.Generator) -> NDArray[np.float64]:
    """Write a scan of smooth noise; returns a centre in it, mm in LPS."""
    size = random.integers(40, 130, 3)
    direction = np.eye(3)[:, random.permutation(3)] * random.choice([-1, 1], 3)
    if random.random() < 0.5:
        direction = Rotation.from_rotvec(random.normal(size=3) * random.uniform(0, 0.3)).as_matrix() @ direction
    image = sitk.GetImageFromArray(
        np.rint(gaussian_filter(random.normal(0, 900, size[::-1]), 1) - 500).astype("i2")
    )
    image.SetSpacing(np.round(random.uniform(0.5, 3, 3), int(random.integers(1, 5))).tolist())
    image.SetOrigin(np.round(random.normal(0, 150, 3), 2).tolist())
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, str(path))
    index = random.uniform(0.2, 0.8, 3) * (size - 1)
    return np.array(sitk.ReadImage(str(path)).TransformContinuousIndexToPhysicalPoint(index.tolist()))


def main() -> None:
    """Compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random, found = np.random.default_rng(arguments.seed), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.scans):
            path = Path(folder) / ("scan.mha" if number % 3 else "scan.nii.gz")
            centre = random_scan(path, random)
            ours = crop_at(load_volume(path), centre, "zhuang2025").hu
            found.append(float(np.abs(ours - paper_crop(path, centre)).max()))
    sys.stdout.write(f"{len(found)} scans, largest difference {max(found):.4f} HU\n")


if __name__ == "__main__":
    main()
