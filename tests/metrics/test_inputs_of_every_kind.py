"""Every public function takes lists, tuples, arrays and Series, and gives the same."""

from dataclasses import asdict, is_dataclass

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics as m
from benchmark import statistics as s
from benchmark.statistics.resampling import Resampling

Y = [0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1]
P = [0.1, 0.8, 0.6, 0.3, 0.9, 0.2, 0.7, 0.4, 0.35, 0.55, 0.15, 0.85, 0.62, 0.41, 0.22, 0.77, 0.6, 0.58, 0.05, 0.33]
Q = [0.2, 0.7, 0.5, 0.4, 0.6, 0.3, 0.6, 0.5, 0.25, 0.45, 0.35, 0.75, 0.52, 0.31, 0.42, 0.67, 0.5, 0.48, 0.15, 0.43]
W = [1, 2, 1, 1, 3, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1]
PATIENTS = [k // 2 for k in range(20)]
GROUPS = ["left", "right"] * 10
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
    "auroc_difference": lambda k: s.auroc_difference(k(Y), k(P), k(Q), k(PATIENTS)),
    "delong_joint": lambda k: s.delong_joint(k(Y), {"a": k(P), "b": k(Q)}).covariance,
    "holm": lambda k: s.holm(k([0.01, 0.04, 0.03])),
    "pool_differences": lambda k: s.pool_differences(k([0.1, 0.2, 0.3]), k([0.1, 0.2, 0.1]), k(["x", "y", "z"])),
    "rates_at_threshold": lambda k: s.rates_at_threshold(k(Y), k(P), 0.5, k(PATIENTS)),
    "bin_sizes": lambda k: s.bin_sizes(k([3.0, 7.0, 20.0]), k([6.0, 8.0])),
    "subgroup_metrics": lambda k: s.subgroup_metrics(
        k(Y), {"a": k(P), "b": k(Q)}, k(GROUPS), clusters=k(PATIENTS), **FAST
    ).metrics.to_dict("records"),
    "corrected_t": lambda k: s.corrected_t(k([0.8, 0.7, 0.9]), k([0.7, 0.5, 0.85]), 0.2),
    "wilcoxon_folds": lambda k: s.wilcoxon_folds(k([0.8, 0.7, 0.9]), k([0.7, 0.5, 0.85])),
}
KINDS = {
    "tuple": tuple,
    "array": np.asarray,
    "series": lambda values: pd.Series(list(values)),
    "series with ids": lambda values: pd.Series(list(values), index=[f"p{k}" for k in range(len(values))]),
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
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
    # Functions of numbers, of a table, or of names; `as_sample` is behind all others.
    others = {"as_sample", "named_metric", "ppv_at_prevalence", "critical_difference", "friedman_nemenyi"}
    others |= {
        "patients_needed",
        "power_of_difference",
        "power_of_variance",
        "smallest_difference",
        "rate_interval",
    }
    others |= {"require_same_ids", "rate_interval"}
    # What the others call once `as_paired_sample` has checked their arrays: functions of a `Sample`.
    others |= {"as_paired_sample"} | {f"{name}_of" for name in functions}
    assert functions - tried - others == set()
