"""The augmentation of the paper's code: a nodule's volume is changed once, then its nine planes are cut out of it.

Volume: flips along three axes, rotation about three, scaling of each, noise, another gamma, as TorchIO's
``RandomFlip``, ``RandomAffine``, ``RandomNoise`` and ``RandomGamma`` do with the code's arguments. Each plane is
then cut out by whole voxels beside its middle; the code does that even where augmentation is off.

The changed volume is worked out at those voxels alone that the planes touch, for many nodules at once, without a
wait for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.imaging.plane_maps import PLANES
from benchmark.imaging.planes import check_shape
from benchmark.imaging.recipe import Recipe, get_recipe
from clip_nodule.planes.augment import _GOLDEN, mix, signed_64
from clip_nodule.planes.batch import to_planes
from clip_nodule.planes.shifted_planes import JITTER, ShiftedMaps, VoxelPairs, shifted_maps

ROTATION = 10.0
"""Largest rotation about each axis, degrees (code ``--random_affine_degree``)."""
SCALING = 0.1
"""Each axis is scaled by 0.9 to 1.1 (TorchIO's default, which the code leaves)."""
NOISE = 0.02
"""Largest standard deviation of the noise, as a share of the window: 30 HU (code ``--random_noise_std``)."""
GAMMA = 0.2
"""Largest absolute logarithm of the exponent (code ``--random_gamma``)."""
_AT_ONCE = 2 << 30
"""Bytes for the nodules that are worked on at once on a GPU, beside crops and planes."""


@dataclass(frozen=True)
class VolumeDraws:
    """What was drawn for ``n`` nodules, on a device.

    Attributes:
        flips: ``[n, 3]`` whether z, y, x are reversed.
        degrees: ``[n, 3]`` rotation about x, y, z.
        scales: ``[n, 3]`` of x, y, z.
        noise: ``[n]`` standard deviations, shares of the window.
        gamma: ``[n]`` exponents.
        shifts: ``[n, 9, 2]`` voxels along rows and columns of each plane.
        start: ``[n]`` where the noise itself begins.
    """

    flips: Tensor
    degrees: Tensor
    scales: Tensor
    noise: Tensor
    gamma: Tensor
    shifts: Tensor
    start: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, part: slice) -> VolumeDraws:
        """Those of some nodules."""
        return VolumeDraws(*(value[part] for value in vars(self).values()))


def draw_volumes(seeds: Sequence[int], device: torch.device) -> VolumeDraws:
    """Draw the changes of nodules from a seed each; one copy takes them to the device."""
    shifts = 2 * len(PLANES)
    drawn = np.empty((len(seeds), 12 + shifts))
    for row, seed in zip(drawn, seeds, strict=True):
        random = np.random.default_rng(seed)
        row[:3] = random.random(3) < 0.5
        row[3:6] = random.uniform(-ROTATION, ROTATION, 3)
        row[6:9] = random.uniform(1 - SCALING, 1 + SCALING, 3)
        row[9] = random.uniform(0, NOISE)
        row[10] = np.exp(random.uniform(-GAMMA, GAMMA))
        row[11:-1] = random.integers(-JITTER, JITTER, shifts)
    starts = torch.tensor([signed_64(seed * _GOLDEN) for seed in seeds], dtype=torch.int64)
    drawn[:, -1] = mix(starts).numpy().view(np.float64)
    packed = torch.from_numpy(drawn).to(device)
    return VolumeDraws(
        packed[:, :3] > 0,
        packed[:, 3:6],
        packed[:, 6:9],
        packed[:, 9].float(),
        packed[:, 10].float(),
        packed[:, 11:-1].long().view(-1, len(PLANES), 2),
        packed[:, -1].view(torch.int64),
    )


def paper_planes(
    crops: Tensor,
    recipe: Recipe | str,
    random: np.random.Generator | Sequence[int] | VolumeDraws,
    size: int | None = None,
    *,
    change_volume: bool = True,
) -> Tensor:
    """Nine planes of many crops as the paper's code shows them while it trains.

    Args:
        crops: ``[n, z, y, x]`` in HU, on any device.
        recipe: A recipe or its name.
        random: A generator, from which a seed a nodule is drawn, or those seeds: equal seeds give equal planes,
            whatever else is in the batch; or what was drawn from them, on the device of ``crops``.
        size: Pixels along an edge; the recipe's by default.
        change_volume: False leaves only the shifts, as the code does without ``--augmentation``.

    Returns:
        float32 ``[n, 9, 3, size, size]``, normalised as ``planes_batch`` does.

    Raises:
        InputError: The crops have another size than the recipe's.
        ValueError: There are more or fewer draws than crops.
    """
    recipe = get_recipe(recipe)
    size = size or recipe.plane_size
    check_shape(tuple(crops.shape[1:]), recipe)
    if isinstance(random, np.random.Generator):
        random = cast(list[int], random.integers(2**63, size=len(crops)).tolist())
    draws = random if isinstance(random, VolumeDraws) else draw_volumes(random, crops.device)
    if len(draws) != len(crops):
        raise ValueError(f"what was drawn for {len(draws)} nodules, for {len(crops)} crops")
    maps = shifted_maps(recipe, size, str(crops.device))
    pictures = torch.empty((len(crops), len(PLANES), size, size), device=crops.device)
    block = _nodules_at_once(crops, maps)
    for start in range(0, len(crops), block):
        part = slice(start, start + block)
        values = _voxel_values(crops[part], recipe, maps.voxels, draws[part] if change_volume else None)
        pictures[part] = maps.pictures(values, draws.shifts[part])
    return to_planes(pictures)


