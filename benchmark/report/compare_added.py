"""The further tables of a comparison, from its cohorts and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.comparison.added_value import fused_pairs, fusion_rows, net_gain_rows, top_counts, yield_rows
from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.operating_pairs import call_differences
from benchmark.comparison.performance import resampling_of
from benchmark.comparison.thresholds import ChosenThreshold, predictive_rows, threshold_rows
from benchmark.comparison.within import check_restrictions, split_restriction, within_rows
from benchmark.contracts.cohort import Cohort
from benchmark.report.added import Added
from benchmark.report.compare_options import CompareOptions
from benchmark.report.joining import joined
from benchmark.statistics import Resampling


def added_to(
    results: Sequence[CohortResult],
    cohorts: Sequence[Cohort],
    chosen: Sequence[ChosenThreshold],
    options: CompareOptions,
) -> Added:
    """The further tables of a comparison.

    Args:
        results: One a cohort.
        cohorts: The cohorts, in the same order.
        chosen: Thresholds from elsewhere.
        options: What was asked for.

    Raises:
        InputError: Strata, a fusion or a number of cases that are none here.
    """
    models = list(dict.fromkeys(model for r in results for model in r.available.models))
    within = [split_restriction(text) for text in options.within]
    check_restrictions(within, models, cohorts)
    pairs = fused_pairs(options.fused, models)
    rows: dict[str, pd.DataFrame] = {}
    if chosen:
        rows["calls"] = joined(call_differences(r.scored, chosen, r.untested) for r in results)
    if options.prevalences:
        at = joined(threshold_rows(r.scored, chosen) for r in results)
        rows["predictive_values"] = predictive_rows(at, options.prevalences)
    if within:
        both = zip(results, cohorts, strict=True)
        rows["within"] = joined(within_rows(r.scored, cohort, within, r.untested) for r, cohort in both)
    if pairs:
        rows["fusion"] = joined(fusion_rows(r.scored, pairs, r.untested, options.seed) for r in results)
    rows["net_gain"] = joined(net_gain_rows(r.scored, r.untested, _resampling(r, options)) for r in results)
    if options.top:
        counts = top_counts(options.top)
        rows["yield"] = joined(yield_rows(r.scored, counts, _resampling(r, options)) for r in results)
    return Added(joined(r.operating_pairs for r in results), rows)


def _resampling(result: CohortResult, options: CompareOptions) -> Resampling:
    return resampling_of(len(result.scored.units), options.resampling)
