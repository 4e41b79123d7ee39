"""AUROC, AUPRC and partial AUROC against exact fractions, scikit-learn, numerical integration and R's pROC."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.errors import InputError
from benchmark.metrics import auprc, auroc, operating_point, partial_auroc

PROC = json.loads(
    (Path(__file__).parents[1] / "statistics" / "references" / "proc.json").read_text(encoding="utf-8")
)


@st.composite
def samples(draw, most=25):
    """Labels with both classes, and scores from no ties to only a few values, on small and large scales."""
    n = draw(st.integers(2, most))
    bits = draw(st.integers(1, 2**n - 2))
    labels = np.array([bits >> k & 1 for k in range(n)])
    values = np.frombuffer(draw(st.binary(min_size=n, max_size=n)), dtype=np.uint8).astype(float)
    values %= draw(st.sampled_from([3, 7, 256]))
    return labels, (values - 3.0) * draw(st.sampled_from([1.0, 0.1, 1e-9, 1e9]))


@settings(max_examples=1000, deadline=None)
@given(samples())
def test_auroc_is_the_exact_share_of_pairs(sample):
    y, s = sample
    positives, negatives = s[y == 1][:, None], s[y == 0][None, :]
    twice = 2 * int((positives > negatives).sum()) + int((positives == negatives).sum())
    assert abs(Fraction(auroc(y, s)) - Fraction(twice, 2 * positives.size * negatives.size)) <= Fraction(1, 10**12)


@settings(max_examples=100, deadline=None)
@given(samples())
def test_areas_are_those_of_scikit_learn(sample):
    y, s = sample
    assert auroc(y, s) == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    assert auprc(y, s) == pytest.approx(average_precision_score(y, s), abs=1e-12)


def test_auroc_of_scores_that_differ_in_their_last_bits():
    # The near-tie vector of pROC's own tests; 60 of its 77 pairs are won [STATISTICS.md D1].
    y = np.array([2, 1, 1, 2, 2, 1, 2, 2, 1, 1, 1, 2, 1, 2, 2, 2, 2, 2]) - 1
    s = [
        *(0.960602681556147, 0.0794407386056549, 0.144842404246611, 0.931816485855784, 0.931816485855784),
        *(0.97764041048215, 0.653549466997938699464, 0.796401132206396, 0.427720540184519, 0.811278021288732),
        *(0.0188323116581187, 0.653549466997938588442, 0.653549466997938477419, 0.959111701445925),
        *(0.931816485855784, 0.663663279418747, 0.800100838413179, 0.780456095511079),
    ]
    assert auroc(y, s) == pytest.approx(60 / 77, abs=1e-15)
    # A demotion to float32 makes ties of these scores.
    assert auroc(y, np.float32(s)) != pytest.approx(60 / 77, abs=1e-6)


def test_small_areas_by_hand():
    # Ranked: + - + -. Pairs won: (4,2)? 3 of 4. AP = 1/2 * 1/1 + 1/2 * 2/3 = 5/6; a trapezoid would give 0.7917.
    y, s = [1, 0, 1, 0], [4, 3, 2, 1]
    assert auroc(y, s) == 0.75
    assert auprc(y, s) == pytest.approx(5 / 6, abs=1e-15)
    # One block: everything tied. AUROC is ½ and both AUPRCs are the prevalence.
    assert auroc([1, 0, 0, 0], [7, 7, 7, 7]) == 0.5
    assert auprc([1, 0, 0, 0], [7, 7, 7, 7]) == 0.25
    assert auprc([1, 0, 0, 0], [7, 7, 7, 7], method="davis_goadrich") == pytest.approx(0.25, abs=1e-15)


@settings(max_examples=30, deadline=None)
@given(samples(12))
def test_davis_goadrich_is_the_integral_of_precision_along_the_roc_curve(sample):
    y, s = sample
    thresholds = np.unique(s)[::-1]
    tp = np.array([0, *[(y[s >= t] == 1).sum() for t in thresholds]], dtype=float)
    fp = np.array([0, *[(y[s >= t] == 0).sum() for t in thresholds]], dtype=float)
    area = 0.0
    for k in range(len(thresholds)):
        if tp[k + 1] == tp[k]:
            continue
        # Midpoint rule over the true positives of this segment, false positives on a straight line.
        share = (np.arange(20_000) + 0.5) / 20_000
        x = tp[k] + share * (tp[k + 1] - tp[k])
        area += (x / (x + fp[k] + share * (fp[k + 1] - fp[k]))).mean() * (tp[k + 1] - tp[k])
    assert auprc(y, s, method="davis_goadrich") == pytest.approx(area / y.sum(), abs=1e-6)


@pytest.mark.parametrize("case", PROC, ids=[case["name"] for case in PROC])
def test_partial_areas_are_those_of_proc(case):
    y, s = case["label"], case["score_a"]
    for corrected in (False, True):
        expected = case["partial_recall_70_95"][corrected]
        assert partial_auroc(y, s, recall=(0.7, 0.95), corrected=corrected) == pytest.approx(expected, abs=1e-9)
        expected = case["partial_specificity_50_85"][corrected]
        found = partial_auroc(y, s, specificity=(0.85, 0.5), corrected=corrected)
        assert found == pytest.approx(expected, abs=1e-9)
    assert auroc(y, s) == pytest.approx(case["auc"][0], abs=1e-12)


def test_shared_answers_of_proc(shared):
    files = sorted((shared / "reference" / "proc").glob("*.json"))
    assert len(files) >= 4
    for file in files:
        case = json.loads(file.read_text(encoding="utf-8"))
        for model in "ab":
            assert auroc(case["label"], case[f"score_{model}"]) == pytest.approx(case[f"auc_{model}"], abs=1e-9)
        found = partial_auroc(case["label"], case["score_a"], recall=(0.8, 1))
        assert found == pytest.approx(case["pauc_sens_80_100"], abs=1e-9)
        found = partial_auroc(case["label"], case["score_a"], specificity=(0.9, 1))
        assert found == pytest.approx(case["pauc_spec_90_100"], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(samples())
def test_the_whole_range_is_the_whole_area(sample):
    y, s = sample
    for part in ({"recall": (0, 1)}, {"specificity": (0, 1)}):
        assert partial_auroc(y, s, **part) == pytest.approx(auroc(y, s), abs=1e-12)
        assert partial_auroc(y, s, corrected=True, **part) == pytest.approx(auroc(y, s), abs=1e-12)
    cut = partial_auroc(y, s, recall=(0, 0.3)) + partial_auroc(y, s, recall=(0.3, 1))
    assert cut == pytest.approx(auroc(y, s), abs=1e-12)


def test_lists_series_and_every_kind_of_label_give_the_same():
    y, s = [0, 1, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.9]
    forms = [
        (np.array(y, dtype=bool), np.array(s)),
        (np.array(y, dtype=np.int8), tuple(s)),
        (pd.Series(y, dtype="float64"), pd.Series(s)),
        (pd.Series(y, dtype="Int64"), s),
        (pd.Series(y, dtype="boolean"), pd.array(s)),
    ]
    assert {auroc(a, b) for a, b in forms} == {auroc(y, s)}


def test_series_are_matched_by_id():
    y = pd.Series([0, 1, 1, 0], index=["007", "NA", "3", "4"])
    s = pd.Series([0.1, 0.9, 0.8, 0.7], index=["007", "NA", "3", "4"])
    assert auroc(y, s.iloc[::-1]) == auroc(y, s) == 1.0
    with pytest.raises(InputError, match=r"3 of 4 labelled cases"):
        auroc(y, s.rename({"4": "5"}))


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1, float("nan")], [1, 2, 3], "1 of 3 values are neither 0 nor 1"),
        ([0, 1, None], [1, 2, 3], "neither 0 nor 1"),
        ([0, 1, 2], [1, 2, 3], r"neither 0 nor 1 \(2.0\)"),
        ([0, 1, 1], [1, float("nan"), 3], "1 of 3 values are missing or infinite"),
        ([0, 1, 1], [1, float("inf"), 3], "missing or infinite"),
        ([0, 1, 1], np.ma.masked_equal([1.0, 2.0, 3.0], 2.0), "1 of 3 values are missing"),
        (np.ma.masked_equal([0, 1, 5], 5), [1, 2, 3], "1 of 3 values are neither"),
        ([0, 1, 1], [1, 2], "3 labels but 2 scores"),
        ([1, 1, 1], [1, 2, 3], "3 positives and 0 negatives"),
        ([], [], "non-empty"),
        ([[0, 1]], [[1, 2]], "non-empty sequence, got the shape (.*) — give one value a case"),
        ([0, 1], ["a", "b"], "not all values are numbers .* — give one number a case"),
        (["benign", "malignant"], [1, 2], "not all values are numbers .* — code malignant as 1 and benign as 0"),
    ],
)
@pytest.mark.parametrize("metric", [auroc, auprc, operating_point])
def test_bad_input_is_refused_with_what_is_wrong(metric, labels, scores, message):
    with pytest.raises(InputError, match=message):
        metric(labels, scores)
    with pytest.raises(ValueError, match=message):
        metric(labels, scores)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"recall": (0.8, 1), "specificity": (0.8, 1)},
        {"recall": (0.8, 1.2)},
        {"recall": 0.8},
        {"specificity": (0.7, 0.8, 0.9)},
    ],
)
def test_bad_ranges_are_refused(part):
    with pytest.raises(InputError, match="range"):
        partial_auroc([0, 1], [0, 1], **part)
