"""Values of a column that print alike are one group."""

import pandas as pd
import pytest

from benchmark.comparison.groups import SEVERAL, by_column, group_of_units
from benchmark.comparison.twins import told_apart, united_values
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.errors import InputError
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import nodule_table, score_rows


def cohort_with(values, column="site"):
    nodules = nodule_table([[k % 2] for k in range(len(values))]).assign(**{column: values})
    return Cohort(CohortManifest(name="c", title="C"), nodules, None)


def scored_of(cohort):
    rows = score_rows(cohort.nodules, "m", "c", [((7 * k) % 11) / 11 for k in range(len(cohort.nodules))])
    return scores_by_unit(cohort, rows)


@pytest.mark.parametrize(
    "twin", ["North ", " north", "NORTH", "No\u200brth", "North\u00a0", "Ｎorth", "N\u00adorth"], ids=ascii
)
def test_twins_are_united_under_the_most_frequent_spelling_and_named(twin):
    found = united_values(pd.Series(["North", twin, "North", "South", None]), "c", "site")
    assert [None if pd.isna(v) else v for v in found.values] == ["North", "North", "North", "South", None]
    assert found.sentences == (f"site: 'North' and {twin!r} are one group, 'North'.",)


def test_what_prints_differently_stays_apart():
    values = ["North", "North-East", "1", "1a", "part-solid", "solid"]
    found = united_values(pd.Series(values), "c", "site")
    assert list(found.values) == values
    assert found.sentences == ()


def test_dashes_and_double_blanks_are_twins_and_blanks_alone_are_missing():
    found = united_values(pd.Series(["part-solid", "part–solid", "part-solid", "a  b", "a b", "  "]), "c", "type")
    assert [None if pd.isna(v) else v for v in found.values] == [*["part-solid"] * 3, "a b", "a b", None]
    assert found.sentences[-1] == "type: blanks alone in 1 rows count as missing."


def test_nodules_of_one_patient_that_differ_by_a_blank_do_not_make_it_several():
    nodules = nodule_table([[1, 0], [0, 0]]).assign(site=["North", "North ", "North", "South"])
    cohort = Cohort(CohortManifest(name="c", title="C"), nodules, None)
    scored = scores_by_unit(cohort, score_rows(nodules, "m", "c", [0.1, 0.2, 0.3, 0.4]))
    assert group_of_units(scored, cohort, "site").tolist() == ["North", SEVERAL]


def test_the_result_says_what_was_united():
    cohort = cohort_with(["North", "North ", "north", "South"] * 12)
    found = by_column(scored_of(cohort), cohort, "site", resampling=Resampling(20))
    assert list(dict.fromkeys(found.result.metrics["subgroup"])) == ["North", "South"]
    assert found.result.metrics.set_index("subgroup").loc["North", "n"].iloc[0] == 36
    assert found.united == ("site: 'North', 'North ' and 'north' are one group, 'North'.",)


@pytest.mark.parametrize("value", ["(several)", "(Missing)"])
def test_names_of_the_programs_own_groups_are_refused(value):
    with pytest.raises(InputError, match="is the name of a group of its own"):
        united_values(pd.Series(["North", value]), "c", "site")


def test_numbers_that_print_alike_in_few_digits_are_given_more():
    # Two codes that are 1.00000e+06 in six digits.
    cohort = cohort_with(["1000001", "1000002"] * 4, "scanner")
    assert set(group_of_units(scored_of(cohort), cohort, "scanner")) == {"1000001", "1000002"}
    assert told_apart(1.00001, 1.00002) == ("1.00001", "1.00002")
    assert told_apart(59.6667, 69.3333) == ("59.67", "69.33")
    assert told_apart(2.0, 2.0) == ("2", "2")
    cohort = cohort_with([str(1 + k / 1e6) for k in range(30)], "ratio")
    assert group_of_units(scored_of(cohort), cohort, "ratio").nunique() == 3
