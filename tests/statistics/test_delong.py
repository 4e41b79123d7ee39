"""DeLong variances, covariances and tests against R's pROC, SAS, and the definition written out."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.metrics import auroc
from benchmark.statistics import auroc_interval, delong_joint, delong_test
from benchmark.statistics.delong import placement_values, structural_components
from benchmark.statistics.samples import as_paired_sample
from tests.metrics.test_discrimination import samples

REFERENCES = Path(__file__).parent / "references"
PROC = json.loads((REFERENCES / "proc.json").read_text(encoding="utf-8"))
ASAH = json.loads((REFERENCES / "asah.json").read_text(encoding="utf-8"))
OVARIAN = json.loads((REFERENCES / "ovarian.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", PROC, ids=[case["name"] for case in PROC])
def test_everything_proc_says_about_small_data(case):
    y, a, b = case["label"], case["score_a"], case["score_b"]
    test = delong_test(y, a, b)
    assert (test.auroc_a, test.auroc_b) == pytest.approx(case["auc"][:2], abs=1e-12)
    assert (test.variance_a, test.variance_b) == pytest.approx(case["variance"][:2], abs=1e-9, rel=1e-8)
    assert test.covariance == pytest.approx(case["covariance"], abs=1e-12)
    assert (test.statistic, test.p_value) == pytest.approx(case["paired"], abs=1e-9)
    assert (test.low, test.high) == pytest.approx(case["paired_interval"], abs=1e-9)
    wald = auroc_interval(y, a, method="wald")
    assert (wald.low, wald.high) == pytest.approx(case["interval"], abs=1e-9)
    wald = auroc_interval(y, a, method="wald", level=0.9)
    assert (wald.low, wald.high) == pytest.approx(case["interval_90"], abs=1e-9)
    # Two cohorts of different sizes, whatever the labels' type.
    for labels_b in (case["label_2"], np.array(case["label_2"], dtype=bool)):
        unpaired = delong_test((y, labels_b), a, case["score_2"], paired=False)
        assert (unpaired.statistic, unpaired.df, unpaired.p_value) == pytest.approx(case["unpaired"], abs=1e-9)
        assert unpaired.n_positive == (sum(y), sum(case["label_2"]))
        assert not unpaired.paired


def test_shared_answers_of_proc(shared):
    files = sorted((shared / "reference" / "proc").glob("*.json"))
    assert len(files) >= 4
    for file in files:
        case = json.loads(file.read_text(encoding="utf-8"))
        y, a, b = case["label"], case["score_a"], case["score_b"]
        test, apart = delong_test(y, a, b), delong_test(y, a, b, paired=False)
        found = [test.variance_a, test.variance_b, test.covariance, test.statistic, apart.statistic]
        expected = [case[k] for k in ("var_a", "var_b", "cov_ab", "delong_paired_z", "delong_unpaired_D")]
        assert found == pytest.approx(expected, abs=1e-9)
        assert test.p_value == pytest.approx(case["delong_paired_p"], abs=1e-8)
        assert apart.p_value == pytest.approx(case["delong_unpaired_p"], abs=1e-8)
        for model in "ab":
            wald = auroc_interval(y, case[f"score_{model}"], method="wald")
            assert (wald.low, wald.high) == pytest.approx(case[f"ci_{model}"], abs=1e-9)


# Values of pROC's own tests on aSAH [STATISTICS.md D1].
@pytest.mark.parametrize(
    ("a", "b", "z", "p", "covariance"),
    [
        ("wfns", "s100b", 2.20898359144091, 0.0271757822291882, 0.00119615567376754),
        ("wfns", "ndka", 2.79777591868904, 0.00514557970691098, -0.000532967856762438),
        ("ndka", "s100b", -1.39077002573558, 0.164295175223054, -0.000756164938056579),
    ],
)
def test_paired_test_on_asah(a, b, z, p, covariance):
    variance = {"wfns": 0.00146991470882363, "ndka": 0.0031908105493913, "s100b": 0.00266868245717244}
    test = delong_test(ASAH["label"], ASAH[a], ASAH[b])
    assert test.statistic == pytest.approx(z, abs=1e-9)
    assert test.p_value == pytest.approx(p, abs=1e-9)
    assert test.covariance == pytest.approx(covariance, rel=1e-8)
    assert test.variance_a == pytest.approx(variance[a], rel=1e-8)
    assert test.variance_b == pytest.approx(variance[b], rel=1e-8)
    assert test.low < test.difference < test.high
    assert (test.low <= 0 <= test.high) == (p > 0.05)


def test_unpaired_and_equal_curves_on_asah():
    test = delong_test(ASAH["label"], ASAH["wfns"], ASAH["s100b"], paired=False)
    assert test.statistic == pytest.approx(1.43490640926908, abs=1e-9)
    assert test.p_value == pytest.approx(0.152825378808796, abs=1e-9)
    same = delong_test(ASAH["label"], ASAH["wfns"], [3.0 * x - 2 for x in ASAH["wfns"]])
    assert (same.difference, same.statistic, same.p_value, same.low, same.high) == (0, 0, 1, 0, 0)


def test_ovarian_cancer_data_of_delong_1988():
    # AUC, SE and χ² as SAS prints them, in the order albumin, KG score (turned round), total protein.
    scores = {
        "albumin": OVARIAN["albumin"],
        "kg": [-x for x in OVARIAN["kg_score"]],
        "protein": OVARIAN["total_protein"],
    }
    joint = delong_joint(OVARIAN["label"], scores)
    assert list(joint.auroc) == pytest.approx([0.7365591398, 0.7258064516, 0.6478494624], abs=1e-9)
    errors = np.sqrt(np.diag(joint.covariance))
    assert list(errors) == pytest.approx([0.0926943461, 0.1028216090, 0.1000473756], abs=1e-9)
    assert (joint.statistic, joint.df) == pytest.approx((2.533978, 2), abs=1e-6)
    assert joint.p_value == pytest.approx(0.2816785, abs=1e-6)
    assert joint.pairs["albumin", "kg"].p_value == pytest.approx(0.9102063, abs=1e-6)
    assert joint.pairs["kg", "protein"].p_value == pytest.approx(0.4561397, abs=1e-6)


def test_joint_test_of_two_models_is_the_paired_test():
    joint = delong_joint(ASAH["label"], {"wfns": ASAH["wfns"], "ndka": ASAH["ndka"]})
    pair = delong_test(ASAH["label"], ASAH["wfns"], ASAH["ndka"])
    assert joint.statistic == pytest.approx(pair.statistic**2, abs=1e-9)
    assert joint.p_value == pytest.approx(pair.p_value, abs=1e-12)
    # A third model with the same ranking adds no degree of freedom and no evidence.
    three = delong_joint(
        ASAH["label"], {"wfns": ASAH["wfns"], "copy": [x / 9 for x in ASAH["wfns"]], "ndka": ASAH["ndka"]}
    )
    assert three.df == 1
    assert three.statistic == pytest.approx(joint.statistic, abs=1e-9)
    contrast = delong_joint(ASAH["label"], {"wfns": ASAH["wfns"], "ndka": ASAH["ndka"]}, contrasts=[[2, -2]])
    assert contrast.statistic == pytest.approx(joint.statistic, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(samples())
def test_placements_by_counting(sample):
    y, s = sample
    for value, label, score in zip(placement_values(y == 1, s), y, s, strict=True):
        others = s[y != label]
        below = (others < score).sum() if label else (others > score).sum()
        assert value == (below + (others == score).sum() / 2) / others.size


def obuchowski(y, scores, clusters):
    """Obuchowski (1997), equations 5-9, patient by patient."""
    models = range(len(scores))
    v = [placement_values(y == 1, s) for s in scores]
    theta = [x[y == 1].mean() for x in v]
    ids = sorted(set(clusters))
    m, n = (y == 1).sum(), (y == 0).sum()
    i10 = sum(any(y[clusters == c] == 1) for c in ids)
    i01 = sum(any(y[clusters == c] == 0) for c in ids)
    ten = {
        (c, k): sum(v[k][i] - theta[k] for i in np.flatnonzero((clusters == c) & (y == 1)))
        for c in ids
        for k in models
    }
    one = {
        (c, k): sum(v[k][i] - theta[k] for i in np.flatnonzero((clusters == c) & (y == 0)))
        for c in ids
        for k in models
    }
    out = np.empty((len(scores), len(scores)))
    for j in models:
        for k in models:
            s10 = i10 / ((i10 - 1) * m) * sum(ten[c, j] * ten[c, k] for c in ids)
            s01 = i01 / ((i01 - 1) * n) * sum(one[c, j] * one[c, k] for c in ids)
            s11 = len(ids) / (len(ids) - 1) * sum(ten[c, j] * one[c, k] for c in ids)
            s11_turned = len(ids) / (len(ids) - 1) * sum(ten[c, k] * one[c, j] for c in ids)
            out[j, k] = s10 / m + s01 / n + (s11 + s11_turned) / (m * n)
    return out


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_clustered_covariance_is_obuchowskis(seed):
    rng = np.random.default_rng(seed)
    n = 40
    y = rng.permutation(np.arange(n) % 3 == 0).astype(int)
    scores = np.round(rng.normal(size=(2, n)) + y, 1)
    clusters = rng.integers(0, 14, n)
    sample = as_paired_sample(y, {"a": scores[0], "b": scores[1]}, [f"patient {c}" for c in clusters])
    assert structural_components(sample).covariance == pytest.approx(obuchowski(y, scores, clusters), abs=1e-12)
    test = delong_test(y, scores[0], scores[1], clusters=clusters)
    full = obuchowski(y, scores, clusters)
    assert test.variance == pytest.approx(full[0, 0] + full[1, 1] - 2 * full[0, 1], abs=1e-12)


def test_one_case_a_patient_is_plain_delong():
    clusters = [f"p{i}" for i in range(113)]
    plain = delong_test(ASAH["label"], ASAH["wfns"], ASAH["ndka"])
    clustered = delong_test(ASAH["label"], ASAH["wfns"], ASAH["ndka"], clusters=clusters)
    assert clustered == plain
    # Every patient given twice doubles the data but not the information.
    twice = delong_test(*(x * 2 for x in (ASAH["label"], ASAH["wfns"], ASAH["ndka"])), clusters=clusters * 2)
    assert twice.variance == pytest.approx(plain.variance, rel=1e-12)
    assert (
        delong_test(*(x * 2 for x in (ASAH["label"], ASAH["wfns"], ASAH["ndka"]))).variance < 0.51 * plain.variance
    )


def test_unpaired_clusters_of_both_cohorts():
    y, a, b = ASAH["label"], ASAH["wfns"], ASAH["ndka"]
    clusters = [i // 2 for i in range(113)]
    test = delong_test(y, a, b, paired=False, clusters=clusters)
    apart = [auroc_interval(y, s, clusters=clusters).variance for s in (a, b)]
    assert test.variance == pytest.approx(sum(apart), rel=1e-12)
    assert test.n_clusters == (57, 57)
    assert delong_test((y, y), a, b, paired=False, clusters=(clusters, clusters)) == test


def test_unpaired_data_is_refused_with_the_counts():
    y = pd.Series([0, 1, 1, 0], index=["a", "b", "c", "d"])
    s = pd.Series([1.0, 2.0, 3.0, 4.0], index=["a", "b", "c", "d"])
    other = pd.Series([1.0, 2.0, 3.0], index=["a", "b", "x"])
    with pytest.raises(InputError, match="2 of 4 labelled cases have one, 1 of 3 belong to no labelled case"):
        delong_test(y, s, other)
    with pytest.raises(InputError, match="unpaired: 4 labelled cases but 3 scores"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3])
    with pytest.raises(InputError, match=r"A has 4 cases, B has 3, 2 are shared; 2 only in A, 1 only in B"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3], ids=(list("abcd"), list("abx")))
    with pytest.raises(InputError, match="another order"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3, 4], ids=(list("abcd"), list("abdc")))
    with pytest.raises(InputError, match="another order"):
        delong_test([0, 1, 1, 0], s, s.iloc[::-1])
    with pytest.raises(InputError, match="4 labels but 2 ids"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3, 4], ids=(list("ab"), list("ab")))
    with pytest.raises(InputError, match="two cohorts in a paired test"):
        delong_test(([0, 1], [1, 0]), [1, 2], [1, 2])
    with pytest.raises(InputError, match="4 labels but 3 scores_b — give the labels of b"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3], paired=False)
    assert delong_test(y, s, s.iloc[::-1]).p_value == 1.0


def test_aurocs_are_exact_counts_as_in_the_metrics():
    # Wins (ties ½) are whole or half numbers: the same count over the same pairs is the same float.
    for seed in range(50):
        rng = np.random.default_rng(seed)
        y, s = np.arange(23) < 7, np.round(rng.normal(size=23), 1)
        assert auroc_interval(y, s).auroc == auroc(y, s)
        assert delong_test(y, s, -s).difference == auroc(y, s) - auroc(y, -s)
    # Two orders with 7 of 9 wins each: no difference at all, where means of placements leave 1.1e-16.
    test = delong_test([1, 1, 1, 0, 0, 0], [6, 5, 2, 4, 3, 1], [6, 4, 3, 5, 2, 1])
    assert (test.auroc_a, test.difference, test.p_value) == (7 / 9, 0.0, 1.0)


def test_no_variance_is_said_not_invented():
    # Perfect against constant: both DeLong variances are zero although the AUROCs differ by ½.
    test = delong_test([0, 0, 1, 1], [1, 2, 3, 4], [5, 5, 5, 5])
    assert test.difference == 0.5
    assert math.isnan(test.p_value)
    assert "paired_permutation" in test.note
    single = delong_test([0, 0, 1], [1, 2, 3], [2, 1, 3])
    assert math.isnan(single.variance)
    assert "single patient" in single.note


@pytest.mark.parametrize("bad", [float("nan"), None, float("-inf")])
def test_missing_scores_are_refused(bad):
    with pytest.raises(InputError, match="scores of model_b: 1 of 4 values are missing"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, bad, 4])


def test_missing_patients_are_refused():
    with pytest.raises(InputError, match="1 of 4 cases have no patient id"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3, 4], clusters=["a", None, "b", "c"])
    with pytest.raises(InputError, match="1 of 4 cases have no patient id"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3, 4], clusters=["a", float("nan"), "b", "c"])
    ids = [1, "1", "01", "NA"]
    assert delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 4, 3], clusters=ids).n_clusters == (4, 4)
    with pytest.raises(InputError, match="4 cases but 2 patient ids"):
        delong_test([0, 1, 1, 0], [1, 2, 3, 4], [1, 2, 3, 4], clusters=["a", "b"])
