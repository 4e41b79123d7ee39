"""What tables and figures print for cohorts and models: the one place where printed names are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from benchmark.contracts.looks import as_seen, looks_of

SEEN, UNKNOWN_OVERLAP, PRINTED, NO_CARD, CROSS_VALIDATED = "‡", "§", "†", "¶", "‖"
MARKS = {
    SEEN: f"{SEEN} The model saw this cohort, or some of its patients, in training: shown, {{}}.",
    UNKNOWN_OVERLAP: f"{UNKNOWN_OVERLAP} Whether the model saw these patients in training is not known.",
    NO_CARD: f"{NO_CARD} No card beside the scores says what the model was trained on: shown, {{}}. Make the "
    "scores again with `bench score` or `bench adapt`, which write one.",
    CROSS_VALIDATED: f"{CROSS_VALIDATED} Cross-validated on this cohort: each patient's score is that of the "
    "folds that held the patient out of training.",
}
UNTESTED, TESTED = "but in no test without --allow-seen", "and tested, as --allow-seen asks"


@dataclass(frozen=True)
class Names:
    """Printed names.

    Attributes:
        cohorts: Title of a cohort by its name.
        models: Title of a model by its name.
        marks: Mark of a model's numbers on a cohort, by ``(cohort, model)``.
        unit: What a case is: patient or nodule.
        allow_seen: Whether marked models take part in tests all the same.
    """

    cohorts: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unit: str = "patient"
    allow_seen: bool = False

    def cohort(self, name: str) -> str:
        """Title of a cohort; its name where there is none."""
        return self.cohorts.get(name) or name

    def model(self, name: str) -> str:
        """Title of a model; its name where there is none."""
        return self.models.get(name) or name

    def mark(self, cohort: str, model: str) -> str:
        """Mark of a model's numbers on a cohort; mostly none."""
        return self.marks.get((cohort, model), "")

    def on(self, cohort: str, model: str) -> str:
        """Title of a model with the mark of its numbers on a cohort."""
        return self.model(model) + self.mark(cohort, model)

    def pair(self, cohort: str, first: str, second: str) -> str:
        """What a difference of two models on a cohort is called."""
        return f"{self.on(cohort, first)} − {self.on(cohort, second)}"

    def marked(self, cohort: str) -> Names:
        """The same with each model's mark on a cohort in its title, for the legend of a figure."""
        marks = {model: mark for (where, model), mark in self.marks.items() if where == cohort}
        return replace(self, models={**self.models, **{m: self.model(m) + mark for m, mark in marks.items()}})

    def competes(self, cohort: str, model: str) -> bool:
        """Whether a model may be the best of a table: not where its mark keeps it out of the tests."""
        return self.allow_seen or self.mark(cohort, model) not in (SEEN, NO_CARD)

    def competing(self, rows: pd.DataFrame, cohort: str) -> pd.DataFrame:
        """The rows of a cohort's models that may be the best."""
        return rows[rows["model"].map(lambda model: self.competes(cohort, str(model))).astype(bool)]

    def best_of(self, cohorts: list[str]) -> str:
        """Which models a bold number is the best of."""
        marked = {mark for (cohort, _), mark in self.marks.items() if cohort in cohorts}
        left_out = not self.allow_seen and not marked.isdisjoint((SEEN, NO_CARD))
        tested = "; never a model in no test" if left_out else ""
        return f"best of the column, ties included, none where all tie{tested}"

    def notes(self, cohorts: Iterable[str]) -> tuple[str, ...]:
        """What the marks on these cohorts mean; a cohort may stand there more than once."""
        named = set(cohorts)
        used = {mark for (cohort, _), mark in self.marks.items() if cohort in named}
        tested = TESTED if self.allow_seen else UNTESTED
        return tuple(text.format(tested) for mark, text in MARKS.items() if mark in used)


def printed_names(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles under which no two things print alike: title and name where a title repeats.

    Titles that differ only in case, blanks or characters that nobody sees repeat each other. What turns the text
    behind it round, or cannot be written, is replaced (`as_seen`).

    Args:
        titles: Title by name; an empty one stands for the name itself.

    Returns:
        What is printed, by name.
    """
    found = {name: " ".join(as_seen(title or name).split()) or name for name, title in titles.items()}
    same: Callable[[str], str] = looks_of
    while True:
        times = Counter(map(same, found.values()))
        clashing = {name for name, title in found.items() if times[same(title)] > 1 and title != name}
        if not clashing:
            return found
        alike = len(set(map(looks_of, titles))) < len(titles)
        found = {name: f"{title} ({name})" if name in clashing else title for name, title in found.items()}
        same = str if alike else looks_of  # names that look alike can only be told apart letter by letter
