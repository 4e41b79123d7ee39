"""What a user may say of a table of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmark.contracts.any_table import TableForm

NONE: Final = "none"
"""Given for a column, it says that the table has none of this role."""


@dataclass(frozen=True)
class ReadingOptions:
    """Which column is what; each is found by its name where nothing is said.

    Attributes:
        models: ``COLUMN`` or ``COLUMN=TITLE`` of scores (of a long table the models' names), in the order to
            print; all by default.
        label: Column of the label.
        patient: Column of the patient, or ``none``: each row is a patient of its own.
        nodule: Column of the nodule in the patient, or ``none``.
        cluster: Column of what rows belong to, where a row is a case of its own (`CohortPredictions.clusters`).
        fold: Column of the fold of a cross-validation, or ``none``.
        cohort: Column that parts a file into cohorts, or ``none``.
        by: Column to group by: never a model.
        only: Column → the value that rows must have to be taken.
        label_map: Spelling of a label → 1, 0, or None for no label.
        cohort_titles: What is printed for a cohort, by its name or by the file that it is read from.
        unseen: Whether the user states that no model was trained on these patients.
        form: How the files are written.
    """

    models: Sequence[str] = ()
    label: str | None = None
    patient: str | None = None
    nodule: str | None = None
    cluster: str | None = None
    fold: str | None = None
    cohort: str | None = None
    by: str | None = None
    only: Mapping[str, str] = field(default_factory=dict)
    label_map: Mapping[str, int | None] = field(default_factory=dict)
    cohort_titles: Mapping[str, str] = field(default_factory=dict)
    unseen: bool = False
    form: TableForm = field(default_factory=TableForm)

    @property
    def named(self) -> dict[str, str]:
        """Option → column that it names, those that say ``none`` left out."""
        given = {
            "--label": self.label,
            "--id": self.patient,
            "--nodule": self.nodule,
            "--cluster": self.cluster,
            "--fold": self.fold,
            "--cohort": self.cohort,
        }
        return {option: name for option, name in given.items() if name is not None and name != NONE}
