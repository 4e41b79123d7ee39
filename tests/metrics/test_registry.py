"""Invariances that every metric of the registry must keep."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.metrics import METRICS, named_metric
from tests.metrics.test_discrimination import samples

NAMES = [name + ("=0.3" if metric.argument else "") for name, metric in METRICS.items()]
# Metrics of all kinds accept probabilities; these are spread over (0, 1) with the ties of the sample.
TOLERANCE = {"calibration_slope": 1e-6, "calibration_intercept": 1e-6}


def squeezed(s):
    """Scores brought into (0, 1), the order and the ties kept."""
    width = s.max() - s.min()
    return 0.05 + 0.9 * (s - s.min()) / width if width > 0 else np.full_like(s, 0.4)


def same(found, expected, name):
    if math.isnan(expected):
        return math.isnan(found)
    return found == pytest.approx(expected, abs=TOLERANCE.get(name, 1e-12))


def test_the_registry_is_complete():
    assert len(NAMES) >= 17
    assert {"auroc", "auprc", "fpr@recall=0.3", "precision@recall=0.3", "brier"} <= set(NAMES)
    assert all(metric.title and callable(metric.function) for metric in METRICS.values())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(samples(), st.randoms(use_true_random=False))
def test_row_order_duplication_and_weights_change_nothing(name, sample, random):
    y, p = sample[0], squeezed(sample[1])
    metric = named_metric(name)
    value = metric(y, p)
    order = np.array(random.sample(range(len(y)), len(y)))
    assert same(metric(y[order], p[order]), value, name)
    assert same(metric(np.tile(y, 3), np.tile(p, 3)), value, name)
    assert same(metric(y, p, np.full(len(y), 2.5)), value, name)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(samples(), st.data())
def test_whole_weights_are_repeated_cases(name, sample, data):
    y, p = sample[0], squeezed(sample[1])
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(y), max_size=len(y))))
    # Both classes must be left over.
    counts[[np.argmax(y), np.argmin(y)]] += 1
    metric = named_metric(name)
    assert same(metric(y, p, counts), metric(np.repeat(y, counts), np.repeat(p, counts)), name)


@pytest.mark.parametrize("name", [n for n in NAMES if METRICS[n.partition("=")[0]].ranks_only])
@settings(max_examples=25, deadline=None)
@given(samples())
def test_monotone_rescaling_changes_no_metric_of_ranks(name, sample):
    y, s = sample[0], squeezed(sample[1])
    metric = named_metric(name)
    for rescaled in (np.log(s), 4 * s - 8, np.unique(s, return_inverse=True)[1]):
        assert same(metric(y, rescaled), metric(y, s), name)


@pytest.mark.parametrize("name", [n for n in NAMES if METRICS[n.partition("=")[0]].swapped])
@settings(max_examples=25, deadline=None)
@given(samples())
def test_label_swap(name, sample):
    key, _, value = name.partition("=")
    y, p = sample[0], squeezed(sample[1])
    other = METRICS[key].swapped + (f"={value}" if value else "")
    assert same(named_metric(other)(1 - y, 1 - p), named_metric(name)(y, p), key)


@settings(max_examples=50, deadline=None)
@given(samples())
def test_swapped_labels_alone_turn_auroc_round(sample):
    y, s = sample
    assert named_metric("auroc")(1 - y, s) == pytest.approx(1 - named_metric("auroc")(y, s), abs=1e-12)
    # The label-swapped operating point: specificity among the old positives at recall t of the old negatives.
    at = named_metric("specificity@recall=0.7")(1 - y, -s)
    assert at == pytest.approx(named_metric("recall@specificity=0.7")(y, s), abs=1e-12)


@pytest.mark.parametrize("name", [n for n in NAMES if not METRICS[n.partition("=")[0]].ranks_only])
def test_metrics_of_values_do_depend_on_values(name):
    # Guards the flag itself: one of these must change when probabilities are squeezed.
    y, p = np.array([0, 0, 1, 0, 1, 1, 0, 1]), np.array([0.1, 0.2, 0.25, 0.6, 0.7, 0.9, 0.35, 0.31])
    metric = named_metric(name)
    assert metric(y, p) != pytest.approx(metric(y, p / 4), abs=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        "auc",
        "fpr@recall",
        "fpr@recall=x",
        "fpr@recall=1.2",
        "fpr@recall=0",
        "recall@specificity=0",
        "auroc=0.5",
        "fpr@recall=nan",
        "fpr@threshold=nan",
        "",
    ],
)
def test_names_that_cannot_be_read_are_refused(name):
    with pytest.raises(InputError, match="metric"):
        named_metric(name)


def test_titles_carry_their_argument():
    assert named_metric("fpr@recall=0.8").title == "FPR at recall 0.8"
    assert named_metric("auroc").title == "AUROC"


def test_negative_or_missing_weights_are_refused():
    for weights in ([1, -1], [1, float("nan")], [1], [0, 1]):
        with pytest.raises(InputError):
            named_metric("auroc")([0, 1], [0.1, 0.2], weights)
