"""A model against readers: brute force over resamples, and the analysis of modalities that it is a case of."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics import operating_point
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import (
    Resampling,
    as_paired_sample,
    delong_test,
    model_against_readers,
    model_at_readers_points,
    mrmc,
)
from benchmark.statistics.readers_points import _rates

RNG = np.random.default_rng(3)
LABELS = np.repeat([1, 0], [25, 55])
SCORES = np.round(RNG.normal(LABELS * 1.2), 1)  # with ties
RATINGS = {f"r{j}": np.clip(np.round(RNG.normal(2.5 + LABELS, 1 + 0.2 * j)), 1, 5) for j in range(4)}
CALLS = {name: (values >= 3).astype(int) for name, values in RATINGS.items()}


def test_the_point_is_the_operating_point_at_the_readers_recall() -> None:
    found = model_at_readers_points(LABELS, SCORES, CALLS, resampling=Resampling(200, seed=1))
    for one in found[:-1]:
        calls = CALLS[one.reader]
        assert one.recall == pytest.approx(calls[LABELS == 1].mean())
        assert one.specificity == pytest.approx(1 - calls[LABELS == 0].mean())
        point = operating_point(LABELS, SCORES, one.recall)
        assert (one.model_recall, one.model_specificity) == pytest.approx((point.recall, point.specificity))
        assert one.model_recall >= one.recall
        assert one.low <= one.difference <= one.high
        assert one.p_holm >= one.p_value
    mean = found[-1]
    assert mean.reader == ""
    assert mean.difference == pytest.approx(np.mean([one.difference for one in found[:-1]]))
    assert math.isnan(mean.p_holm)


@pytest.mark.parametrize("matched", ["recall", "specificity"])
def test_resamples_by_hand(matched: str) -> None:
    sample = as_paired_sample(LABELS, {"": SCORES, **CALLS})
    weights = RNG.integers(0, 3, size=(LABELS.size, 6)).astype(float)
    found = _rates(sample, weights, matched)  # type: ignore[arg-type]
    for b in range(6):
        drawn = np.repeat(np.arange(LABELS.size), weights[:, b].astype(int))
        labels, scores = LABELS[drawn], SCORES[drawn]
        for k, calls in enumerate(values[drawn] for values in CALLS.values()):
            recall, specificity = calls[labels == 1].mean(), 1 - calls[labels == 0].mean()
            points = [
                ((scores[labels == 1] >= t).mean(), (scores[labels == 0] < t).mean())
                for t in [math.inf, *np.unique(scores)[::-1]]
            ]
            if matched == "recall":
                best = next(p for p in points if p[0] >= recall - 1e-12)
            else:
                best = [p for p in points if p[1] >= specificity - 1e-12][-1]
            assert found[k, :, b] == pytest.approx([recall, specificity, *best])


def test_matched_specificity_gives_a_recall() -> None:
    found = model_at_readers_points(LABELS, SCORES, CALLS, "specificity", resampling=Resampling(200, seed=1))
    for one in found[:-1]:
        assert one.model_specificity >= one.specificity
        assert one.difference == pytest.approx(one.model_recall - one.recall)


def test_same_bytes_for_any_number_of_threads() -> None:
    first, second = (
        model_at_readers_points(LABELS, SCORES, CALLS, resampling=Resampling(700, seed=4, workers=workers))
        for workers in (1, 2)
    )
    assert [(one.low, one.high, one.p_value) for one in first] == [
        (one.low, one.high, one.p_value) for one in second
    ]


def test_a_reader_who_calls_nothing_has_no_interval() -> None:
    (one, _) = model_at_readers_points(LABELS, SCORES, {"r": np.zeros(80)}, resampling=Resampling(100))
    assert (one.recall, one.specificity, one.model_specificity, one.difference) == (0, 1, 1, 0)
    assert math.isnan(one.low)
    assert "no interval" in one.note


@pytest.mark.parametrize(
    ("calls", "says"),
    [({"r": RATINGS["r0"]}, "expected 1 and 0"), ({}, "expected"), ({"r": np.full(80, np.nan)}, "missing")],
)
def test_calls_that_are_none_are_refused(calls: dict[str, object], says: str) -> None:
    with pytest.raises(SampleError, match=says):
        model_at_readers_points(LABELS, SCORES, calls)


def test_it_is_the_analysis_of_two_modalities_of_which_one_is_the_same_for_all() -> None:
    # With the model's scores as every reader's ratings in a second modality, Obuchowski and Rockette's F (checked
    # against MRMCaov and RJafroc in test_mrmc.py) is the square of this t.
    rows = [
        (reader, modality, case, value, LABELS[case])
        for reader, ratings in RATINGS.items()
        for modality, values in (("model", SCORES), ("reader", ratings))
        for case, value in enumerate(values)
    ]
    frame = pd.DataFrame(rows, columns=["reader", "modality", "case", "rating", "label"])
    expected = mrmc(frame, covariance="delong")
    found = model_against_readers(LABELS, SCORES, RATINGS)
    row = expected.differences.iloc[0]
    assert found.difference == pytest.approx(row["difference"], abs=1e-12)
    assert (found.error, found.df) == pytest.approx((row["error"], row["df"]), rel=1e-9)
    assert (found.low, found.high, found.p_value) == pytest.approx(
        (row["low"], row["high"], row["p_value"]), abs=1e-9
    )
    assert (found.difference / found.error) ** 2 == pytest.approx(expected.statistic, rel=1e-9)


def test_one_reader_is_delongs_test() -> None:
    found = model_against_readers(LABELS, SCORES, {"r": RATINGS["r1"]})
    expected = delong_test(LABELS, SCORES, RATINGS["r1"])
    assert (found.difference, found.p_value) == pytest.approx((expected.difference, expected.p_value), abs=1e-12)
    assert "one reader" in found.note


def test_patients_with_several_cases_widen_the_interval() -> None:
    labels, scores = np.repeat(LABELS, 3), np.repeat(SCORES, 3)
    ratings = {name: np.repeat(values, 3) for name, values in RATINGS.items()}
    clusters = np.repeat(np.arange(80), 3)
    alone, together = (
        model_against_readers(LABELS, SCORES, RATINGS),
        model_against_readers(labels, scores, ratings, clusters),
    )
    # Threefold copies of a case hold what one holds.
    assert together.error == pytest.approx(alone.error, rel=0.02)
