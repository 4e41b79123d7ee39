"""What Fleischner and BTS ask of a nodule and its patient."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from benchmark.producers.lungrads import nodule as words
from benchmark.producers.ordinal import Undecided

TYPES: Final = ("solid", "part_solid", "non_solid", "juxtapleural")
FIRST: Final = ("baseline", "new")
"""States of a nodule that is assessed for the first time."""
RISKS: Final = {"low": "low", "intermediate": "high", "high": "high"}
"""Word for the patient's risk → what Fleischner's table has; it joins intermediate and high."""
SUSPICIOUS_FORM: Final = ("lobulated", "cystic")
OUTSIDE: Final = ("known_cancer", "immunosuppressed")
FEATURE_WORDS: Final = (*words.FEATURE_WORDS, *SUSPICIOUS_FORM, *OUTSIDE)
"""All words that ``features`` may hold: those of Lung-RADS, so that one table serves both, and these."""
MASS_MM: Final = 30


@dataclass(frozen=True)
class GuidelineNodule:
    """A nodule as the columns of a nodule table give it.

    Attributes:
        nodule_type: One of ``TYPES``; empty where it is not known.
        status: ``baseline`` or ``new``; another state has no first assessment.
        mean_diameter_mm: Mean of long and short axis.
        long_axis_mm: Long axis.
        short_axis_mm: Short axis.
        solid_component_mm: Mean diameter of the solid part.
        volume_mm3: Volume.
        nodule_count: Nodules on the scan.
        risk: The patient's risk of cancer, ``low`` or ``high``; empty where it is not known.
        age: Years.
        brock_risk: Probability of cancer by the Brock model.
        herder_risk: Probability of cancer by Herder's model, after PET.
        features: Words of ``FEATURE_WORDS``.
    """

    nodule_type: str
    status: str = "baseline"
    mean_diameter_mm: Decimal | None = None
    long_axis_mm: Decimal | None = None
    short_axis_mm: Decimal | None = None
    solid_component_mm: Decimal | None = None
    volume_mm3: Decimal | None = None
    nodule_count: int | None = None
    risk: str = ""
    age: Decimal | None = None
    brock_risk: float | None = None
    herder_risk: float | None = None
    features: frozenset[str] = frozenset()

    @property
    def diameter(self) -> Decimal | None:
        """Mean diameter as it is given, or the mean of the axes."""
        if self.mean_diameter_mm is not None:
            return self.mean_diameter_mm
        if self.long_axis_mm is None or self.short_axis_mm is None:
            return None
        return (self.long_axis_mm + self.short_axis_mm) / 2


def refuse_unless_first(nodule: GuidelineNodule, youngest: int) -> None:
    """Refuse what a guideline's first assessment is not about.

    Raises:
        Undecided: The nodule was followed already, is a mass, or the patient is too young.
    """
    if nodule.status not in FIRST:
        raise Undecided(f"status {nodule.status}: only the first assessment of a nodule is offered")
    if nodule.age is not None and nodule.age < youngest:
        raise Undecided(f"the guideline is for patients of {youngest} years or more")
    largest = max((size for size in (nodule.diameter, nodule.long_axis_mm) if size is not None), default=None)
    if largest is not None and largest > MASS_MM:
        raise Undecided(f"over {MASS_MM} mm: a mass, no nodule")
