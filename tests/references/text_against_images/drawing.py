"""Learning curves as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT, LEFT, TOP, BESIDE = 330, 260, 52, 40, 26
COLOURS = {"clip": "#b3541e", "vision": "#1b6ca8"}


@dataclass(frozen=True)
class Curve:
    """Means and standard deviations over seeds, by patients."""

    title: str
    colour: str
    dashed: bool
    points: Mapping[int, tuple[float, float]]


def drawing(panels: Mapping[str, Sequence[Curve]], lines: Mapping[str, float], sizes: Sequence[int]) -> str:
    """Panels side by side, patients on a logarithmic axis.

    Args:
        panels: Curves by the panel's title.
        lines: Heights of horizontal lines by their title, in every panel.
        sizes: Ticks of the axis of patients.
    """
    values = [
        m + sign * s
        for curves in panels.values()
        for c in curves
        for m, s in c.points.values()
        for sign in (1, -1)
    ]
    low = np.floor(20 * min([*values, *lines.values()])) / 20
    high = np.ceil(20 * max([*values, *lines.values()])) / 20
    span = np.log(sizes[-1] / sizes[0]) or 1.0
    total = LEFT + (WIDTH + BESIDE) * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {TOP + HEIGHT + 110}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{total}" height="{TOP + HEIGHT + 110}" fill="white"/>',
    ]

    def across(n: float, panel: int) -> float:
        return LEFT + panel * (WIDTH + BESIDE) + 12 + (WIDTH - 24) * float(np.log(n / sizes[0]) / span)

    def down(value: float) -> float:
        return TOP + HEIGHT * float((high - value) / (high - low))

    for panel, (title, curves) in enumerate(panels.items()):
        x0, x1 = LEFT + panel * (WIDTH + BESIDE), LEFT + panel * (WIDTH + BESIDE) + WIDTH
        parts.append(f'<text x="{x0}" y="{TOP - 14}" font-weight="bold">{title}</text>')
        for value in np.arange(low, high + 1e-9, 0.05):
            y = down(value)
            parts.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x1}" y2="{y:.1f}" stroke="#ddd"/>')
            if panel == 0:
                parts.append(f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        for n in sizes:
            parts.append(
                f'<text x="{across(n, panel):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{n}</text>'
            )
        for name, value in lines.items():
            y = down(value)
            parts.append(
                f'<line x1="{x0}" y1="{y:.1f}" x2="{x1}" y2="{y:.1f}" stroke="#333" stroke-dasharray="2 3"/>'
            )
            parts.append(f'<text x="{x1}" y="{y - 4:.1f}" text-anchor="end" fill="#333">{name}</text>')
        parts += [
            element
            for number, curve in enumerate(curves)
            for element in _drawn(curve, number, panel, across, down)
        ]
    middle = LEFT + (WIDTH + BESIDE) * len(panels) / 2
    parts.append(f'<text x="{middle}" y="{TOP + HEIGHT + 34}" text-anchor="middle">labelled patients</text>')
    for number, curve in enumerate(next(iter(panels.values()))):
        x, y = LEFT + 330 * (number % 2), TOP + HEIGHT + 60 + 22 * (number // 2)
        dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
        parts.append(
            f'<line x1="{x}" y1="{y}" x2="{x + 30}" y2="{y}" stroke="{curve.colour}" stroke-width="2"{dash}/>'
        )
        parts.append(f'<text x="{x + 38}" y="{y + 4}">{curve.title}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(
    curve: Curve, number: int, panel: int, across: Callable[[float, int], float], down: Callable[[float], float]
) -> list[str]:
    """A curve with one standard deviation to each side; curves stand a little apart."""
    moved = 3 * (number - 1.5)
    places = [(across(n, panel) + moved, mean, sd) for n, (mean, sd) in sorted(curve.points.items())]
    path = " ".join(f"{x:.1f},{down(mean):.1f}" for x, mean, _ in places)
    dash = ' stroke-dasharray="6 4"' if curve.dashed else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{curve.colour}" stroke-width="2"{dash}/>']
    for x, mean, sd in places:
        parts.append(
            f'<line x1="{x:.1f}" y1="{down(mean - sd):.1f}" x2="{x:.1f}" y2="{down(mean + sd):.1f}" '
            f'stroke="{curve.colour}"/>'
        )
        parts.append(f'<circle cx="{x:.1f}" cy="{down(mean):.1f}" r="3" fill="{curve.colour}"/>')
    return parts
