"""The further tables of a comparison, from its cohorts and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.operating_pairs import call_differences
from benchmark.comparison.thresholds import ChosenThreshold, predictive_rows, threshold_rows
from benchmark.report.added import Added
from benchmark.report.compare_options import CompareOptions
from benchmark.report.joining import joined


def added_to(results: Sequence[CohortResult], chosen: Sequence[ChosenThreshold], options: CompareOptions) -> Added:
    """The further tables of a comparison.

    Args:
        results: One a cohort.
        chosen: Thresholds from elsewhere.
        options: What was asked for.
    """
    rows: dict[str, pd.DataFrame] = {}
    if chosen:
        rows["calls"] = joined(call_differences(r.scored, chosen, r.untested) for r in results)
    if options.prevalences:
        at = joined(threshold_rows(r.scored, chosen) for r in results)
        rows["predictive_values"] = predictive_rows(at, options.prevalences)
    return Added(joined(r.operating_pairs for r in results), rows)
