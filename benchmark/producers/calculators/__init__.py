"""Clinical risk calculators as producers of the score table: Brock, Mayo, VA, PLCOm2012, nodule size."""

from benchmark.producers.calculators.choices import Choices, codes_from_text, units_from_text
from benchmark.producers.calculators.produce import CALCULATORS, score_card, score_with_calculator
from benchmark.producers.calculators.write import LOGISTIC, write_calculator_scores

__all__ = [
    "CALCULATORS",
    "LOGISTIC",
    "Choices",
    "codes_from_text",
    "score_card",
    "score_with_calculator",
    "units_from_text",
    "write_calculator_scores",
]
