"""Intervals and tests on cases, folds and cohorts: pure functions, seeds passed in.

Labels, scores, patients and groups are given as to `benchmark.metrics`; scores of several models as a mapping, or
as a table of pandas, polars or pyarrow with a column a model.
"""

from benchmark.statistics.against_readers import AgainstReaders, model_against_readers
from benchmark.statistics.agreement import Agreement, agreement
from benchmark.statistics.auprc import AuprcInterval, auprc_interval, auprc_interval_of
from benchmark.statistics.auroc import AurocInterval, auroc_interval, auroc_interval_of
from benchmark.statistics.bootstrap import BootstrapInterval, metric_interval, metric_interval_of
from benchmark.statistics.conditional_auroc import (
    ConditionalAuroc,
    conditional_auroc,
    conditional_auroc_of,
    strata_of_scores,
)
from benchmark.statistics.delong_difference import DelongTest, auroc_difference, auroc_difference_of, delong_test
from benchmark.statistics.delong_joint import JointTest, delong_joint, delong_joint_of
from benchmark.statistics.flipped_calls import FlippedCalls, flipped_calls
from benchmark.statistics.fold_pairs import CorrectedT, WilcoxonFolds, corrected_t, wilcoxon_folds
from benchmark.statistics.folds import FriedmanNemenyi, critical_difference, friedman_nemenyi
from benchmark.statistics.fusion import FusedScores, fused_scores, fused_scores_of
from benchmark.statistics.groups import bin_sizes
from benchmark.statistics.mcnemar import McnemarTest, PairedShares, mcnemar, mcnemar_of
from benchmark.statistics.missing_scores import (
    ScoreBounds,
    WeightedArea,
    missing_score_bounds,
    weighted_for_missing,
)
from benchmark.statistics.mrmc import Mrmc, mrmc
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.net_gain import NetBenefitGain, net_benefit_gain, net_benefit_gain_of
from benchmark.statistics.noninferiority import Noninferiority, noninferiority
from benchmark.statistics.paired import paired_bootstrap, paired_bootstrap_of
from benchmark.statistics.paired_results import Difference, Estimate, PairedBootstrap
from benchmark.statistics.permutation import PairedPermutation, paired_permutation, paired_permutation_of
from benchmark.statistics.planning import (
    PlannedWidth,
    patients_for_auprc,
    patients_for_auroc,
    patients_for_noninferiority,
    patients_for_recall,
)
from benchmark.statistics.pooling import PooledDifference, pool_differences
from benchmark.statistics.power import (
    DetectableDifference,
    PatientsNeeded,
    patients_needed,
    power_of_difference,
    power_of_variance,
    smallest_difference,
)
from benchmark.statistics.rates import FixedThreshold, RateInterval, rate_interval, rates_at_threshold
from benchmark.statistics.readers_points import MatchedReader, model_at_readers_points
from benchmark.statistics.resampling import Resampling
from benchmark.statistics.samples import Sample, as_paired_sample, require_same_ids
from benchmark.statistics.subgroups import Subgroups, subgroup_metrics, subgroup_metrics_of
from benchmark.statistics.survival import survival_bootstrap, survival_bootstrap_of
from benchmark.statistics.survival_engine import SurvivalSample, as_survival_sample
from benchmark.statistics.top_yield import TopYield, top_yield, top_yield_of

__all__ = [
    "AgainstReaders",
    "Agreement",
    "AuprcInterval",
    "AurocInterval",
    "BootstrapInterval",
    "ConditionalAuroc",
    "CorrectedT",
    "DelongTest",
    "DetectableDifference",
    "Difference",
    "Estimate",
    "FixedThreshold",
    "FlippedCalls",
    "FriedmanNemenyi",
    "FusedScores",
    "JointTest",
    "MatchedReader",
    "McnemarTest",
    "Mrmc",
    "NetBenefitGain",
    "Noninferiority",
    "PairedBootstrap",
    "PairedPermutation",
    "PairedShares",
    "PatientsNeeded",
    "PlannedWidth",
    "PooledDifference",
    "RateInterval",
    "Resampling",
    "Sample",
    "ScoreBounds",
    "Subgroups",
    "SurvivalSample",
    "TopYield",
    "WeightedArea",
    "WilcoxonFolds",
    "agreement",
    "as_paired_sample",
    "as_survival_sample",
    "auprc_interval",
    "auprc_interval_of",
    "auroc_difference",
    "auroc_difference_of",
    "auroc_interval",
    "auroc_interval_of",
    "bin_sizes",
    "conditional_auroc",
    "conditional_auroc_of",
    "corrected_t",
    "critical_difference",
    "delong_joint",
    "delong_joint_of",
    "delong_test",
    "flipped_calls",
    "friedman_nemenyi",
    "fused_scores",
    "fused_scores_of",
    "holm",
    "mcnemar",
    "mcnemar_of",
    "metric_interval",
    "metric_interval_of",
    "missing_score_bounds",
    "model_against_readers",
    "model_at_readers_points",
    "mrmc",
    "net_benefit_gain",
    "net_benefit_gain_of",
    "noninferiority",
    "paired_bootstrap",
    "paired_bootstrap_of",
    "paired_permutation",
    "paired_permutation_of",
    "patients_for_auprc",
    "patients_for_auroc",
    "patients_for_noninferiority",
    "patients_for_recall",
    "patients_needed",
    "pool_differences",
    "power_of_difference",
    "power_of_variance",
    "rate_interval",
    "rates_at_threshold",
    "require_same_ids",
    "smallest_difference",
    "strata_of_scores",
    "subgroup_metrics",
    "subgroup_metrics_of",
    "survival_bootstrap",
    "survival_bootstrap_of",
    "top_yield",
    "top_yield_of",
    "weighted_for_missing",
    "wilcoxon_folds",
]
