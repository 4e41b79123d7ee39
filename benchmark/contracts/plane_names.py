"""What readers of CT call the nine planes of a crop, and how long the scale bar on a picture of them is."""

from __future__ import annotations

from typing import Final

PLANE_NAMES: Final = (
    *("axial", "coronal", "sagittal"),
    *(f"oblique {between} {sign}45°" for between in ("ax-sag", "ax-cor", "cor-sag") for sign in "+-"),
)
"""In the order of ``plane_maps.PLANES``, in letters that every font has.

An oblique one lies between the two that it names and holds the axis that they share; along its other edge two
coordinates grow together (+), or one falls (-)."""
BAR_MM: Final = 10
"""Millimetres of the patient that a scale bar is long."""
