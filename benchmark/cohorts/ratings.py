"""LIDC and LNDb reader ratings as the vocabulary's semantic features.

The default rules are those of the paper's preprocessing (``notebook/lidc_preprocess.ipynb`` of
luotingzhuang/CLIP_nodule at 35390d3): the median over readers for ordered ratings, the most frequent value for
categories. Every cut-off is a field of ``RatingRules`` whose description is its source. What a rating does not say
stays missing: a margin that is not lobulated is not therefore smooth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.contracts.cells import plain_number
from benchmark.contracts.cohort import validation_problems
from benchmark.contracts.text import text_column
from benchmark.contracts.vocabulary import ABSENT, PRESENT
from benchmark.errors import InputError, Problem

ORDERED: Final = ("subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture", "malignancy")
"""Ratings from 1 to 5: the median over readers is meaningful."""
CATEGORIES: Final = {"internal_structure": (1, 2, 3, 4), "calcification": (1, 2, 3, 4, 5, 6)}
"""Ratings whose numbers are names: internal structure 4 = air; calcification 4 = non-central, 6 = absent."""
SEMANTIC: Final = (
    "nodule_consistency",
    "nodule_margin_conspicuity",
    "nodule_margins",
    "additional_nodule_margins",
    "nodule_shape",
    "cyst-like_spaces",
    "eccentric_calcification",
)
"""Columns of the vocabulary that ratings can fill."""
_PAPER: Final = "Zhuang et al. 2025, lidc_preprocess.ipynb: "


class RatingRules(BaseModel):
    """Cut-offs from ratings to features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    round_above: float = Field(3, description=_PAPER + "sphericity > 3 is Round, else Ovoid")
    well_marginated_from: float = Field(3, description=_PAPER + "margin >= 3 is Well marginated, else Poorly")
    lobulated_from: float = Field(3, description=_PAPER + "lobulation >= 3 is Lobulated, else missing")
    spiculated_from: float = Field(3, description=_PAPER + "spiculation >= 3 is Spiculated/Serrated, else missing")
    ground_glass_below: float = Field(2, description=_PAPER + "texture < 2 is Pure ground glass")
    solid_above: float = Field(4, description=_PAPER + "texture > 4 is Solid, in between Part-solid")
    cyst_category: int = Field(4, description=_PAPER + "internal structure 4 (air) is cyst-like spaces")
    eccentric_category: int = Field(4, description=_PAPER + "calcification 4 (non-central) is eccentric")


def rules_from(cutoffs: Mapping[str, str]) -> RatingRules:
    """Rules with some cut-offs changed, as text from a command line.

    Raises:
        InputError: Names every cut-off that does not exist or is no plain number.
    """
    unclear = [
        Problem(f"is no plain number for {name}", "write digits, e.g. 3.5", column="--cutoff", value=text)
        for name, text in cutoffs.items()
        if name in RatingRules.model_fields and plain_number(text) is None
    ]
    if unclear:
        raise InputError(unclear)
    try:
        return RatingRules.model_validate(dict(cutoffs))
    except ValidationError as error:
        raise InputError(validation_problems(error, "--cutoff", list(RatingRules.model_fields))) from error


def over_readers(readings: pd.DataFrame, nodule: Sequence[object] | npt.NDArray[Any] | pd.Series) -> pd.DataFrame:
    """Ratings of each nodule over its readers.

    Args:
        readings: One row a reading with the columns of ``ORDERED`` and ``CATEGORIES``; NaN where not rated.
        nodule: The nodule of each reading.

    Returns:
        One row a nodule, indexed by it in order of appearance: the median of each ordered rating; for each
        category the most frequent values as a tuple (several if they tie, as ``pandas.Series.mode`` gives them);
        and the number of ``readers``.
    """
    groups = readings.groupby(np.asarray(nodule), sort=False)
    table = groups[list(ORDERED)].median()
    for name in CATEGORIES:
        table[name] = groups[name].agg(_modes)
    table["readers"] = groups.size()
    return table


def categories_of_mean(mean: float, readers: int, codes: Sequence[int]) -> tuple[int, ...] | None:
    """The most frequent category if a mean over readers leaves no doubt about it.

    LNDb's table prints means of category numbers. Every combination of ``readers`` whole ratings with that mean is
    tried; the answer is their common mode, or None if they disagree or none fits.
    """
    if not np.isfinite(mean) or readers < 1:
        return None
    total = mean * readers
    found = {
        _modes(pd.Series(combination))
        for combination in combinations_with_replacement(codes, readers)
        if abs(sum(combination) - total) < 0.01
    }
    return found.pop() if len(found) == 1 else None


def semantic_features(ratings: pd.DataFrame, rules: RatingRules | None = None) -> pd.DataFrame:
    """Features of the vocabulary from ratings.

    Args:
        ratings: One row a nodule: ordered ratings as numbers, categories as tuples of modes or None.
        rules: Cut-offs; the paper's by default.

    Returns:
        Columns ``SEMANTIC`` on the same index, text, missing where a rating is.
    """
    rules = rules or RatingRules()
    columns = {
        "nodule_consistency": _where(
            ratings["texture"],
            lambda value: (
                "Pure ground glass"
                if value < rules.ground_glass_below
                else "Solid"
                if value > rules.solid_above
                else "Part-solid"
            ),
        ),
        "nodule_margin_conspicuity": _where(
            ratings["margin"],
            lambda value: "Well marginated" if value >= rules.well_marginated_from else "Poorly marginated",
        ),
        "nodule_margins": _where(
            ratings["lobulation"], lambda value: "Lobulated" if value >= rules.lobulated_from else None
        ),
        "additional_nodule_margins": _where(
            ratings["spiculation"],
            lambda value: "Spiculated/Serrated" if value >= rules.spiculated_from else None,
        ),
        "nodule_shape": _where(
            ratings["sphericity"], lambda value: "Round" if value > rules.round_above else "Ovoid"
        ),
        "cyst-like_spaces": _has(ratings["internal_structure"], rules.cyst_category),
        "eccentric_calcification": _has(ratings["calcification"], rules.eccentric_category),
    }
    return pd.DataFrame({name: text_column(columns[name], ratings.index) for name in SEMANTIC})


def _modes(values: pd.Series) -> tuple[int, ...]:
    return tuple(int(value) for value in values.mode())


def _where(rating: pd.Series, name: Callable[[float], str | None]) -> list[str | None]:
    return [name(value) if np.isfinite(value) else None for value in rating.to_numpy(np.float64)]


def _has(modes: pd.Series, category: int) -> list[str | None]:
    return [
        (PRESENT if category in found else ABSENT) if isinstance(found, tuple) and found else None
        for found in modes
    ]
