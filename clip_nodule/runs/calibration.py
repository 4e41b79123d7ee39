"""Calibration of one fold's probabilities, fitted on its validation patients, kept as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from benchmark.errors import InputError, Problem
from benchmark.files import own_file, write_text
from benchmark.formats.json import read_json

Floats = npt.NDArray[np.float64]
CalibrationMethod = Literal["beta", "isotonic"]
FILE = "calibration.json"
SMALLEST = 1e-12
"""Probabilities are kept this far from 0 and 1 where a logarithm is taken."""


@dataclass(frozen=True)
class Beta:
    r"""Beta calibration (Kull, Silva Filho, Flach, AISTATS 2017).

    :math:`logit(q) = a \ln p - b \ln(1 - p) + c` with :math:`a, b \ge 0`.

    Attributes:
        a: Weight of ``ln p``.
        b: Weight of ``-ln(1 - p)``.
        c: Intercept.
    """

    a: float
    b: float
    c: float

    def __call__(self, scores: Floats) -> Floats:
        """Calibrated probabilities, of any shape."""
        p = np.clip(scores, SMALLEST, 1 - SMALLEST)
        return 1 / (1 + np.exp(-(self.a * np.log(p) - self.b * np.log1p(-p) + self.c)))


@dataclass(frozen=True)
class Isotonic:
    """A monotone step-wise linear map.

    Attributes:
        x: Scores at the knots, increasing.
        y: Probabilities there, not decreasing.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, scores: Floats) -> Floats:
        """Calibrated probabilities, of any shape."""
        return np.interp(scores, self.x, self.y)


def fit_calibration(
    scores: Floats, labels: npt.NDArray[np.int64], method: CalibrationMethod = "beta"
) -> Beta | Isotonic:
    """Fit a calibrator.

    Args:
        scores: ``[n]`` probabilities.
        labels: ``[n]`` 0 or 1.
        method: ``beta`` or ``isotonic``.

    Raises:
        InputError: Only one class is there.
    """
    if len(np.unique(labels)) < 2:
        raise InputError("calibration needs malignant and benign nodules among the validation patients")
    if method == "isotonic":
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
        return Isotonic(tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_)))
    p = np.clip(scores, SMALLEST, 1 - SMALLEST)
    inputs = np.column_stack([np.log(p), -np.log1p(-p)])
    used = [0, 1]
    weights, intercept = _logistic(inputs, labels)
    if weights.min() < 0:
        used = [1 - int(weights.argmin())]
        weights, intercept = _logistic(inputs[:, used], labels)
        weights = np.maximum(weights, 0)
    a_b = np.zeros(2)
    a_b[used] = weights
    return Beta(float(a_b[0]), float(a_b[1]), intercept)


def save_calibration(calibration: Beta | Isotonic, folder: Path) -> None:
    """Write ``calibration.json`` into a fold's folder."""
    content = {"method": type(calibration).__name__.lower(), **asdict(calibration)}
    write_text(folder / FILE, json.dumps(content, indent=1) + "\n")


def load_calibration(folder: Path) -> Beta | Isotonic:
    """Read a fold's ``calibration.json``.

    Raises:
        InputError: It is missing or wrong.
    """
    path = folder / FILE
    if not path.exists():
        raise InputError(Problem("there is no calibration", "score without --calibrated", path))
    try:
        content = read_json(own_file(folder, FILE))
        method = content.pop("method")
        if method == "beta":
            return Beta(**{name: _finite(content.pop(name)) for name in ("a", "b", "c")}, **content)
        if method == "isotonic":
            x, y = (tuple(map(_finite, content.pop(name))) for name in ("x", "y"))
            if any(not 0 <= value <= 1 for value in y):
                raise ValueError("a probability is below 0 or above 1")
            if len(x) != len(y) or not x or sorted(x) != list(x) or sorted(y) != list(y):
                raise ValueError("knots do not rise")
            return Isotonic(x, y, **content)
        raise ValueError(f"unknown method {method!r}")
    except (InputError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(Problem(f"is no calibration: {error}", "train again", path)) from error


def _logistic(inputs: Floats, labels: npt.NDArray[np.int64]) -> tuple[Floats, float]:
    # Almost no penalty: the original is unpenalised, which runs away where the classes are separable.
    fitted = LogisticRegression(C=1e4, max_iter=10_000, tol=1e-8).fit(inputs, labels)
    return fitted.coef_[0].astype(float), float(fitted.intercept_[0])


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not np.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number
