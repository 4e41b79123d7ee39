"""Colours of the models: the same model has the same colour in every figure."""

from __future__ import annotations

from collections.abc import Iterable

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F6000", "#5B5B5B")
"""Colours that colour-blind readers tell apart (Okabe and Ito 2008), without the yellow that vanishes on white."""

ON_DARK = ("#5AA9E6", "#FF8A4C", "#2CC79B", "#E29CC6", "#F2B84B", "#8FD0F5", "#C9A94A", "#A9B0B8")
"""The same hues, light enough for a dark page."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""A second mark for what has run out of colours."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
"""Marker shapes, one a colour: curves can be told apart in print without colour."""

INK, GRID, SOFT = "#1b1f24", "#e3e7ec", "#8a929c"
INK_ON_DARK, GRID_ON_DARK, SOFT_ON_DARK = "#e7ebef", "#2f3842", "#828c97"


def styles(models: Iterable[str]) -> dict[str, dict[str, str]]:
    """Colour, dash and symbol of each model, in the order given."""
    return {
        model: {
            "color": OKABE_ITO[index % len(OKABE_ITO)],
            "dash": DASHES[index // len(OKABE_ITO) % len(DASHES)],
            "symbol": SYMBOLS[index % len(SYMBOLS)],
        }
        for index, model in enumerate(dict.fromkeys(models))
    }


def dark_colours() -> dict[str, str]:
    """What each colour of a figure becomes on a dark page."""
    pairs = zip((*OKABE_ITO, INK, GRID, SOFT), (*ON_DARK, INK_ON_DARK, GRID_ON_DARK, SOFT_ON_DARK), strict=True)
    return dict(pairs)
