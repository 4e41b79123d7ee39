"""Fleischner 2017 and BTS 2015: rows of the documents' tables, read off by hand, and what has no category."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.producers.guidelines import BTS, FLEISCHNER, GuidelineNodule, bts, fleischner

NUMBERS = ("mean_diameter_mm", "long_axis_mm", "short_axis_mm", "solid_component_mm", "volume_mm3", "age")


def made(kind: str, **more: Any) -> GuidelineNodule:
    features = frozenset(filter(None, more.pop("features", "").split(";")))
    return GuidelineNodule(
        kind, features=features, **{k: Decimal(str(v)) if k in NUMBERS else v for k, v in more.items()}
    )


# MacMahon et al. 2017, their table for solid and subsolid nodules, single and multiple: type, nodules, risk, mean
# diameter, volume, first step.
@pytest.mark.parametrize(
    ("kind", "count", "risk", "mm", "mm3", "step"),
    [
        ("solid", 1, "low", 5, 99, "no routine follow-up"),
        ("solid", 1, "high", 5, 99, "optional CT at 12 months"),
        ("solid", 1, "low", 6, 100, "CT at 6-12 months"),
        ("solid", 1, "high", 8, 250, "CT at 6-12 months"),
        ("solid", 1, "low", 9, 251, "CT at 3 months, PET/CT or biopsy"),
        ("solid", 1, "", 7, 150, "CT at 6-12 months"),
        ("solid", 2, "low", 5, 99, "no routine follow-up"),
        ("solid", 2, "high", 5, 99, "optional CT at 12 months"),
        ("solid", 3, "low", 6, 100, "CT at 3-6 months"),
        ("solid", 3, "high", 20, 2000, "CT at 3-6 months"),
        ("non_solid", 1, "", 5, 99, "no routine follow-up"),
        ("non_solid", 1, "", 6, 100, "CT at 6-12 months"),
        ("part_solid", 1, "", 5, 99, "no routine follow-up"),
        ("part_solid", 1, "", 7, 100, "CT at 3-6 months"),
        ("non_solid", 2, "", 5, 99, "CT at 3-6 months"),
        ("part_solid", 2, "", 7, 100, "CT at 3-6 months"),
    ],
)
def test_fleischner_table(kind: str, count: int, risk: str, mm: int, mm3: int, step: str) -> None:
    both = made(kind, nodule_count=count, risk=risk, mean_diameter_mm=mm, volume_mm3=mm3, solid_component_mm=2)
    found = fleischner(both)
    assert (found.category, found.also_defensible) == (step, ()), found.rule
    for size in ({"mean_diameter_mm": mm}, {"volume_mm3": mm3}):
        alone = made(kind, nodule_count=count, risk=risk, solid_component_mm=2, **size)
        assert fleischner(alone).category == step


@pytest.mark.parametrize(
    ("nodule", "step", "others"),
    [
        # Half a millimetre is rounded up; down is the other reading.
        (made("solid", nodule_count=1, risk="low", long_axis_mm=6, short_axis_mm=5), FLEISCHNER[2],
         (FLEISCHNER[0],)),
        (made("solid", nodule_count=1, mean_diameter_mm="8.4"), FLEISCHNER[2], ()),
        (made("solid", nodule_count=1, mean_diameter_mm="8.6"), FLEISCHNER[4], ()),
        (made("solid", nodule_count=1, mean_diameter_mm=7, volume_mm3=300), FLEISCHNER[2], (FLEISCHNER[4],)),
        (made("part_solid", nodule_count=1, mean_diameter_mm=12, solid_component_mm=8), FLEISCHNER[3], ()),
        (made("part_solid", nodule_count=1, mean_diameter_mm=12, solid_component_mm="8.1"), FLEISCHNER[4],
         (FLEISCHNER[3],)),
        (made("part_solid", nodule_count=1, mean_diameter_mm=12, solid_component_mm="8.6"), FLEISCHNER[4], ()),
        (made("part_solid", nodule_count=1, mean_diameter_mm=12, solid_component_mm="8.1", features="cystic"),
         FLEISCHNER[4], ()),
        (made("solid", nodule_count=1, risk="low", mean_diameter_mm="5.4"), FLEISCHNER[0], ()),
        (made("solid", nodule_count=1, mean_diameter_mm="8.5"), FLEISCHNER[4], (FLEISCHNER[2],)),
        (made("solid", nodule_count=1, risk="high", volume_mm3="99.9"), FLEISCHNER[1], ()),
        (made("solid", nodule_count=1, volume_mm3="250.1"), FLEISCHNER[4], ()),
        (made("solid", nodule_count=1, status="new", risk="low", mean_diameter_mm=4), FLEISCHNER[0], ()),
        (made("part_solid", nodule_count=1, mean_diameter_mm=7, features="lobulated"), FLEISCHNER[4], ()),
        (made("part_solid", nodule_count=2, mean_diameter_mm=12, solid_component_mm=9), FLEISCHNER[3],
         (FLEISCHNER[4],)),
        (made("juxtapleural", nodule_count=1, mean_diameter_mm=9, features="smooth_oval"), FLEISCHNER[0], ()),
        (made("juxtapleural", nodule_count=1, mean_diameter_mm=9), FLEISCHNER[4], ()),
        (made("solid", mean_diameter_mm=20, features="fat"), FLEISCHNER[0], ()),
    ],
)  # fmt: skip
def test_fleischner_beyond_its_table(nodule: GuidelineNodule, step: str, others: tuple[str, ...]) -> None:
    found = fleischner(nodule)
    assert (found.category, found.also_defensible) == (step, others), found.rule


# Callister et al. 2015, algorithms 1 to 3: longest diameter and volume at which a step begins.
@pytest.mark.parametrize(
    ("nodule", "step"),
    [
        (made("solid", long_axis_mm="4.9"), "discharge"),
        (made("solid", volume_mm3=79), "discharge"),
        (made("solid", long_axis_mm=5), "CT at 1 year"),
        (made("solid", long_axis_mm="5.9"), "CT at 1 year"),
        (made("solid", long_axis_mm=6), "CT at 3 months"),
        (made("solid", volume_mm3=80), "CT at 3 months"),
        (made("solid", volume_mm3=299), "CT at 3 months"),
        (made("solid", long_axis_mm=8, brock_risk=0.0999), "CT at 3 months"),
        (made("solid", volume_mm3=300, brock_risk=0.1), "PET-CT"),
        (made("solid", long_axis_mm=9, brock_risk=0.1, herder_risk=0.09), "CT at 3 months"),
        (made("solid", long_axis_mm=9, brock_risk=0.1, herder_risk=0.1), "biopsy"),
        (made("solid", long_axis_mm=9, brock_risk=0.1, herder_risk=0.7), "biopsy"),
        (made("solid", long_axis_mm=9, brock_risk=0.1, herder_risk=0.71), "resection or treatment"),
        (made("part_solid", long_axis_mm="4.9"), "discharge"),
        (made("non_solid", long_axis_mm=5), "CT at 3 months"),
        (made("juxtapleural", long_axis_mm="9.9", features="smooth_triangular"), "discharge"),
        (made("juxtapleural", long_axis_mm=10, brock_risk=0.2, features="smooth_triangular"), "PET-CT"),
        (made("juxtapleural", long_axis_mm=6, features="smooth_oval"), "CT at 3 months"),
        (made("solid", long_axis_mm=20, features="calcification_popcorn"), "discharge"),
        (made("solid", long_axis_mm=4, features="calcification_popcorn;known_cancer"), "discharge"),
        (made("solid", long_axis_mm=5, status="new"), "CT at 1 year"),
        (made("solid", long_axis_mm="7.9", features="known_cancer"), "CT at 3 months"),
        (made("part_solid", long_axis_mm=30), "CT at 3 months"),
        (made("non_solid", long_axis_mm="4.9", status="new"), "discharge"),
    ],
)
def test_bts_algorithms(nodule: GuidelineNodule, step: str) -> None:
    found = bts(nodule)
    assert (found.category, found.also_defensible) == (step, ()), found.rule


def test_bts_goes_by_volume_and_says_what_the_diameter_would_be() -> None:
    found = bts(made("solid", volume_mm3=70, long_axis_mm=7))
    assert (found.category, found.also_defensible) == ("discharge", ("CT at 3 months",))


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (fleischner(made("solid", mean_diameter_mm=5, nodule_count=1)), "missing: risk"),
        (fleischner(made("solid", mean_diameter_mm=7)), "missing: nodule_count"),
        (fleischner(made("solid", nodule_count=1)), "missing: mean_diameter_mm"),
        (fleischner(made("part_solid", mean_diameter_mm=12, nodule_count=1)), "missing: solid_component_mm"),
        (fleischner(made("solid", mean_diameter_mm=7, nodule_count=1, age=34)), "35 years or more"),
        (fleischner(made("solid", mean_diameter_mm=7, nodule_count=1, features="known_cancer")), "does not apply"),
        (fleischner(made("solid", mean_diameter_mm=7, nodule_count=1, status="stable")), "only the first"),
        (fleischner(made("solid", mean_diameter_mm=31, nodule_count=1)), "a mass"),
        (bts(made("solid", mean_diameter_mm=7)), "missing: volume_mm3 or long_axis_mm"),
        (bts(made("non_solid", volume_mm3=200)), "missing: long_axis_mm"),
        (bts(made("solid", long_axis_mm=9)), "missing: brock_risk"),
        (bts(made("solid", long_axis_mm=9, status="growing", brock_risk=0.2)), "only the first"),
        # The correction in Thorax 2015;70:1188, and Nair et al., Thorax 2018;73:806, table 1.
        (bts(made("solid", long_axis_mm=4, features="known_cancer")), "left to clinical judgement"),
        (bts(made("non_solid", long_axis_mm=4, features="known_cancer")), "left to clinical judgement"),
        (bts(made("solid", volume_mm3=79, status="new")), "does not say when"),
        (bts(made("solid", long_axis_mm=9, age=17, brock_risk=0.2)), "18 years or more"),
    ],
)
def test_what_has_no_category_says_why(found: Any, why: str) -> None:
    assert found.category == ""
    assert why in found.rule


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["solid", "non_solid", "part_solid"]),
    st.integers(1, 2),
    st.lists(st.integers(10, 300), min_size=2, max_size=8),
)
def test_larger_is_never_less_suspicious(kind: str, count: int, tenths: list[int]) -> None:
    more = {"solid_component_mm": 1, "risk": "high", "brock_risk": 0.3}
    sizes = [{"mean_diameter_mm": t / 10, "long_axis_mm": t / 10} for t in sorted(tenths)]
    nodules = [made(kind, nodule_count=count, **size, **more) for size in sizes]
    for rule, order in ((fleischner, FLEISCHNER), (bts, BTS)):
        steps = [order.index(rule(nodule).category) for nodule in nodules]
        assert all(a <= b for a, b in pairwise(steps))
