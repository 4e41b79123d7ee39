"""Several cohorts of one evaluation: parted by a column, told apart, titled, with the patients they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.ids import plain_id
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.evaluation.predictions import CohortPredictions, cohort_name


def parts_by_cohort(whole: CohortPredictions, cells: pd.Series) -> Iterator[CohortPredictions]:
    """The rows of each cohort that a column names, in the order in which they first appear."""
    values = cells.str.strip()
    for value in values.unique():
        rows = (values == value).to_numpy(bool)
        yield replace(_of_rows(whole, rows), cohort=cohort_name(value), title=value)


def _of_rows(whole: CohortPredictions, rows: npt.NDArray[np.bool_]) -> CohortPredictions:
    columns = ("ids", "labels", "scores", "nodules", "clusters", "folds", "absent", "groups")
    there = [name for name in columns if getattr(whole, name) is not None]
    parts: dict[str, Any] = {name: getattr(whole, name)[rows] for name in there}
    return replace(whole, **parts)


def with_own_names(found: Sequence[CohortPredictions]) -> list[CohortPredictions]:
    """Cohorts of which no two have one name: the second gets a number."""
    used: set[str] = set()
    named = []
    for one in found:
        name, number = one.cohort, 1
        while name.lower() in used:
            number += 1
            name = f"{one.cohort}-{number}"
        used.add(name.lower())
        named.append(replace(one, cohort=name))
    return named


def with_shared_patients(found: Sequence[CohortPredictions]) -> list[CohortPredictions]:
    """Cohorts that name those with which they share ids: a patient who counts twice narrows what is pooled."""
    patients = [set(one.ids if one.clusters is None else one.clusters) for one in found]
    plain = [{plain_id(str(name)) for name in own} for own in patients]
    told = []
    for at, (one, own) in enumerate(zip(found, patients, strict=True)):
        common = {other.cohort: len(own & theirs) for other, theirs in zip(found, patients, strict=True)}
        alike = {other.cohort: len(plain[at] & theirs) for other, theirs in zip(found, plain, strict=True)}
        shares = [name for name, number in alike.items() if number and name != one.cohort]
        later = [other.cohort for other in found[at + 1 :] if other.cohort in shares]
        notes = [
            f"{_shared_ids(common[name], alike[name])} in both {one.title} and {name}: taken for the same "
            "patients, so that differences are not pooled over the two. Give them other ids if they are other "
            "patients."
            for name in later
        ]
        told.append(replace(one, shares=shares, notes=(*one.notes, *notes)))
    return told


def _shared_ids(common: int, alike: int) -> str:
    if not alike - common:
        return f"{common:,} ids stand"
    those = f"{alike - common:,} ids that differ only in zeros, blanks or case stand"
    return f"{common:,} ids, and {those}," if common else those


def titled_cohorts(found: Sequence[CohortPredictions], titles: Mapping[str, str]) -> list[CohortPredictions]:
    """Cohorts with the titles that are given by their name, title or file."""
    left = dict(titles)
    titled = []
    for one in found:
        files = {name: one.title for name in one.hashes if sum(name in o.hashes for o in found) == 1}
        keys = [key for key in titles if key in (one.cohort, one.title) or Path(key).name in files]
        for key in keys:
            left.pop(key, None)
        titled.append(replace(one, title=titles[keys[0]]) if keys else one)
    if left:
        names = [one.title for one in found]
        raise InputError([Problem(f"is no cohort here{nearest(key, names)}", f"cohorts: {', '.join(names)}",
                                  column="--cohort-title", value=key) for key in left])  # fmt: skip
    return titled
