"""Units of numeric inputs: stated, named by the column, or plausible; else refused with the units there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmark.errors import Problem
from benchmark.producers.calculators.words import name_words

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class InputUnit:
    """A unit that a column may hold.

    Attributes:
        name: As it is given on the command line.
        title: As it is printed.
        factor: What a value is multiplied with to come to the input's own unit.
        names: Words of a column's name that say so.
    """

    name: str
    title: str
    factor: float = 1.0
    names: tuple[str, ...] = ()


YEARS: Final = (
    InputUnit("years", "years", names=("year", "years", "yr", "yrs")),
    InputUnit("months", "months", 1 / 12, ("month", "months", "mo")),
    InputUnit("days", "days", 1 / 365.25, ("day", "days")),
)
MILLIMETRES: Final = (
    InputUnit("mm", "millimetres", names=("mm", "millimetre", "millimeter")),
    InputUnit("cm", "centimetres", 10.0, ("cm", "centimetre", "centimeter", "centimeters", "centimetres")),
)
CIGARETTES: Final = (
    InputUnit("cigarettes", "cigarettes", names=("cigarettes", "cigarette", "cigs", "cig")),
    InputUnit("packs", "packs of 20", 20.0, ("pack", "packs", "ppd")),
)
PACK_YEARS: Final = "pack-years"
"""Packs a day times years: no unit of either, and nothing can be divided out of it."""
BODY_MASS: Final = (InputUnit("kg/m2", "kg/m²"),)


def named_otherwise(column: str, units: tuple[InputUnit, ...], alien: tuple[str, ...]) -> str:
    """What a column's name says that its input is not; empty if it says nothing against it."""
    words = name_words(column)
    if set(words) & {"pack", "packs"} and set(words) & set(YEARS[0].names):
        return PACK_YEARS
    other = next((unit.title for unit in units[1:] if set(unit.names) & set(words)), "")
    return other or next((word for word in alien if word in words), "")


def unlikely_unit(values: Array, units: tuple[InputUnit, ...], typical: tuple[float, float]) -> str:
    """Why the values of a column are unlikely to have the input's own unit; empty if they may have it.

    Args:
        values: The column in the first of ``units``, NaN where missing.
        units: The input's own unit, and others that are met.
        typical: Smallest and largest plausible median in the first unit.
    """
    found = values[np.isfinite(values)]
    if not found.size or typical[0] <= np.median(found) <= typical[1]:
        return ""
    middle = float(np.median(found))
    likely = [u.title for u in units[1:] if typical[0] <= middle * u.factor <= typical[1]]
    usual = f"the median is {middle:.3g} {units[0].title}, {typical[0]:g} to {typical[1]:g} are usual"
    return f"{usual}: is it {' or '.join(likely)}?" if likely else usual


def unit_problem(what: str, name: str, units: tuple[InputUnit, ...], where: str, column: str) -> Problem:
    """The refusal of a whole column, with the option that settles it."""
    offered = units[:1] if PACK_YEARS in what else units
    options = " or ".join(f"--unit {name}={unit.name}" for unit in offered)
    fix = "say what it holds" if len(offered) > 1 else "correct it, or say that it is right"
    return Problem(what, f"{fix}: {options}", where, 1, column)