def _nodules_at_once(crops: Tensor, maps: ShiftedMaps) -> int:
    """On a CPU one for each thread of ``grid_sample``, to stay in its cache; on a GPU what ``_AT_ONCE`` holds."""
    if crops.device.type == "cpu":
        return torch.get_num_threads()
    return max(1, _AT_ONCE // (4 * (crops[:1].numel() + maps.values_a_nodule)))


def _voxel_values(crops: Tensor, recipe: Recipe, voxels: VoxelPairs, draws: VolumeDraws | None) -> Tensor:
    """Values ``[n, m]`` of voxels, 0 at a recipe's lowest HU and 1 at its highest; changed if there are draws."""
    if draws is None:
        values = crops.flatten(1).index_select(1, voxels.number).clamp(recipe.low, recipe.high).float()
    else:
        values = moved_values(crops.clamp(recipe.low, recipe.high).float(), voxels, draws)
    values.sub_(recipe.low).mul_(1 / (recipe.high - recipe.low))
    return values if draws is None else with_noise_and_gamma(values, voxels, draws)


def moved_values(volumes: Tensor, voxels: VoxelPairs, draws: VolumeDraws) -> Tensor:
    """Volumes flipped, then rotated and scaled about their middle, at some voxels.

    Trilinear samples at ``R⁻¹ S⁻¹ p`` for every voxel p from the middle; the volume's minimum outside it.

    Args:
        volumes: float32 ``[n, z, y, x]``, as long along each axis, in any unit.
        voxels: Where values are asked for.
        draws: Of each nodule.

    Returns:
        ``[n, m]``.
    """
    # Three products rather than a matrix's, which TF32 or bf16 would move by a fraction of a voxel.
    along_x, along_y, along_z = _inverse_maps(draws).to(volumes.dtype).unsqueeze(-1).unbind(2)
    x, y, z = voxels.position
    grid = (along_x * x).addcmul_(along_y, y).addcmul_(along_z, z)  # [n, 3, m]
    edge = 1 + 1 / (volumes.shape[-1] - 1)  # half a voxel beyond the outermost
    outside = grid.abs().amax(1) > edge
    values = functional.grid_sample(
        volumes.unsqueeze(1), grid.mT[:, None, None], padding_mode="border", align_corners=True
    )
    return torch.where(outside, volumes.amin((1, 2, 3)).unsqueeze(1), values.view(outside.shape))


def with_noise_and_gamma(values: Tensor, voxels: VoxelPairs, draws: VolumeDraws) -> Tensor:
    """Values ``[n, m]`` of voxels with noise; their absolute value is raised to a gamma, their sign stays."""
    noisy = torch.addcmul(values, standard_normal(draws.start, voxels.pair), draws.noise.unsqueeze(1))
    return noisy.abs().log_().mul_(draws.gamma.unsqueeze(1)).exp_().copysign_(noisy)


def standard_normal(start: Tensor, pair: Tensor) -> Tensor:
    """Normal numbers from where a nodule's noise starts and positions alone, on any device and for any batch.

    Box and Muller's transform ("A note on the generation of random normal deviates", Annals of Mathematical
    Statistics 29, 1958) of the two halves of a mixed counter (see ``augment``).

    Args:
        start: ``[n]``.
        pair: ``[m]`` numbers of pairs.

    Returns:
        float32 ``[n, 2 m]``, two of each pair.
    """
    mixed = mix(start.unsqueeze(1) + pair * signed_64(_GOLDEN))
    radius = (mixed & 0xFFFFFFFF).float().add_(0.5).mul_(2.0**-32).log_().mul_(-2).sqrt_()
    angle = (mixed >> 32).float().mul_(2 * np.pi * 2.0**-32)
    normal = torch.empty((*mixed.shape, 2), device=mixed.device)
    torch.mul(radius, angle.cos(), out=normal[..., 0])
    torch.mul(radius, angle.sin_(), out=normal[..., 1])
    return normal.flatten(1)


def _inverse_maps(draws: VolumeDraws) -> Tensor:
    """``F R⁻¹ S⁻¹`` of each nodule, ``[n, 3, 3]``, x first; ``R = Rz Rx Ry``.

    That is the order of ITK's ``Euler3DTransform``, which TorchIO uses. As axes are equally long, the matrix is
    the same in voxels and in -1..1.
    """
    eye, generator, square = _rotations(str(draws.degrees.device))
    angle = draws.degrees.deg2rad()[..., None, None]
    about_x, about_y, about_z = (eye + angle.sin() * generator + (1 - angle.cos()) * square).unbind(1)
    turned_back = (about_z @ about_x @ about_y).mT / draws.scales.unsqueeze(1)
    return torch.where(draws.flips.flip(1).unsqueeze(2), -turned_back, turned_back)


@lru_cache(maxsize=8)
def _rotations(device: str) -> tuple[Tensor, Tensor, Tensor]:
    """``I``, ``K`` and ``K²`` of Rodrigues' formula ``I + K sin + K² (1 - cos)`` about x, y, z."""
    eye = np.eye(3)
    generator = np.stack([np.cross(axis, eye).T for axis in eye])  # K v = axis x v
    first, second, third = (torch.from_numpy(a).to(device) for a in (eye, generator, generator @ generator))
    return first, second, third
