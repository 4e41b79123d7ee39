"""Readings of cases by several readers in several modalities: one row each, checked to be fully crossed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.errors import Problem
from benchmark.metrics.inputs import SampleError, as_labels, as_scores
from benchmark.metrics.sequences import as_columns, as_ids
from benchmark.statistics.samples import Sample, as_paired_sample

READING_COLUMNS: Final = ("reader", "modality", "case", "rating", "label")


def readings_as_sample(frame: Any) -> tuple[list[Any], list[Any], Sample]:  # noqa: ANN401 - any table
    """Modalities and readers in the order of their names, and a sample with a row of ratings each, modality first.

    Args:
        frame: The columns ``READING_COLUMNS``, a row a reading.

    Raises:
        SampleError: Names what is missing, given twice or contradicts itself, with examples.
    """
    columns = as_columns(frame, "readings")
    missing = [name for name in READING_COLUMNS if name not in columns]
    if missing:
        what = f"readings: columns are missing: {', '.join(missing)}"
        raise SampleError(Problem(what, f"columns found: {', '.join(columns)}"))
    table = pd.DataFrame({name: as_ids(columns[name], name) for name in READING_COLUMNS[:3]})
    table["rating"] = as_scores(columns["rating"], "rating")
    table["label"] = as_labels(columns["label"], "label")
    _refuse_uncrossed(table)
    modalities, readers = (sorted(table[name].unique(), key=_name_order) for name in ("modality", "reader"))
    if min(len(modalities), len(readers)) < 2:
        what = f"{len(modalities)} modalities and {len(readers)} readers"
        raise SampleError(Problem(what, "the analysis needs two of each; compare one reader's with delong_test"))
    label = table.groupby("case", sort=True)["label"].first()
    positives = int(label.sum())
    if min(positives, len(label) - positives) < 2:
        what = f"{positives} positive and {len(label) - positives} negative cases"
        raise SampleError(Problem(what, "a covariance over cases needs two of each"))
    wide = table.pivot(index="case", columns=["modality", "reader"], values="rating").reindex(label.index)
    names = [(modality, reader) for modality in modalities for reader in readers]
    scores = {str(k): wide[name].to_numpy(np.float64) for k, name in enumerate(names)}
    return modalities, readers, as_paired_sample(label.to_numpy(), scores)


def _refuse_uncrossed(table: pd.DataFrame) -> None:
    """Refuse readings that are given twice or missing, and cases with two labels."""
    problems = []
    key = ["reader", "modality", "case"]
    twice = table[table.duplicated(key)]
    if len(twice):
        what = f"{len(twice)} readings are given twice, such as {_reading(twice[key].iloc[0])}"
        problems.append(Problem(what, "keep one row of each"))
    labels = table.groupby("case", sort=False)["label"].nunique()
    if (labels > 1).any():
        cases = labels.index[labels > 1]
        what = f"{len(cases)} cases are labelled 0 in some readings and 1 in others, such as {str(cases[0])!r}"
        problems.append(Problem(what, "give each case one label"))
    values = [table[name].unique() for name in key]
    whole = pd.MultiIndex.from_product(values, names=key)
    absent = whole.difference(pd.MultiIndex.from_frame(table[key]), sort=False)
    if len(absent):
        what = f"{len(absent)} of {len(whole)} readings are missing, such as {_reading(pd.Series(absent[0], key))}"
        fix = "every reader must read every case in every modality: leave out cases, or readers, that lack some"
        problems.append(Problem(what, fix))
    if problems:
        raise SampleError(problems)


def _reading(row: pd.Series) -> str:
    names = ("reader", "modality", "case")
    return ", ".join(f"{name} {str(row[name])!r}" for name in names)


def _name_order(name: object) -> tuple[bool, Any]:
    """Numbers by size before texts by letter."""
    is_text = isinstance(name, str) or not isinstance(name, (int, float, np.number))
    return is_text, str(name) if is_text else name
