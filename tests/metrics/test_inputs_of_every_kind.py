"""Every public function takes whatever holds one value a case, gives the same, and refuses what it cannot use."""

import math
from dataclasses import asdict, is_dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark import metrics as m
from benchmark import statistics as s
from benchmark.errors import InputError
from benchmark.statistics.resampling import Resampling

Y = [0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1]
P = [0.1, 0.8, 0.6, 0.3, 0.9, 0.2, 0.7, 0.4, 0.35, 0.55, 0.15, 0.85, 0.62, 0.41, 0.22, 0.77, 0.6, 0.58, 0.05, 0.33]
Q = [0.2, 0.7, 0.5, 0.4, 0.6, 0.3, 0.6, 0.5, 0.25, 0.45, 0.35, 0.75, 0.52, 0.31, 0.42, 0.67, 0.5, 0.48, 0.15, 0.43]
W = [1, 2, 1, 1, 3, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1]
PATIENTS = [k // 2 for k in range(20)]
GROUPS = ["left", "right"] * 10
EVENTS = Y
TIMES = [1, 2.5, 3, 4, 0.5, 6, 2, 1.5, 3, 5, 4.5, 2, 1, 6, 3.5, 0.25, 7, 2, 5, 3]
FAST = {"resampling": Resampling(60, workers=1)}

CALLS = {
    "auroc": lambda k: m.auroc(k(Y), k(P), k(W)),
    "auprc": lambda k: m.auprc(k(Y), k(P), k(W), "davis_goadrich"),
    "partial_auroc": lambda k: m.partial_auroc(k(Y), k(P), recall=(0.5, 1), weights=k(W)),
    "count_curve": lambda k: m.count_curve(k(Y), k(P)),
    "count_curve weighted": lambda k: m.count_curve(k(Y), k(P), k(W)),
    "tied_scores": lambda k: m.tied_scores(k(P)),
    "brier": lambda k: m.brier(k(Y), k(P), k(W)),
    "ece": lambda k: m.expected_calibration_error(k(Y), k(P), k(W), bins=7),
    "calibration_line": lambda k: m.calibration_line(k(Y), k(P), k(W), k(PATIENTS)),
    "calibration_curve": lambda k: m.calibration_curve(k(Y), k(P), k(W), k(PATIENTS), points=5),
    "operating_point": lambda k: m.operating_point(k(Y), k(P), 0.8, weights=k(W)),
    "operating_points": lambda k: m.operating_points(k(Y), k(P), k([0.6, 0.8])),
    "point_at_specificity": lambda k: m.point_at_specificity(k(Y), k(P), 0.7),
    "point_at_threshold": lambda k: m.point_at_threshold(k(Y), k(P), 0.5),
    "transfer_threshold": lambda k: m.transfer_threshold(k(Y), k(P), k(Y), k(Q), 0.8),
    "net_benefit": lambda k: m.net_benefit(k(Y), k(P), 0.3, k(W)),
    "decision_curve": lambda k: m.decision_curve(k(Y), k(P), k([0.1, 0.3])),
    "semantic_auroc": lambda k: m.semantic_auroc(k(GROUPS), {"left": k(P), "right": k(Q)}),
    "auroc_interval": lambda k: s.auroc_interval(k(Y), k(P), clusters=k(PATIENTS)),
    "auprc_interval": lambda k: s.auprc_interval(k(Y), k(P), clusters=k(PATIENTS), **FAST),
    "metric_interval": lambda k: s.metric_interval(k(Y), k(P), "fpr@recall=0.8", clusters=k(PATIENTS), **FAST),
    "paired_bootstrap": lambda k: (
        s.paired_bootstrap(k(Y), {"a": k(P), "b": k(Q)}, clusters=k(PATIENTS), **FAST).differences
    ),
    "paired_permutation": lambda k: (
        s.paired_permutation(k(Y), {"a": k(P), "b": k(Q)}, clusters=k(PATIENTS), **FAST).differences
    ),
    "delong_test": lambda k: s.delong_test(k(Y), k(P), k(Q), clusters=k(PATIENTS)),
    "delong_test unpaired": lambda k: s.delong_test((k(Y), k(Y)), k(P), k(Q), paired=False),
    "delong_test with ids": lambda k: s.delong_test(k(Y), k(P), k(Q), ids=(k(PATIENTS), k(PATIENTS))),
    "missing_score_bounds": lambda k: s.missing_score_bounds(k(Y), k(P)),
    "weighted_for_missing": lambda k: s.weighted_for_missing(
        k(Y), k([*P[:-1], math.nan]), {"age": k(TIMES)}, k(PATIENTS), **FAST
    ),
    "model_at_readers_points": lambda k: s.model_at_readers_points(
        k(Y), k(P), {"r1": k([int(q > 0.4) for q in Q])}, clusters=k(PATIENTS), **FAST
    ),
    "model_against_readers": lambda k: s.model_against_readers(
        k(Y), k(P), {"r1": k([int(5 * q) for q in Q]), "r2": k([int(4 * q) for q in Q[::-1]])}, k(PATIENTS)
    ),
    "noninferiority": lambda k: s.noninferiority(k(Y), k(P), k(Q), 0.1, k(PATIENTS)),
    "conditional_auroc": lambda k: s.conditional_auroc(k(Y), k(P), k(GROUPS), k(PATIENTS)),
    "strata_of_scores": lambda k: s.strata_of_scores(k(P), 3),
    "fused_scores": lambda k: s.fused_scores(k(Y), {"a": k(P), "b": k(Q)}, k(PATIENTS), folds=2),
    "net_benefit_gain": lambda k: s.net_benefit_gain(k(Y), k(P), k(Q), k([0.1, 0.3]), k(PATIENTS), **FAST),
    "top_yield": lambda k: s.top_yield(k(Y), k(P), 5, k(PATIENTS), **FAST),
    "integrated_calibration_index": lambda k: m.integrated_calibration_index(k(Y), k(P), k(W)),
    "observed_expected": lambda k: m.observed_expected(k(Y), k(P), k(PATIENTS)),
    "mcnemar": lambda k: s.mcnemar(k(Y), k(P), k(Q), (0.5, 0.4), k(PATIENTS)),
    "auroc_difference": lambda k: s.auroc_difference(k(Y), k(P), k(Q), k(PATIENTS)),
    "delong_joint": lambda k: s.delong_joint(k(Y), {"a": k(P), "b": k(Q)}).covariance,
    "harrell_c": lambda k: m.harrell_c(k(TIMES), k(EVENTS), k(P)),
    "uno_c": lambda k: m.uno_c(k(TIMES), k(EVENTS), k(P), k([2, 4])),
    "dynamic_auc": lambda k: m.dynamic_auc(k(TIMES), k(EVENTS), k(P), k([2, 4])),
    "dynamic_auc by year": lambda k: m.dynamic_auc(k(TIMES), k(EVENTS), {2: k(P), 4: k(Q)}, [2, 4]),
    "mean_dynamic_auc": lambda k: m.mean_dynamic_auc(k(TIMES), k(EVENTS), k(P), k([2, 4])),
    "sybil_auc": lambda k: m.sybil_auc(k(TIMES), k(EVENTS), k(P), k([2, 4])),
    "brier_at": lambda k: m.brier_at(k(TIMES), k(EVENTS), {2: k(P), 4: k(Q)}, [2, 4]),
    "integrated_brier": lambda k: m.integrated_brier(k(TIMES), k(EVENTS), {2: k(P), 4: k(Q)}, [2, 4]),
    "kaplan_meier": lambda k: m.kaplan_meier(k(TIMES), k(EVENTS)),
    "calibration_at": lambda k: m.calibration_at(k(TIMES), k(EVENTS), k(P), 3, groups=2),
    "survival_bootstrap": lambda k: (
        s.survival_bootstrap(
            k(TIMES), k(EVENTS), {"a": k(P), "b": k(Q)}, [2, 4], "uno_c", k(PATIENTS), **FAST
        ).differences
    ),
    "as_survival_sample": lambda k: (
        s.as_survival_sample(k(TIMES), k(EVENTS), {"a": k(P)}, k([2, 4]), k(PATIENTS)).clusters
    ),
    "holm": lambda k: s.holm(k([0.01, 0.04, 0.03])),
    "pool_differences": lambda k: s.pool_differences(k([0.1, 0.2, 0.3]), k([0.1, 0.2, 0.1]), k(["x", "y", "z"])),
    "rates_at_threshold": lambda k: s.rates_at_threshold(k(Y), k(P), 0.5, k(PATIENTS)),
    "bin_sizes": lambda k: s.bin_sizes(k([3.0, 7.0, 20.0]), k([6.0, 8.0])),
    "subgroup_metrics": lambda k: s.subgroup_metrics(
        k(Y), {"a": k(P), "b": k(Q)}, k(GROUPS), clusters=k(PATIENTS), **FAST
    ).metrics.to_dict("records"),
    "as_sample": lambda k: m.as_sample(k(Y), k(P), k(W)),
    "as_paired_sample": lambda k: s.as_paired_sample(k(Y), {"a": k(P), "b": k(Q)}, k(PATIENTS)),
    "require_same_ids": lambda k: s.require_same_ids(k(PATIENTS), k(PATIENTS)),
    "friedman_nemenyi": lambda k: s.friedman_nemenyi(
        {"a": k(P[:6]), "b": k(Q[:6]), "c": k(P[6:12])}
    ).nemenyi.to_numpy(),
    "corrected_t": lambda k: s.corrected_t(k([0.8, 0.7, 0.9]), k([0.7, 0.5, 0.85]), 0.2),
    "wilcoxon_folds": lambda k: s.wilcoxon_folds(k([0.8, 0.7, 0.9]), k([0.7, 0.5, 0.85])),
}
PAIRS = {"delong_test unpaired"}
"""Calls with a pair of sequences, which an iterator cannot be told from its values in."""


class Foreign:
    """What another library's column is to numpy, such as a Series of polars or a tensor."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self._values if dtype is None else self._values.astype(dtype)


def shuffled_index(values):
    """Rows of a table that was shuffled: their order counts, not the numbers in their index."""
    return pd.Series(list(values), index=np.random.default_rng(1).permutation(len(values)))


def polars_series(values):
    return pytest.importorskip("polars").Series(list(values))


KINDS = {
    "tuple": tuple,
    "array": np.asarray,
    "array of objects": lambda values: np.array(list(values), dtype=object),
    "series": lambda values: pd.Series(list(values)),
    "series with ids": lambda values: pd.Series(list(values), index=[f"p{k}" for k in range(len(values))]),
    "series with a shuffled index": shuffled_index,
    "series of a nullable dtype": lambda values: pd.Series(list(values)).convert_dtypes(),
    "series of arrow": lambda values: pd.Series(list(values)).convert_dtypes(dtype_backend="pyarrow"),
    "series of objects": lambda values: pd.Series(list(values), dtype=object),
    "categories": lambda values: pd.Series(pd.Categorical(list(values))),
    "pandas array": lambda values: pd.array(list(values)),
    "pandas index": lambda values: pd.Index(list(values)),
    "array protocol": Foreign,
    "polars": polars_series,
    "iterator": iter,
}


def same(first, second):
    if is_dataclass(first):
        return same(asdict(first), asdict(second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray) and first.dtype != object:
        return np.array_equal(first, second, equal_nan=True)
    if isinstance(first, np.ndarray):
        return list(first) == list(second)
    return first == second or (first != first and second != second)


@pytest.mark.parametrize(
    ("call", "kind"), [(call, kind) for call in CALLS for kind in KINDS if kind != "iterator" or call not in PAIRS]
)
def test_every_kind_of_sequence_gives_what_a_list_gives(call, kind):
    assert same(CALLS[call](KINDS[kind]), CALLS[call](list))


def test_every_public_function_of_cases_is_tried():
    tried = {name.split()[0] for name in CALLS} | {"expected_calibration_error"}
    functions = {
        name
        for package in (m, s)
        for name in package.__all__
        if callable(getattr(package, name)) and not isinstance(getattr(package, name), type)
    }
    # Functions of numbers or of names.
    others = {"named_metric", "ppv_at_prevalence", "critical_difference"}
    others |= {"patients_for_auroc", "patients_for_auprc", "patients_for_recall", "patients_for_noninferiority"}
    others |= {"agreement", "flipped_calls", "mrmc"}  # of a table
    others |= {
        "patients_needed",
        "power_of_difference",
        "power_of_variance",
        "smallest_difference",
        "rate_interval",
    }
    # What the others call once `as_paired_sample` has checked their arrays: functions of a `Sample`.
    others |= {f"{name}_of" for name in functions}
    assert functions - tried - others == set()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_each_argument_may_be_of_another_kind(data):
    call = data.draw(st.sampled_from(sorted(set(CALLS) - PAIRS)))
    # Two Series with an index of their own each are matched by it: here every one has the same.
    kinds = ["array", "tuple", "series with a shuffled index", "array protocol", "pandas array", "iterator"]
    mixed = CALLS[call](lambda values: KINDS[data.draw(st.sampled_from(kinds))](values))
    assert same(mixed, CALLS[call](list))


def spoiled(call, at, spoil):
    """The call with its ``at``-th sequence spoiled; None where it has not so many."""
    seen = -1

    def kind(values):
        nonlocal seen
        seen += 1
        return spoil(list(values)) if seen == at else list(values)

    CALLS[call](kind)
    return None if seen < at else seen


FREE = {
    ("operating_points", 2),
    ("uno_c", 3),
    ("dynamic_auc", 3),
    ("mean_dynamic_auc", 3),
    ("sybil_auc", 3),
    ("as_survival_sample", 3),
    ("decision_curve", 2),
    ("bin_sizes", 0),
    ("bin_sizes", 1),
    ("holm", 0),
    ("net_benefit_gain", 3),
    ("strata_of_scores", 0),
    ("tied_scores", 0),
}
"""Sequences by themselves: of targets, or the only one that a function takes."""


@pytest.mark.parametrize("spoil", [lambda v: v[:-1], lambda v: [*v, v[0]]], ids=["shorter", "longer"])
@pytest.mark.parametrize("call", CALLS)
def test_another_length_is_refused(call, spoil):
    for at in {0, 1, 2, 3, 4} - {at for name, at in FREE if name == call}:
        try:
            found = spoiled(call, at, spoil)
        except InputError:
            continue
        assert found is None, f"an answer was given with another length of sequence {at}"


MISSING_ALLOWED = {
    ("semantic_auroc", 0),
    ("subgroup_metrics", 3),
    ("subgroup_metrics", 4),
    ("bin_sizes", 0),
    ("holm", 0),
    ("missing_score_bounds", 1),
    ("weighted_for_missing", 1),
}
"""Where a missing value has a meaning of its own."""


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA], ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_a_missing_value_is_refused(call, missing):
    for at in {0, 1, 2, 3, 4} - {at for name, at in MISSING_ALLOWED if name == call}:
        try:
            found = spoiled(call, at, lambda values: [missing, *values[1:]])
        except InputError:
            continue
        assert found is None, f"an answer was given with a missing value in sequence {at}"


@pytest.mark.parametrize("label", [2, -1, 0.5, "malignant", float("nan"), None, pd.NaT], ids=repr)
@pytest.mark.parametrize("call", [name for name, run in CALLS.items() if "Y" in run.__code__.co_names])
def test_labels_other_than_0_and_1_are_refused(call, label):
    with pytest.raises(InputError, match="labels"):
        spoiled(call, 0, lambda values: [label, *values[1:]])


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ("0.1", "expected one value a case, got a str"),
        ({"a": 0.1, "b": 0.2}, "expected one value a case, got a dict"),
        ({0.1, 0.2}, "expected one value a case, got a set"),
        (0.5, "expected one value a case, got a float"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "dates"),
        (np.array([1j, 2]), "complex"),
        (pd.DataFrame({"a": [0.1, 0.2]}), "single column of a table"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_sequence_of_numbers_is_refused(scores, message):
    with pytest.raises(InputError, match=message):
        m.auroc([0, 1], scores)


@pytest.mark.parametrize("kind", ["Int64", "Float64", "boolean", "int64[pyarrow]", "string"])
def test_what_pandas_calls_missing_is_missing(kind):
    labels = pd.Series([0, 1, None, 1]).astype("Float64").astype(kind)
    with pytest.raises(InputError, match="labels: 1 of 4 values are neither 0 nor 1"):
        m.count_curve(labels, [1, 2, 3, 4])


def test_series_are_matched_by_their_ids_and_all_else_goes_by_position():
    labels, scores = [0, 1, 1, 0], [0.1, 0.9, 0.2, 0.8]
    at = [2, 0, 3, 1]
    ids = ["a", "b", "c", "d"]
    named = pd.Series(labels, index=ids)
    reordered = pd.Series(scores, index=ids).iloc[at]
    assert m.auroc(named, reordered) == m.auroc(labels, scores) == 0.75
    by_position = m.auroc(labels, [scores[k] for k in at])
    assert m.auroc(labels, reordered) == m.auroc(named, reordered.to_numpy()) == by_position == 0.25


def test_an_index_that_pandas_made_is_no_id():
    labels, scores = pd.Series([0, 1, 1, 0]), pd.Series([0.1, 0.9, 0.2, 0.8], index=[2, 0, 3, 1])
    with pytest.raises(InputError, match=r"same numbers in another order — .*set_index.* by position"):
        m.auroc(labels, scores)
    with pytest.raises(InputError, match="same numbers in another order"):
        s.paired_bootstrap(labels, {"a": scores})
    assert m.auroc(labels.set_axis([2, 0, 3, 1]), scores) == m.auroc(list(labels), scores) == 0.75


def test_a_table_with_a_column_a_model_is_a_mapping():
    table = pd.DataFrame({"a": P, "b": Q})
    expected = s.delong_joint(Y, {"a": P, "b": Q})
    assert same(s.delong_joint(Y, table), expected)
    with pytest.raises(InputError, match="stand in more than one column: a"):
        s.delong_joint(Y, table.set_axis(["a", "a"], axis=1))
    arrow = pytest.importorskip("pyarrow").Table.from_pandas(table)
    assert same(s.delong_joint(Y, arrow), expected)
    polars = pytest.importorskip("polars")
    assert same(s.delong_joint(Y, polars.DataFrame({"a": P, "b": Q})), expected)
