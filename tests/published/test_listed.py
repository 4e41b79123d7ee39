"""The recall aimed at and the recall achieved: two fields, and what the first number of a row is taken for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.published.audit import audit
from benchmark.published.finding import Finding
from benchmark.published.listed import listed_recall
from benchmark.published.load import load_published
from benchmark.published.reconstruct import reconstruct
from benchmark.report.printed_rows import printed_rows
from tests.published.made import published_from


def paper(rows: list[Any], n: int, positives: int, **more: Any) -> dict[str, Any]:
    return {"cohorts": {"c": {"n": n, "positives": positives}}, "operating_points": {"c": {"m": rows}}, **more}


def row_finding(content: dict[str, Any]) -> Finding:
    return next(f for f in audit(published_from(content)) if f.item == "operating point")


# 52 of 58 positives and 15 of 41 negatives: recall .8966, FPR .3659, precision 52/67 = .7761.
TRUE = ["0.897", "0.366", "0.776"]


def test_a_true_row_of_an_achieved_recall_is_not_accused() -> None:
    for content in (
        paper([TRUE], 99, 58),
        paper([TRUE], 99, 58, listed_recall="achieved"),
        paper([{"recall": TRUE[0], "fpr": TRUE[1], "precision": TRUE[2]}], 99, 58),
        # The smallest achievable recall of at least .89 is 52 of 58 (.8966); 51 of 58 is .879.
        paper([{"recall_target": "0.89", "recall": TRUE[0], "fpr": TRUE[1], "precision": TRUE[2]}], 99, 58),
    ):
        assert row_finding(content).verdict == "possible"
        assert "52 true and 15 false" in row_finding(content).detail


def test_the_same_number_aimed_at_needs_53_of_58() -> None:
    # 52 of 58 is .8966, below .897: as an aim it is not reached.
    assert row_finding(paper([TRUE], 99, 58, listed_recall="aimed")).verdict == "contradicts printed n"
    aimed = {"recall_target": "0.89", "recall": "0.914", "fpr": TRUE[1], "precision": TRUE[2]}
    assert row_finding(paper([aimed], 99, 58)).verdict == "impossible"


@pytest.mark.parametrize("rule", ["ge", "closest"])
@pytest.mark.parametrize("wrong", ["0.500", "0.879", "0.914"])
def test_a_wrong_sensitivity_is_found_whatever_the_rule(wrong: str, rule: str) -> None:
    found = row_finding(paper([[wrong, *TRUE[1:]]], 99, 58, recall_rule=rule))
    assert found.verdict in ("impossible", "contradicts printed n")


def test_what_was_guessed_is_said() -> None:
    assert "first number read as the recall achieved" in row_finding(paper([TRUE], 99, 58)).detail
    assert "first number" not in row_finding(paper([TRUE], 99, 58, listed_recall="achieved")).detail
    aimed = row_finding(paper([["0.6", "0.143", "0.800"]], 14, 7, recall_rule="closest"))
    assert "first number read as the recall aimed at" in aimed.detail


@pytest.mark.parametrize(
    ("rows", "meaning"),
    [
        ([["0.6", "0.070", "0.722"], ["0.9", "0.430", "0.390"]], "aimed"),
        ([["0.896", "0.318", "0.925"]], "achieved"),
        ([["1.000", "0.023", "0.978"]], "achieved"),
        ([["83%", "43%", "61%"]], "achieved"),
        ([["0.90", "0.43", "0.39"]], "either"),
        ([["0.98", "0.43", "0.39"]], "either"),
    ],
)
def test_the_digits_tell_which_recall_it_is(rows: list[list[str]], meaning: str) -> None:
    assert listed_recall(published_from(paper(rows, 100, 40))).meaning == meaning


def test_a_row_that_can_be_either_is_accused_only_if_wrong_as_both() -> None:
    # 9 of 10 and 4 of 20: recall .90 as aim and as result; 12 of 13 (.92) reaches an aim of .90 at 1 of 13.
    assert row_finding(paper([["0.90", "0.20", "0.69"]], 30, 10)).verdict == "possible"
    assert row_finding(paper([["0.90", "0.08", "0.92"]], 26, 13)).verdict == "possible"
    # 17 of 19 is .89: .90 as an aim is not reached, and .90 is not what 17 or 18 of 19 print.
    assert row_finding(paper([["0.90", "0.05", "0.94"]], 39, 19)).verdict != "possible"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 80), st.integers(2, 4), st.integers(1, 4))
def test_tables_of_achieved_recalls_made_from_scores_are_never_accused(
    seed: int, positives: int, negatives: int, decimals: int, number: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.arange(positives + negatives) < positives
    scores = rng.normal(size=labels.size) + labels
    rows = []
    for threshold in sorted(rng.choice(scores, size=min(number, labels.size), replace=False), reverse=True):
        called = scores >= threshold
        tp, fp = int((called & labels).sum()), int((called & ~labels).sum())
        shares = (tp / positives, fp / negatives, tp / (tp + fp))
        rows.append(dict(zip(("recall", "fpr", "precision"), (f"{s:.{decimals}f}" for s in shares), strict=True)))
    findings = audit(published_from(paper(rows, labels.size, positives)))
    assert {finding.verdict for finding in findings} == {"possible"}


def test_an_area_beside_an_achieved_recall_is_checked() -> None:
    # 50 of 50 positives before the 10th of 50 negatives leave an AUROC of .8 to 1; .6 cannot be.
    rows = [{"recall": "1.000", "fpr": "0.200", "precision": "0.833"}]
    for auroc, verdict in (("0.900", "possible"), ("0.600", "impossible")):
        content = paper(rows, 100, 50, performance={"c": {"m": {"auroc": auroc}}})
        found = next(f for f in audit(published_from(content)) if f.item == "auroc")
        assert found.verdict == verdict


def test_an_operating_point_needs_a_recall() -> None:
    with pytest.raises(InputError, match="has no recall: give recall_target"):
        published_from(paper([{"fpr": "0.1", "precision": "0.5"}], 100, 40))


def test_achieved_recalls_are_reconstructed(tmp_path: Path) -> None:
    built = reconstruct(
        published_from(paper([TRUE], 99, 58, performance={"c": {"m": {"auroc": "0.850"}}})), tmp_path
    )
    assert (built.met, built.unmet) == (6, [])


def test_achieved_recalls_do_not_stand_at_a_recall_aimed_at(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "key: p\ncohorts: {c: {n: 99, positives: 58}}\n"
        "performance: {c: {m: {auroc: [0.850, 0.800, 0.900]}}}\n"
        "operating_points: {c: {m: [['0.897', '0.366', '0.776']]}}\n"
    )
    found = printed_rows([str(file)], ["c"])
    assert found is not None
    assert found.points.empty
    assert any("by the recall that was achieved" in sentence for sentence in found.missing)
    assert found.performance.iloc[0]["auroc"] == "0.850 (0.800–0.900)"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (("0.900", "0.200", "0.300"), "0.900 is above its upper limit 0.300"),
        (("0.900", "0.950", "0.850"), "the lower limit 0.950 is above the upper one 0.850"),
        (("0.900", "0.800", "1.300"), "the upper limit 1.300 is above 1"),
        (("0.700", "0.71", "0.90"), "0.700 is below its lower limit 0.71"),
        (("0.90", "-0.02", "0.99"), "the lower limit -0.02 is below 0"),
        (("90.0", "80.0", "130.0"), "the upper limit 130.0 is above 1"),
        (("0.90", "0.80", "0.95"), ""),
        (("0.988", "0.962", "1.000"), ""),
        # .705 may print .71 as well as .70, so rounding alone can put a value outside.
        (("0.705", "0.71", "0.90"), ""),
    ],
)
def test_intervals_hold_their_value_and_stay_inside(limits: tuple[str, str, str], reason: str) -> None:
    content = {"cohorts": {"c": {"n": 200, "positives": 80}}, "performance": {"c": {"m": {"auroc": list(limits)}}}}
    found = next(f for f in audit(published_from(content)) if f.item == "auroc interval")
    assert (found.verdict == "possible") == (not reason)
    assert reason in found.detail


def test_the_third_version_of_the_paper_stands_beside_the_first() -> None:
    # ../shared/reference/published/zhuang2025_v3.json: the abstract of arXiv version 3.
    first, third = load_published("zhuang2025"), load_published("zhuang2025-v3")
    assert (str(third.performance["nlst"]["clip"].auroc), str(third.performance["nlst"]["clip"].auprc)) == (
        "0.901",
        "0.776",
    )
    assert str(third.semantic["general"]["nodule margin"].auroc) == "0.807"
    assert (first.version, third.version) == ("arXiv versions 1 and 2", "arXiv version 3")
    assert str(first.performance["nlst"]["clip"].auroc) == "0.895"
