"""Tables that say which id of a cohort an id of somebody's file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from adapters.card import Predictions
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.ids import match_ids
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text_table import read_text_table


def read_id_map(path: Path) -> dict[str, str]:
    """A CSV ``from,to``: ids of a file → ids of the cohort.

    Raises:
        InputError: An id stands twice in ``from``.
    """
    table = read_text_table(path, ("from", "to"))
    table.report(table.frame.duplicated("from"), "from", "is mapped twice", "keep one row")
    table.finish()
    return dict(zip(table.frame["from"], table.frame["to"], strict=True))


def suggest_id_map(predictions: Sequence[Predictions], cohort: Cohort, path: Path) -> int:
    """Write the ids that match only after stripping zeros, blanks or case; how many there are."""
    expected = list(cohort.nodules["pid"].unique())
    if "scan_id" in cohort.nodules:
        expected += list(cohort.nodules["scan_id"].dropna().unique())
    nodules = list(cohort.nodules["nodule_id"].unique())
    pairs: dict[str, str] = {}
    for prediction in predictions:
        column = next(name for name in ("case", "pid", "scan_id", "nodule_id") if name in prediction.frame)
        pairs |= match_ids(prediction.frame[column], nodules if column == "nodule_id" else expected).mapping
    write_table(pd.DataFrame({"from": list(pairs), "to": list(pairs.values())}), path)
    return len(pairs)
