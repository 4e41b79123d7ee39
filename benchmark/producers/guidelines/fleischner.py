"""Fleischner Society 2017: recommendations for nodules that were found by chance, in our words.

MacMahon et al., Radiology 2017;284:228-243 (doi 10.1148/radiol.2017161659), its table and recommendations.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

from benchmark.producers.guidelines.nodule import (
    OUTSIDE,
    SUSPICIOUS_FORM,
    GuidelineNodule,
    refuse_unless_first,
)
from benchmark.producers.lungrads.nodule import BENIGN, SMOOTH
from benchmark.producers.ordinal import GuidelineCategory, Undecided

NONE: Final = "no routine follow-up"
OPTIONAL: Final = "optional CT at 12 months"
LATER: Final = "CT at 6-12 months"
SOON: Final = "CT at 3-6 months"
WORK_UP: Final = "CT at 3 months, PET/CT or biopsy"
FLEISCHNER: Final = (NONE, OPTIONAL, LATER, SOON, WORK_UP)
"""First steps, from the least to the most suspicious nodule."""
YOUNGEST: Final = 35
VOLUMES: Final = {6: 100, 8: 250}
"""Diameter in mm → volume in mm³ in its place."""

SizeTest = Callable[[int], int]
"""Limit in mm → −1 below it, 0 at it, 1 above it."""


def fleischner(nodule: GuidelineNodule) -> GuidelineCategory:
    """First step that the Fleischner Society recommends for a nodule found by chance.

    Diameters are means of long and short axis to the nearest millimetre; half a millimetre is rounded up, and down
    for the other reading. A solid part is over 8 mm as it was measured; to the nearest millimetre is the other.

    Example::

        >>> from decimal import Decimal
        >>> from benchmark.producers.guidelines import GuidelineNodule, fleischner
        >>> fleischner(GuidelineNodule("solid", mean_diameter_mm=Decimal(7), nodule_count=1)).category
        'CT at 6-12 months'
        >>> found = fleischner(GuidelineNodule("non_solid", mean_diameter_mm=Decimal("5.5"), nodule_count=1))
        >>> found.category, found.also_defensible
        ('CT at 6-12 months', ('no routine follow-up',))
    """
    try:
        outside = sorted(nodule.features.intersection(OUTSIDE))
        if outside:
            raise Undecided(f"{', '.join(outside)}: the guideline does not apply")
        refuse_unless_first(nodule, YOUNGEST)
        if nodule.features.intersection(BENIGN):
            return GuidelineCategory(NONE, (), "benign features")
        if not nodule.nodule_type:
            raise Undecided("missing: nodule_type")
        if nodule.nodule_type == "juxtapleural" and nodule.features.intersection(SMOOTH):
            return GuidelineCategory(NONE, (), "perifissural or juxtapleural, smooth")
        if nodule.nodule_count is None:
            raise Undecided("missing: nodule_count, since one nodule is followed otherwise than several")
        readings = [_category(nodule, size, nodule.nodule_count > 1) for size in _sizes(nodule)]
    except Undecided as why:
        return GuidelineCategory("", (), str(why))
    category, _, rule = readings[0]
    others = {other for reading in readings for other in (reading[0], *reading[1])} - {category}
    return GuidelineCategory(category, tuple(sorted(others, key=FLEISCHNER.index)), rule)


def _category(nodule: GuidelineNodule, size: SizeTest, several: bool) -> tuple[str, tuple[str, ...], str]:
    many = "several" if several else "single"
    if nodule.nodule_type in ("solid", "juxtapleural"):
        return _solid(nodule, size, several), (), f"solid/{many}"
    small = size(6) < 0
    if several:
        others = () if small or not _suspicious_part(nodule) else (WORK_UP,)
        return SOON, others, "subsolid/several"
    if small:
        return NONE, (), f"{nodule.nodule_type.replace('_', '-')}/single, under 6 mm"
    if nodule.nodule_type == "non_solid":
        return LATER, (), "non-solid/single"
    if _suspicious_part(nodule):
        others = (SOON,) if _rounds_to_eight(nodule) else ()
        return WORK_UP, others, "part-solid/single, suspicious form or solid part over 8 mm"
    return SOON, (), "part-solid/single"


def _solid(nodule: GuidelineNodule, size: SizeTest, several: bool) -> str:
    if size(6) < 0:
        if not nodule.risk:
            raise Undecided("missing: risk (low or high), on which a solid nodule under 6 mm depends")
        return OPTIONAL if nodule.risk == "high" else NONE
    if several:
        return SOON
    return WORK_UP if size(8) > 0 else LATER


def _suspicious_part(nodule: GuidelineNodule) -> bool:
    """Whether a part-solid nodule has a suspicious form, or a solid part over 8 mm."""
    if nodule.nodule_type != "part_solid":
        return False
    if nodule.features.intersection(SUSPICIOUS_FORM):
        return True
    if nodule.solid_component_mm is None:
        whole = nodule.diameter
        if whole is not None and whole <= 8:
            return False
        raise Undecided("missing: solid_component_mm, since over 8 mm it is worked up")
    return nodule.solid_component_mm > 8


def _rounds_to_eight(nodule: GuidelineNodule) -> bool:
    """Whether a part-solid nodule is suspicious by less than half a millimetre of its solid part alone."""
    part = nodule.solid_component_mm
    if part is None or nodule.features.intersection(SUSPICIOUS_FORM):
        return False
    return part.quantize(Decimal(1), ROUND_HALF_DOWN) <= 8


def _sizes(nodule: GuidelineNodule) -> list[SizeTest]:
    """Readings of the size: by diameter, half a millimetre up and down, then by volume."""
    found: list[SizeTest] = []
    if nodule.diameter is not None:
        for rounding in (ROUND_HALF_UP, ROUND_HALF_DOWN):
            found.append(_by_diameter(nodule.diameter.quantize(Decimal(1), rounding)))
    if nodule.volume_mm3 is not None:
        found.append(_by_volume(nodule.volume_mm3))
    if not found:
        raise Undecided("missing: mean_diameter_mm, or long_axis_mm and short_axis_mm, or volume_mm3")
    return found


def _by_diameter(diameter: Decimal) -> SizeTest:
    return lambda limit: (diameter > limit) - (diameter < limit)


def _by_volume(volume: Decimal) -> SizeTest:
    return lambda limit: (volume > VOLUMES[limit]) - (volume < VOLUMES[limit])
