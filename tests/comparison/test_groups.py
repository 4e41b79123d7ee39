import numpy as np
import pandas as pd
import pytest

from benchmark.comparison.groups import SEVERAL, by_column, check_column, group_of_units
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.errors import InputError
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import nodule_table, score_rows

NODULES = nodule_table([[1, 0], [0], [1], [0, 0]])


def cohort_with(column, values):
    return Cohort(CohortManifest(name="c", title="C"), NODULES.assign(**{column: values}), None)


def groups(column, values, unit="patient"):
    cohort = cohort_with(column, values)
    scored = scores_by_unit(cohort, score_rows(NODULES, "m", "c", np.linspace(0.1, 0.9, 6)), unit)
    return [None if pd.isna(group) else group for group in group_of_units(scored, cohort, column)]


def test_a_patient_has_the_value_of_its_nodules_or_several():
    assert groups("sex", ["F", "F", "M", None, "F", "M"]) == ["F", "M", None, SEVERAL]
    assert groups("sex", ["F", "F", "M", None, "F", "M"], "nodule") == ["F", "F", "M", None, "F", "M"]


def test_diameters_are_cut_where_guidelines_do_and_the_largest_counts():
    found = groups("mean_diameter", ["4", "9", "6", "20", None, "5.9"])
    assert found == ["8 to <15 mm", "6 to <8 mm", "≥15 mm", "<6 mm"]


def test_few_numbers_are_groups_and_many_are_thirds():
    assert groups("pack_years", ["1", "1", "2", "2", "1", "1"]) == ["1", "2", "2", "1"]
    many = nodule_table([[k % 2] for k in range(30)]).assign(age=[str(50 + k) for k in range(30)])
    cohort = Cohort(CohortManifest(name="c", title="C"), many, None)
    found = group_of_units(
        scores_by_unit(cohort, score_rows(many, "m", "c", np.linspace(0, 1, 30))), cohort, "age"
    )
    # Thirds of 50..79: below 59.67, below 69.33, the rest.
    assert found.value_counts().tolist() == [10, 10, 10]


def test_metrics_by_group_with_too_few_events_have_counts_only():
    many = nodule_table([[int(k % 3 == 0)] for k in range(60)]).assign(sex=["F"] * 54 + ["M"] * 6)
    cohort = Cohort(CohortManifest(name="c", title="C"), many, None)
    scored = scores_by_unit(cohort, score_rows(many, "m", "c", np.random.default_rng(0).random(60)))
    found = by_column(scored, cohort, "sex", resampling=Resampling(50))
    table = found.result.metrics.set_index(["subgroup", "metric"])
    assert np.isfinite(table.loc[("F", "auroc"), "value"])
    assert np.isnan(table.loc[("M", "auroc"), "value"])
    assert table.loc[("M", "auroc"), "n"] == 6


def test_a_column_that_no_cohort_has_is_an_error_with_the_nearest_name():
    cohort = cohort_with("smoking", ["a"] * 6)
    with pytest.raises(InputError, match="did you mean 'smoking'"):
        check_column("smokin", [cohort])
    scored = scores_by_unit(cohort, score_rows(NODULES, "m", "c", [0.5] * 6))
    assert "no column" in by_column(scored, cohort, "age", resampling=Resampling(10)).note
    assert "fewer than two values" in by_column(scored, cohort, "smoking", resampling=Resampling(10)).note
    with pytest.raises(InputError, match="no column to group by"):
        by_column(scored, cohort, "malignant", resampling=Resampling(10))


def test_missing_values_are_a_group_of_their_own():
    values = pd.Series(groups("sex", ["F", "F", None, None, "M", "M"]))
    assert values.isna().sum() == 2
