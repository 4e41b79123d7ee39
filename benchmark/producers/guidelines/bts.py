"""British Thoracic Society 2015: first assessment of a nodule, in our words.

Callister et al., Thorax 2015;70(Suppl 2):ii1-ii54, algorithms for solid and sub-solid nodules, with the correction
in Thorax 2015;70:1188; Nair et al., Thorax 2018;73:806-812, table 1, for its limits beside Fleischner's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from benchmark.producers.guidelines.nodule import GuidelineNodule, refuse_unless_first
from benchmark.producers.lungrads.nodule import BENIGN
from benchmark.producers.ordinal import GuidelineCategory, Undecided

DISCHARGE: Final = "discharge"
ONE_YEAR: Final = "CT at 1 year"
THREE_MONTHS: Final = "CT at 3 months"
PET: Final = "PET-CT"
BIOPSY: Final = "biopsy"
TREATMENT: Final = "resection or treatment"
BTS: Final = (DISCHARGE, ONE_YEAR, THREE_MONTHS, PET, BIOPSY, TREATMENT)
"""First steps, from the least to the most suspicious nodule."""
YOUNGEST: Final = 18
INTRAPULMONARY_NODE: Final = ("smooth_lentiform", "smooth_triangular")
"""Forms of a solid nodule at the pleura or a fissure that is not followed below 10 mm."""
SURVEILLED, WORKED_UP = 0.10, 0.70
"""Risks below which a nodule is only followed, and above which treatment is considered."""


def bts(nodule: GuidelineNodule) -> GuidelineCategory:
    """First step that the British Thoracic Society recommends for a nodule.

    Diameters are the longest ones. Solid nodules go by volume where there is one, as the document prefers; where
    their diameter says otherwise, that is the other reading. From 8 mm or 300 mm³ the Brock model decides, and
    after a PET-CT Herder's.

    Example::

        >>> from decimal import Decimal
        >>> from benchmark.producers.guidelines import GuidelineNodule, bts
        >>> bts(GuidelineNodule("solid", long_axis_mm=Decimal("5.5"))).category
        'CT at 1 year'
        >>> bts(GuidelineNodule("solid", long_axis_mm=Decimal(12), brock_risk=0.2, herder_risk=0.8)).category
        'resection or treatment'
    """
    try:
        refuse_unless_first(nodule, YOUNGEST)
        if nodule.features.intersection(BENIGN):
            return GuidelineCategory(DISCHARGE, (), "benign features")
        if not nodule.nodule_type:
            raise Undecided("missing: nodule_type")
        if nodule.nodule_type in ("part_solid", "non_solid"):
            return _subsolid(nodule)
        if nodule.nodule_type == "juxtapleural" and nodule.features.intersection(INTRAPULMONARY_NODE):
            longest = _longest(nodule)
            if longest < 10:
                return GuidelineCategory(DISCHARGE, (), "perifissural or subpleural, under 10 mm")
        readings = [_solid(nodule, *size) for size in _sizes(nodule)]
    except Undecided as why:
        return GuidelineCategory("", (), str(why))
    category, rule = readings[0]
    others = {reading[0] for reading in readings} - {category}
    return GuidelineCategory(category, tuple(sorted(others, key=BTS.index)), rule)


def _subsolid(nodule: GuidelineNodule) -> GuidelineCategory:
    if _longest(nodule) < 5:
        _refuse_unless_dischargeable(nodule)
        return GuidelineCategory(DISCHARGE, (), "sub-solid, under 5 mm")
    return GuidelineCategory(THREE_MONTHS, (), "sub-solid, 5 mm or more")


def _solid(nodule: GuidelineNodule, mm: Decimal | None, mm3: Decimal | None) -> tuple[str, str]:
    """Category and rule by one of the two sizes."""
    if (mm3 is not None and mm3 < 80) or (mm is not None and mm < 5):
        _refuse_unless_dischargeable(nodule)
        if nodule.status == "new":
            raise Undecided("new, under 5 mm or 80 mm³: to be followed, but the document does not say when")
        return DISCHARGE, "solid, under 5 mm or 80 mm³"
    if mm is not None and mm < 6:
        return ONE_YEAR, "solid, 5 to under 6 mm"
    if (mm3 is not None and mm3 < 300) or (mm is not None and mm < 8):
        return THREE_MONTHS, "solid, 6 to under 8 mm or 80 to under 300 mm³"
    return _by_risk(nodule)


def _refuse_unless_dischargeable(nodule: GuidelineNodule) -> None:
    """Refuse a small nodule of a patient with cancer, whose follow-up the document leaves to judgement."""
    if "known_cancer" in nodule.features:
        raise Undecided("known_cancer, under 5 mm or 80 mm³: follow-up is left to clinical judgement")


def _by_risk(nodule: GuidelineNodule) -> tuple[str, str]:
    if nodule.brock_risk is None:
        raise Undecided("missing: brock_risk, which decides from 8 mm or 300 mm³")
    if nodule.brock_risk < SURVEILLED:
        return THREE_MONTHS, "solid, Brock under 10 %"
    if nodule.herder_risk is None:
        return PET, "solid, Brock 10 % or more, no PET yet"
    if nodule.herder_risk < SURVEILLED:
        return THREE_MONTHS, "solid, Herder under 10 %"
    if nodule.herder_risk <= WORKED_UP:
        return BIOPSY, "solid, Herder 10 to 70 %"
    return TREATMENT, "solid, Herder over 70 %"


def _longest(nodule: GuidelineNodule) -> Decimal:
    if nodule.long_axis_mm is None:
        raise Undecided("missing: long_axis_mm; BTS goes by the longest diameter, not the mean")
    return nodule.long_axis_mm


def _sizes(nodule: GuidelineNodule) -> list[tuple[Decimal | None, Decimal | None]]:
    """Readings of a solid nodule's size: volume, then longest diameter."""
    found: list[tuple[Decimal | None, Decimal | None]] = []
    if nodule.volume_mm3 is not None:
        found.append((None, nodule.volume_mm3))
    if nodule.long_axis_mm is not None:
        found.append((nodule.long_axis_mm, None))
    if not found:
        raise Undecided("missing: volume_mm3 or long_axis_mm; BTS goes by the longest diameter, not the mean")
    return found
