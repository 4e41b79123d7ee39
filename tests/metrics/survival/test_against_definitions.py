"""Time-to-event measures against their definitions in exact fractions, and properties that they must have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import metrics as m
from benchmark.metrics.censored_brier import brier_of
from benchmark.metrics.concordance import ComparablePairs, harrell_of, uno_of
from benchmark.metrics.followup import Weighted, as_followup
from benchmark.metrics.yearly_auc import YearlyAreas, mean_area
from tests.metrics.survival import definitions as d

HORIZONS = [0, 1, 2, 3.5, 5, 8]
TIES = ["textbook", "sksurv"]


@st.composite
def cohorts(draw, most=10):
    """Times from all tied to nearly none, on whole and quarter years, 0 among them; risks in sixteenths."""
    n = draw(st.integers(1, most))
    step = draw(st.sampled_from([1.0, 0.25, 4.0]))
    time = [
        step * k for k in draw(st.lists(st.integers(0, draw(st.sampled_from([2, 6, 30]))), min_size=n, max_size=n))
    ]
    event = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    risk = draw(st.lists(st.integers(0, draw(st.sampled_from([2, 16]))), min_size=n, max_size=n))
    return time, event, [r / 16 for r in risk]


def agree(found, expected):
    """The same number, or no answer in both."""
    if expected is None:
        return bool(np.isnan(found))
    return abs(float(found) - float(expected)) <= 1e-12 * max(1.0, abs(float(expected)))


@settings(max_examples=150, deadline=None)
@given(cohorts(), st.sampled_from(TIES))
def test_every_measure_is_its_definition(cohort, ties):
    time, event, risk = cohort
    assert agree(m.harrell_c(*cohort), d.harrell(*cohort))
    columns = np.repeat(np.array(risk)[:, None], len(HORIZONS), axis=1)
    found = {
        "uno": m.uno_c(*cohort, HORIZONS, ties),
        "auc": m.dynamic_auc(*cohort, HORIZONS, ties),
        "sybil": m.sybil_auc(*cohort, HORIZONS),
        "brier": m.brier_at(time, event, columns, HORIZONS, ties),
    }
    for k, horizon in enumerate(HORIZONS):
        assert agree(found["uno"][k], d.uno(*cohort, horizon, ties))
        assert agree(found["auc"][k], d.dynamic(*cohort, horizon, ties))
        assert agree(found["sybil"][k], d.sybil(*cohort, horizon))
        assert agree(found["brier"][k], d.brier(*cohort, horizon, ties))


@settings(max_examples=80, deadline=None)
@given(cohorts(), st.sampled_from(TIES), st.randoms())
def test_weights_are_repeated_cases(cohort, ties, random):
    """What a bootstrap draws twice counts as two cases, in the weights for the censoring too."""
    time, event, risk = map(np.array, cohort)
    times = np.array([random.randint(0, 3) for _ in time])
    if not times.any():
        return
    drawn = np.repeat(np.arange(time.size), times)
    again = (time[drawn], event[drawn], risk[drawn])
    horizons, followup = np.array(HORIZONS, dtype=float), as_followup(time, event)
    weighted = Weighted(followup, times[None].astype(float))
    pairs = ComparablePairs(followup, risk)
    areas = YearlyAreas(followup, risk[None], horizons)
    sybil = YearlyAreas(followup, risk[None], horizons, sybil=True)
    columns = np.repeat(risk[drawn][:, None], len(HORIZONS), axis=1)
    dynamic = areas.dynamic(weighted, ties)
    for found, expected in [
        (harrell_of(pairs, weighted)[0], m.harrell_c(*again)),
        (uno_of(pairs, weighted, horizons, ties)[:, 0], m.uno_c(*again, HORIZONS, ties)),
        (dynamic[:, 0], m.dynamic_auc(*again, HORIZONS, ties)),
        (sybil.unweighted(weighted)[:, 0], m.sybil_auc(*again, HORIZONS)),
        (mean_area(dynamic, weighted, horizons)[0], m.mean_dynamic_auc(*again, HORIZONS, ties)),
        (brier_of(risk[None], weighted, horizons, ties)[:, 0], m.brier_at(*again[:2], columns, HORIZONS, ties)),
    ]:
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14, equal_nan=True)


@settings(max_examples=80, deadline=None)
@given(cohorts(), st.sampled_from(TIES))
def test_turning_the_risk_round_turns_every_rank_measure(cohort, ties):
    time, event, risk = cohort
    turned = [-r for r in risk]
    for measure in (
        lambda r: m.harrell_c(time, event, r),
        lambda r: m.uno_c(time, event, r, HORIZONS, ties),
        lambda r: m.dynamic_auc(time, event, r, HORIZONS, ties),
        lambda r: m.sybil_auc(time, event, r, HORIZONS),
    ):
        np.testing.assert_allclose(measure(turned), 1 - measure(risk), rtol=1e-12, atol=1e-13, equal_nan=True)


@settings(max_examples=50, deadline=None)
@given(cohorts(), st.randoms(), st.sampled_from([2.0, 365.25]))
def test_order_of_rows_scale_of_risk_and_unit_of_time_change_nothing(cohort, random, unit):
    rows = list(zip(*cohort, strict=True))
    random.shuffle(rows)
    time, event, risk = map(list, zip(*rows, strict=True))
    other = [unit * t for t in time], event, [np.exp(3 * r) for r in risk]
    horizons = [unit * t for t in HORIZONS]
    np.testing.assert_allclose(m.harrell_c(*other), m.harrell_c(*cohort), equal_nan=True)
    for measure in (m.uno_c, m.dynamic_auc, m.sybil_auc):
        np.testing.assert_allclose(measure(*other, horizons), measure(*cohort, HORIZONS), equal_nan=True)


@settings(max_examples=50, deadline=None)
@given(cohorts())
def test_without_censoring_they_are_the_binary_measures(cohort):
    time, _, risk = cohort
    event = [1] * len(time)
    for horizon in HORIZONS:
        label = [int(t <= horizon) for t in time]
        if 0 < sum(label) < len(label):
            expected = m.auroc(label, risk)
            assert m.dynamic_auc(time, event, risk, horizon) == pytest.approx(expected, abs=1e-13)
            assert m.sybil_auc(time, event, risk, horizon) == pytest.approx(expected, abs=1e-13)
        if sum(label) < len(label):
            assert m.brier_at(time, event, risk, horizon) == pytest.approx(m.brier(label, risk), abs=1e-13)


@settings(max_examples=50, deadline=None)
@given(cohorts())
def test_the_share_of_events_is_the_best_constant_probability(cohort):
    """The weights of Brier's score add up to n where nobody is censored at exactly the horizon."""
    time, event, _ = cohort
    share = 1 - d.remaining(time, event, 3.1, of_event=True)
    found = m.brier_at(time, event, [float(share)] * len(time), 3.1)
    assert np.isnan(found) == (max(time) <= 3.1)
    if not np.isnan(found):
        assert found == pytest.approx(float(share * (1 - share)), abs=1e-12)


