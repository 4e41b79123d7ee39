"""What the folds of a score table are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.contracts.folds import fold_structure, fold_structures, with_pooled_scores
from benchmark.contracts.scores import check_score_table
from tests.comparison.made import nodule_table, score_rows


def table(folds, n=10, nodules=1):
    """``folds``: name → (rows of the nodule table, scores or None for 0.1, 0.2, ...)."""
    cases = nodule_table([[k % 2] * nodules for k in range(n)])
    parts = []
    for name, (rows, scores) in folds.items():
        rows = list(rows)
        values = [0.01 * (k + 1) for k in rows] if scores is None else scores
        parts.append(score_rows(cases.iloc[rows], "m", "c", values, name))
    return pd.concat(parts, ignore_index=True)


def test_every_kind_of_folds():
    every, half, rest = range(10), range(5), range(5, 10)
    kinds = {
        "none": {"ensemble": (every, None)},
        "single": {"3": (every, None)},
        "complete": {"0": (every, None), "1": (every, None)},
        "out-of-fold": {"0": (half, None), "1": (rest, None)},
        # One case in fold 1 as well: held out once or twice?
        "mixed": {"0": (half, None), "1": (range(4, 10), None)},
    }
    for kind, folds in kinds.items():
        assert fold_structure(table(folds)).kind == kind
    # Each fold twice over: two repeats of a cross-validation.
    repeated = fold_structure(table({"0": (half, None), "1": (rest, None), "2": (half, None), "3": (rest, None)}))
    assert (repeated.kind, repeated.fewest, repeated.most) == ("out-of-fold", 2, 2)
    assert repeated.cross_validated


def test_a_case_that_one_of_complete_folds_lost_has_no_pooled_score():
    rows = table({"0": (range(10), None), "1": (range(9), None)})
    found = fold_structure(rows)
    assert (found.kind, found.lost) == ("complete", 1)
    pooled = with_pooled_scores(rows)
    ensemble = pooled[pooled["fold"] == "ensemble"].set_index("pid")
    assert ensemble["status"].value_counts().to_dict() == {"scored": 9, "failed": 1}
    assert ensemble.loc["P009", "reason"] == "a fold has no score of it"
    check_score_table(pooled)


def test_the_reason_of_a_failure_stays():
    rows = table({"0": (range(3), [0.1, 0.2, 0.3]), "1": (range(3), [0.1, np.nan, 0.3])}, n=3)
    pooled = with_pooled_scores(rows)
    lost = pooled[(pooled["fold"] == "ensemble") & (pooled["status"] == "failed")]
    assert lost["pid"].tolist() == ["P001"]
    assert lost["reason"].tolist() == ["no lung found"]


def test_a_fold_cut_short_is_neither():
    rows = table({"0": (range(10), None), "1": (range(10), None), "2": (range(4), None)})
    assert fold_structure(rows).kind == "mixed"


def test_an_ensemble_counts_and_must_be_that_of_the_folds_to_be_held_out():
    folds = {"0": (range(5), None), "1": (range(5, 10), None)}
    own = table({**folds, "ensemble": (range(10), None)})
    assert fold_structure(own).cross_validated
    assert with_pooled_scores(own) is own
    # An ensemble of models that were trained on everybody is not held out.
    other = table({**folds, "ensemble": (range(10), [0.5] * 10)})
    assert not fold_structure(other).cross_validated
    assert not fold_structure(other).agrees
    # Nor is one that also scores cases of no fold.
    assert not fold_structure(table({"0": ([0], None), "1": ([1], None), "ensemble": (range(10), None)})).agrees


def test_patients_whose_nodules_are_in_several_folds_leak():
    # Ten patients of two nodules: rows 2k and 2k + 1 are one patient's.
    by_patient = fold_structure(table({"0": (range(10), None), "1": (range(10, 20), None)}, nodules=2))
    assert (by_patient.split, by_patient.leaks, by_patient.cross_validated) == (0, False, True)
    by_nodule = fold_structure(table({"0": (range(11), None), "1": (range(11, 20), None)}, nodules=2))
    assert (by_nodule.split, by_nodule.patients) == (1, 10)
    assert (by_nodule.leaks, by_nodule.cross_validated) == (True, False)
    # All folds scored every nodule: nothing was held out, so nothing can be split.
    assert not fold_structure(table({"0": (range(20), None), "1": (range(20), None)}, nodules=2)).leaks


def test_failed_rows_of_an_ensemble_do_not_stand_for_it():
    lost = table({"0": (range(4), None), "1": (range(4, 8), None)})
    absent = table({"ensemble": ([8, 9], [np.nan, np.nan])})
    pooled = with_pooled_scores(pd.concat([lost, absent], ignore_index=True))
    ensemble = pooled[pooled["fold"] == "ensemble"]
    assert ensemble["status"].value_counts().to_dict() == {"scored": 8, "failed": 2}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pooled_scores_are_the_means_that_a_plain_loop_finds(data):
    n, folds = data.draw(st.integers(2, 8)), data.draw(st.integers(2, 4))
    cells = {
        (str(f), k): data.draw(st.one_of(st.none(), st.floats(0, 1)), label=f"fold {f} case {k}")
        for f in range(folds)
        for k in range(n)
    }
    kept = {key: score for key, score in cells.items() if score is not None}
    if not kept:
        return
    by_fold = {f: [k for (name, k) in kept if name == f] for f in dict.fromkeys(name for name, _ in kept)}
    rows = table({f: (ks, [kept[f, k] for k in ks]) for f, ks in by_fold.items()}, n)
    found = fold_structure(rows)
    pooled = with_pooled_scores(rows.sample(frac=1, random_state=0))
    ensemble = pooled[pooled["fold"] == "ensemble"].set_index("pid")["score"]
    for k in range(n):
        own = [score for (_, case), score in kept.items() if case == k]
        needed = {"complete": len(by_fold), "single": 1}.get(found.kind, found.fewest)
        if own and len(own) >= needed:
            assert ensemble[f"P{k:03d}"] == pytest.approx(np.mean(own))
        else:
            assert f"P{k:03d}" not in ensemble.dropna().index
    assert with_pooled_scores(pooled, fold_structures(pooled)) is pooled
