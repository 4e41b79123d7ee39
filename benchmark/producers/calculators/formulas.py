"""The published equations, as pure functions of arrays.

Every coefficient stands once, beside its source. Binary inputs are 0 or 1; missing inputs (NaN) give NaN.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
NODULE_TYPES: Final = {"solid": 0.0, "part-solid": 0.3770, "non-solid": -0.1276}
"""Brock full model: consistency of the nodule, solid as the reference."""
RACES: Final = {
    "white": 0.0,
    "black": 0.3944778,
    "hispanic": -0.7434744,
    "asian": -0.466585,
    "american indian or alaskan native": 0.0,
    "native hawaiian or pacific islander": 1.027152,
}
"""PLCOm2012: race or ethnic group, white as the reference."""
FDG_UPTAKES: Final = {"absent": 0.0, "faint": 2.322, "moderate": 4.617, "intense": 4.771}
"""Herder: uptake of FDG on PET, absent as the reference."""


def brock(
    age: Array,
    female: Array,
    family_history: Array,
    emphysema: Array,
    diameter_mm: Array,
    nodule_type: Array,
    upper_lobe: Array,
    nodule_count: Array,
    spiculation: Array,
) -> Array:
    """Brock (PanCan) full model with spiculation, model 2b of McWilliams et al., N Engl J Med 369:910-919, 2013.

    Example::

        >>> from benchmark.producers.calculators.formulas import NODULE_TYPES, brock
        >>> person = {"age": 62, "female": 1, "family_history": 0, "emphysema": 0}
        >>> nodule = {"diameter_mm": 12, "upper_lobe": 1, "nodule_count": 1, "spiculation": 1}
        >>> float(round(brock(**person, **nodule, nodule_type=NODULE_TYPES["solid"]), 3))
        0.287

    Args:
        age: Years; centred at 62.
        female: 1 for women.
        family_history: Lung cancer in the family.
        emphysema: Emphysema on CT.
        diameter_mm: Longest diameter; enters as (mm/10)^-0.5, centred at 4 mm.
        nodule_type: Value of ``NODULE_TYPES``.
        upper_lobe: Nodule in an upper lobe.
        nodule_count: Nodules on the scan, centred at 4.
        spiculation: Spiculated margin.

    Returns:
        Probability of cancer in the nodule within two to four years.
    """
    size = (diameter_mm / 10) ** -0.5 - 1.58113883
    return _probability(
        -6.7892
        + 0.0287 * (age - 62)
        + 0.6011 * female
        + 0.2961 * family_history
        + 0.2953 * emphysema
        - 5.3854 * size
        + nodule_type
        + 0.6581 * upper_lobe
        - 0.0824 * (nodule_count - 4)
        + 0.7729 * spiculation
    )


def mayo(
    age: Array,
    ever_smoker: Array,
    extrathoracic_cancer: Array,
    diameter_mm: Array,
    spiculation: Array,
    upper_lobe: Array,
) -> Array:
    """Mayo Clinic model, Swensen et al., Arch Intern Med 157:849-855, 1997.

    Example::

        >>> from benchmark.producers.calculators.formulas import mayo
        >>> who = {"age": 62, "ever_smoker": 1, "extrathoracic_cancer": 0}
        >>> float(round(mayo(**who, diameter_mm=12, spiculation=1, upper_lobe=1), 3))
        0.436

    Args:
        age: Years.
        ever_smoker: Current or former smoker.
        extrathoracic_cancer: Cancer outside the chest more than five years ago.
        diameter_mm: Diameter.
        spiculation: Spiculated margin.
        upper_lobe: Nodule in an upper lobe.

    Returns:
        Probability of malignancy.
    """
    return _probability(
        -6.8272
        + 0.0391 * age
        + 0.7917 * ever_smoker
        + 1.3388 * extrathoracic_cancer
        + 0.1274 * diameter_mm
        + 1.0407 * spiculation
        + 0.7838 * upper_lobe
    )


def va(age: Array, ever_smoker: Array, diameter_mm: Array, years_quit: Array) -> Array:
    """Veterans Affairs model, Gould et al., Chest 131:383-388, 2007.

    Example::

        >>> from benchmark.producers.calculators.formulas import va
        >>> float(round(va(age=70, ever_smoker=1, diameter_mm=15, years_quit=5), 3))
        0.624

    Args:
        age: Years; enters per ten years.
        ever_smoker: Current or former smoker.
        diameter_mm: Diameter.
        years_quit: Years since quitting, 0 for current and never smokers; enters per ten years.

    Returns:
        Probability of malignancy.
    """
    return _probability(
        -8.404 + 2.061 * ever_smoker + 0.779 * age / 10 + 0.112 * diameter_mm - 0.567 * years_quit / 10
    )


def herder(
    age: Array,
    ever_smoker: Array,
    extrathoracic_cancer: Array,
    diameter_mm: Array,
    spiculation: Array,
    upper_lobe: Array,
    fdg_uptake: Array,
) -> Array:
    """Herder's model: the Mayo probability and the uptake on PET, Herder et al., Chest 128:2490-2496, 2005.

    Example::

        >>> from benchmark.producers.calculators.formulas import FDG_UPTAKES, herder
        >>> who = {"age": 62, "ever_smoker": 1, "extrathoracic_cancer": 0}
        >>> nodule = {"diameter_mm": 12, "spiculation": 1, "upper_lobe": 1}
        >>> [float(round(herder(**who, **nodule, fdg_uptake=uptake), 3)) for uptake in FDG_UPTAKES.values()]
        [0.042, 0.308, 0.816, 0.838]

    Args:
        age: Years.
        ever_smoker: Current or former smoker.
        extrathoracic_cancer: Cancer outside the chest more than five years ago.
        diameter_mm: Diameter.
        spiculation: Spiculated margin.
        upper_lobe: Nodule in an upper lobe.
        fdg_uptake: Value of ``FDG_UPTAKES``.

    Returns:
        Probability of malignancy.
    """
    before = mayo(age, ever_smoker, extrathoracic_cancer, diameter_mm, spiculation, upper_lobe)
    return _probability(-4.739 + 3.691 * before + fdg_uptake)


def plco2012(
    age: Array,
    education: Array,
    bmi: Array,
    copd: Array,
    cancer_history: Array,
    family_history: Array,
    race: Array,
    current_smoker: Array,
    cigarettes_per_day: Array,
    smoking_years: Array,
    years_quit: Array,
) -> Array:
    """PLCOm2012, Tammemagi et al., N Engl J Med 368:728-736, 2013.

    Example::

        >>> from benchmark.producers.calculators.formulas import RACES, plco2012
        >>> who = {"age": 62, "education": 4, "bmi": 27, "race": RACES["white"]}
        >>> history = {"copd": 0, "cancer_history": 0, "family_history": 1}
        >>> smoking = {"current_smoker": 1, "cigarettes_per_day": 20, "smoking_years": 40, "years_quit": 0}
        >>> float(round(plco2012(**who, **history, **smoking), 4))
        0.0414

    Args:
        age: Years; centred at 62.
        education: Level 1 (less than high school) to 6 (postgraduate); centred at 4. More education, less risk.
        bmi: kg/m²; centred at 27.
        copd: Chronic obstructive pulmonary disease.
        cancer_history: Any cancer before.
        family_history: Lung cancer in the family.
        race: Value of ``RACES``.
        current_smoker: Smokes now.
        cigarettes_per_day: Mean number; enters as (number/10)^-1, centred at 0.4021541613.
        smoking_years: Years smoked; centred at 27.
        years_quit: Years since quitting, 0 for current smokers; centred at 10.

    Returns:
        Probability of lung cancer within six years.
    """
    return _probability(
        -4.532506
        + 0.0778868 * (age - 62)
        + race
        - 0.0812744 * (education - 4)
        - 0.0274194 * (bmi - 27)
        + 0.3553063 * copd
        + 0.4589971 * cancer_history
        + 0.587185 * family_history
        + 0.2597431 * current_smoker
        - 1.822606 * ((cigarettes_per_day / 10) ** -1 - 0.4021541613)
        + 0.0317321 * (smoking_years - 27)
        - 0.0308572 * (years_quit - 10)
    )


def size(diameter_mm: Array) -> Array:
    """The diameter itself: what a reader with a ruler and nothing else would rank by.

    Example::

        >>> import numpy as np
        >>> from benchmark.producers.calculators.formulas import size
        >>> size(np.array([4.0, 12.5])).tolist()
        [4.0, 12.5]
    """
    return diameter_mm


def _probability(log_odds: Array) -> Array:
    return 1 / (1 + np.exp(-log_odds))
