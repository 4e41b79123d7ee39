"""The nine planes of many crops at once, with torch."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from benchmark.imaging.plane_maps import PlaneMap, plane_maps
from benchmark.imaging.planes import check_shape
from benchmark.imaging.recipe import Recipe, get_recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from clip_nodule.planes.stacks import PlaneStack

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Per channel: what CLIP's images are normalised with (Radford et al. 2021)."""
_BLOCK = 8


def planes_batch(
    crops: Tensor,
    recipe: Recipe | str = "default",
    size: int | None = None,
    *,
    normalize: bool = True,
    channels: int = 3,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The nine planes of many crops, on the device of ``crops``.

    Shape notation:
        - n: nodules
        - s: pixels along an edge

    Args:
        crops: ``[n, z, y, x]`` in HU, any real type.
        recipe: A recipe or its name.
        size: Pixels along an edge; the recipe's by default.
        normalize: Normalise each channel as CLIP does; else values are those of ``nine_planes``.
        channels: 3, or 1 for pictures without a channel axis (then ``normalize`` uses the channels' mean and
            standard deviation averaged).
        dtype: Numbers of the planes, float32 by default; others are the float32 ones, rounded.

    Returns:
        ``[n, 9, 3, s, s]``, or ``[n, 9, s, s]`` for one channel.

    Raises:
        InputError: The crops have another size than the recipe's.
    """
    import torch

    recipe = get_recipe(recipe)
    size = size or recipe.plane_size
    check_shape(tuple(crops.shape[1:]), recipe)
    shape = (len(crops), 9, size, size) if channels == 1 else (len(crops), 9, 3, size, size)
    planes = torch.empty(shape, dtype=dtype or torch.float32, device=crops.device)
    on_cpu = crops.device.type == "cpu"
    block, write = (_BLOCK, _write_plane_by_plane) if on_cpu else (32 * _BLOCK, _write_stacks)
    for start in range(0, len(crops), block):
        write(planes[start : start + block], crops[start : start + block], recipe, size, normalize=normalize)
    return planes


def to_planes(pictures: Tensor, *, normalize: bool = True, channels: int = 3) -> Tensor:
    """Pictures ``[n, 9, s, s]`` in 0..1 as the network takes them (see ``planes_batch``)."""
    if channels == 1:
        centre, width = (sum(CLIP_MEAN) / 3, sum(CLIP_STD) / 3) if normalize else (0.0, 1.0)
        return (pictures - centre) / width
    import torch

    pictures = pictures.unsqueeze(2)
    if not normalize:
        return pictures.expand(-1, -1, 3, -1, -1)
    offset, factor = _normalisation(str(pictures.device))
    return torch.addcmul(offset, pictures, factor)


@lru_cache(maxsize=8)
def _normalisation(device: str) -> tuple[Tensor, Tensor]:
    """What is added to each channel, and what it is multiplied by before; ``[3, 1, 1]``."""
    import torch

    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    return (-mean / std).to(device), (1 / std).to(device)


def _write_plane_by_plane(target: Tensor, crops: Tensor, recipe: Recipe, size: int, *, normalize: bool) -> None:
    flat = crops.reshape(len(crops), -1)
    for place, maps in enumerate(_device_maps(recipe, size, str(crops.device)).planes):
        _write_planes(target[:, place], _picture(flat, maps, recipe), recipe, normalize)


def _write_stacks(target: Tensor, crops: Tensor, recipe: Recipe, size: int, *, normalize: bool) -> None:
    """Planes of one kind at a time, HU to their normalised values in one step, rounded once."""
    import torch

    maps, flat = _device_maps(recipe, size, str(crops.device)), crops.reshape(len(crops), -1)
    offset, factor = maps.scaling[normalize, target.dim() == 4]
    for stack in maps.stacks:
        voxels = stack.voxels(flat).float().clamp_(recipe.low, recipe.high)
        pictures = stack.pictures(voxels)
        for place, picture in zip(stack.places, pictures, strict=True):
            each = picture if target.dim() == 4 else picture.unsqueeze(1)
            torch.addcmul(offset, each, factor, out=target[:, place])


def _picture(flat: Tensor, maps: _TorchMap, recipe: Recipe) -> Tensor:
    """One plane of crops ``[n, voxels]``: ``[n, s, s]`` in HU, clipped before interpolation."""
    return _interpolated(flat[:, maps.index].float().clamp_(recipe.low, recipe.high), maps)


def _interpolated(voxels: Tensor, maps: _TorchMap) -> Tensor:
    """``[n, s, s]`` from the voxels ``[n, nr, k]`` that a plane touches."""
    points = voxels @ maps.line  # [n, nr, nt]
    if maps.zoom is not None:
        points = points @ maps.zoom
    return points.mT @ maps.rows.mT if maps.transposed else maps.rows @ points


def _write_planes(target: Tensor, picture: Tensor, recipe: Recipe, normalize: bool) -> None:
    """HU to 0..1 and on to CLIP's normalisation in one step, into ``[n, (3,) s, s]``."""
    import torch

    span = recipe.high - recipe.low
    if target.dim() == 3:
        means, stds = [sum(CLIP_MEAN) / 3], [sum(CLIP_STD) / 3]
    else:
        means, stds = list(CLIP_MEAN), list(CLIP_STD)
    for channel, (mean, std) in enumerate(zip(means, stds, strict=True)):
        if not normalize:
            mean, std = 0.0, 1.0
        out = target if target.dim() == 3 else target[:, channel]
        torch.mul(picture, 1 / (span * std), out=out)
        out -= (recipe.low / span + mean) / std


class _TorchMap:
    """A ``PlaneMap`` as tensors of a device."""

    def __init__(self, plane: PlaneMap, device: str) -> None:
        import torch

        self.index = torch.from_numpy(plane.index).to(device)
        self.line = torch.from_numpy(plane.line).to(device)
        self.rows = torch.from_numpy(plane.rows).to(device)
        self.zoom = None if plane.zoom is None else torch.from_numpy(plane.zoom).to(device)
        self.transposed = plane.transposed


class _DeviceMaps:
    """The nine planes on a device: one by one on a processor, whose cache holds one; in stacks on a GPU.

    Attributes:
        planes: One by one.
        stacks: In stacks.
        scaling: What is added to HU, and what they are multiplied by before, ``[channels, 1, 1]`` each: by whether
            they are normalised, and whether they have no channels.
    """

    def __init__(self, recipe: Recipe, size: int, device: str) -> None:
        maps = plane_maps(recipe, size)
        self.planes: tuple[_TorchMap, ...] = ()
        self.stacks: tuple[PlaneStack, ...] = ()
        self.scaling: dict[tuple[bool, bool], tuple[Tensor, Tensor]] = {}
        if device == "cpu":
            self.planes = tuple(_TorchMap(plane, device) for plane in maps)
            return
        from clip_nodule.planes.stacks import plane_stacks

        self.stacks = plane_stacks(maps, device)
        for normalize in (False, True):
            for grey in (False, True):
                self.scaling[normalize, grey] = _scaling(recipe, device, normalize=normalize, grey=grey)


def _scaling(recipe: Recipe, device: str, *, normalize: bool, grey: bool) -> tuple[Tensor, Tensor]:
    import torch

    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (CLIP_MEAN, CLIP_STD))
    if grey:
        mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
    if not normalize:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    span = recipe.high - recipe.low
    shape = (1, 1) if grey else (3, 1, 1)
    offset, factor = -(recipe.low / span + mean) / std, 1 / (span * std)
    return offset.float().view(shape).to(device), factor.float().view(shape).to(device)


@lru_cache(maxsize=16)
def _device_maps(recipe: Recipe, size: int, device: str) -> _DeviceMaps:
    return _DeviceMaps(recipe, size, device)
