from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from benchmark.errors import InputError
from clip_nodule.runs.calibration import Beta, Isotonic, fit_calibration, load_calibration, save_calibration


def sample(a: float, b: float, c: float, n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = random.uniform(0.02, 0.98, n)
    return p, (random.random(n) < Beta(a, b, c)(p)).astype(np.int64)


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 1.0, 0.0), (0.5, 2.0, -0.7), (2.0, 0.3, 1.0)])
def test_beta_is_the_maximum_of_the_likelihood(a: float, b: float, c: float) -> None:
    p, y = sample(a, b, c)

    def loss(x: np.ndarray) -> float:
        logit = x[0] * np.log(p) - x[1] * np.log(1 - p) + x[2]
        return float((np.logaddexp(0, logit) - y * logit).sum())

    best = minimize(loss, [1, 1, 0], bounds=[(0, None), (0, None), (None, None)], method="L-BFGS-B")
    fitted = fit_calibration(p, y)
    assert isinstance(fitted, Beta)
    assert loss(np.array([fitted.a, fitted.b, fitted.c])) == pytest.approx(best.fun, rel=1e-4)


def test_beta_never_turns_the_order_round() -> None:
    p, y = sample(1, 1, 0)
    fitted = fit_calibration(p, 1 - y)
    assert isinstance(fitted, Beta)
    assert fitted.a >= 0
    assert fitted.b >= 0
    assert (np.diff(fitted(np.linspace(0, 1, 50))) >= -1e-12).all()


def test_isotonic_has_the_pool_adjacent_violators_values() -> None:
    # By hand: 0.2 and 0.3 violate the order (1 then 0) and are pooled to a half.
    fitted = fit_calibration(np.array([0.1, 0.2, 0.3, 0.9]), np.array([0, 1, 0, 1]), "isotonic")
    np.testing.assert_allclose(fitted(np.array([0.0, 0.1, 0.2, 0.25, 0.3, 0.9, 1.0])), [0, 0, 0.5, 0.5, 0.5, 1, 1])


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 5), st.floats(0, 5), st.floats(-5, 5))
def test_calibrated_values_are_probabilities(a: float, b: float, c: float) -> None:
    values = Beta(a, b, c)(np.array([0.0, 1e-300, 0.5, 1.0]))
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize("method", ["beta", "isotonic"])
def test_json_gives_back_the_same_numbers(tmp_path, method) -> None:
    p, y = sample(0.7, 1.4, 0.2)
    fitted = fit_calibration(p, y, method)
    save_calibration(fitted, tmp_path)
    read = load_calibration(tmp_path)
    assert read == fitted
    np.testing.assert_array_equal(read(p), fitted(p))


def test_one_class_cannot_be_calibrated() -> None:
    with pytest.raises(InputError, match="malignant and benign"):
        fit_calibration(np.array([0.1, 0.2]), np.array([0, 0]))


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        json.dumps({"method": "platt"}),
        json.dumps({"method": "beta", "a": 1, "b": 1}),
        json.dumps({"method": "beta", "a": 1, "b": 1, "c": "x"}),
        '{"method": "beta", "a": NaN, "b": 1, "c": 0}',
        json.dumps({"method": "isotonic", "x": [0.5, 0.1], "y": [0, 1]}),
        json.dumps({"method": "isotonic", "x": [0.1], "y": [0, 1]}),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path, content: str) -> None:
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(InputError, match="is no calibration"):
        load_calibration(tmp_path)


def test_no_file_says_what_to_do(tmp_path) -> None:
    with pytest.raises(InputError, match="without --calibrated"):
        load_calibration(tmp_path)


def test_isotonic_interpolates_between_knots() -> None:
    assert Isotonic((0.0, 1.0), (0.2, 0.4))(np.array([0.5]))[0] == pytest.approx(0.3)
