"""The table of Lung-RADS v2022, in our words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from benchmark.producers.lungrads import nodule as words
from benchmark.producers.lungrads.growth import status_of
from benchmark.producers.lungrads.nodule import Extent, LungRadsNodule
from benchmark.producers.ordinal import GuidelineCategory, Undecided

CATEGORIES: Final = ("1", "2", "3", "4A", "4B", "4X")
"""Categories from the least to the most suspicious; 0 (incomplete) has no place among them."""
STEPPED: Final = {"3": ("2", 6), "4A": ("3", 3)}
"""Category that was followed → what it becomes when it is stable or smaller, and after how many months."""


def lungrads(nodule: LungRadsNodule) -> GuidelineCategory:
    """Lung-RADS v2022 category of one nodule.

    Example::

        >>> from decimal import Decimal
        >>> from benchmark.producers.lungrads import LungRadsNodule, lungrads
        >>> lungrads(LungRadsNodule("solid", "new", Decimal("6.0"))).category
        '4A'
        >>> axes = {"long_axis_mm": Decimal("6.1"), "short_axis_mm": Decimal("5.8")}
        >>> found = lungrads(LungRadsNodule("solid", "baseline", **axes))
        >>> found.category, found.also_defensible
        ('3', ('2',))
    """
    features = nodule.features
    if features.intersection(words.INCOMPLETE):
        return GuidelineCategory(
            "0", (), "incomplete: " + ", ".join(sorted(features.intersection(words.INCOMPLETE)))
        )
    if features.intersection(words.BENIGN):
        return GuidelineCategory("1", (), "benign features")
    try:
        readings = [_with_features(*_category(nodule, *sizes), nodule) for sizes in nodule.extents()]
    except Undecided as why:
        return GuidelineCategory("", (), str(why))
    category, _, rule = readings[0]
    others = {other for reading in readings for other in (reading[0], *reading[1])} - {category}
    return GuidelineCategory(category, tuple(sorted(others, key=CATEGORIES.index)), rule)


def exam_category(categories: Iterable[str], findings: Iterable[str] = ()) -> str:
    """Category of an exam: the highest of its nodules, 1 without any, 0 where it is incomplete, with S appended.

    Example::

        >>> from benchmark.producers.lungrads import exam_category
        >>> other = ["significant_incidental_finding"]
        >>> exam_category(["2", "4A", "3"]), exam_category([]), exam_category(["2"], other)
        ('4A', '1', '2S')

    Args:
        categories: Of its nodules.
        findings: About the exam: words of category 0, or ``significant_incidental_finding``.
    """
    found, given = list(categories), set(findings)
    incomplete = "0" in found or bool(given.intersection(words.INCOMPLETE))
    highest = "0" if incomplete else max(found, key=CATEGORIES.index, default="1")
    return highest + ("S" if "significant_incidental_finding" in given else "")


RuleReading = tuple[str, tuple[str, ...], str]
"""Category, what else is defensible, and the rule."""


def _with_features(category: str, others: tuple[str, ...], rule: str, nodule: LungRadsNodule) -> RuleReading:
    """4X: a nodule of category 3 or 4 with further suspicious features."""
    found = nodule.features.intersection(words.SUSPICIOUS)
    if not found:
        return category, others, rule
    if category in ("1", "2"):
        return category, (*others, "4X"), f"{rule}; 4X needs category 3 or 4"
    return "4X", tuple(other for other in others if other == "2"), "additional suspicious features"


def _category(nodule: LungRadsNodule, total: Extent, solid: Extent) -> RuleReading:
    if "proven_benign" in nodule.features and nodule.prior_category in ("4B", "4X"):
        return "2", (), "stepped: 4B proven benign"
    if not nodule.nodule_type:
        raise Undecided("missing: nodule_type")
    if nodule.nodule_type == "airway":
        return _airway(nodule)
    if nodule.nodule_type == "cyst":
        return _cyst(nodule)
    if not total.known:
        raise Undecided("missing: mean_diameter_mm, or long_axis_mm and short_axis_mm, or volume_mm3")
    status, doubtful = status_of(nodule)
    if nodule.nodule_type == "non_solid":
        return _non_solid(status, total)
    if (
        nodule.nodule_type == "juxtapleural"
        and status != "growing"
        and status != "slow_growing"
        and total.below(10)
    ):
        if nodule.features.intersection(words.SMOOTH):
            return "2", (), "juxtapleural"
        category, others, rule = _by_status(nodule, status, total, solid)
        return category, tuple({*others, "2"} - {category}), f"juxtapleural, not said to be smooth: {rule}"
    category, others, rule = _by_status(nodule, status, total, solid)
    if doubtful:  # the whole of a part-solid nodule grew, its solid part did not
        grown, _, _ = _by_status(nodule, "growing", total, solid)
        others = tuple({*others, grown} - {category})
    return category, others, rule


def _by_status(nodule: LungRadsNodule, status: str, total: Extent, solid: Extent) -> RuleReading:
    """A solid or part-solid nodule."""
    part_solid = nodule.nodule_type == "part_solid"
    name = "part-solid" if part_solid else "solid"
    size = _part_solid(total, solid) if part_solid else _first_below(total, (6, "2"), (8, "3"), (15, "4A"))
    if status == "baseline":
        return size, (), f"{name}/baseline"
    if status == "new":
        if not part_solid:
            return _first_below(total, (4, "2"), (6, "3"), (8, "4A")), (), "solid/new"
        grown = _of_solid_part(solid) if solid.known or not total.below(6) else "4A"
        return ("3", (grown,), "part-solid/new small") if total.below(6) else (grown, (), "part-solid/new")
    if status == "growing":
        grown = _of_solid_part(solid) if part_solid else _first_below(total, (8, "4A"))
        return grown, (), f"{name}/growing"
    if status == "slow_growing":
        return "4B", tuple({size} - {"4B"}), f"{name}/slow growing: may be 4B"
    return _stepped(nodule, size, name)


def _stepped(nodule: LungRadsNodule, size: str, name: str) -> RuleReading:
    """A solid or part-solid nodule that is stable or smaller: the category that was followed steps down."""
    prior = nodule.prior_category
    if not prior:
        lower = STEPPED.get(size, (size, 0))[0]
        rule = "by size, without growth"
        if nodule.status == "existing":  # the note on size thresholds
            return size, (), f"{name}: {rule}"
        return size, tuple({lower} - {size}), f"{name}: {rule}; the category that was followed is not given"
    if prior not in STEPPED:
        if CATEGORIES.index(prior) < CATEGORIES.index(size):
            if _larger(nodule):
                return size, (), f"{name}: size threshold crossed without growth"
            return prior, (size,), f"{name}: stable under category {prior}"
        return size, (), f"{name}: by size, without growth"
    lower, months = STEPPED[prior]
    if CATEGORIES.index(size) > CATEGORIES.index(prior) and _larger(nodule):
        return size, (lower,), f"{name}: size threshold crossed without growth"
    if nodule.interval_months is None:
        raise Undecided("missing: interval_months, on which the step down depends")
    if nodule.interval_months < months:
        return prior, tuple({size} - {prior}), f"{name}: {prior} followed for less than {months} months"
    return lower, (), "stepped"


def _larger(nodule: LungRadsNodule) -> bool:
    now, before = nodule.diameter, nodule.prior_mean_diameter_mm
    return now is not None and before is not None and now > before


def _part_solid(total: Extent, solid: Extent) -> str:
    if total.below(6):
        return "2"
    if not solid.known:
        raise Undecided("missing: solid_component_mm, or solid_volume_mm3")
    return _first_below(solid, (6, "3"), (8, "4A"))


def _of_solid_part(solid: Extent) -> str:
    """A new or growing solid part."""
    if not solid.known:
        raise Undecided("missing: solid_component_mm, or solid_volume_mm3")
    return _first_below(solid, (4, "4A"))


def _first_below(size: Extent, *steps: tuple[int, str]) -> str:
    return next((category for limit, category in steps if size.below(limit)), "4B")


def _non_solid(status: str, total: Extent) -> RuleReading:
    if total.below(30) or status in ("stable", "decreased", "slow_growing"):
        return "2", (), "non-solid"
    if status == "growing":
        return "3", ("4A",), "non-solid/growing large: the document is silent; by size"
    return "3", (), "non-solid"


def _airway(nodule: LungRadsNodule) -> RuleReading:
    status, features = nodule.status, nodule.features
    proximal = bool(features.intersection(words.PROXIMAL))
    if proximal == ("subsegmental" in features):
        places = ", ".join(("subsegmental", *words.PROXIMAL))
        raise Undecided(f"features say no place of the airway nodule, or two: {places}")
    if not proximal and status in ("baseline", "new", "stable"):
        return "2", (), "airway/subsegmental"
    if proximal and status in ("baseline", "new"):
        return "4A", (), "airway/segmental or more proximal"
    if proximal and status in ("stable", "growing", "slow_growing"):
        return "4B", (), "airway/segmental or more proximal"
    raise Undecided(f"the document has no row for this airway nodule with the status {status}")


def _cyst(nodule: LungRadsNodule) -> RuleReading:
    features = nodule.features
    if features.intersection(words.WORSE_CYST):
        return "4B", (), "cyst/growing or changing"
    if "growing_cystic_part" in features and "thick_walled" in features:
        return "3", (), "cyst/growing cystic part of a thick-walled cyst"
    if nodule.status in ("growing", "slow_growing", "existing", "unknown"):
        what = ", ".join((*words.WORSE_CYST, "growing_cystic_part"))
        raise Undecided(f"features do not say what of the cyst changed: {what}")
    if features.intersection(words.CYST):
        return "4A", (), "cyst"
    if "thin_walled" in features:
        raise Undecided("thin-walled cysts are not classified")
    raise Undecided(f"features do not say which cyst it is: {', '.join((*words.CYST, 'thin_walled'))}")
