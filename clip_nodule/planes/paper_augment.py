"""The augmentation of the paper's code: a nodule's volume is changed once, then its nine planes are cut out of it.

Volume: flips along three axes, rotation about three, scaling of each, noise, another gamma, as TorchIO's
``RandomFlip``, ``RandomAffine``, ``RandomNoise`` and ``RandomGamma`` do with the code's arguments. Each plane is
then cut out by whole voxels beside its middle; the code does that even where augmentation is off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.imaging.plane_maps import PLANES, line_positions, pixel_positions, plane_maps, turning_point
from benchmark.imaging.planes import check_shape
from benchmark.imaging.recipe import Recipe, get_recipe
from clip_nodule.planes.batch import to_planes, unclipped_pictures

ROTATION = 10.0
"""Largest rotation about each axis, degrees (code ``--random_affine_degree``)."""
SCALING = 0.1
"""Each axis is scaled by 0.9 to 1.1 (TorchIO's default, which the code leaves)."""
NOISE = 0.02
"""Largest standard deviation of the noise, as a share of the window: 30 HU (code ``--random_noise_std``)."""
GAMMA = 0.2
"""Largest absolute logarithm of the exponent (code ``--random_gamma``)."""
JITTER = 5
"""Voxels: planes are shifted by -5 to 4 along rows and columns (code ``--jitter``)."""


@dataclass(frozen=True)
class VolumeDraws:
    """What was drawn for one nodule.

    Attributes:
        flips: ``[3]`` whether z, y, x are reversed.
        degrees: ``[3]`` rotation about x, y, z.
        scales: ``[3]`` of x, y, z.
        noise: Standard deviation, share of the window.
        gamma: Exponent.
        shifts: ``[9, 2]`` voxels along rows and columns of each plane.
        seed: Of the noise itself.
    """

    flips: npt.NDArray[np.bool_]
    degrees: npt.NDArray[np.float64]
    scales: npt.NDArray[np.float64]
    noise: float
    gamma: float
    shifts: npt.NDArray[np.int64]
    seed: int


def draw_volume(seed: int) -> VolumeDraws:
    """Draw the changes of one nodule."""
    random = np.random.default_rng(seed)
    return VolumeDraws(
        random.random(3) < 0.5,
        random.uniform(-ROTATION, ROTATION, 3),
        random.uniform(1 - SCALING, 1 + SCALING, 3),
        float(random.uniform(0, NOISE)),
        float(np.exp(random.uniform(-GAMMA, GAMMA))),
        random.integers(-JITTER, JITTER, (len(PLANES), 2)),
        int(random.integers(2**63)),
    )


def paper_planes(
    crops: Tensor,
    recipe: Recipe | str,
    random: np.random.Generator,
    size: int | None = None,
    *,
    change_volume: bool = True,
) -> Tensor:
    """Nine planes of many crops as the paper's code shows them while it trains.

    Args:
        crops: ``[n, z, y, x]`` in HU, on any device.
        recipe: A recipe or its name.
        random: A seed a nodule is drawn from it: equal seeds give equal planes, whatever else is in the batch.
        size: Pixels along an edge; the recipe's by default.
        change_volume: False leaves only the shifts, as the code does without ``--augmentation``.

    Returns:
        float32 ``[n, 9, 3, size, size]``, normalised as ``planes_batch`` does.

    Raises:
        InputError: The crops have another size than the recipe's.
    """
    recipe = get_recipe(recipe)
    check_shape(tuple(crops.shape[1:]), recipe)
    pictures = []
    for crop in crops:
        draws = draw_volume(int(random.integers(2**63)))
        volume = (crop.float().clamp(recipe.low, recipe.high) - recipe.low) / (recipe.high - recipe.low)
        volume = changed_volume(volume, draws) if change_volume else volume
        pictures.append(shifted_planes(volume, recipe, size or recipe.plane_size, draws.shifts))
    return to_planes(torch.stack(pictures))


def changed_volume(volume: Tensor, draws: VolumeDraws) -> Tensor:
    """A volume ``[z, y, x]`` in 0..1 flipped, rotated and scaled about its middle, with noise and a gamma."""
    flipped = volume.flip([axis for axis in range(3) if draws.flips[axis]])
    moved = _rotated_and_scaled(flipped, draws)
    noise = np.random.default_rng(draws.seed).standard_normal(tuple(volume.shape), dtype=np.float32)
    moved = moved + draws.noise * torch.from_numpy(noise).to(volume.device)
    return moved.sign() * moved.abs() ** draws.gamma


def shifted_planes(volume: Tensor, recipe: Recipe, size: int, shifts: npt.NDArray[np.int64]) -> Tensor:
    """The nine planes of a volume ``[z, y, x]``, each shifted by whole voxels: ``[9, size, size]``.

    Args:
        volume: In any unit.
        recipe: Where planes lie, and how they are interpolated.
        size: Pixels along an edge.
        shifts: ``[9, 2]`` voxels along rows and columns.
    """
    if recipe.planes == "linear":
        return _trilinear_planes(volume, recipe, size, shifts)
    window = round(recipe.plane_mm / recipe.spacing)
    wide = _widened(recipe)
    pictures = unclipped_pictures(volume[None], wide, window + 2 * JITTER)[0]
    cut = torch.stack(
        [
            picture[JITTER + down :, JITTER + right :][:window, :window]
            for picture, (down, right) in zip(pictures, shifts, strict=True)
        ]
    )
    return functional.interpolate(cut[None], (size, size), mode="bilinear", align_corners=True)[0]


def _rotated_and_scaled(volume: Tensor, draws: VolumeDraws) -> Tensor:
    """Trilinear samples at ``R⁻¹ S⁻¹ p`` for every voxel p from the middle; the volume's minimum outside it.

    ``R = Rz Rx Ry``, the order of ITK's ``Euler3DTransform``, which TorchIO uses.
    """
    cos, sin = np.cos(np.radians(draws.degrees)), np.sin(np.radians(draws.degrees))
    about_x = np.array([[1, 0, 0], [0, cos[0], -sin[0]], [0, sin[0], cos[0]]])
    about_y = np.array([[cos[1], 0, sin[1]], [0, 1, 0], [-sin[1], 0, cos[1]]])
    about_z = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    inverse = (about_z @ about_x @ about_y).T @ np.diag(1 / draws.scales)
    # grid_sample has x first and every axis from -1 to 1; as axes are equally long, the matrix stays the same.
    matrix = torch.from_numpy(np.hstack([inverse, np.zeros((3, 1))]))[None].to(volume)
    grid = functional.affine_grid(matrix, [1, 1, *volume.shape], align_corners=True)
    sampled = functional.grid_sample(volume[None, None], grid, padding_mode="border", align_corners=True)[0, 0]
    edge = 1 + 1 / (len(volume) - 1)  # half a voxel beyond the outermost
    outside = (grid[0].abs() > edge).any(-1)
    return torch.where(outside, volume.min(), sampled)


def _trilinear_planes(volume: Tensor, recipe: Recipe, size: int, shifts: npt.NDArray[np.int64]) -> Tensor:
    points = _shifted_points(recipe, size, shifts)
    grid = torch.from_numpy(points[..., ::-1] * (2 / (recipe.size - 1)) - 1).to(volume)
    return functional.grid_sample(volume[None, None], grid[None], padding_mode="border", align_corners=True)[0, 0]


def _shifted_points(recipe: Recipe, size: int, shifts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Where the pixels of nine shifted planes lie in a crop, ``[9, size, size, 3]``."""
    pixels = pixel_positions(recipe, size)
    points = np.empty((len(PLANES), size, size, 3))
    for place, (plane, shift) in enumerate(zip(PLANES, shifts, strict=True)):
        along_r, along_t = (shift[1], shift[0]) if plane.transposed else (shift[0], shift[1])
        r, t = pixels + along_r, pixels + along_t
        p, q = (
            (np.full(size, recipe.centre_index), t)
            if plane.tilt == 0
            else line_positions(recipe, plane.tilt, t - turning_point(recipe))
        )
        picture = np.empty((size, size, 3))
        picture[..., plane.r], picture[..., plane.p], picture[..., plane.q] = r[:, None], p[None], q[None]
        points[place] = picture.transpose(1, 0, 2) if plane.transposed else picture
    return points


def _widened(recipe: Recipe) -> Recipe:
    """The recipe of planes that hold every shifted one."""
    wide = round(recipe.plane_mm / recipe.spacing) + 2 * JITTER
    return replace(recipe, plane_mm=wide * recipe.spacing)


def shifted_voxels(recipe: Recipe, size: int) -> list[npt.NDArray[np.int64]]:
    """Flat indices into a crop of voxels between which all lie that ``shifted_planes`` can touch."""
    if recipe.planes != "linear":
        wide = _widened(recipe)
        return [plane.index for plane in plane_maps(wide, round(wide.plane_mm / wide.spacing))]
    ends = []
    for shift in (-JITTER, JITTER - 1):
        points = _shifted_points(recipe, size, np.full((len(PLANES), 2), shift))
        ends += [np.floor(points), np.ceil(points)]
    voxels = np.stack(ends).astype(np.int64).reshape(-1, 3).clip(0, recipe.size - 1)
    return [np.ravel_multi_index(tuple(voxels.T), (recipe.size,) * 3)]
