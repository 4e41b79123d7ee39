"""Are the probabilities right, and is it worth acting on them? For models whose scores are probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.metrics import (
    THRESHOLDS,
    brier,
    calibration_line,
    decision_curve,
    expected_calibration_error,
    integrated_calibration_index,
    observed_expected,
)

CALIBRATION = ["cohort", "model", "brier", "slope", "slope_low", "slope_high", "intercept", "intercept_low"]
CALIBRATION += [
    "intercept_high",
    "ece",
    "ici",
    "e90",
    "oe",
    "oe_low",
    "oe_high",
    "mean_predicted",
    "prevalence",
    "n",
    "n_positive",
    "note",
]
NET_BENEFIT = ["cohort", "model", "threshold", "net_benefit", "treat_all", "n", "n_positive"]


def probability_models(scored: Scored) -> list[str]:
    """Models whose scores are probabilities."""
    return [model for model in scored.models if scored.kinds.get(model) == "probability"]


def calibration(scored: Scored) -> pd.DataFrame:
    """Brier score, slope, calibration in the large, ECE, ICI, observed / expected of models with probabilities."""
    rows: list[dict[str, Any]] = []
    for model in probability_models(scored) if scored.both_classes else []:
        labels, p = scored.labels, scored.scores[model].to_numpy(float)
        line = calibration_line(labels, p, clusters=scored.repeated)
        gap, ratio = integrated_calibration_index(labels, p), observed_expected(labels, p, scored.repeated)
        rows.append(
            {
                "cohort": scored.cohort,
                "model": model,
                "brier": brier(labels, p),
                "slope": line.slope,
                "slope_low": line.slope_low,
                "slope_high": line.slope_high,
                "intercept": line.intercept_in_the_large,
                "intercept_low": line.intercept_low,
                "intercept_high": line.intercept_high,
                "ece": expected_calibration_error(labels, p),
                "ici": gap.ici,
                "e90": gap.e90,
                "oe": ratio.ratio,
                "oe_low": ratio.low,
                "oe_high": ratio.high,
                "mean_predicted": float(p.mean()),
                "prevalence": float(labels.mean()),
                "n": len(labels),
                "n_positive": int(labels.sum()),
                "note": line.caution,
            }
        )
    return pd.DataFrame(rows, columns=CALIBRATION)


def net_benefits(scored: Scored) -> pd.DataFrame:
    """Net benefit at the thresholds that guidelines act at, with treat-all beside it."""
    rows: list[tuple[Any, ...]] = []
    for model in probability_models(scored) if len(scored.units) else []:
        curve = decision_curve(scored.labels, scored.scores[model].to_numpy(float), THRESHOLDS)
        size = (len(scored.units), int(scored.labels.sum()))
        values = zip(np.asarray(THRESHOLDS), curve.net_benefit, curve.treat_all, strict=True)
        rows += [(scored.cohort, model, *map(float, value), *size) for value in values]
    return pd.DataFrame(rows, columns=NET_BENEFIT)
