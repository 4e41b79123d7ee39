"""Lung-RADS v2022: cases worked out by hand, the table at its limits, and what has no category."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.producers.lungrads import CATEGORIES, LungRadsNodule, exam_category, lungrads
from benchmark.producers.lungrads.nodule import VOLUMES

NUMBERS = (
    "mean_diameter_mm", "long_axis_mm", "short_axis_mm", "solid_component_mm", "volume_mm3", "solid_volume_mm3",
    "prior_mean_diameter_mm", "prior_solid_component_mm", "interval_months",
)  # fmt: skip


def made(nodule_type, status, size=None, **more):
    features = frozenset(filter(None, more.pop("features", "").split(";")))
    numbers = {name: Decimal(str(more.pop(name))) for name in NUMBERS if name in more}
    if size is not None:
        numbers["mean_diameter_mm"] = Decimal(str(size))
    return LungRadsNodule(nodule_type, status, features=features, **numbers, **more)


def test_cases_worked_out_by_hand(shared):
    cases = pd.read_csv(shared / "reference/lungrads/cases.csv", dtype=str, keep_default_na=False)
    assert len(cases) == 80
    wrong = {}
    for row in cases.to_dict("records"):
        given_numbers = {name: row[name] for name in NUMBERS if row[name]}
        found = lungrads(
            made(row["nodule_type"], row["status"], features=row["features"], prior_category=row["prior_category"],
                 **given_numbers)
        )  # fmt: skip
        others = tuple(filter(None, row["also_defensible"].split(";")))
        if (found.category, found.also_defensible) != (row["expected_category"], others):
            wrong[row["case_id"]] = found
    assert wrong == {}


def test_exams_worked_out_by_hand(shared):
    folder = shared / "reference/lungrads"
    category = pd.read_csv(folder / "cases.csv", dtype=str).set_index("case_id")["expected_category"]
    exams = pd.read_csv(folder / "exams.csv", dtype=str, keep_default_na=False)
    for row in exams.to_dict("records"):
        nodules = [category[name] for name in row["case_ids"].split(";") if name]
        found = exam_category(nodules, [row["exam_finding"]] if row["exam_finding"] else [])
        assert found == row["expected_exam_category"], row["exam_id"]


# The table of Lung-RADS v2022, read off: the size in mm at which a category begins.
@pytest.mark.parametrize(
    ("kind", "status", "limits"),
    [
        ("solid", "baseline", {"2": 0, "3": 6, "4A": 8, "4B": 15}),
        ("solid", "new", {"2": 0, "3": 4, "4A": 6, "4B": 8}),
        ("solid", "growing", {"4A": 0, "4B": 8}),
        ("non_solid", "baseline", {"2": 0, "3": 30}),
        ("non_solid", "new", {"2": 0, "3": 30}),
    ],
)
def test_categories_begin_at_their_limits(kind, status, limits):
    for category, begin in limits.items():
        assert lungrads(made(kind, status, begin + 0.1)).category == category
        if begin:
            assert lungrads(made(kind, status, begin)).category == category
            assert lungrads(made(kind, status, volume_mm3=VOLUMES[begin])).category == category
            below = lungrads(made(kind, status, round(begin - 0.1, 1))).category
            assert CATEGORIES.index(below) < CATEGORIES.index(category)
            assert lungrads(made(kind, status, volume_mm3=VOLUMES[begin] - 1)).category == below


@given(st.sampled_from(["solid", "non_solid"]), st.sampled_from(["baseline", "new", "growing"]),
       st.lists(st.integers(10, 400), min_size=2, max_size=8))  # fmt: skip
def test_larger_is_never_less_suspicious(kind, status, tenths):
    found = [lungrads(made(kind, status, size / 10)).category for size in sorted(tenths)]
    assert all(CATEGORIES.index(a) <= CATEGORIES.index(b) for a, b in pairwise(found))


@given(st.integers(10, 300), st.integers(-30, 30))
def test_growth_is_decimal(before, change):
    now = max(before + change, 10)
    found = lungrads(made("solid", "existing", now / 10, prior_mean_diameter_mm=before / 10, interval_months=12))
    expected = "growing" if now - before > 15 else "baseline"
    assert found.category == lungrads(made("solid", expected, now / 10)).category


@pytest.mark.parametrize(
    ("nodule", "category", "others"),
    [
        (made("part_solid", "existing", 12, solid_component_mm=3, prior_mean_diameter_mm=9,
              prior_solid_component_mm=3, interval_months=12), "3", ("4A",)),
        (made("part_solid", "existing", 12, solid_component_mm=3, prior_mean_diameter_mm=12,
              prior_solid_component_mm=0, interval_months=12), "4A", ()),
        (made("solid", "existing", 8.2, prior_mean_diameter_mm=7.5, interval_months=6, prior_category="3"), "4A",
         ("2",)),
        (made("solid", "stable", 7, interval_months=3, prior_category="3"), "3", ()),
        (made("solid", "stable", 7, interval_months=12, prior_category="2"), "2", ("3",)),
        (made("solid", "stable", 7), "3", ("2",)),
        (made("solid", "slow_growing", 7), "4B", ("3",)),
        (made("solid", "baseline", 7, volume_mm3=300), "3", ("4A",)),
        (made("juxtapleural", "baseline", 7), "3", ("2",)),
        (made("juxtapleural", "growing", 9, features="smooth_oval"), "4B", ()),
        (made("cyst", "baseline", features="thick_walled"), "4A", ()),
        (made("cyst", "growing", features="multilocular;more_loculation"), "4B", ()),
        (made("cyst", "growing", features="thick_walled;growing_cystic_part"), "3", ()),
        (made("solid", "baseline", 20, features="infection"), "0", ()),
    ],
)  # fmt: skip
def test_what_the_table_says_of_less_common_nodules(nodule, category, others):
    found = lungrads(nodule)
    assert (found.category, found.also_defensible) == (category, others), found.rule


@pytest.mark.parametrize(
    ("nodule", "why"),
    [
        (made("solid", "baseline"), "missing: mean_diameter_mm"),
        (made("solid", "unknown", 7), "the status is unknown"),
        (made("part_solid", "baseline", 9), "missing: solid_component_mm"),
        (made("solid", "existing", 9), "missing: prior_mean_diameter_mm"),
        (made("solid", "existing", 9, prior_mean_diameter_mm=7), "missing: interval_months"),
        (
            made("solid", "existing", 9, prior_mean_diameter_mm=7, interval_months=24),
            "say growing or slow_growing",
        ),
        (made("solid", "stable", 7, prior_category="3"), "missing: interval_months"),
        (made("airway", "baseline"), "no place of the airway nodule"),
        (made("airway", "growing", features="subsegmental"), "no row for this airway nodule"),
        (made("cyst", "baseline", features="thin_walled"), "thin-walled cysts are not classified"),
        (made("cyst", "growing", features="thick_walled"), "do not say what of the cyst changed"),
    ],
)
def test_what_has_no_category_says_why(nodule, why):
    found = lungrads(nodule)
    assert found.category == ""
    assert why in found.rule