def test_the_mean_weighs_each_year_by_its_events():
    """Survival after 1, 2 and 4: 3/4, 3/4 (the event at 2 is censored), 3/8; drops 1/4, 0, 3/8."""
    time, event, risk = [1, 2, 3, 9], [1, 0, 1, 0], [0.6, 0.1, 0.9, 0.7]
    areas = m.dynamic_auc(time, event, risk, [1, 2, 4])
    assert areas.tolist() == [1 / 3, 0.0, pytest.approx((1 * 0 + 1.5 * 1) / 2.5)]
    expected = (0.25 * areas[0] + 0.375 * areas[2]) / 0.625
    assert m.mean_dynamic_auc(time, event, risk, [1, 2, 4]) == pytest.approx(expected, rel=1e-14)
    assert m.mean_dynamic_auc(time, event, risk, [0.5, 1]) == areas[0]  # no weight where no event has happened
    assert np.isnan(m.mean_dynamic_auc(time, event, risk, [1, 9]))
    assert np.isnan(m.mean_dynamic_auc(time, event, risk, [0.5]))


def test_the_integral_is_a_trapezoid_over_the_range():
    cohort = [1, 2, 3, 4, 9], [1, 0, 1, 0, 0]
    columns = np.array([[0.1, 0.2, 0.9]] * 5)
    first, second, third = m.brier_at(*cohort, columns, [1, 2, 5])
    expected = ((first + second) / 2 + 3 * (second + third) / 2) / 4
    assert m.integrated_brier(*cohort, columns, [1, 2, 5]) == pytest.approx(expected, rel=1e-14)
