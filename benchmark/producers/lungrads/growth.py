"""Whether a nodule grew: more than 1.5 mm of mean diameter within 12 months, in decimal arithmetic."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from benchmark.producers.lungrads.nodule import LungRadsNodule, one_decimal
from benchmark.producers.ordinal import Undecided

GROWTH_MM: Final = Decimal("1.5")
WITHIN_MONTHS: Final = 12


def status_of(nodule: LungRadsNodule) -> tuple[str, bool]:
    """The status as judged; of an ``existing`` nodule ``growing`` or ``stable``, worked out.

    Returns:
        The status, and whether that is open to doubt: of a part-solid nodule the whole grew, its solid
        part did not.

    Raises:
        Undecided: It is unknown, or what it depends on is missing.
    """
    if nodule.status == "unknown":
        raise Undecided("the status is unknown")
    if nodule.status != "existing":
        return nodule.status, False
    whole = _grew(nodule.diameter, nodule.prior_mean_diameter_mm, nodule, "mean_diameter_mm")
    if nodule.nodule_type != "part_solid":
        return "growing" if whole else "stable", False
    before = nodule.prior_solid_component_mm
    if before == 0 and nodule.solid_component_mm:
        return "growing", False
    solid = _grew(nodule.solid_component_mm, before, nodule, "solid_component_mm")
    return "growing" if solid else "stable", whole and not solid


def _grew(now: Decimal | None, before: Decimal | None, nodule: LungRadsNodule, name: str) -> bool:
    if now is None or before is None:
        missing = [title for title, value in ((name, now), (f"prior_{name}", before)) if value is None]
        raise Undecided(f"missing: {', '.join(missing)}, on which growth depends")
    increase = one_decimal(now) - one_decimal(before)
    if increase <= GROWTH_MM:
        return False
    if nodule.interval_months is None:
        raise Undecided(f"missing: interval_months; {name} grew by {increase} mm")
    if nodule.interval_months > WITHIN_MONTHS:
        raise Undecided(
            f"{name} grew by {increase} mm in {nodule.interval_months} months: whether by more than {GROWTH_MM} "
            f"mm within {WITHIN_MONTHS} is not known; say growing or slow_growing"
        )
    return True
