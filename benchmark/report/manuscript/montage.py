"""Nodules side by side for a manuscript: planes named, with a scale bar, at a journal's column widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.contracts.plane_names import BAR_MM, PLANE_NAMES
from benchmark.report.manuscript.style import DPI, LETTER_MM, MM, POINT
from benchmark.report.manuscript.text import plain_text
from benchmark.report.printing.palette import INK, OKABE_ITO, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.imaging.recipe import Recipe

_UNDER = tuple(name.replace("oblique ", "oblique\n") for name in PLANE_NAMES)
"""The names of the planes in lines as wide as a plane."""
_PAD, _GAP, _LINE, _NAME, _BAR = 1.2, 0.8, 3.3, 2.7, 16.0
"""Millimetres: around everything, between planes, of a line of text, of one below a plane, of a full bar."""


@dataclass(frozen=True)
class Nodule:
    """A nodule of a montage.

    Attributes:
        label: What stands above its planes.
        crop: HU ``(z, y, x)``.
        recipe: Its recipe.
        group: A heading above the first of those that share it.
        marks: Text below single planes, by the plane's place in ``PLANE_NAMES``.
        framed: A plane with a frame around it; None for no frame.
    """

    label: str
    crop: npt.NDArray[np.int16]
    recipe: Recipe
    group: str = ""
    marks: Mapping[int, str] = field(default_factory=dict)
    framed: int | None = None


@dataclass(frozen=True)
class Block:
    """A line of text or a row of planes, ``height`` mm tall."""

    height: float
    text: str = ""
    bold: bool = False
    nodule: Nodule | None = None
    planes: Sequence[int] = ()


def montage(nodules: Sequence[Nodule], width_mm: float) -> Figure:
    """A row of planes a nodule: the three along the axes in one column of a journal, all nine in two.

    Args:
        nodules: What to show, from top to bottom.
        width_mm: Width of the figure.
    """
    shown = range(9) if width_mm > 120 else range(3)
    return stacked(list(_blocks_of_rows(nodules, width_mm, list(shown))), width_mm, len(shown))


def _blocks_of_rows(nodules: Sequence[Nodule], width_mm: float, planes: Sequence[int]) -> list[Block]:
    edge, letters = tile_edge(width_mm, len(planes)), int((width_mm - 2 * _PAD) / LETTER_MM)
    blocks, group = [], ""
    for nodule in nodules:
        if nodule.group and nodule.group != group:
            group = nodule.group
            blocks += [Block(_LINE, line, bold=True) for line in plain_text(group, letters).split("\n")]
        blocks += [Block(_LINE, line) for line in plain_text(nodule.label, letters).split("\n")]
        names = max(_UNDER[k].count("\n") + 1 for k in planes) * _NAME + (_NAME if nodule.marks else 0)
        blocks.append(Block(edge + names + _GAP, nodule=nodule, planes=planes))
    return blocks


def tile_edge(width_mm: float, columns: int) -> float:
    """Edge of a plane in mm, where so many share a width."""
    return (width_mm - 2 * _PAD - (columns - 1) * _GAP) / columns


def stacked(
    blocks: Sequence[Block], width_mm: float, columns: int, *, whole: float = 0.0, more: float = 0.0
) -> Figure:
    """Blocks below each other.

    Args:
        blocks: What to show.
        width_mm: What their planes share.
        columns: Planes in a row.
        whole: Width of the figure, where it is wider than the blocks.
        more: Millimetres to leave free below the blocks.
    """
    from matplotlib.figure import Figure

    height, whole = sum(block.height for block in blocks) + 2 * _PAD + more, whole or width_mm
    figure, top = Figure(figsize=(whole * MM, height * MM), facecolor="white"), height - _PAD
    edge = tile_edge(width_mm, columns)
    for block in blocks:
        if block.nodule is None:
            weight = "bold" if block.bold else "normal"
            figure.text(_PAD / whole, (top - 0.4) / height, block.text, va="top", color=INK, fontweight=weight)
        else:
            pictures = _pictures(block.nodule, edge)
            for place, plane in enumerate(block.planes):
                x, y = _PAD + place * (edge + _GAP), top - edge
                axes = figure.add_axes((x / whole, y / height, edge / whole, edge / height))
                _show_plane(axes, pictures[plane], block.nodule, plane, bar=place == 0)
        top -= block.height
    return figure


def _grid(nodule: Nodule, width_mm: float) -> list[Block]:
    """All nine planes of one nodule in three rows."""
    return [
        Block(tile_edge(width_mm, 3) + _NAME * (_UNDER[k].count("\n") + 2) + _GAP, nodule=nodule,
              planes=range(k, k + 3))
        for k in (0, 3, 6)
    ]  # fmt: skip


def _pictures(nodule: Nodule, edge_mm: float) -> npt.NDArray[np.uint8]:
    """The nine planes with a pixel for each that is printed."""
    from benchmark.imaging.pictures import grey_planes

    return grey_planes(nodule.crop, nodule.recipe, round(edge_mm * MM * DPI), head_up=True)


def _show_plane(axes: Axes, picture: npt.NDArray[np.uint8], nodule: Nodule, plane: int, *, bar: bool) -> None:
    from benchmark.imaging.plane_maps import pixel_positions

    pixels = pixel_positions(nodule.recipe, len(picture))
    across = float(pixels[1] - pixels[0]) * nodule.recipe.spacing * len(picture)
    axes.imshow(
        picture, cmap="gray", vmin=0, vmax=255, interpolation="none", extent=(0, across, 0, across), aspect="auto"
    )
    axes.set(xticks=[], yticks=[], xlim=(0, across), ylim=(0, across))
    framed = plane == nodule.framed
    for spine in axes.spines.values():
        spine.set(visible=framed, color=OKABE_ITO[1], linewidth=1.6)
    name = _UNDER[plane]
    under = f"{name}\n{nodule.marks[plane]}" if plane in nodule.marks else name
    axes.annotate(
        under, (0.5, 0), xycoords="axes fraction", xytext=(0, -1.5), textcoords="offset points", ha="center",
        va="top", fontsize=11 * POINT, color=INK, linespacing=1.1,
    )  # fmt: skip
    if bar:
        _add_scale_bar(axes, across)


def _add_scale_bar(axes: Axes, across: float) -> None:
    from matplotlib.patheffects import withStroke

    start, height = 0.05 * across, 0.06 * across
    edge = [withStroke(linewidth=2.6, foreground="black")]
    axes.plot([start, start + BAR_MM], [height, height], color="white", linewidth=1.4, path_effects=edge)
    axes.text(
        start, height + 0.02 * across, f"{BAR_MM} mm", color="white", fontsize=5.5, va="bottom",
        path_effects=[withStroke(linewidth=1.2, foreground="black")],
    )  # fmt: skip


def nodule_figure(nodule: Nodule, profile: Sequence[tuple[str, str, float]], width_mm: float) -> Figure:
    """One nodule: its nine planes, and the most likely class of each feature with its probability.

    Args:
        nodule: The nodule; its marks are the attention of its planes.
        profile: ``(feature, most likely class, its probability)``.
        width_mm: Width of the figure; the features stand below the planes, or beside them in two columns.
    """
    beside = width_mm > 120
    part, left = (0.52 * width_mm, 0.52 * width_mm + 4) if beside else (width_mm, _PAD)
    letters = int((width_mm - left - _BAR - 2 - _PAD) / LETTER_MM)
    texts = [plain_text(f"{p:.2f}  {feature}: {name}", letters) for feature, name, p in profile]
    row = _LINE * max((text.count("\n") + 1 for text in texts), default=1)
    tall = row * len(profile)
    title = plain_text(nodule.label, int((width_mm - 2 * _PAD) / LETTER_MM)).split("\n")
    blocks = [*(Block(_LINE, line, bold=True) for line in title), *_grid(nodule, part)]
    figure = stacked(blocks, part, 3, whole=width_mm, more=0.0 if beside else tall + 2 * _LINE)
    total = figure.get_figheight() / MM
    bottom = total - _PAD - _LINE * (len(title) + 1) - tall if beside else _PAD + 1
    axes = figure.add_axes((left / width_mm, bottom / total, _BAR / width_mm, tall / total))
    places = -np.arange(len(profile), dtype=float)
    axes.barh(places, [p for *_, p in profile], height=1.9 / row, color=OKABE_ITO[0])
    axes.set(xlim=(0, 1), ylim=(-len(profile) + 0.5, 0.5), yticks=[], xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(SOFT)
    for place, text in zip(places, texts, strict=True):
        axes.annotate(text, (1, place), xytext=(3, 0), textcoords="offset points", va="center", color=INK)
    axes.set_title("zero-shot probability", loc="left", pad=2, fontsize=12 * POINT, color=INK)
    return figure
