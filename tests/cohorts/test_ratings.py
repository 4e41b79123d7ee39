"""Ratings to features: the paper's cut-offs at their edges, modes that tie, and what stays missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.cohorts.ratings import (
    CATEGORIES,
    ORDERED,
    SEMANTIC,
    RatingRules,
    over_readers,
    rules_from,
    semantic_features,
)
from benchmark.contracts.vocabulary import BY_COLUMN
from benchmark.errors import InputError

NAN = float("nan")


def one(**ratings: object) -> pd.DataFrame:
    row: dict[str, object] = dict.fromkeys(ORDERED, NAN)
    row |= {"internal_structure": None, "calcification": None, **ratings}
    return pd.DataFrame({name: pd.Series([value], dtype=object if name in CATEGORIES else float)
                         for name, value in row.items()})  # fmt: skip


@pytest.mark.parametrize(
    ("rating", "value", "column", "expected"),
    [
        # notebook/lidc_preprocess.ipynb: Round if sphericity > 3
        ("sphericity", 3, "nodule_shape", "Ovoid"),
        ("sphericity", 3.5, "nodule_shape", "Round"),
        # Well marginated if margin >= 3
        ("margin", 2.5, "nodule_margin_conspicuity", "Poorly marginated"),
        ("margin", 3, "nodule_margin_conspicuity", "Well marginated"),
        # Lobulated if lobulation >= 3, else nothing is said
        ("lobulation", 2.5, "nodule_margins", None),
        ("lobulation", 3, "nodule_margins", "Lobulated"),
        ("spiculation", 2.5, "additional_nodule_margins", None),
        ("spiculation", 3, "additional_nodule_margins", "Spiculated/Serrated"),
        # Pure ground glass if texture < 2, Solid if > 4, else Part-solid
        ("texture", 1.5, "nodule_consistency", "Pure ground glass"),
        ("texture", 2, "nodule_consistency", "Part-solid"),
        ("texture", 4, "nodule_consistency", "Part-solid"),
        ("texture", 4.5, "nodule_consistency", "Solid"),
        # Present if 4 is the mode, or one of several
        ("internal_structure", (4,), "cyst-like_spaces", "Present"),
        ("internal_structure", (1, 4), "cyst-like_spaces", "Present"),
        ("internal_structure", (1,), "cyst-like_spaces", "Absent"),
        ("calcification", (4, 6), "eccentric_calcification", "Present"),
        ("calcification", (6,), "eccentric_calcification", "Absent"),
    ],
)
def test_the_papers_rules_at_their_edges(rating: str, value: object, column: str, expected: str | None) -> None:
    features = semantic_features(one(**{rating: value}))
    assert [None if pd.isna(cell) else cell for cell in features[column]] == [expected]
    others = [name for name in SEMANTIC if name != column]
    assert features[others].isna().all(axis=None)


def test_every_class_is_one_of_the_vocabulary() -> None:
    for texture in np.arange(1, 5.1, 0.5):
        full = one(**dict.fromkeys(ORDERED, texture), internal_structure=(4,), calcification=(4,))
        for column, value in semantic_features(full).iloc[0].items():
            assert pd.isna(value) or value in BY_COLUMN[str(column)].classes


def test_cut_offs_can_be_moved() -> None:
    rules = RatingRules(solid_above=3, cyst_category=2)
    features = semantic_features(one(texture=4, internal_structure=(4,)), rules)
    assert features[["nodule_consistency", "cyst-like_spaces"]].iloc[0].tolist() == ["Solid", "Absent"]


def test_readers_are_merged_by_median_and_mode() -> None:
    readings = pd.DataFrame({name: [1.0, 4.0, 5.0, 2.0] for name in (*ORDERED, *CATEGORIES)})
    readings["calcification"] = [6.0, 6.0, 4.0, NAN]
    merged = over_readers(readings, ["a", "a", "a", "b"])
    assert merged.loc["a", list(ORDERED)].tolist() == [4.0] * len(ORDERED)
    assert merged.loc["a", "calcification"] == (6,)
    assert merged.loc["a", "internal_structure"] == (1, 4, 5)
    assert merged.loc["b", "calcification"] == ()
    assert merged["readers"].tolist() == [3, 1]
    calcification = semantic_features(merged)["eccentric_calcification"]
    assert calcification["a"] == "Absent"
    assert pd.isna(calcification["b"])


@pytest.mark.parametrize("text", ["1_2", "nan", "inf", "1e3", "３", "high"])
def test_a_cutoff_is_a_plain_number(text: str) -> None:
    with pytest.raises(InputError, match="is no plain number for round_above"):
        rules_from({"round_above": text})
    assert rules_from({"round_above": "3.5"}).round_above == 3.5
