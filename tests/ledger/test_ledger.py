"""The ledger: nobody is lost, everybody lost is named, and the numbers add up."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.comparison.losses import losses
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.ledger import flow_svg, ledger, ledger_cases

NODULES = pd.DataFrame(
    [("a", "1", 1), ("a", "2", 0), ("b", "1", 0), ("007", "1", 1), ("d", "1", None)],
    columns=["pid", "nodule_id", "malignant"],
).astype({"malignant": "Int8"})
COHORT = Cohort(CohortManifest(name="c", title="Cohort <one>"), NODULES, Path())


def scores(*rows: tuple[str, str, str, str], model: str = "m", fold: str = "ensemble") -> pd.DataFrame:
    """Rows: pid, nodule_id, status, reason."""
    table = pd.DataFrame(rows, columns=["pid", "nodule_id", "status", "reason"])
    return table.assign(model=model, cohort="c", fold=fold, score=0.5, score_kind="probability")


IN_PART = ["scored_in_part", "scored_in_part_positive", "malignant_unscored"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Patient a has a malignant nodule 1 and a benign nodule 2.
        ([("a", "1", "scored", ""), ("a", "2", "scored", ""), ("b", "1", "scored", "")], [0, 0, 0]),
        ([("a", "1", "scored", ""), ("a", "2", "failed", "x"), ("b", "1", "scored", "")], [1, 1, 0]),
        ([("a", "2", "scored", ""), ("b", "1", "scored", "")], [1, 1, 1]),
        ([("a", "1", "failed", "x"), ("a", "2", "failed", "x"), ("b", "1", "scored", "")], [0, 0, 0]),
        ([("a", "", "scored", ""), ("a", "2", "scored", ""), ("b", "1", "scored", "")], [0, 0, 0]),
        ([("a", "", "scored", ""), ("b", "", "scored", "")], [0, 0, 0]),
    ],
    ids=["all", "benign one failed", "malignant one missing", "none", "the patient himself", "patients"],
)
def test_patients_scored_on_some_nodules_only_are_counted_apart(rows: list, expected: list[int]) -> None:
    line = ledger(COHORT, scores(*rows)).iloc[0]
    assert line["unit"] == "patient"
    assert line[IN_PART].tolist() == expected


def test_a_nodule_that_a_fold_scored_counts_by_the_ensemble() -> None:
    folds = scores(("a", "1", "scored", ""), ("a", "2", "scored", ""), fold="0")
    both = pd.concat([folds, scores(("a", "1", "scored", ""), ("a", "2", "failed", "x"))])
    assert ledger(COHORT, folds).iloc[0][IN_PART].tolist() == [0, 0, 0]
    assert ledger(COHORT, both).iloc[0][IN_PART].tolist() == [1, 1, 0]


def test_a_model_of_patients() -> None:
    rows = scores(("a", "", "scored", ""), ("b", "", "failed", "no lung found"), ("7", "", "scored", ""))
    line = ledger(COHORT, rows).iloc[0]
    assert line[["unit", "expected", "scored", "failed", "missing", "extra"]].tolist() == [
        "patient",
        4,
        1,
        1,
        2,
        1,
    ]
    assert line[["expected_positive", "scored_positive", "missing_positive", "unlabelled"]].tolist() == [
        2,
        1,
        1,
        1,
    ]
    assert line["reasons"] == "no lung found: 1"
    cases = ledger_cases(COHORT, rows).set_index("pid")
    assert cases.loc["b", ["state", "reason"]].tolist() == ["failed", "no lung found"]
    assert cases.loc["007", "state"] == "missing"
    assert cases.loc["7", ["state", "nearest"]].tolist() == ["extra", "007"]


def test_a_model_of_nodules_has_two_rows() -> None:
    rows = scores(("a", "1", "scored", ""), ("a", "2", "failed", "x"), ("b", "1", "failed", "x"))
    table = ledger(COHORT, rows).set_index("unit")
    assert table.loc["nodule", ["expected", "scored", "failed", "missing"]].tolist() == [5, 1, 2, 2]
    # patient a is scored by its other nodule
    assert table.loc["patient", ["expected", "scored", "failed", "missing"]].tolist() == [4, 1, 1, 2]


def test_the_ensemble_decides_and_folds_stand_in_for_it() -> None:
    folds = pd.concat([scores(("a", "", "scored", ""), fold="0"), scores(("b", "", "scored", ""), fold="1")])
    assert ledger(COHORT, folds)["scored"].tolist() == [2]
    whole = pd.concat([folds, scores(("a", "", "scored", ""), ("b", "", "failed", "x"))])
    assert ledger(COHORT, whole)[["scored", "failed"]].iloc[0].tolist() == [1, 1]


def test_a_complete_model_loses_nobody() -> None:
    rows = scores(*[(pid, "", "scored", "") for pid in ("a", "b", "007", "d")])
    line = ledger(COHORT, rows).iloc[0]
    assert line[["scored", "failed", "missing", "extra"]].tolist() == [4, 0, 0, 0]
    assert len(ledger_cases(COHORT, rows)) == 0


def test_a_failed_nodule_of_a_scored_patient_is_no_failed_patient() -> None:
    """Where every patient was scored."""
    nodules = [(pid, "1", "scored", "") for pid in ("a", "b", "007", "d")]
    cases = ledger_cases(COHORT, scores(*nodules, ("a", "2", "failed", "x")))
    assert cases[["unit", "pid", "nodule_id", "reason"]].values.tolist() == [["nodule", "a", "2", "x"]]
    line = ledger(COHORT, scores(*nodules, ("a", "2", "failed", "x"))).iloc[0]
    assert line[["scored", "failed", "missing"]].tolist() == [4, 0, 0]


def test_ids_that_were_dropped_are_counted_from_the_card() -> None:
    rows = scores(*[(pid, "", "scored", "") for pid in ("a", "b", "007", "d")])
    assert ledger(COHORT, rows, {"m": ["A", "zzz"]})["extra"].tolist() == [2]
    assert ledger_cases(COHORT, rows, {"m": ["A", "zzz"]})["nearest"].tolist() == ["a", ""]


def test_other_cohorts_are_left_alone() -> None:
    assert ledger(COHORT, scores(("a", "", "scored", "")).assign(cohort="other")).empty


STATES = st.sampled_from(["scored", "failed", "absent"])


@given(st.lists(STATES, min_size=5, max_size=5), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_the_numbers_always_add_up(states: list[str], strangers: int) -> None:
    rows = [
        (pid, nodule, state, "why" if state == "failed" else "")
        for (pid, nodule), state in zip(NODULES[["pid", "nodule_id"]].itertuples(index=False), states, strict=True)
        if state != "absent"
    ] + [(f"x{i}", "1", "scored", "") for i in range(strangers)]
    if not rows:
        return
    table = ledger(COHORT, scores(*rows))
    assert (table["scored"] + table["failed"] + table["missing"] == table["expected"]).all()
    positives = table["scored_positive"] + table["failed_positive"] + table["missing_positive"]
    assert (positives == table["expected_positive"]).all()
    by_patient: dict[str, list[tuple[int | None, bool]]] = {}
    for (pid, label), state in zip(NODULES[["pid", "malignant"]].itertuples(index=False), states, strict=True):
        by_patient.setdefault(pid, []).append((label, state == "scored"))
    in_part = [own for own in by_patient.values() if any(s for _, s in own) and not all(s for _, s in own)]
    positive = [own for own in in_part if any(label is not pd.NA and label == 1 for label, _ in own)]
    hidden = [own for own in positive if not any(s and label is not pd.NA and label == 1 for label, s in own)]
    patient = table[table["unit"] == "patient"].iloc[0]
    assert patient[IN_PART].tolist() == [len(in_part), len(positive), len(hidden)]
    nodule = table[table["unit"] == "nodule"].iloc[0]
    assert nodule[IN_PART].tolist() == [0, 0, 0]
    assert nodule["scored"] == states.count("scored")
    assert nodule["extra"] == strangers
    cases = ledger_cases(COHORT, scores(*rows))
    assert (cases["unit"] == "nodule").sum() == nodule["failed"] + nodule["missing"] + strangers


class TestDiagram:
    def test_it_says_who_was_scored_on_some_nodules_only(self) -> None:
        rows = scores(("a", "2", "scored", ""), ("b", "1", "scored", ""), ("007", "1", "scored", ""))
        svg = flow_svg(COHORT, losses(COHORT, scores_by_unit(COHORT, rows), rows))
        assert "of them 1 on some nodules only (1 positive)" in svg

    def test_it_is_well_formed_escaped_and_says_the_numbers(self) -> None:
        rows = pd.concat(
            [
                scores(
                    ("a", "", "scored", ""), ("b", "", "failed", '<script>alert("x")</script>'), model="<b>m</b>"
                ),
                scores(*[(pid, "", "scored", "") for pid in ("a", "b", "007", "d")], model="n"),
            ]
        )
        table = losses(COHORT, scores_by_unit(COHORT, rows), rows, {"<b>m</b>": ["x1", "x2", "x3"]})
        svg = flow_svg(COHORT, table)
        root = ElementTree.fromstring(svg)  # noqa: S314 (our own SVG)
        text = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
        assert "4 patients, 5 nodules" in text
        assert "<b>m</b>" in text
        assert "scored 1 patients (1 positive)" in text
        assert "1 failed (0 positive)" in text
        assert "2 no row (1 positive)" in text
        assert "1 patients without a label" in text
        assert "Compared" in text
        assert "1 patients (1 positive)" in text
        # ids that a model's card says were dropped: the diagram says what the table says
        assert "3 not in the cohort" in text
        assert table["extra"].tolist() == [3, 0]
        assert "<script" not in svg
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")

    def test_boxes_stay_inside_the_drawing_and_apart(self) -> None:
        rows = pd.concat([scores(("a", "", "failed", f"reason {i}"), model=f"m{i}") for i in range(4)])
        root = ElementTree.fromstring(flow_svg(COHORT, ledger(COHORT, rows)))  # noqa: S314 (our own SVG)
        height, width = float(root.get("height", 0)), float(root.get("width", 0))
        boxes = [
            tuple(float(e.get(k, 0)) for k in ("x", "y", "width", "height"))
            for e in root.iter()
            if e.tag.endswith("rect")
        ]
        assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
        for i, one in enumerate(boxes):
            for other in boxes[i + 1 :]:
                apart = (
                    one[0] + one[2] <= other[0]
                    or other[0] + other[2] <= one[0]
                    or one[1] + one[3] <= other[1]
                    or other[1] + other[3] <= one[1]
                )
                assert apart

    def test_nodules_are_counted_as_nodules_and_a_model_left_out_is_said_so(self) -> None:
        rows = pd.concat(
            [
                scores(("a", "1", "scored", ""), ("a", "2", "scored", ""), model="m"),
                scores(("a", "1", "scored", ""), ("b", "1", "scored", ""), model="odd"),
            ]
        )
        table = losses(COHORT, scores_by_unit(COHORT, rows, "nodule"), rows, odd=["odd"])
        root = ElementTree.fromstring(flow_svg(COHORT, table))  # noqa: S314 (our own SVG)
        text = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
        assert text.count("scored 2 nodules (1 positive)") == 2
        assert text.count("left out of the comparison") == 1
        assert "2 nodules (1 positive)" in text
        assert "1 nodules without a label" in text


@pytest.mark.parametrize("unit", ["patient", "nodule"])
def test_order_of_rows_does_not_matter(unit: str) -> None:
    rows = scores(("a", "1", "scored", ""), ("b", "1", "failed", "x"), ("007", "1", "scored", ""))
    one, other = ledger(COHORT, rows), ledger(COHORT, rows.iloc[::-1])
    assert one[one["unit"] == unit].equals(other[other["unit"] == unit])
