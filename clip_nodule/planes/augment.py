"""Augmented planes for training: what changes is where the crop is sampled, so it is interpolated once only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.imaging.plane_maps import PLANES, pixel_positions, turning_point
from benchmark.imaging.planes import check_shape
from benchmark.imaging.recipe import Recipe, get_recipe
from clip_nodule.planes.batch import to_planes
from clip_nodule.planes.sampling import look_up, source_of

_GROUPS = tuple(
    tuple(k for k, plane in enumerate(PLANES) if bool(plane.tilt) == tilted) for tilted in (False, True)
)
_GOLDEN = 0x9E3779B97F4A7C15
_CACHED = 30_000
"""Pixels of one plane that are worked on at once on a CPU, so that they stay in its cache."""
_ON_DEVICE = 8_000_000


@dataclass(frozen=True)
class Strength:
    """How much planes are changed, each of a nodule's nine by its own draw.

    Attributes:
        rotation: Largest rotation in the plane, degrees.
        jitter: Largest shift in the plane, mm.
        flips: Whether rows and columns are reversed, each with probability 1/2.
        noise: Largest standard deviation of the noise added to voxels, HU.
        gamma: Largest absolute logarithm of the exponent that brightness is raised to.
    """

    rotation: float = 10.0
    jitter: float = 5.0
    flips: bool = True
    noise: float = 25.0
    gamma: float = 0.2


@dataclass(frozen=True)
class Draws:
    """What was drawn for ``n`` nodules.

    Attributes:
        angle: ``[n, 9]`` radians.
        shift: ``[n, 9, 2]`` mm along rows and columns of the picture.
        sign: ``[n, 9, 2]`` -1 where an axis is reversed.
        noise: ``[n]`` HU.
        gamma: ``[n]`` exponents.
        start: ``[n, 9]`` where the noise itself begins.
    """

    angle: Tensor
    shift: Tensor
    sign: Tensor
    noise: Tensor
    gamma: Tensor
    start: Tensor

    def __getitem__(self, part: slice) -> Draws:
        """Those of some nodules."""
        return Draws(*(value[part] for value in vars(self).values()))


def augmented_planes(
    crops: Tensor,
    recipe: Recipe | str,
    random: np.random.Generator | Sequence[int] | Draws,
    *,
    size: int | None = None,
    strength: Strength | None = None,
    normalize: bool = True,
    channels: int = 3,
) -> Tensor:
    """Nine planes of many crops, flipped, rotated, shifted, with noise and another gamma.

    Every pixel is one trilinear sample of the crop (of the voxels plus their noise), whatever the recipe.

    Args:
        crops: ``[n, z, y, x]`` in HU, on any device.
        recipe: A recipe or its name.
        random: A generator, from which a seed a nodule is drawn, or those seeds: equal seeds give equal planes,
            whatever else is in the batch; or what was drawn from them.
        size: Pixels along an edge; the recipe's by default.
        strength: How much to change.
        normalize: See ``planes_batch``.
        channels: See ``planes_batch``.

    Returns:
        float32 ``[n, 9, 3, size, size]``, or ``[n, 9, size, size]`` for one channel.
    """
    recipe = get_recipe(recipe)
    size = size or recipe.plane_size
    check_shape(tuple(crops.shape[1:]), recipe)
    strength = strength or Strength()
    if isinstance(random, Draws):
        draws = random
    else:
        if isinstance(random, np.random.Generator):
            random = cast(list[int], random.integers(2**63, size=len(crops)).tolist())
        draws = draw(random, strength, crops.device)
    reach, pixels = _reach(recipe, strength), size * size
    pictures = torch.empty((len(crops), len(PLANES), size, size), device=crops.device)
    block = max(1, (_CACHED if crops.device.type == "cpu" else _ON_DEVICE) // pixels)
    for start in range(0, len(crops), block):
        part = slice(start, start + block)
        for group in _GROUPS:
            pictures[part, group[0] : group[-1] + 1] = _sampled(
                crops[part], recipe, group, draws[part], size, reach
            )
    return to_planes(pictures, normalize=normalize, channels=channels)


def draw(seeds: Sequence[int], strength: Strength, device: torch.device) -> Draws:
    """Draw the changes of nodules from a seed each."""
    count = len(PLANES)
    values = np.empty((len(seeds), count, 5))
    whole = np.empty((len(seeds), 2))
    for place, seed in enumerate(seeds):
        random = np.random.default_rng(seed)
        values[place] = random.uniform(-1, 1, (count, 5))
        whole[place] = random.uniform(0, 1, 2)
    sign = np.where(values[..., 3:] < 0, -1.0, 1.0) if strength.flips else np.ones((len(seeds), count, 2))

    def tensor(array: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)

    return Draws(
        tensor(np.radians(values[..., 0] * strength.rotation)),
        tensor(values[..., 1:3] * strength.jitter),
        tensor(sign),
        tensor(whole[:, 0] * strength.noise),
        tensor(np.exp((whole[:, 1] * 2 - 1) * strength.gamma)),
        torch.from_numpy(_starts(seeds, count)).to(device),
    )


def _starts(seeds: Sequence[int], count: int) -> NDArray[np.int64]:
    """Counters at which the noise of each plane begins, ``[n, count]``."""
    wide = np.array([seed % 2**64 for seed in seeds], np.uint64)[:, None] * np.uint64(_GOLDEN)
    return (wide + np.arange(count, dtype=np.uint64)).view(np.int64)


def _sampled(
    crops: Tensor, recipe: Recipe, group: tuple[int, ...], draws: Draws, size: int, reach: float
) -> Tensor:
    """Some planes of each crop, ``[n, g, size, size]`` in 0..1."""
    source = source_of(recipe, group, reach, str(crops.device))
    span = recipe.high - recipe.low
    voxels = (
        crops.reshape(len(crops), -1)[:, source.index].float().clamp_(recipe.low, recipe.high)
    )  # [n, g, nr, k]
    voxels.sub_(recipe.low).mul_(1 / span)
    image = voxels if source.knots is None else voxels @ source.knots  # [n, g, nr, m]
    start = draws.start[:, group[0] : group[-1] + 1]
    image = image + _noise(image, start) * (draws.noise / span).view(-1, 1, 1, 1)
    t, r = _positions(recipe, group, draws, size)  # [n, g, size, size]
    grid = torch.empty((*t.shape, 2), device=t.device)
    torch.add(r.mul_(2 / (image.shape[2] - 1)), -1 - source.r_start * 2 / (image.shape[2] - 1), out=grid[..., 1])
    t.sub_(source.t_start)
    if source.bends is None:
        picture = look_up(image, grid, t)
    else:
        segment = _segments(t, source.lengths)
        picture = look_up(image, grid, t)
        bend = look_up(voxels @ source.bends, grid, segment)
        share = t.sub_(segment)
        picture.addcmul_(bend, share).addcmul_(bend, share.square_(), value=-1)
    gamma = draws.gamma.view(-1, 1, 1, 1)
    return picture.clamp_(0, 1).log_().mul_(gamma).exp_()


def _positions(recipe: Recipe, group: tuple[int, ...], draws: Draws, size: int) -> tuple[Tensor, Tensor]:
    """Where pixels are sampled: ``[n, g, size, size]`` voxels from the turning point, along t and along r."""
    planes = slice(group[0], group[-1] + 1)
    offset, turned = _pixels(recipe, group, size, str(draws.angle.device))
    angle, sign = draws.angle[:, planes], draws.sign[:, planes]
    shift = draws.shift[:, planes] / recipe.spacing
    cos, sin = angle.cos(), angle.sin()
    to_row = torch.stack([cos * sign[..., 0], -sin * sign[..., 1], shift[..., 0]], dim=-1)
    to_column = torch.stack([sin * sign[..., 0], cos * sign[..., 1], shift[..., 1]], dim=-1)
    t, r = torch.where(turned, to_row, to_column), torch.where(turned, to_column, to_row)
    rows, columns = offset.view(-1, 1), offset.view(1, -1)
    return _plane_of(t, rows, columns), _plane_of(r, rows, columns)


@lru_cache(maxsize=64)
def _pixels(recipe: Recipe, group: tuple[int, ...], size: int, device: str) -> tuple[Tensor, Tensor]:
    """Pixels' offsets from the turning point, ``[size]``, and which planes are turned, ``[1, g, 1]``."""
    offset = (pixel_positions(recipe, size) - turning_point(recipe)).astype(np.float32)
    turned = torch.tensor([PLANES[place].transposed for place in group]).view(1, -1, 1)
    return torch.from_numpy(offset).to(device), turned.to(device)


