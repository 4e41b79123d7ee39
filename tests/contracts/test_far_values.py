"""Values that may say that there is none, among ratings and among scores."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.contracts.odd_scores import far_values, note_on_codes

RNG = np.random.default_rng(3)
SCALES = {
    "1 to 5": RNG.integers(1, 6, 60).astype(float),
    "1 to 10": RNG.integers(1, 11, 60).astype(float),
    "-2 to 2": RNG.integers(-2, 3, 60).astype(float),
    "0 to 100 in tens": 10.0 * RNG.integers(0, 11, 60),
    "0 to 100": RNG.uniform(0, 100, 60).round(),
    "probabilities": RNG.uniform(size=60),
    "logits": RNG.normal(size=60),
}


@pytest.mark.parametrize("n", [12, 40, 600])
@pytest.mark.parametrize("skew", [0, 1, 2])
@pytest.mark.parametrize(
    ("low", "high", "step"),
    [(1, 5, 1), (1, 7, 1), (0, 10, 1), (1, 10, 1), (0, 100, 1), (0, 100, 10), (-2, 2, 1), (-3, 3, 1)],
)
def test_scales_on_which_most_ratings_are_low_have_none(low: int, high: int, step: int, skew: int, n: int) -> None:
    values = np.arange(low, high + 1, step).astype(float)
    share = np.exp(-skew * np.arange(len(values)) / len(values) * 3)
    rng = np.random.default_rng([low + 10, high, step, skew, n])
    for _ in range(100):
        assert far_values(rng.choice(values, n, p=share / share.sum())).tolist() == []


@pytest.mark.parametrize("scale", SCALES)
def test_usual_scales_have_none(scale: str) -> None:
    assert far_values(SCALES[scale]).tolist() == []
    assert note_on_codes(SCALES[scale], "values") == ""


@pytest.mark.parametrize("scale", ["1 to 5", "1 to 10", "0 to 100 in tens", "0 to 100", "probabilities", "logits"])
@pytest.mark.parametrize("code", [-9.0, -99.0, 999.0, 9999.0])
def test_a_code_is_told_from_the_others(scale: str, code: float) -> None:
    if (scale, code) == ("logits", -9.0):
        pytest.skip("a logit may be -9")
    values = np.append(SCALES[scale], [code, code])
    note = note_on_codes(values, "ratings")
    assert note.startswith("2 of 62 ratings lie far from all others")
    assert f": {code:g}." in note


@pytest.mark.parametrize(("code", "is_one"), [(99.0, True), (1e9, True), (-1.0, True), (6.0, False), (0.0, False)])
def test_single_values_beside_a_scale_of_five(code: float, is_one: bool) -> None:
    assert far_values(np.append(SCALES["1 to 5"], code)).tolist() == ([code] if is_one else [])


def test_two_codes_are_both_found() -> None:
    assert far_values(np.append(SCALES["1 to 5"], [-9, 99])).tolist() == [-9.0, 99.0]


def test_a_model_that_is_sure_of_one_nodule_is_left_alone() -> None:
    assert note_on_codes(np.append(RNG.uniform(0, 0.1, 40), 1.0), "scores") == ""
