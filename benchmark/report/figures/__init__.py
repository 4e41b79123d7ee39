"""Figures, one function each; every one returns a plotly figure.

Text from data is escaped, because plotly reads tags in names, labels and hover texts.
"""

from benchmark.report.figures.calibration import decision_figure, reliability_figure
from benchmark.report.figures.curves import pr_figure, roc_figure
from benchmark.report.figures.distributions import distribution_figure
from benchmark.report.figures.forest import forest_figure
from benchmark.report.figures.learning import learning_figure
from benchmark.report.figures.margins import margin_figure
from benchmark.report.figures.ranks import rank_figure
from benchmark.report.figures.subgroups import subgroup_figure
from benchmark.report.figures.survival import incidence_figure, yearly_auc_figure, yearly_calibration_figure
from benchmark.report.figures.trials import trials_figure

__all__ = [
    "decision_figure",
    "distribution_figure",
    "forest_figure",
    "incidence_figure",
    "learning_figure",
    "margin_figure",
    "pr_figure",
    "rank_figure",
    "reliability_figure",
    "roc_figure",
    "subgroup_figure",
    "trials_figure",
    "yearly_auc_figure",
    "yearly_calibration_figure",
]
