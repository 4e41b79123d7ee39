"""The ledger: for each model and cohort, who was expected, scored, lost and why."""

from benchmark.ledger.cases import CASE_COLUMNS, COLUMNS, ledger, ledger_cases
from benchmark.ledger.diagram import flow_svg

__all__ = ["CASE_COLUMNS", "COLUMNS", "flow_svg", "ledger", "ledger_cases"]
