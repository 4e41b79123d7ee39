"""Clinical risk calculators as producers of the score table: Brock, Mayo, VA, PLCOm2012, nodule size."""

from benchmark.calculators.choices import codes_from_text, units_from_text
from benchmark.calculators.produce import CALCULATORS, score_card, score_with_calculator
from benchmark.calculators.write import LOGISTIC, write_calculator_scores

__all__ = [
    "CALCULATORS",
    "LOGISTIC",
    "codes_from_text",
    "score_card",
    "score_with_calculator",
    "units_from_text",
    "write_calculator_scores",
]
