"""Lung-RADS v2022 of single nodules, as an ordinal score: for research, not for care.

American College of Radiology, Lung-RADS v2022 (November 2022); Christensen et al., J Am Coll Radiol
2024;21:473-488 and Chest 2024;165:738-753. The rules are in our words. Where the document
allows another reading, it is said.
"""

from benchmark.producers.lungrads.nodule import LungRadsNodule
from benchmark.producers.lungrads.rules import CATEGORIES, exam_category, lungrads

__all__ = ["CATEGORIES", "LungRadsNodule", "exam_category", "lungrads"]
