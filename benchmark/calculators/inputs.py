"""Inputs of the calculators: where they stand in a nodule table, what unit they have, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.calculators.formulas import NODULE_TYPES, RACES
from benchmark.errors import Problem

Array = npt.NDArray[np.float64]
YES: Final = {"1": 1.0, "1.0": 1.0, "yes": 1.0, "true": 1.0, "present": 1.0}
NO: Final = {"0": 0.0, "0.0": 0.0, "no": 0.0, "false": 0.0, "absent": 0.0}
_SMOKING: Final = {"current": (1.0, 1.0), "former": (1.0, 0.0), "never": (0.0, 0.0)}
_TYPES: Final = {
    "solid": "solid",
    "part-solid": "part-solid",
    "part solid": "part-solid",
    "partsolid": "part-solid",
    "subsolid": "part-solid",
    "semisolid": "part-solid",
    "non-solid": "non-solid",
    "nonsolid": "non-solid",
    "ground glass": "non-solid",
    "ground-glass": "non-solid",
    "pure ground glass": "non-solid",
    "ggo": "non-solid",
    "ggn": "non-solid",
}


@dataclass(frozen=True)
class Input:
    """One input of a calculator.

    Attributes:
        name: Its name, and the column looked for first.
        unit: What the column must hold, for messages.
        columns: Other columns that hold it.
        read: Text of a column → number, NaN if the text is not understood.
        low: Smallest plausible value.
        high: Largest plausible value.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    read: Callable[[str], float]
    low: float = -np.inf
    high: float = np.inf


def number(text: str) -> float:
    """A plain number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def coded(codes: Mapping[str, float]) -> Callable[[str], float]:
    """Text → number by a table, letter case ignored."""
    return lambda text: codes.get(text.strip().lower(), float("nan"))


def _upper(text: str) -> float:
    lowered = text.strip().lower()
    if lowered in YES or lowered in NO:
        return {**YES, **NO}[lowered]
    if "lobe" in lowered or lowered in ("rul", "lul", "rml", "rll", "lll", "lingula"):
        return float("upper" in lowered or lowered in ("rul", "lul"))
    return float("nan")


def _spiculated(text: str) -> float:
    lowered = text.strip().lower()
    if lowered in ("smooth", "lobulated", "ill-defined", "notched"):
        return 0.0
    return 1.0 if lowered.startswith("spiculat") else {**YES, **NO}.get(lowered, float("nan"))


_YES_NO = coded({**YES, **NO})
INPUTS: Final = {
    item.name: item
    for item in (
        Input("age", "years", ("Age", "Age_at_StudyDate"), number, 18, 110),
        Input(
            "female",
            "sex as male/female, or NLST's 1 = male, 2 = female",
            ("sex", "Sex", "gender", "Gender"),
            coded({"female": 1, "f": 1, "2": 1, "2.0": 1, "male": 0, "m": 0, "1": 0, "1.0": 0}),
        ),
        Input("family_history", "0 or 1", ("FamilyHistoryLungCa", "family_history_lung_cancer"), _YES_NO),
        Input("emphysema", "0 or 1", ("Emphysema",), _YES_NO),
        Input(
            "diameter_mm",
            "mm",
            ("longest_axial_diameter_(mm)", "Diameter_mm", "Diameter [mm]", "mean_diameter"),
            number,
            1,
            150,
        ),
        Input(
            "nodule_type",
            "solid, part-solid or non-solid",
            ("NoduleType", "nodule_consistency"),
            lambda text: NODULE_TYPES.get(_TYPES.get(text.strip().lower(), ""), float("nan")),
        ),
        Input("upper_lobe", "0 or 1, or the name of the lobe", ("NoduleInUpperLung", "lobe"), _upper),
        Input("nodule_count", "nodules on the scan", ("NoduleCounts",), number, 1, 200),
        Input("spiculation", "0 or 1", ("Spiculation", "nodule_margins"), _spiculated),
        Input(
            "ever_smoker",
            "0 or 1, or current/former/never",
            ("smoking_status",),
            coded({**YES, **NO, **{name: pair[0] for name, pair in _SMOKING.items()}}),
        ),
        Input(
            "current_smoker",
            "0 or 1, or current/former/never",
            ("smoking_status",),
            coded({**YES, **NO, **{name: pair[1] for name, pair in _SMOKING.items()}}),
        ),
        Input("extrathoracic_cancer", "0 or 1: cancer outside the chest, over 5 years ago", (), _YES_NO),
        Input("cancer_history", "0 or 1", ("phist",), _YES_NO),
        Input("copd", "0 or 1", ("COPD",), _YES_NO),
        Input("years_quit", "years since quitting, 0 for current smokers", ("quit_time",), number, 0, 90),
        Input("education", "level 1 to 6", (), number, 1, 6),
        Input("bmi", "kg/m²", ("BMI",), number, 10, 80),
        Input("race", ", ".join(RACES), ("ethnicity",), coded(RACES)),
        Input("cigarettes_per_day", "cigarettes a day, above 0", ("smokeday",), number, 0, 150),
        Input("smoking_years", "years smoked", ("smokeyr",), number, 0, 90),
    )
}
"""Every input, by name."""


def find_column(item: Input, table: pd.DataFrame, columns: Mapping[str, str]) -> str | None:
    """The column that holds an input: as the user says, else its own name, else a known one."""
    if item.name in columns:
        return columns[item.name]
    return next((name for name in (item.name, *item.columns) if name in table), None)


def read_input(item: Input, table: pd.DataFrame, column: str, where: str) -> tuple[Array, list[Problem]]:
    """A column as numbers ``(rows,)``, NaN where it is empty, and what is wrong with the rest."""
    text = table[column].map(lambda cell: "" if pd.isna(cell) else str(cell).strip())
    values = np.array([item.read(cell) if cell else np.nan for cell in text])
    empty = (text == "").to_numpy()
    problems = []
    for row in np.flatnonzero(np.isnan(values) & ~empty):
        what = f"is no {item.name} ({item.unit})"
        problems.append(
            Problem(what, "correct it, or leave it empty", where, int(row) + 2, column, text.iloc[row])
        )
    with np.errstate(invalid="ignore"):
        outside = (values < item.low) | (values > item.high)
    for row in np.flatnonzero(outside):
        what = f"is outside {item.low:g} to {item.high:g} {item.unit}"
        problems.append(Problem(what, "check the unit", where, int(row) + 2, column, text.iloc[row]))
    problems += _wrong_unit(item, values, where, column)
    return np.where(outside, np.nan, values), problems


def _wrong_unit(item: Input, values: Array, where: str, column: str) -> list[Problem]:
    """Diameters that are centimetres as a whole stay inside the range one by one."""
    found = values[np.isfinite(values)]
    if item.name != "diameter_mm" or len(found) < 5 or np.median(found) >= 3:
        return []
    what = f"the median diameter is {np.median(found):.2g}: centimetres?"
    return [Problem(what, "give millimetres", where, column=column)]


def join_margins(table: pd.DataFrame) -> pd.DataFrame:
    """Spiculation may stand in the second of the two margin columns."""
    if "additional_nodule_margins" not in table or "nodule_margins" not in table:
        return table
    second = table["additional_nodule_margins"].astype("string").str.lower().str.startswith("spiculat", na=False)
    return table.assign(nodule_margins=table["nodule_margins"].mask(second, "Spiculated/Serrated"))


def listed(names: Sequence[str]) -> str:
    """Names of inputs with their units, for a message."""
    return "; ".join(f"{name} ({INPUTS[name].unit})" for name in names)