def _plane_of(weights: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``a rows + b columns + c`` for weights ``[n, g, 3]``."""
    a, b, c = (weight[..., None, None] for weight in weights.unbind(-1))
    return a * rows + (b * columns + c)


def _segments(t: Tensor, lengths: tuple[float, ...]) -> Tensor:
    """Turn ``t`` (voxels after the first knot) into knots in place; the number of the knot before each."""
    if len(lengths) == 1:
        return t.mul_(1 / lengths[0]).floor()
    first, second = lengths
    t.mul_(1 / (first + second))
    period = t.floor()
    t.sub_(period)
    cut = first / (first + second)
    later = t >= cut
    t.copy_(torch.where(later, (t - cut) * (1 / (1 - cut)), t * (1 / cut)))
    segment = period.mul_(2).add_(later)
    t.add_(segment)
    return segment


def _noise(image: Tensor, start: Tensor) -> Tensor:
    """Noise of about unit variance for the knots ``[n, g, nr, m]``, from where it starts and positions alone.

    The sum of four 16-bit parts of a mixed counter (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014), which is the same on any device and for any batch.
    """
    counter = torch.arange(image[0, 0].numel(), device=image.device) * signed_64(_GOLDEN)
    mixed = mix(mix(start).unsqueeze(-1) + counter)
    total = (mixed & 0xFFFF) + ((mixed >> 16) & 0xFFFF) + ((mixed >> 32) & 0xFFFF) + ((mixed >> 48) & 0xFFFF)
    return total.float().mul_(3**0.5 / 65535).sub_(2 * 3**0.5).view_as(image)


def mix(x: Tensor) -> Tensor:
    """Mix the bits of 64-bit counters."""
    x = (x ^ ((x >> 30) & (2**34 - 1))) * signed_64(0xBF58476D1CE4E5B9)
    x = (x ^ ((x >> 27) & (2**37 - 1))) * signed_64(0x94D049BB133111EB)
    return x ^ ((x >> 31) & (2**33 - 1))


def signed_64(value: int) -> int:
    """The 64-bit number with the same bits as ``value``, as int64 has it."""
    value %= 2**64
    return value - 2**64 if value >= 2**63 else value


def _reach(recipe: Recipe, strength: Strength) -> float:
    """Farthest sample from the turning point along any direction of a plane, in voxels."""
    angle = np.radians(min(strength.rotation, 45.0))
    half = recipe.plane_mm / 2 * (np.cos(angle) + np.sin(angle))
    return float((half + strength.jitter) / recipe.spacing)


def sampled_voxels(recipe: Recipe, strength: Strength | None = None) -> list[NDArray[np.int64]]:
    """Flat indices into a crop of all voxels that ``augmented_planes`` can touch, however it draws."""
    reach = _reach(recipe, strength or Strength())
    return [source_of(recipe, group, reach, "cpu").index.numpy() for group in _GROUPS]
