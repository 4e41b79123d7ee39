"""The paper's Table 1 (who the patients are), and who was lost on the way to the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.nodules import numbers
from benchmark.errors import InputError
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import MISSING, count, decimals, percent
from benchmark.report.printing.table import Cell, Table

DIAMETERS = ("longest_axial_diameter_(mm)", "mean_diameter", "diameter_mm", "diameter", "Diameter_mm")
AGES = ("age", "Age", "Age_at_StudyDate")
SEXES = ("sex", "Sex", "gender", "Gender")
_SOME_NODULES: Final = (
    "On some nodules only: patients (positive ones) among those scored of whom not every nodule has a score; "
    "theirs is the highest of the others."
)


def cohort_table(cohorts: Sequence[Cohort], scored: Sequence[Scored], names: Names) -> Table:
    """A column a cohort: scan, population, endpoint, patients, nodules, age, sex, diameter.

    Args:
        cohorts: The cohorts.
        scored: The units of each that are compared.
        names: Printed names.
    """
    rows = [
        ("CT", [c.manifest.ct_type or MISSING for c in cohorts]),
        ("Population", [c.manifest.population or MISSING for c in cohorts]),
        ("Endpoint", [c.manifest.endpoint or MISSING for c in cohorts]),
        ("Patients in the cohort", [count(c.nodules["pid"].nunique()) for c in cohorts]),
        ("Nodules", [count(len(c.nodules)) if c.lists_nodules else MISSING for c in cohorts]),
        ("Nodules a patient, median (range)", [_nodules_each(c) for c in cohorts]),
        (
            "Malignant nodules",
            [_malignant_nodules(c) for c in cohorts],
        ),
        ("Age in years, mean ± SD", [_mean(c, AGES) for c in cohorts]),
        ("Women", [_women(c) for c in cohorts]),
        ("Diameter in mm, median (IQR)", [_median(c, DIAMETERS) for c in cohorts]),
        (f"Compared {scored[0].unit}s", [count(len(s.units)) for s in scored]),
        ("Positive among them", [_positive(s) for s in scored]),
    ]
    kept = [(name, cells) for name, cells in rows if any(cell != MISSING for cell in cells)]
    return Table(
        "Who was compared",
        ("", *(names.cohort(c.name) for c in cohorts)),
        tuple((Cell(name), *(Cell(cell) for cell in cells)) for name, cells in kept),
        (),
        ("As manifests and tables say; a dash where they say nothing.",),
        "tab:cohorts",
    )


def ledger_table(losses: pd.DataFrame, exposures: pd.DataFrame, names: Names) -> Table:
    """A row a model, a block a cohort: expected, scored, failed and why, not scored, training overlap."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    states = {(row["cohort"], row["model"]): row for row in exposures.to_dict("records")}
    in_part = bool((losses["scored_in_part"] > 0).any())
    for cohort in dict.fromkeys(losses["cohort"]):
        part = losses[losses["cohort"] == cohort]
        first = part.iloc[0]
        heading = f"{names.cohort(cohort)}: {count(first['expected'])} {first['unit']}s"
        heading += f", {count(first['unlabelled'])} of them without a label" if first["unlabelled"] else ""
        heading += f" ({count(first['censored'])} censored before the horizon)" if first["censored"] else ""
        blocks.append((len(rows), f"{heading}; {count(first['compared'])} compared"))
        for row in part.to_dict("records"):
            state = states.get((cohort, row["model"]), {})
            rows.append(
                (
                    Cell(names.on(cohort, row["model"])),
                    Cell(f"{count(row['scored'])} ({count(row['scored_positive'])})"),
                    *([Cell(_in_part(row))] if in_part else []),
                    Cell(count(row["failed"])),
                    Cell(count(row["missing"])),
                    Cell(count(row["extra"])),
                    Cell(str(state.get("exposure", MISSING))),
                    Cell(str(row["reasons"])),
                )
            )
    return Table(
        "Ledger: who was scored, who was lost",
        (
            "Model",
            "Scored (positive)",
            *(["On some nodules only"] if in_part else []),
            "Failed",
            "No row",
            "Not in the cohort",
            "Seen in training",
            "Reasons",
        ),
        tuple(rows),
        (),
        (
            "Compared: labelled and scored by every model. No row: not in the model's score table; a model's own "
            "training patients are among them.",
            *([_SOME_NODULES] if in_part else []),
            *names.notes(losses["cohort"]),
        ),
        "tab:ledger",
        tuple(blocks),
    )


def _in_part(row: Mapping[Any, Any]) -> str:
    return f"{count(row['scored_in_part'])} ({count(row['scored_in_part_positive'])})"


def _nodules_each(cohort: Cohort) -> str:
    if not cohort.lists_nodules:
        return MISSING
    each = cohort.nodules.groupby("pid").size()
    return f"{each.median():g} ({each.min()}–{each.max()})" if len(each) else MISSING


def _malignant_nodules(cohort: Cohort) -> str:
    label = cohort.nodules["malignant"]
    return _count_and_percent(label == 1, label.notna()) if cohort.lists_nodules else MISSING


def _count_and_percent(part: pd.Series, known: pd.Series) -> str:
    return f"{count(part.sum())} ({percent(part.sum() / known.sum())})" if known.any() else MISSING


def _positive(scored: Scored) -> str:
    n, positives = len(scored.units), int(scored.labels.sum())
    return f"{count(positives)} ({percent(positives / n)})" if n else MISSING


def _numbers_of_column(cohort: Cohort, columns: Sequence[str], *, patients: bool) -> npt.NDArray[np.float64]:
    """Numbers of the first of ``columns`` that the table has; empty if it has none or they are no numbers."""
    frame = cohort.nodules.drop_duplicates("pid") if patients else cohort.nodules
    for column in columns:
        if column in frame:
            try:
                return numbers(frame, column).dropna().to_numpy()
            except InputError:
                continue
    return np.empty(0)


def _mean(cohort: Cohort, columns: Sequence[str]) -> str:
    values = _numbers_of_column(cohort, columns, patients=True)
    return f"{decimals(values.mean(), 1)} ± {decimals(values.std(ddof=1), 1)}" if len(values) > 1 else MISSING


def _median(cohort: Cohort, columns: Sequence[str]) -> str:
    values = _numbers_of_column(cohort, columns, patients=False)
    if not len(values):
        return MISSING
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{decimals(middle, 1)} ({decimals(low, 1)}–{decimals(high, 1)})"


def _women(cohort: Cohort) -> str:
    frame = cohort.nodules.drop_duplicates("pid")
    for column in SEXES:
        if column in frame:
            text = frame[column].dropna().astype(str).str.strip().str.lower()
            women, men = text.isin(["f", "female", "w", "woman"]), text.isin(["m", "male", "man"])
            if len(text) and (women | men).all():
                return _count_and_percent(women, women | men)
    return MISSING
