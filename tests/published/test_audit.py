from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from benchmark.published.audit import audit
from benchmark.published.finding import Finding
from benchmark.published.load import load_published
from tests.published.made import published_from
from tests.published.rankings import all_rankings, can_print, change_digit, paper, printed_from_scores, table_of

RECALLS = ("0.6", "0.8")


def verdicts(findings: list[Finding]) -> set[str]:
    return {finding.verdict for finding in findings}


def one(findings: list[Finding], **asked: object) -> Finding:
    found = [f for f in findings if all(getattr(f, name) == value for name, value in asked.items())]
    assert len(found) == 1, asked
    return found[0]


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, bool]:
    """Labels, scores and whether scores are tied."""
    positives, negatives = draw(st.integers(1, 30)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = np.arange(positives + negatives) < positives
    scores = rng.normal(size=labels.size) + labels * draw(st.sampled_from([-0.5, 0.0, 1.0, 3.0]))
    ties = draw(st.booleans())
    return labels, np.round(scores * draw(st.sampled_from([1, 3]))) if ties else scores, ties


@settings(max_examples=25, deadline=None)
@given(scored(), st.integers(1, 4), st.sampled_from([("0.6", "0.7", "0.8", "0.9"), ("0.5", "0.95"), ("1",)]))
@pytest.mark.slow
def test_a_table_made_from_scores_never_yields_a_finding(
    data: tuple[np.ndarray, np.ndarray, bool], decimals: int, recalls: tuple[str, ...]
) -> None:
    labels, scores, ties = data
    cells = printed_from_scores(labels, scores, recalls, decimals)
    n, positives = labels.size, int(labels.sum())
    findings = audit(paper({"m": cells}, recalls, n, positives))
    assert verdicts(findings) <= ({"possible", "only with ties"} if ties else {"possible"})
    patients = one(findings, model="m", item="patients")
    assert [positives, n - positives] in patients.candidates
    assert (patients.n_positive, patients.n_negative) == (positives, n - positives)


@settings(max_examples=6, deadline=None)
@given(scored(), st.integers(2, 4), st.booleans(), st.booleans())
@pytest.mark.slow
def test_nor_does_it_when_patients_are_not_printed(
    data: tuple[np.ndarray, np.ndarray, bool], decimals: int, with_n: bool, with_positives: bool
) -> None:
    labels, scores, ties = data
    recalls = ("0.6", "0.9")
    n, positives = labels.size, int(labels.sum())
    cells = printed_from_scores(labels, scores, recalls, decimals)
    findings = audit(paper({"m": cells}, recalls, n if with_n else None, positives if with_positives else None))
    assert verdicts(findings) <= ({"possible", "only with ties"} if ties else {"possible"})
    assert [positives, n - positives] in one(findings, model="m", item="patients").candidates


@pytest.mark.slow
def test_nor_do_curves_whose_intermediate_points_were_dropped() -> None:
    """scikit-learn's default curve keeps the ends of straight pieces: later points at the same FPR are printed."""
    rng = np.random.default_rng(0)
    for _ in range(4):
        labels = np.arange(30) < 12
        scores = rng.normal(size=30) + 1.5 * labels
        fpr, tpr, _ = roc_curve(labels, scores)
        cells = printed_from_scores(labels, scores, (), 3)
        for recall in RECALLS:
            at = int(np.argmax(tpr >= float(recall)))
            tp, fp = round(tpr[at] * 12), round(fpr[at] * 18)
            cells += [f"{fpr[at]:.3f}", f"{tp / (tp + fp):.3f}"]
        assert verdicts(audit(paper({"m": cells}, RECALLS, 30, 12))) <= {"possible", "only with ties"}


def test_nor_do_few_positives_of_which_several_recalls_need_as_many() -> None:
    """7 positives and 54 negatives with tied scores: .6, .65 and .7 all need 5 positives, the others 6 or 7."""
    recalls = ("0.6", "0.65", "0.7", "0.75", "0.8", "0.85")
    cells = ["0.8783", "0.5000", *["0.1852", "0.3333"] * 3, *["0.3889", "0.2500"] * 3]
    findings = audit(paper({"m": cells}, recalls, 61, 7))
    assert verdicts(findings) == {"possible", "only with ties"}


@pytest.mark.parametrize(("positives", "negatives", "decimals"), [(4, 4, 3), (3, 6, 2)])
def test_every_change_that_no_ranking_prints_is_caught(positives: int, negatives: int, decimals: int) -> None:
    """A brute-force search over all rankings says which changed tables can be caught; all of them are."""
    rng = np.random.default_rng(positives)
    recalls = [Fraction(recall) for recall in RECALLS]
    rankings = list(all_rankings(positives, negatives, ties=False))
    tables = sorted({table_of(path, recalls, decimals) for path in rankings})
    catchable, caught = 0, 0
    for _ in range(60):
        cells = change_digit(tables[int(rng.integers(len(tables)))], rng)
        if any(can_print(path, recalls, cells) for path in rankings):
            continue
        catchable += 1
        findings = audit(paper({"m": cells}, RECALLS, positives + negatives, positives))
        caught += verdicts(findings) != {"possible"}
    assert catchable > 40
    assert caught == catchable


def test_changed_digits_are_caught_at_sizes_of_papers() -> None:
    """At 70 patients a search over rows alone (any counts, any recall reached) is the yardstick."""
    rng = np.random.default_rng(8)
    labels = np.arange(70) < 35
    catchable, caught = 0, 0
    for _ in range(40):
        cells = printed_from_scores(labels, rng.normal(size=70) + labels, RECALLS, 3)
        changed = change_digit(cells, rng)
        possible = all(
            any(
                abs(fp / 35 - float(changed[at])) <= 0.0005 + 1e-12
                and tp + fp
                and abs(tp / (tp + fp) - float(changed[at + 1])) <= 0.0005 + 1e-12
                for tp in range(36)
                for fp in range(36)
            )
            for at in (2, 4)
        )
        catchable += not possible
        found = verdicts(audit(paper({"m": changed}, RECALLS, 70, 35)))
        assert possible or found != {"possible"}
        caught += found != {"possible"}
    assert caught >= catchable > 10


def test_the_paper() -> None:
    findings = audit(load_published("zhuang2025"))
    by_model = {(f.cohort, f.model): f for f in findings if f.item == "patients"}
    # 43 of 188 patients are positive where 56 are printed, and DeepIPN was scored on three patients fewer.
    assert by_model["nlst", "clip"].verdict == "contradicts printed n"
    assert (by_model["nlst", "clip"].n_positive, by_model["nlst", "clip"].n_negative) == (43, 145)
    assert by_model["nlst", "deepipn"].verdict == "other patients"
    assert (by_model["nlst", "deepipn"].n_positive, by_model["nlst", "deepipn"].n_negative) == (43, 142)
    assert by_model["lungx", "deepipn"].verdict == by_model["dlcs", "deepipn"].verdict == "other patients"
    assert [35, 34] in by_model["lungx", "deepipn"].candidates
    assert by_model["lungx", None].verdict == "other patients"
    assert by_model["ucla", None].verdict == "possible"
    # 20/35 = .571, but 26/46 = .565 and 27/47 = .574: .568 is 25/44, as in the row of Sybil.
    row = one(findings, cohort="lungx", model="venkadesh", recall=0.7)
    assert row.verdict == "impossible"
    assert "sybil" in row.detail
    # .768 lies between 494/644 = .7671 and 495/644 = .7686.
    assert one(findings, cohort="ucla", model="clip", item="auroc").verdict == "only with ties"
    # 92/1057 = .0870 and 42/134 = .3134: 42 of 63 positives, recall .667 where .6 was aimed at.
    assert (
        "42 true and 92 false positives: recall 0.667"
        in one(findings, cohort="dlcs", model="sybil", recall=0.6).detail
    )
    classes = {f.item: f.verdict for f in findings if f.item.startswith("classes")}
    # 2 % present and 27 % absent: the caption says that some values are missing.
    assert classes["classes: airway cut-off"] == "possible"
    assert classes["classes: nodule margin"] == "possible"
    stars = Counter(f.verdict for f in findings if f.item.startswith("significance"))
    assert stars == {"possible": 10}


def test_half_steps_need_ties_and_smaller_ones_cannot_be() -> None:
    # 2 positives and 3 negatives: steps of 1/6, half steps of 1/12.
    def verdict(auroc: str) -> str:
        content = {"cohorts": {"c": {"n": 5, "positives": 2}}, "performance": {"c": {"m": {"auroc": auroc}}}}
        return one(audit(published_from(content)), item="auroc").verdict

    assert verdict("0.667") == "possible"
    assert verdict("0.750") == "only with ties"
    assert verdict("0.700") == "impossible"
    assert verdict("1.700") == "impossible"


def test_areas_that_exclude_each_other_are_found() -> None:
    rng = np.random.default_rng(2)
    recalls = ("0.5", "0.6", "0.7", "0.8", "0.9", "1")
    labels = np.arange(188) < 43
    cells = printed_from_scores(labels, rng.normal(size=188) + 2 * labels, recalls, 3)

    def verdict(item: str, by: float) -> str:
        at = ("auroc", "auprc").index(item)
        changed = [f"{float(cell) + by:.3f}" if k == at else cell for k, cell in enumerate(cells)]
        return one(audit(paper({"m": changed}, recalls, 188, 43)), item=item).verdict

    assert verdict("auroc", 0) == verdict("auprc", 0) == "possible"
    assert verdict("auroc", -0.1) == verdict("auroc", 0.1) == "impossible"
    assert verdict("auprc", -0.3) == verdict("auprc", 0.15) == "impossible"


def test_other_patients_are_told_from_a_wrong_number_of_patients() -> None:
    rng = np.random.default_rng(5)
    recalls = ("0.6", "0.7", "0.8", "0.9")

    def cells(positives: int, negatives: int) -> list[str]:
        labels = np.arange(positives + negatives) < positives
        return printed_from_scores(labels, rng.normal(size=labels.size) + 1.5 * labels, recalls, 4)

    mixed = audit(paper({"all": cells(31, 67), "fewer": cells(31, 61)}, recalls, 98, 31))
    assert one(mixed, model="all", item="patients").verdict == "possible"
    fewer = one(mixed, model="fewer", item="patients")
    assert fewer.verdict == "other patients"
    assert (fewer.n_positive, fewer.n_negative) == (31, 61)
    assert one(mixed, model=None, item="patients").verdict == "other patients"
    wrong = audit(paper({"a": cells(31, 67), "b": cells(31, 67)}, recalls, 98, 40))
    assert {f.verdict for f in wrong if f.item == "patients"} == {"contradicts printed n"}


@pytest.mark.parametrize(
    ("size", "detail"),
    [
        ({"n": 10, "positives": 12}, "12 positives are printed of 10 patients"),
        ({"n": 10, "negatives": 12}, "12 negatives are printed of 10 patients"),
        ({"n": 10, "positives": 4, "negatives": 7}, "4 positives and 7 negatives are printed of 10 patients"),
        ({"n": 10, "positives": 10}, "of one class"),
        ({"n": 10, "positives": 0}, "of one class"),
        ({"n": 0, "positives": 0}, "of one class"),
    ],
)
def test_sizes_that_no_cohort_with_results_has(size: dict[str, int], detail: str) -> None:
    content = {"cohorts": {"c": size}, "performance": {"c": {"m": {"auroc": "0.8"}}}}
    found = one(audit(published_from(content)), item="patients", model=None)
    assert (found.verdict, found.n_positive, found.n_negative) == ("impossible", None, None)
    assert detail in found.detail


@pytest.mark.parametrize("size", [{"n": 10, "positives": 4, "negatives": 5}, {"n": 10}, {"negatives": 5}])
def test_sizes_that_a_cohort_can_have(size: dict[str, int]) -> None:
    content = {"cohorts": {"c": size}, "performance": {"c": {"m": {"auroc": "0.8"}}}}
    assert one(audit(published_from(content)), item="patients", model=None).verdict == "possible"


def test_a_recall_above_one_is_no_recall() -> None:
    sizes, rows = {"c": {"n": 40, "positives": 20}}, {"c": {"m": [["0.8", "0.1", "0.9"], ["1.2", "0.3", "0.8"]]}}
    found = one(audit(published_from({"cohorts": sizes, "operating_points": rows})), recall=1.2)
    assert (found.verdict, found.detail) == ("impossible", "no recall is 1.2")


def test_large_cohorts() -> None:
    rng = np.random.default_rng(1)
    recalls = ("0.6", "0.7", "0.8", "0.9")

    def cells(positives: int, negatives: int) -> list[str]:
        labels = np.arange(positives + negatives) < positives
        return printed_from_scores(labels, rng.normal(size=labels.size) + 1.5 * labels, recalls, 4)

    whole, fewer = cells(700, 11_300), cells(690, 11_200)
    findings = audit(paper({"whole": whole, "fewer": fewer}, recalls, 12_000, 700))
    assert {f.verdict for f in findings if f.model == "whole"} == {"possible"}
    assert "impossible" not in verdicts(findings)
    assert one(findings, model="fewer", item="patients").verdict in {"other patients", "possible"}
    wrong = [f"{float(whole[0]) - 0.3:.4f}", *whole[1:]]
    assert one(audit(paper({"m": wrong}, recalls, 12_000, 700)), item="auroc").verdict == "impossible"


def test_several_cohorts_other_recalls_and_percentages() -> None:
    rng = np.random.default_rng(4)
    content: dict[str, dict[str, object]] = {"cohorts": {}, "performance": {}, "operating_points": {}}
    for cohort, positives, negatives in (("one", 20, 40), ("two", 15, 100)):
        labels = np.arange(positives + negatives) < positives
        scores = rng.normal(size=labels.size) + 1.2 * labels
        cells = [f"{100 * float(c):.2f}" for c in printed_from_scores(labels, scores, ("0.75", "0.95"), 4)]
        content["cohorts"][cohort] = {"n": positives + negatives, "positives": positives}
        content["performance"][cohort] = {"m": {"auroc": cells[0], "auprc": cells[1]}}
        content["operating_points"][cohort] = {"m": [["75", cells[2], cells[3]], ["95", cells[4], cells[5]]]}
    findings = audit(published_from(content))
    assert verdicts(findings) == {"possible"}
    assert {f.recall for f in findings if f.item == "operating point"} == {0.75, 0.95}
    assert [20, 40] in one(findings, cohort="one", model="m", item="patients").candidates


def test_rows_of_the_closest_rule_may_stay_below_the_recall() -> None:
    # 4 of 7 positives (recall .571) is nearest to .6; by the rule ge it would have to be 5 of 7.
    rows = {"c": {"m": [["0.6", "0.143", "0.800"]]}}
    sizes = {"c": {"n": 14, "positives": 7}}
    content = {"cohorts": sizes, "operating_points": rows}
    assert one(audit(published_from(content)), item="operating point").verdict != "possible"
    closest = audit(published_from({**content, "recall_rule": "closest"}))
    row = one(closest, item="operating point")
    assert row.verdict == "possible"
    assert "below 0.6" in row.detail


def test_stars_are_held_against_test_and_folds() -> None:
    def verdict(test: str | None, folds: int | None, models: int, starred: int = 1) -> str:
        cells = {
            f"m{k}": {"c": {"auroc": ["0.8", "0.01", *(["starred"] if k < starred else [])]}}
            for k in range(models)
        }
        content = {"ablation": {"b": cells}, "ablation_test": {"test": test, "folds": folds}}
        return verdicts(audit(published_from(content))).pop()

    assert verdict("Wilcoxon signed-rank", 5, 2) == "unattainable"
    assert verdict("Wilcoxon signed-rank", 6, 2) == "possible"
    assert verdict("Friedman with Nemenyi", 5, 3) == "possible"
    assert verdict("Friedman with Nemenyi", 5, 3, starred=2) == "unattainable"
    assert verdict("paired t-test", 5, 2) == "possible"
    assert verdict("Wilcoxon, Bonferroni", 8, 9) == "unattainable"
    assert verdict(None, None, 2) == "possible"
    assert verdict("an unheard-of test", 5, 2) == "possible"


def test_findings_are_what_the_json_form_promises() -> None:
    finding = audit(load_published("zhuang2025"))[1]
    assert list(finding.as_json()) == [
        "cohort", "model", "item", "recall", "verdict", "detail", "n_positive", "n_negative", "candidates",
        "meaning",
    ]  # fmt: skip


def test_an_auroc_from_scores_is_possible_whatever_its_decimals() -> None:
    rng = np.random.default_rng(9)
    for decimals in (1, 2, 3, 4, 6):
        labels = np.arange(17) < 6
        value = roc_auc_score(labels, rng.normal(size=17))
        content = {
            "cohorts": {"c": {"n": 17, "positives": 6}},
            "performance": {"c": {"m": {"auroc": f"{value:.{decimals}f}"}}},
        }
        assert verdicts(audit(published_from(content))) == {"possible"}
