"""The layouts of the paper's tables, and of what it lacks, from the numbers of a comparison."""

from benchmark.report.tables.added_value import fusion_table, within_table
from benchmark.report.tables.agreement import agreement_table, flipped_calls_table
from benchmark.report.tables.calibration import calibration_table, net_benefit_table
from benchmark.report.tables.cohorts import cohort_table, ledger_table
from benchmark.report.tables.differences import pairs_table, pooled_table
from benchmark.report.tables.folds import fold_table, fold_test_table
from benchmark.report.tables.gains import net_gain_table, yield_table
from benchmark.report.tables.grid import MANY_COHORTS, grid_table
from benchmark.report.tables.incidence import incidence_table
from benchmark.report.tables.margins import noninferiority_table
from benchmark.report.tables.missing import missing_table
from benchmark.report.tables.operating import operating_blocks, operating_table, operating_tall
from benchmark.report.tables.operating_pairs import calls_table, operating_pairs_table
from benchmark.report.tables.performance import performance_blocks, performance_table
from benchmark.report.tables.planned import planned_table
from benchmark.report.tables.readers import (
    against_readers_table,
    matched_table,
    modality_table,
    reader_points_table,
    reader_table,
)
from benchmark.report.tables.semantic import semantic_table
from benchmark.report.tables.subgroups import interaction_table, subgroup_differences_table, subgroup_table
from benchmark.report.tables.survival import (
    survival_calibration_table,
    survival_differences_table,
    survival_table,
)
from benchmark.report.tables.thresholds import (
    notes_beyond_scores,
    predictive_table,
    threshold_notes,
    threshold_table,
)
from benchmark.report.tables.trials import trial_table

__all__ = [
    "MANY_COHORTS",
    "against_readers_table",
    "agreement_table",
    "calibration_table",
    "calls_table",
    "cohort_table",
    "flipped_calls_table",
    "fold_table",
    "fold_test_table",
    "fusion_table",
    "grid_table",
    "incidence_table",
    "interaction_table",
    "ledger_table",
    "matched_table",
    "missing_table",
    "modality_table",
    "net_benefit_table",
    "net_gain_table",
    "noninferiority_table",
    "notes_beyond_scores",
    "operating_blocks",
    "operating_pairs_table",
    "operating_table",
    "operating_tall",
    "pairs_table",
    "performance_blocks",
    "performance_table",
    "planned_table",
    "pooled_table",
    "predictive_table",
    "reader_points_table",
    "reader_table",
    "semantic_table",
    "subgroup_differences_table",
    "subgroup_table",
    "survival_calibration_table",
    "survival_differences_table",
    "survival_table",
    "threshold_notes",
    "threshold_table",
    "trial_table",
    "within_table",
    "yield_table",
]
