"""Inputs of the calculators: where they stand in a nodule table, and what they may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from benchmark.contracts.cells import NOT_GIVEN, NOT_GIVEN_OR_NOTHING, cell_text, plain_number
from benchmark.producers.calculators import words
from benchmark.producers.calculators.formulas import FDG_UPTAKES, RACES
from benchmark.producers.calculators.units import BODY_MASS, CIGARETTES, MILLIMETRES, YEARS, InputUnit
from benchmark.producers.calculators.words import CellReader, Said, name_words

YES_NO: Final = ("yes", "no")


def plain(column: str) -> words.ReadCell:
    """A plain number."""
    del column

    def read(text: str) -> Said:
        value = plain_number(text)
        return Said(refused="is no plain number") if value is None else Said(value)

    return read


def whole(column: str) -> words.ReadCell:
    """A whole number."""
    del column

    def read(text: str) -> Said:
        value = plain_number(text)
        return Said(value) if value is not None and value.is_integer() else Said(refused="is no whole number")

    return read


@dataclass(frozen=True)
class Input:
    """One input of a calculator.

    Attributes:
        name: Its name, and the column looked for first.
        unit: What the column must hold, for messages.
        columns: Other columns that hold it; letter case, blanks and punctuation do not matter.
        read: Name of a column → what its cells say.
        meanings: What a code can be said to mean; empty for numbers.
        low: Smallest plausible value.
        high: Largest plausible value.
        units: Its own unit and others that are met; empty for codes and counts.
        typical: Smallest and largest plausible median of a column; the limits of a value by default.
        alien: Words of a column's name that say it holds something else.
        zero_is_none: 0 lies below ``low`` and says that there is none; it does not count in the median.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    read: CellReader
    meanings: tuple[str, ...] = ()
    low: float = -np.inf
    high: float = np.inf
    units: tuple[InputUnit, ...] = ()
    typical: tuple[float, float] | None = None
    alien: tuple[str, ...] = ()
    zero_is_none: bool = False

    @property
    def coded(self) -> bool:
        """Whether it is a code, not a number."""
        return bool(self.meanings)


_SIZES: Final = ("radius", "volume", "area", "ml")
_PACK_YEARS: Final = ("pack", "packs", "pkyr", "packyears", "pky")
INPUTS: Final = {
    item.name: item
    for item in (
        Input("age", "years", ("Age_at_StudyDate",), plain, (), 18, 110, YEARS),
        Input(
            "female",
            "female or male; 1 or 0 where the column's name says which of them 1 is",
            (
                *("is_female", "woman", "is_woman", "sex_female", "gender_female"),
                *("male", "is_male", "man", "is_man", "sex_male", "gender_male"),
                *("sex", "gender", "patient_sex"),
            ),
            words.sex,
            ("female", "male"),
        ),
        Input(
            "family_history",
            "0 or 1",
            ("FamilyHistoryLungCa", "family_history_lung_cancer"),
            words.flag("family history of lung cancer", "family history", "lung cancer in the family"),
            YES_NO,
        ),
        Input("emphysema", "0 or 1", (), words.flag("emphysema"), YES_NO),
        Input(
            "diameter_mm",
            "mm",
            ("longest_axial_diameter_(mm)", "Diameter [mm]", "mean_diameter"),
            plain,
            (),
            1,
            150,
            MILLIMETRES,
            (3, 60),
            _SIZES,
        ),
        Input(
            "nodule_type",
            "solid, part-solid or non-solid",
            ("nodule_consistency",),
            words.nodule_type,
            ("solid", "part-solid", "non-solid"),
        ),
        Input(
            "upper_lobe",
            "0 or 1, or the name of the lobe",
            ("NoduleInUpperLung", "lobe"),
            words.upper_lobe,
            YES_NO,
        ),
        Input("nodule_count", "nodules on the scan", ("NoduleCounts",), whole, (), 1, 200),
        Input("spiculation", "0 or 1", ("spiculated", "nodule_margins"), words.spiculation, YES_NO),
        Input(
            "ever_smoker",
            "0 or 1, or current/former/never",
            ("smoking_status",),
            words.smoker("ever"),
            ("current", "former", "never"),
        ),
        Input(
            "current_smoker",
            "0 or 1, or current/former/never",
            ("smoking_status",),
            words.smoker("current"),
            ("current", "former", "never"),
        ),
        Input("never_smoker", "0 or 1", ("never_smoked",), words.flag("never smoker"), YES_NO),
        Input("former_smoker", "0 or 1", ("ex_smoker", "past_smoker"), words.flag("former smoker"), YES_NO),
        Input(
            "extrathoracic_cancer",
            "0 or 1: cancer outside the chest, over 5 years ago",
            (),
            words.flag("extrathoracic cancer", "cancer"),
            YES_NO,
        ),
        Input("cancer_history", "0 or 1", ("phist",), words.flag("history of cancer", "cancer"), YES_NO),
        Input("copd", "0 or 1", (), words.flag("copd"), YES_NO),
        Input(
            "years_quit", "years since quitting, 0 for current smokers", ("quit_time",), plain, (), 0, 90, YEARS
        ),
        Input("education", "level 1 to 6", (), whole, (), 1, 6),
        Input("bmi", "kg/m²", (), plain, (), 10, 80, BODY_MASS, (15, 45), ("weight", "height")),
        Input("fdg_uptake", ", ".join(FDG_UPTAKES), ("pet_uptake",), words.fdg_uptake, tuple(FDG_UPTAKES)),
        Input("race", ", ".join(RACES), ("ethnicity",), words.race, tuple(RACES)),
        Input(
            "cigarettes_per_day",
            "cigarettes a day, above 0",
            ("smokeday",),
            plain,
            (),
            1,
            150,
            CIGARETTES,
            (5, 60),
            _PACK_YEARS,
            zero_is_none=True,
        ),
        Input("smoking_years", "years smoked", ("smokeyr",), plain, (), 0, 90, YEARS, None, _PACK_YEARS),
    )
}
"""Every input, by name."""


def find_column(item: Input, table: pd.DataFrame, columns: Mapping[str, str]) -> str | None:
    """The column that holds an input: as the user says, else its own name, else a known one."""
    if item.name in columns:
        return columns[item.name]
    return next(iter(known_columns(item, table)), None)


def known_columns(item: Input, table: pd.DataFrame) -> list[str]:
    """All columns of a table that are known to hold an input, the preferred one first."""
    by_words: dict[str, list[str]] = {}
    for column in map(str, table.columns):
        by_words.setdefault("".join(name_words(column)), []).append(column)
    names = dict.fromkeys("".join(name_words(name)) for name in (item.name, *item.columns))
    found = [column for name in names for column in by_words.get(name, [])]
    return [name for name in (item.name, *item.columns) if name in found] + [
        column for column in found if column not in (item.name, *item.columns)
    ]


def join_margins(table: pd.DataFrame) -> pd.DataFrame:
    """The two margin columns as one: spiculation may stand in either."""
    if "additional_nodule_margins" not in table or "nodule_margins" not in table:
        return table
    pairs = zip(table["nodule_margins"], table["additional_nodule_margins"], strict=True)
    nothing = {"", *NOT_GIVEN, *NOT_GIVEN_OR_NOTHING}
    joined = ["/".join(t for t in map(cell_text, pair) if t.lower() not in nothing) for pair in pairs]
    return table.assign(nodule_margins=joined)


def inputs_with_units(names: Sequence[str]) -> str:
    """Names of inputs with their units, for a message."""
    return "; ".join(f"{name} ({INPUTS[name].unit})" for name in names)
