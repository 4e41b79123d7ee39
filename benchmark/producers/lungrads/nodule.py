"""What Lung-RADS asks of a nodule: type, status, sizes in decimals, features."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

TYPES: Final = ("solid", "part_solid", "non_solid", "juxtapleural", "airway", "cyst")
STATUSES: Final = (
    "baseline", "new", "growing", "stable", "decreased", "slow_growing", "existing", "unknown",
)  # fmt: skip
PRIOR: Final = ("1", "2", "3", "4A", "4B", "4X")
VOLUMES: Final = {4: 34, 6: 113, 8: 268, 10: 524, 15: 1767, 30: 14137}
"""Mean diameter in mm → volume in mm³ that the document puts in its place."""

INCOMPLETE: Final = (
    "prior_ct_pending", "lungs_not_evaluable", "infection", "inflammation",
)  # fmt: skip
"""Findings of category 0."""
BENIGN: Final = (
    "calcification_central", "calcification_complete", "calcification_popcorn", "calcification_concentric", "fat",
)  # fmt: skip
SUSPICIOUS: Final = ("spiculation", "lymphadenopathy", "metastases", "ggn_doubled_in_a_year")
SMOOTH: Final = ("smooth_oval", "smooth_lentiform", "smooth_triangular")
PROXIMAL: Final = ("segmental", "lobar", "main_bronchus", "trachea")
WORSE_CYST: Final = (
    "growing_wall",
    "growing_nodularity",
    "growing_multilocular",
    "more_loculation",
    "more_opacity",
)
CYST: Final = ("thick_walled", "multilocular", "becomes_multilocular")
OTHER: Final = (
    "subsegmental",
    "proven_benign",
    "growing_cystic_part",
    "thin_walled",
    "significant_incidental_finding",
)
FEATURE_WORDS: Final = (*INCOMPLETE, *BENIGN, *SUSPICIOUS, *SMOOTH, *PROXIMAL, *WORSE_CYST, *CYST, *OTHER)
"""All words that ``features`` may hold; another word is refused, since it might change the category."""


@dataclass(frozen=True)
class Extent:
    """One size, by mean diameter or by volume.

    Attributes:
        mm: Mean diameter, to one decimal.
        mm3: Volume, to a whole mm³; looked at where there is no diameter.
    """

    mm: Decimal | None = None
    mm3: Decimal | None = None

    @property
    def known(self) -> bool:
        """Whether there is any."""
        return self.mm is not None or self.mm3 is not None

    def below(self, limit: int) -> bool:
        """Whether it is below a limit in mm, or below the volume in its place."""
        if self.mm is not None:
            return self.mm < limit
        return self.mm3 is not None and self.mm3 < VOLUMES[limit]


@dataclass(frozen=True)
class LungRadsNodule:
    """A nodule as the columns of a nodule table give it.

    Attributes:
        nodule_type: One of ``TYPES``; empty where it is not known.
        status: One of ``STATUSES``, as judged; ``existing``: to be worked out from the prior sizes.
        mean_diameter_mm: Mean of long and short axis.
        long_axis_mm: Long axis; with the short axis it stands in for the mean.
        short_axis_mm: Short axis.
        solid_component_mm: Mean diameter of the solid part.
        volume_mm3: Volume.
        solid_volume_mm3: Volume of the solid part.
        prior_mean_diameter_mm: Mean diameter before.
        prior_solid_component_mm: Mean diameter of the solid part before; 0 where there was none.
        interval_months: Months between the two.
        prior_category: Category under which it was followed; empty for not known.
        features: Words of ``FEATURE_WORDS``.
    """

    nodule_type: str
    status: str
    mean_diameter_mm: Decimal | None = None
    long_axis_mm: Decimal | None = None
    short_axis_mm: Decimal | None = None
    solid_component_mm: Decimal | None = None
    volume_mm3: Decimal | None = None
    solid_volume_mm3: Decimal | None = None
    prior_mean_diameter_mm: Decimal | None = None
    prior_solid_component_mm: Decimal | None = None
    interval_months: Decimal | None = None
    prior_category: str = ""
    features: frozenset[str] = frozenset()

    @property
    def diameter(self) -> Decimal | None:
        """Mean diameter as it is given, or the mean of the axes, each to one decimal; not rounded itself."""
        if self.mean_diameter_mm is not None:
            return self.mean_diameter_mm
        if self.long_axis_mm is None or self.short_axis_mm is None:
            return None
        return (one_decimal(self.long_axis_mm) + one_decimal(self.short_axis_mm)) / 2

    def extents(self) -> list[tuple[Extent, Extent]]:
        """Total and solid size: half a tenth rounded up, then what else they may be read as.

        The others are half a tenth rounded down, and volumes where there are diameters too.
        """
        found = []
        for rounding in (ROUND_HALF_UP, ROUND_HALF_DOWN):
            mm, solid = (one_decimal(value, rounding) if value is not None else None
                         for value in (self.diameter, self.solid_component_mm))  # fmt: skip
            mm3, solid_mm3 = (None if value is None else value.quantize(Decimal(1), rounding)
                              for value in (self.volume_mm3, self.solid_volume_mm3))  # fmt: skip
            found.append((Extent(mm, mm3), Extent(solid, solid_mm3)))
            if mm is not None and mm3 is not None:
                found.append(
                    (Extent(None, mm3), Extent(None, solid_mm3) if solid_mm3 is not None else Extent(solid))
                )
        found.sort(key=lambda pair: pair[0].mm is None)
        return list(dict.fromkeys(found))


def one_decimal(value: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
    """A length to one decimal."""
    return value.quantize(Decimal("0.1"), rounding)
