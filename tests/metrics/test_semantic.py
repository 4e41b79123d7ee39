"""Semantic AUROC against scikit-learn's one-vs-rest."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.errors import InputError
from benchmark.metrics import auroc, semantic_auroc


def test_classes_are_the_weighted_one_vs_rest_of_scikit_learn():
    rng = np.random.default_rng(0)
    names = ["smooth", "lobulated", "spiculated"]
    values = rng.choice(names, 200, p=[0.5, 0.3, 0.2])
    raw = rng.random((200, 3)) + 0.6 * (values[:, None] == np.array(names))
    raw /= raw.sum(axis=1, keepdims=True)
    found = semantic_auroc(list(values), dict(zip(names, raw.T, strict=True)))
    order = np.argsort(names)
    expected = roc_auc_score(values, raw[:, order], multi_class="ovr", average="weighted")
    assert found.auroc == pytest.approx(expected, abs=1e-12)
    assert found.n == 200
    assert found.too_few == ()


def test_missing_values_are_left_out_and_absent_is_a_value():
    values = ["absent", "present", None, float("nan"), "absent", "present"] * 5
    scores = np.tile([0.1, 0.9, 5, 5, 0.2, 0.8], 5)
    found = semantic_auroc(values, {"present": scores})
    assert (found.n, found.n_positive, found.auroc) == (20, {"present": 10}, 1.0)


def test_labels_may_hold_several_or_none():
    values = [{"notch", "spiculated"}, {"notch"}, set(), {"spiculated"}, None, set()] * 6
    rng = np.random.default_rng(1)
    scores = {"notch": rng.random(36), "spiculated": rng.random(36)}
    found = semantic_auroc(values, scores, kind="labels")
    kept = np.array([v is not None for v in values])
    expected = [auroc([name in v for v in values if v is not None], s[kept]) for name, s in scores.items()]
    assert found.n == 30
    assert found.auroc == pytest.approx(np.mean(expected), abs=1e-15)


def test_too_few_is_said_and_no_number_given():
    values = ["a"] * 40 + ["b"] * 4
    found = semantic_auroc(values, {"a": np.arange(44.0), "b": -np.arange(44.0)})
    assert math.isnan(found.auroc)
    assert found.note == "too few: a 40, b 4 of 44"
    # A third class with enough cases still gets its number.
    found = semantic_auroc([*values, *["c"] * 10], {k: np.arange(54.0) for k in "abc"})
    assert found.too_few == ("b",)
    assert set(found.by_class) == {"a", "c"}
    assert "b" in found.note


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="no scores for the values 'c', 'd'"):
        semantic_auroc(["a", "c", "d"], {"a": [1, 2, 3], "b": [1, 2, 3]})
    with pytest.raises(InputError, match="2 values for 3 cases"):
        semantic_auroc(["a", "b", "a"], {"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(InputError, match="kind"):
        semantic_auroc(["a"], {"a": [1]}, kind="binary")
