"""Who was lost on the way from a cohort to a comparison: expected, scored, failed, missing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.comparison.units import Scored

COLUMNS = ["cohort", "model", "unit", "expected", "scored", "scored_positive", "failed", "missing", "compared"]
COLUMNS += ["compared_positive", "unlabelled", "reasons"]


def losses(available: Scored, scores: pd.DataFrame) -> pd.DataFrame:
    """A row a model: what the cohort has, what the model scored, what is compared.

    Args:
        available: Units of the cohort with a known label.
        scores: Rows of score tables of this cohort.
    """
    compared = available.common()
    common = {"cohort": available.cohort, "unit": available.unit, "expected": len(available.units)}
    common |= {"compared": len(compared.units), "compared_positive": int(compared.labels.sum())}
    common |= {"unlabelled": available.unlabelled}
    rows: list[dict[str, Any]] = []
    failed_rows = scores[(scores["status"] == "failed") & (scores["cohort"] == available.cohort)]
    for model in available.models:
        has = available.scores[model].notna()
        mine = failed_rows[failed_rows["model"] == model]
        failed = (~has) & _failed(available, mine)
        rows.append(
            {
                **common,
                "model": model,
                "scored": int(has.sum()),
                "scored_positive": int(available.labels[has.to_numpy()].sum()),
                "failed": int(failed.sum()),
                "missing": int((~has & ~failed).sum()),
                "reasons": _reasons(mine),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _failed(available: Scored, failed: pd.DataFrame) -> pd.Series:
    if available.unit == "patient":
        return available.units["pid"].isin(set(failed["pid"]))
    wanted = set(zip(failed["pid"], failed["nodule_id"], strict=True))
    units = available.units
    return pd.Series([pair in wanted for pair in zip(units["pid"], units["nodule_id"], strict=True)], dtype=bool)


def _reasons(failed: pd.DataFrame) -> str:
    """The most frequent reasons, with the number of patients of each."""
    if failed.empty:
        return ""
    counts = failed.drop_duplicates(["pid", "reason"])["reason"].value_counts(sort=True)
    text = "; ".join(f"{reason} ({number})" for reason, number in counts.head(3).items())
    return text + (f"; {len(counts) - 3} more reasons" if len(counts) > 3 else "")
