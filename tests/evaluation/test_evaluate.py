"""What `benchmark.evaluate` takes, and what it refuses before anything is computed."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark import Evaluation, evaluate
from benchmark.errors import InputError
from benchmark.statistics import metric_interval
from benchmark.statistics.resampling import Resampling
from tests.metrics.test_inputs_of_every_kind import Foreign, shuffled_index

RNG = np.random.default_rng(0)
N = 60
Y = [int(k < 24) for k in RNG.permutation(N)]
A = (1 / (1 + np.exp(-(np.array(Y) * 1.5 + RNG.normal(size=N))))).tolist()
B = (np.array(Y) + RNG.normal(size=N)).tolist()
SEX = ["F", "M"] * (N // 2)
FAST = {"replicates": 60, "recalls": [0.8]}


def aurocs(found):
    return dict(zip(found.performance["model"], found.performance["auroc"], strict=True))


EXPECTED = {"a": roc_auc_score(Y, A), "b": roc_auc_score(Y, B)}
KINDS = {
    "lists": lambda v: v,
    "tuples": tuple,
    "arrays": np.array,
    "series": pd.Series,
    "series with a shuffled index": shuffled_index,
    "nullable": lambda v: pd.Series(v).convert_dtypes(),
    "array protocol": Foreign,
    "polars": lambda v: pytest.importorskip("polars").Series(v),
    "iterators": iter,
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_sequence_gives_the_same(kind):
    found = evaluate(kind(Y), {"a": kind(A), "b": kind(B)}, by={"sex": kind(SEX)}, **FAST)
    assert aurocs(found) == pytest.approx(EXPECTED, abs=1e-12)
    assert set(found.subgroups["subgroup"]) == {"sex: F", "sex: M"}


def test_a_table_with_a_column_a_model():
    table = pd.DataFrame({"a": A, "b": B})
    expected = evaluate(Y, {"a": A, "b": B}, **FAST).performance
    pd.testing.assert_frame_equal(evaluate(Y, table, **FAST).performance, expected)
    pd.testing.assert_frame_equal(evaluate(pd.Series(Y), table, **FAST).performance, expected)
    for library in ("pyarrow", "polars"):
        module = pytest.importorskip(library)
        other = module.Table.from_pandas(table) if library == "pyarrow" else module.DataFrame({"a": A, "b": B})
        pd.testing.assert_frame_equal(evaluate(Y, other, **FAST).performance, expected)


def test_one_model_has_the_name_of_its_series():
    assert list(evaluate(Y, A, **FAST).performance["model"]) == ["model"]
    assert list(evaluate(Y, pd.Series(A, name="CLIP (ours), v1/2"), **FAST).performance["model"]) == [
        "CLIP (ours), v1/2"
    ]


def test_pandas_rows_are_matched_by_their_ids_all_else_by_position():
    ids = [f"P{k}" for k in range(N)]
    labels, table = pd.Series(Y, index=ids), pd.DataFrame({"a": A, "b": B}, index=ids)
    mixed = table.sample(frac=1, random_state=1)
    assert aurocs(evaluate(labels, mixed, **FAST)) == pytest.approx(EXPECTED, abs=1e-12)
    by_position = roc_auc_score(Y, mixed["a"])
    assert aurocs(evaluate(Y, mixed, **FAST))["a"] == pytest.approx(by_position, abs=1e-12)
    assert by_position != pytest.approx(EXPECTED["a"], abs=0.01)
    with pytest.raises(InputError, match="59 of 60 labelled cases"):
        evaluate(labels, mixed.iloc[1:], **FAST)


def test_several_cohorts():
    found = evaluate(
        {"UCLA (CT)": Y, "NLST": Y[:40]},
        {"UCLA (CT)": {"a": A, "b": B}, "NLST": pd.DataFrame({"a": A[:40], "b": B[:40]})},
        titles={"a": "CLIP"},
        **FAST,
    )
    table = found.performance
    assert list(table["cohort"]) == ["UCLA-CT", "UCLA-CT", "NLST", "NLST"]
    assert table.loc[2, "auroc"] == pytest.approx(roc_auc_score(Y[:40], A[:40]), abs=1e-12)
    assert "UCLA (CT), n = 60" in found._repr_html_()
    assert "CLIP" in found._repr_html_()
    assert len(found.pooled) == 2
    assert found.plot_roc("UCLA (CT)") is found.plot_roc("UCLA-CT")
    with pytest.raises(InputError, match=r"several cohorts: say which — cohorts: UCLA \(CT\), NLST"):
        found.plot_roc()
    with pytest.raises(InputError, match="'LUNA' is no cohort here"):
        found.plot_pr("LUNA")


def test_patients_of_two_cohorts_are_not_pooled():
    scores = {"a": A, "b": B}
    given = {"labels": {"UCLA": Y, "NLST": Y}, "scores": {"UCLA": scores, "NLST": scores}}
    assert evaluate(**given, **FAST).pooled["difference"].notna().all()
    ids = {"UCLA": [f"P{k}" for k in range(N)], "NLST": [f"P{k + 50}" for k in range(N)]}
    shared = evaluate(**given, ids=ids, **FAST)
    assert shared.pooled["difference"].isna().all()
    assert shared.notes[0].startswith("10 ids stand in both UCLA and NLST: taken for the same patients")


@pytest.mark.parametrize("other", [{"scores": [0.1, 0.2]}, {"scores": {"x": [1, 2]}, "ids": {"y": [1, 2]}}])
def test_arguments_of_other_cohorts_are_refused(other):
    with pytest.raises(InputError, match="give a mapping with the same cohorts"):
        evaluate({"x": [0, 1]}, **other)


def test_missing_labels_and_scores_are_said():
    labels, scores = [None, *Y[1:]], [A[0], float("nan"), *A[2:]]
    found = evaluate(labels, {"a": scores, "b": B}, cohort="UCLA", **FAST)
    assert aurocs(found)["b"] == pytest.approx(roc_auc_score(Y[2:], B[2:]), abs=1e-12)
    assert found.notes[:2] == (
        "UCLA: 1 of 60 rows have no label and are left out.",
        "UCLA: 58 of 59 labelled patients have a score of every model compared; numbers are of these.",
    )
    own = found.table("performance_all").set_index("model")
    assert own.loc["b", "auroc"] == pytest.approx(roc_auc_score(Y[1:], B[1:]), abs=1e-12)
    assert "1 of 60 rows have no label" in found._repr_html_()


def test_clusters_are_resampled_whole():
    patients = [k // 3 for k in range(N)]
    found = evaluate(Y, {"a": A}, cluster=patients, replicates=200)
    alone = evaluate(Y, {"a": A}, replicates=200)
    assert aurocs(found) == pytest.approx({"a": EXPECTED["a"]}, abs=1e-12)
    row, single = found.performance.iloc[0], alone.performance.iloc[0]
    drawn = metric_interval(Y, A, "auprc", "bca", patients, resampling=Resampling(200))
    assert (row["auprc_low"], row["auprc_high"]) == (drawn.low, drawn.high)
    assert row["auprc_low"] != single["auprc_low"]
    assert repr(found) == "Evaluation of 1 model (a) on cohort: 60 nodules, 24 positive"


def test_what_counts_of_a_patient_with_several_rows_is_asked():
    patients = np.arange(N) // 2
    with pytest.raises(
        InputError, match=r"30 patients have several rows: what counts.*unit='nodule'.*unit='patient'"
    ):
        evaluate(Y, {"a": A}, ids=patients, **FAST)
    assert aurocs(evaluate(Y, {"a": A}, ids=patients, unit="nodule", **FAST)) == pytest.approx(
        {"a": EXPECTED["a"]}, abs=1e-12
    )
    table = pd.DataFrame({"y": Y, "a": A}).groupby(patients).max()
    by_patient = evaluate(Y, {"a": A}, ids=patients, unit="patient", **FAST)
    assert aurocs(by_patient) == pytest.approx({"a": roc_auc_score(table["y"], table["a"])}, abs=1e-12)


def test_folds_are_tested_over():
    ids, folds = [f"P{k % 20}" for k in range(N)], [k // 20 for k in range(N)]
    labels = [Y[k % 20] for k in range(N)]
    noise = np.random.default_rng(1).normal(size=(3, N))
    scores = {name: np.array(labels) + (k + 1) * noise[k] for k, name in enumerate("abc")}
    found = evaluate(labels, scores, ids=ids, folds=folds, **FAST)
    assert repr(found) == f"Evaluation of 3 models (a, b, c) on cohort: 20 patients, {sum(Y[:20])} positive"
    row = found.folds.query("model == 'a' and fold == '1' and metric == 'auroc'").iloc[0]
    assert row["value"] == pytest.approx(roc_auc_score(labels[20:40], scores["a"][20:40]), abs=1e-12)
    assert "friedman" in " ".join(found.fold_tests["test"]).lower()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [2, *Y[1:]]}, r"labels: 1 of 60 values are neither 0 nor 1 \(2.0\)"),
        ({"labels": ["benign"] * N}, "labels: not all values are numbers .* code malignant as 1"),
        ({"labels": [None] * N}, "all 60 are missing"),
        ({"labels": []}, "labels: expected a non-empty sequence"),
        ({"labels": {}}, "a mapping without a cohort"),
        ({"scores": A[1:]}, "60 labels but 59 scores of model"),
        (
            {"scores": {"a": A[1:], "b": [float("inf"), *B[1:]], "c": [None] * N}},
            r"59 scores(.|\n)*infinite(.|\n)*all 60",
        ),
        ({"scores": {}}, "of no model"),
        ({"scores": "a.csv"}, "expected one value a case, got a str"),
        ({"scores": np.zeros((N, 2))}, r"shape \(60, 2\) names no models — give"),
        ({"scores": pd.DataFrame([[1, 2]] * N, columns=["a", "a"])}, "in more than one column: a"),
        ({"ids": ["x"] * 3}, "60 labels but 3 ids"),
        ({"ids": [None, *range(N - 1)]}, "ids: 1 of 60 are missing"),
        ({"cluster": [None, *range(N - 1)]}, "cluster: 1 of 60 are missing"),
        ({"by": ["x"]}, "60 labels but 1 values of by"),
        ({"by": {"sex": SEX, "age": SEX}}, "by: 2 columns, sex, age — group by one"),
        ({"by": {"malignant": SEX}}, "the name 'malignant' is taken"),
        ({"unit": "lobe"}, "is no unit"),
        ({"recalls": [80]}, "is no recall to aim at"),
        ({"recalls": []}, "recalls: expected a non-empty sequence"),
        ({"replicates": 0}, "replicates 0 — expected a whole number"),
        ({"seed": -1}, "seed -1: give a whole number"),
        ({"metrics": ["auc"]}, "auc"),
        ({"metrics": ["brier"], "scores": {"b": B}}, "probabilit"),
        ({"titles": {"bb": "B"}}, "'bb' is no model here"),
        ({"reference": "bb"}, "'bb' is no model here"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_at_once(change, message):
    given = {"labels": Y, "scores": {"a": A, "b": B}, **change}
    with pytest.raises(InputError, match=message):
        evaluate(given.pop("labels"), given.pop("scores"), **given)


def test_why_there_are_no_subgroups_is_said():
    found = evaluate(Y, A, by={"sex": [None, *["F"] * (N - 1)]}, cohort="UCLA", **FAST)
    assert found.subgroups.empty
    assert found.notes == ("UCLA: no subgroups, 'sex' has fewer than two values here.",)


def test_an_unknown_setting_is_no_setting():
    with pytest.raises(TypeError, match="replicate'"):
        evaluate(Y, A, replicate=10)


def test_a_metric_may_be_named_alone():
    found = evaluate(Y, A, metrics="npv@recall=0.9", **FAST)
    assert isinstance(found, Evaluation)
    assert "npv@recall=0.9_low" in found.performance
