"""What readers of CT call the nine planes of a crop, and how long the scale bar on a picture of them is."""

from __future__ import annotations

from typing import Final

PLANE_NAMES: Final = ("axial", "coronal", "sagittal", *(f"oblique {k}" for k in range(1, 7)))
"""In the order of ``plane_maps.PLANES``.

Oblique 1 and 2 lie between axial and sagittal, 3 and 4 between axial and coronal, 5 and 6 between coronal and
sagittal."""
BAR_MM: Final = 10
"""Millimetres of the patient that a scale bar is long."""
