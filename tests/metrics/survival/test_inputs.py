"""What time-to-event measures take and refuse."""

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics as m
from benchmark.errors import InputError

TIME, EVENT, RISK = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
TWO = np.array([RISK, [0.1, 0.2, 0.3, 0.4, 0.5]]).T


def test_answers_have_the_shape_of_the_times():
    for measure in (m.uno_c, m.dynamic_auc, m.sybil_auc):
        one = measure(TIME, EVENT, RISK, 3)
        assert isinstance(one, float)
        assert measure(TIME, EVENT, RISK, np.array(3)) == one
        many = measure(TIME, EVENT, RISK, [3, 1, 3])
        assert many.shape == (3,)
        assert many[0] == many[2] == one
        assert measure(TIME, EVENT, RISK, np.array([[3.0], [1.0]])).tolist() == [[one], [many[1]]]
    assert isinstance(m.brier_at(TIME, EVENT, RISK, 3), float)
    assert isinstance(m.uno_c(TIME, EVENT, RISK), float)


def test_there_is_no_answer_without_cases_controls_or_follow_up():
    assert np.isnan(m.dynamic_auc(TIME, EVENT, RISK, [0.5, 5, 9])).all()
    assert np.isnan(m.sybil_auc(TIME, EVENT, RISK, [0.5, 9])).all()
    assert np.isnan(m.brier_at(TIME, EVENT, RISK, 5))
    assert np.isnan(m.harrell_c(TIME, [0] * 5, RISK))
    assert np.isnan(m.uno_c(TIME, EVENT, RISK, 0.5))
    assert np.isnan(m.harrell_c([2], [1], [0.5]))


def test_a_column_a_time_in_every_form():
    expected = [m.dynamic_auc(TIME, EVENT, TWO[:, k], t) for k, t in enumerate((1, 3))]
    frame = pd.DataFrame(TWO, columns=["year 1", "year 3"])
    forms = [
        TWO,
        TWO.tolist(),
        list(TWO),
        frame,
        {1: TWO[:, 0], 3: TWO[:, 1]},
        frame.convert_dtypes(),
        pd.DataFrame(TWO),
    ]
    for form in forms:
        assert m.dynamic_auc(TIME, EVENT, form, [1, 3]).tolist() == expected


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_column_a_time_in_a_table_of_another_library(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table
    table = make({"a": TWO[:, 0], "b": TWO[:, 1]})
    assert m.dynamic_auc(TIME, EVENT, table, [1, 3]).tolist() == m.dynamic_auc(TIME, EVENT, TWO, [1, 3]).tolist()


def test_columns_that_are_named_by_other_times_are_refused():
    with pytest.raises(InputError, match=r"columns 3, 1 for the times 1, 3 — give the columns in the order"):
        m.dynamic_auc(TIME, EVENT, {3: TWO[:, 1], 1: TWO[:, 0]}, [1, 3])


def test_one_probability_is_not_one_of_every_time():
    with pytest.raises(InputError, match=r"1 columns for 2 times — give a column for each time"):
        m.brier_at(TIME, EVENT, RISK, [1, 3])
    with pytest.raises(InputError, match="3 columns for 2 times"):
        m.dynamic_auc(TIME, EVENT, np.ones((5, 3)), [1, 3])
    with pytest.raises(InputError, match="5 columns for 2 times"):
        m.dynamic_auc(TIME, EVENT, TWO.T, [1, 3])


@pytest.mark.parametrize(
    ("time", "event", "risk", "message"),
    [
        ([1, 2, -3, 4, 5], EVENT, RISK, "time: 1 of 5 values are negative"),
        ([1, 2, np.nan, 4, 5], EVENT, RISK, "time: 1 of 5 values are missing or infinite"),
        ([1, 2, np.inf, 4, 5], EVENT, RISK, "time: 1 of 5 values are missing or infinite"),
        (pd.to_datetime(["2020-01-01"] * 5), EVENT, RISK, "time: not all values are numbers"),
        (pd.to_timedelta([1, 2, 3, 4, 5], unit="D"), EVENT, RISK, "time: not all values are numbers"),
        (TIME, [1, 0, 2, 1, 0], RISK, r"event: 1 of 5 values are neither 0 nor 1 \(2.0\) — code the event as 1"),
        (TIME, [1, 0, None, 1, 0], RISK, "event: 1 of 5 values"),
        (TIME, ["dead", 0, 1, 1, 0], RISK, "event: not all values are numbers"),
        (TIME, EVENT, [0.9, 0.3, np.nan, 0.5, 0.4], "risk: 1 of 5 values are missing"),
        (TIME[:4], EVENT, RISK, "4 times but 5 events"),
        (TIME, EVENT, RISK[:4], "risk: 4 values for 5 times"),
        ([], [], [], "non-empty"),
    ],
)
def test_what_cannot_be_used_is_refused(time, event, risk, message):
    for measure in (m.harrell_c, lambda *given: m.dynamic_auc(*given, 3), lambda *given: m.sybil_auc(*given, 3)):
        with pytest.raises(InputError, match=message):
            measure(time, event, risk)


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(InputError, match="choose from textbook, sksurv"):
        m.dynamic_auc(TIME, EVENT, RISK, 3, ties="timeROC")
    with pytest.raises(InputError, match="times: 1 of 2 values are negative"):
        m.dynamic_auc(TIME, EVENT, RISK, [-1, 3])
    with pytest.raises(InputError, match="expected ascending times"):
        m.mean_dynamic_auc(TIME, EVENT, RISK, [3, 1])
    with pytest.raises(InputError, match="expected ascending times, 2 at least"):
        m.integrated_brier(TIME, EVENT, RISK, [3])
    with pytest.raises(InputError, match=r"lie outside \[0, 1\]"):
        m.brier_at(TIME, EVENT, [1.2, 0, 0, 0, 0], 3)


def test_cases_are_matched_by_their_ids():
    ids = list("abcde")
    risk = pd.Series(RISK, index=ids).iloc[[4, 2, 0, 1, 3]]
    expected = m.harrell_c(TIME, EVENT, RISK)
    assert expected != m.harrell_c(TIME, EVENT, risk.to_numpy())
    event = pd.Series(EVENT, index=ids)
    assert m.harrell_c(pd.Series(TIME, index=ids), event.iloc[::-1], risk) == expected
    assert m.harrell_c(TIME, event, risk) == expected
    assert m.dynamic_auc(pd.Series(TIME, index=ids), EVENT, risk.to_frame("m"), 3) == m.dynamic_auc(
        TIME, EVENT, RISK, 3
    )
    with pytest.raises(InputError, match="the ids differ"):
        m.harrell_c(pd.Series(TIME, index=ids), EVENT, pd.Series(RISK, index=list("abcdx")))
