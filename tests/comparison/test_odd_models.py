"""One odd model never takes the others' results away: it is left out, and named with its reason."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.losses import losses
from benchmark.comparison.odd_models import odd_models
from benchmark.comparison.units import Scored, scores_by_unit
from benchmark.contracts.scores import write_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import score_rows, write_made


def scored_by(labels, rows, models):
    """Units ``P0, P1, ...``; a model scores the rows that it is given."""
    units = pd.DataFrame({"pid": [f"P{k}" for k in range(len(labels))], "nodule_id": "", "label": labels})
    scores = pd.DataFrame(
        {m: [k / 100 if k in rows[m] else np.nan for k in range(len(labels))] for m in models}, dtype=float
    )
    return Scored("c", "patient", units, scores, pd.DataFrame(index=units.index), 0)


def test_a_model_of_one_class_is_left_out_and_the_others_stay():
    found = odd_models(scored_by([1, 1, 0, 0], {"a": {0, 1, 2, 3}, "b": {0, 1, 2, 3}, "c": {0, 1}}, "abc"))
    assert found == {"c": "it scored 2 positive and 0 negative patients"}


def test_the_model_that_shares_least_is_left_out():
    labels = [1, 0] * 6
    rows = {"a": set(range(12)), "b": set(range(8)), "c": set(range(8, 12))}
    assert list(odd_models(scored_by(labels, rows, "abc"))) == ["c"]
    assert list(odd_models(scored_by(labels, rows, "cba"))) == ["c"]


def test_nobody_is_left_out_where_it_helps_nobody():
    assert odd_models(scored_by([1, 0, 0], {"a": {0, 1, 2}, "b": {0, 1, 2}}, "ab")) == {}
    assert odd_models(scored_by([0, 0, 0], {"a": {0, 1, 2}, "b": {1}}, "ab")) == {}
    assert odd_models(scored_by([1, 1, 0, 0], {"a": {0, 1}, "b": {2, 3}}, "ab")) == {}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_who_is_left_can_be_compared(data):
    n = data.draw(st.integers(4, 12))
    labels = [1, 1, 0, 0] + [data.draw(st.integers(0, 1)) for _ in range(n - 4)]
    models = "abcd"[: data.draw(st.integers(1, 4))]
    rows = {m: data.draw(st.sets(st.integers(0, n - 1))) for m in models}
    rows["a"] = set(range(n))
    available = scored_by(labels, rows, models)
    odd = odd_models(available)
    kept = [m for m in models if m not in odd]
    common = set.intersection(*(rows[m] for m in kept))
    assert min(sum(labels[k] == label for k in common) for label in (0, 1)) >= 2
    # A model that scored everybody takes nothing from anybody.
    assert "a" not in odd


@pytest.fixture
def made(tmp_path):
    cohort = write_made(tmp_path, {"a": (60, 20)}, {"good": 0.4, "poor": 2.0})["a"]
    values = np.where(cohort.nodules["malignant"] == 1, np.linspace(0.1, 0.9, len(cohort.nodules)), np.nan)
    write_score_table(score_rows(cohort.nodules, "odd", "a", values), tmp_path / "scores" / "a" / "odd.csv")
    return tmp_path, cohort


def test_compare_keeps_the_others_and_names_the_odd_one(made):
    folder, _ = made
    tables = compare_cohorts(
        ["a"], Workspace(folder / "cohorts", folder), CompareOptions(replicates=30), out=folder / "o"
    )
    pairs = pd.read_csv(folder / "o" / "tables" / "pairs.csv")
    assert set(pairs["model_a"]) | set(pairs["model_b"]) == {"good", "poor"}
    assert set(pairs["n"]) == {60}
    own = pd.read_csv(folder / "o" / "tables" / "performance_all.csv").set_index("model")
    assert own.loc["odd", "n"] == 20
    note = next(note for note in tables[0].notes if note.startswith("odd is left out of the comparison on A"))
    assert "it scored 20 positive and 0 negative patients" in note
    assert note in (folder / "o" / "report" / "index.html").read_text(encoding="utf-8")


def test_the_ledger_counts_the_cases_that_are_compared_without_the_odd_one(made):
    folder, cohort = made
    from benchmark.comparison.score_files import read_scores

    rows = read_scores(Workspace(results=folder), ["a"])["a"]
    result = evaluate_cohort(scores_by_unit(cohort, rows), resampling=Resampling(20))
    table = losses(cohort, result.available, rows, odd=result.odd).set_index("model")
    assert table["compared"].to_dict() == {"good": 60, "poor": 60, "odd": 0}
