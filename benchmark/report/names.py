"""What tables and figures print for cohorts and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SEEN, UNKNOWN_OVERLAP, PRINTED, CROSS_VALIDATED = "‡", "§", "†", "¶"
MARKS = {
    SEEN: f"{SEEN} The model saw this cohort, or some of its patients, in training: shown, but in no test.",
    UNKNOWN_OVERLAP: f"{UNKNOWN_OVERLAP} Whether the model saw these patients in training is not known.",
    CROSS_VALIDATED: f"{CROSS_VALIDATED} Cross-validated on this cohort: each patient's score is that of the "
    "folds that held the patient out of training.",
}


@dataclass(frozen=True)
class Names:
    """Printed names.

    Attributes:
        cohorts: Title of a cohort by its name.
        models: Title of a model by its name.
        marks: Mark of a model's numbers on a cohort, by ``(cohort, model)``.
        unit: What a case is: patient or nodule.
    """

    cohorts: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unit: str = "patient"

    def cohort(self, name: str) -> str:
        """Title of a cohort; its name where there is none."""
        return self.cohorts.get(name) or name

    def model(self, name: str) -> str:
        """Title of a model; its name where there is none."""
        return self.models.get(name) or name

    def mark(self, cohort: str, model: str) -> str:
        """Mark of a model's numbers on a cohort; mostly none."""
        return self.marks.get((cohort, model), "")

    def notes(self, cohorts: list[str]) -> tuple[str, ...]:
        """What the marks on these cohorts mean."""
        used = {mark for (cohort, _), mark in self.marks.items() if cohort in cohorts}
        return tuple(text for mark, text in MARKS.items() if mark in used)
