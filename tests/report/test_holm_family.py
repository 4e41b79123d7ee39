"""How many tests Holm's p stands on is said, and is the number that the p-values themselves give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.report.tables.holm_family import family_size, family_size_of
from benchmark.statistics import holm


def family(*p_values: float) -> pd.DataFrame:
    return pd.DataFrame({"p_value": p_values, "p_holm": holm(p_values)})


@pytest.mark.parametrize("p_values", [(0.001,), (0.001, 0.5), (0.002, np.nan, 0.6, 0.9), (0.0001, *[0.8] * 11)])
def test_it_is_the_factor_of_the_smallest_p(p_values: tuple[float, ...]) -> None:
    rows = family(*p_values)
    smallest = rows["p_value"].idxmin()
    factor = round(rows["p_holm"][smallest] / rows["p_value"][smallest])
    said = family_size_of([rows])
    assert said == f" ({factor} test{'s' * (factor != 1)})"
    assert family_size(rows.assign(cohort="a"), ["cohort"]) == said


def test_families_of_several_sizes_are_a_range_and_none_is_nothing() -> None:
    one, two = family(0.01).assign(cohort="a"), family(0.01, 0.02, 0.3).assign(cohort="b")
    assert family_size(pd.concat((one, two)), ["cohort"]) == " (1 to 3 tests)"
    assert family_size_of([one, two, pd.DataFrame()]) == " (1 to 3 tests)"
    assert family_size(family(np.nan).assign(cohort="a"), ["cohort"]) == ""
    assert family_size(pd.DataFrame(), ["cohort"]) == ""
    assert family_size_of([]) == ""
