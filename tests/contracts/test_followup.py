"""Follow-up in a cohort: a patient who was censored before the horizon is unknown, and counted as such."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.cohorts.prepare import prepare_cohort
from benchmark.comparison.losses import losses
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort
from benchmark.contracts.followup import followed_nodules
from benchmark.errors import InputError
from benchmark.ledger import flow_svg, ledger

PATIENTS = ["dead", "late", "through", "at horizon", "left", "died at horizon", "not known"]
TIME = ["0.5", "2.5", "6", "1", "0.99", "1.0", ""]
EVENT = ["1", "1", "0", "0", "0", "1", ""]
BY_YEAR_1 = [1, 0, 0, 0, pd.NA, 1, pd.NA]


def nodules(time=TIME, event=EVENT, malignant=None, pids=PATIENTS):
    frame = {"pid": pids, "nodule_id": [str(k) for k in range(len(pids))], "time": time, "event": event}
    frame |= {"image_path": "x.nii", "coordX": 0.0, "coordY": 0.0, "coordZ": 0.0}
    label = pd.array([pd.NA] * len(pids) if malignant is None else malignant, dtype="Int8")
    return pd.DataFrame(frame).assign(malignant=label)


def written(folder: Path, frame: pd.DataFrame, **fields: object):
    return write_cohort(folder / "c", CohortManifest(name="c", title="C", **fields), frame)


def scores(pids):
    rows = {"model": "m", "cohort": "c", "pid": pids, "nodule_id": "", "fold": "ensemble", "status": "scored"}
    return pd.DataFrame(rows | {"score": 0.5, "score_kind": "probability", "reason": ""})


def told(labels):
    return [None if pd.isna(label) else int(label) for label in labels]


@pytest.mark.parametrize("unit", ["years", "days"])
@pytest.mark.parametrize("given", [None, [1, 0, 0, 0, 0, 1, pd.NA], [pd.NA, 0, pd.NA, 0, pd.NA, 1, pd.NA]])
def test_labels_within_a_horizon(tmp_path, unit, given):
    time = TIME if unit == "years" else ["182", "912", "2190", "365", "364", "365", ""]
    cohort = written(tmp_path, nodules(time, malignant=given), time_unit=unit, horizon_years=1.0)
    assert told(cohort.nodules["malignant"]) == told(BY_YEAR_1)
    assert cohort.censored_early.tolist() == [pid == "left" for pid in PATIENTS]
    assert cohort.nodules["time"].dtype == "float64"
    assert cohort.nodules["event"].dtype == "Int8"
    again = write_cohort(tmp_path / "c", cohort.manifest, cohort.nodules)
    pd.testing.assert_frame_equal(again.nodules, cohort.nodules)


def test_a_binary_comparison_leaves_the_censored_out_and_counts_them(tmp_path):
    benign = [1, 0, 0, 0, 0, 1, pd.NA]
    with_follow_up = written(tmp_path, nodules(malignant=benign), time_unit="years", horizon_years=1.0)
    found = scores_by_unit(with_follow_up, scores(PATIENTS))
    assert "left" not in found.units["pid"].tolist()
    assert found.labels.tolist() == [1, 0, 0, 0, 1]
    line = losses(with_follow_up, found, scores(PATIENTS)).iloc[0]
    assert line[["expected", "unlabelled", "censored", "compared"]].tolist() == [7, 2, 1, 5]
    assert "1 of them censored before the horizon" in flow_svg(
        with_follow_up, losses(with_follow_up, found, scores(PATIENTS))
    )
    without = written(tmp_path / "other", nodules(malignant=benign))
    assert ledger(without, scores(PATIENTS)).iloc[0][["unlabelled", "censored"]].tolist() == [1, 0]


def test_without_a_horizon_labels_stay(tmp_path):
    cohort = written(tmp_path, nodules(malignant=[1, 0, 0, 0, 0, 1, 0]), time_unit="years")
    assert told(cohort.nodules["malignant"]) == [1, 0, 0, 0, 0, 1, 0]
    assert not cohort.censored_early.any()


def test_columns_of_that_name_are_text_where_the_manifest_states_no_unit(tmp_path):
    frame = nodules(time=["at noon"] * 7, event=["CT"] * 7)
    assert written(tmp_path, frame).nodules["time"].tolist() == ["at noon"] * 7


def test_a_nodule_of_a_patient_with_the_event_may_be_benign(tmp_path):
    frame = nodules(["0.5", "0.5", "3", "3", "0.2"], ["1", "1", "0", "0", "0"], [1, 0, 0, pd.NA, 0], list("aabbc"))
    cohort = written(tmp_path, frame, time_unit="years", horizon_years=1.0)
    assert told(cohort.nodules["malignant"]) == [1, 0, 0, 0, None]
    assert told(cohort.patient_labels) == [1, 0, None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": ["-1", *TIME[1:]]}, "time .*is negative"),
        ({"time": ["soon", *TIME[1:]]}, "is not a finite number"),
        ({"event": ["2", *EVENT[1:]]}, "is neither 0 nor 1"),
        ({"event": ["", *EVENT[1:]]}, "is empty though time is given"),
        ({"time": ["", *TIME[1:]]}, "is empty though event is given"),
        ({"pids": ["dead", "dead", *PATIENTS[2:]]}, "differs between rows of the patient"),
        ({"malignant": [pd.NA, 1, *[pd.NA] * 5]}, "is 1, but the patient had no event by year 1"),
        ({"malignant": [pd.NA] * 4 + [1, pd.NA, pd.NA]}, "is 1, but the patient had no event by year 1"),
        ({"malignant": [0] + [pd.NA] * 6}, "is 0 in all nodules of a patient with the event by year 1"),
    ],
)
def test_follow_up_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        followed_nodules(nodules(**change), "years", 1.0)


def test_which_of_several_nodules_is_malignant_is_not_guessed():
    frame = nodules(["0.5"] * 2, ["1"] * 2, None, ["a", "a"])
    with pytest.raises(InputError, match="which is malignant cannot be told"):
        followed_nodules(frame, "years", 1.0)


def test_a_unit_without_the_columns_is_refused(tmp_path):
    with pytest.raises(InputError, match="is missing, though the manifest states a time_unit"):
        written(tmp_path, nodules().drop(columns="event"), time_unit="days")
    with pytest.raises(ValueError, match="time_unit"):
        CohortManifest(name="c", title="C", time_unit="weeks")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.sampled_from([None, 0])), min_size=1, max_size=8))
def test_benign_is_only_who_was_followed_through_the_horizon(rows):
    """Of patients with one nodule each, whatever the file says: 0 needs a time of the horizon at least."""
    time, event, label = zip(*rows, strict=True)
    horizon = 4
    label = [pd.NA if e and t <= horizon else given for t, e, given in rows]
    frame = nodules(
        [str(t) for t in time], [str(int(e)) for e in event], label, [f"p{k}" for k in range(len(rows))]
    )
    found = followed_nodules(frame, "years", horizon)["malignant"]
    for (t, e, _), value in zip(rows, found, strict=True):
        expected = 1 if e and t <= horizon else 0 if t >= horizon else None
        assert (None if pd.isna(value) else int(value)) == expected


def test_load_cohort_says_where(tmp_path):
    cohort = written(tmp_path, nodules(), time_unit="years")
    text = (cohort.folder / "nodules.csv").read_text(encoding="utf-8").replace("0.5", "-0.5")
    (cohort.folder / "nodules.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"nodules.csv:2:time .* is negative"):
        load_cohort("c", tmp_path)


def test_a_prepared_table_with_time_and_event_says_how_it_becomes_follow_up(tmp_path):
    table = tmp_path / "mine.csv"
    nodules().drop(columns="malignant").to_csv(table, index=False)
    lines = prepare_cohort("csv", [table], tmp_path / "cohorts" / "c")
    (warning,) = [text for text in lines if "--time-unit years" in text]
    assert "unknown, not benign" in warning
    assert not any("event' the label" in text for text in lines)
