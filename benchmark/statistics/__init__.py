"""Intervals and tests on cases, folds and cohorts: pure functions, seeds passed in."""

from benchmark.statistics.auroc import AurocInterval, auroc_interval
from benchmark.statistics.bootstrap import BootstrapInterval, metric_interval
from benchmark.statistics.comparison import DelongTest, JointTest, delong_joint, delong_test
from benchmark.statistics.folds import (
    CorrectedT,
    FriedmanNemenyi,
    WilcoxonFolds,
    corrected_t,
    friedman_nemenyi,
    wilcoxon_folds,
)
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.paired import Difference, Estimate, PairedBootstrap, paired_bootstrap

__all__ = [
    "AurocInterval",
    "BootstrapInterval",
    "CorrectedT",
    "DelongTest",
    "Difference",
    "Estimate",
    "FriedmanNemenyi",
    "JointTest",
    "PairedBootstrap",
    "WilcoxonFolds",
    "auroc_interval",
    "corrected_t",
    "delong_joint",
    "delong_test",
    "friedman_nemenyi",
    "holm",
    "metric_interval",
    "paired_bootstrap",
    "wilcoxon_folds",
]
