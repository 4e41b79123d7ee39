"""Metrics of discrimination, operating points, calibration and utility: pure functions.

Every function takes labels (1 malignant, 0 benign) and scores (higher means more malignant) as lists, arrays,
Series of pandas (nullable dtypes too) or polars, or anything with ``__array__``, refuses missing values, and
computes in float64. Cases go by position; only where labels and scores are both pandas Series are they matched by
their index. ``METRICS`` names all metrics; `named_metric` reads names such as ``fpr@recall=0.8``.

Where follow-up may end before the event, functions such as `dynamic_auc` take the time to the event or to the
end of follow-up (0 or more, one unit throughout), the event (1, or 0 where follow-up ended without it) and risks.
Weights for the censoring are estimated on the same cases; at one time events come before censorings.
"""

from benchmark.metrics.calibration import (
    CalibrationCurve,
    CalibrationLine,
    brier,
    calibration_curve,
    calibration_line,
    expected_calibration_error,
)
from benchmark.metrics.calibration_indices import (
    CalibrationIndices,
    ObservedExpected,
    integrated_calibration_index,
    observed_expected,
)
from benchmark.metrics.censored_brier import brier_at, integrated_brier
from benchmark.metrics.concordance import harrell_c, uno_c
from benchmark.metrics.curve import Curve, Ties, count_curve, tied_scores
from benchmark.metrics.discrimination import auprc, auroc, partial_auroc
from benchmark.metrics.inputs import SampleError, as_sample
from benchmark.metrics.kaplan_meier import (
    HorizonCalibration,
    KaplanMeier,
    calibration_at,
    kaplan_meier,
)
from benchmark.metrics.operating import (
    RECALLS,
    OperatingPoint,
    operating_point,
    operating_points,
    point_at_specificity,
    point_at_threshold,
    ppv_at_prevalence,
    transfer_threshold,
)
from benchmark.metrics.registry import METRICS, Metric, NamedMetric, named_metric
from benchmark.metrics.semantic import SemanticAuroc, semantic_auroc
from benchmark.metrics.utility import THRESHOLDS, DecisionCurve, decision_curve, net_benefit
from benchmark.metrics.yearly_auc import dynamic_auc, mean_dynamic_auc, sybil_auc

__all__ = [
    "METRICS",
    "RECALLS",
    "THRESHOLDS",
    "CalibrationCurve",
    "CalibrationIndices",
    "CalibrationLine",
    "Curve",
    "DecisionCurve",
    "HorizonCalibration",
    "KaplanMeier",
    "Metric",
    "NamedMetric",
    "ObservedExpected",
    "OperatingPoint",
    "SampleError",
    "SemanticAuroc",
    "Ties",
    "as_sample",
    "auprc",
    "auroc",
    "brier",
    "brier_at",
    "calibration_at",
    "calibration_curve",
    "calibration_line",
    "count_curve",
    "decision_curve",
    "dynamic_auc",
    "expected_calibration_error",
    "harrell_c",
    "integrated_brier",
    "integrated_calibration_index",
    "kaplan_meier",
    "mean_dynamic_auc",
    "named_metric",
    "net_benefit",
    "observed_expected",
    "operating_point",
    "operating_points",
    "partial_auroc",
    "point_at_specificity",
    "point_at_threshold",
    "ppv_at_prevalence",
    "semantic_auroc",
    "sybil_auc",
    "tied_scores",
    "transfer_threshold",
    "uno_c",
]
