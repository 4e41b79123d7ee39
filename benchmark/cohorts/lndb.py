"""LNDb version 4: findings of up to five readers, merged, with mean ratings; no pathology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from benchmark.cohorts.prepared import Exclusion, Prepared, compare_release, counts, expand
from benchmark.cohorts.ratings import CATEGORIES, categories_of_mean, rules_from, semantic_features
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem

LndbLabels = Literal["none", "rating"]
RELEASED: Final = {"nodules": 768, "patients": 212}
_RATINGS: Final = {
    "subtlety": "Subtlety",
    "sphericity": "Sphericity",
    "margin": "Margin",
    "lobulation": "Lobulation",
    "spiculation": "Spiculation",
    "texture": "Texture",
    "malignancy": "Malignancy",
}
_CATEGORIES: Final = {"internal_structure": "InternalStructure", "calcification": "Calcification"}
_REQUIRED: Final = (
    "LNDbID",
    "FindingID",
    "RadID",
    "coordX",
    "coordY",
    "coordZ",
    "DiamEq_Rad",
    *_RATINGS.values(),
    *_CATEGORIES.values(),
)
_FIELDS: Final = {
    "title": "LNDb",
    "ct_type": "diagnostic",
    "population": "incidental",
    "frame": "LPS",
}
_ENDPOINT: Final = {
    "none": "none: readers' suspicion, no pathology",
    "rating": "mean of the readers' suspicion above 3 (below 3 benign, 3 left out); no pathology",
}


def prepare(
    paths: Sequence[Path], *, labels: LndbLabels = "none", cutoffs: Mapping[str, str] | None = None
) -> Prepared:
    """Read LNDb's annotation CSV with its merged findings.

    Args:
        paths: ``LNDbv4_CADx_Annotation.csv`` or its folder.
        labels: ``rating`` labels a nodule by the readers' mean suspicion; ``none`` leaves ``malignant`` empty.
        cutoffs: Fields of ``RatingRules`` that differ from the paper's.

    Returns:
        One row a finding. Calcification and internal structure are names, not amounts: where the mean of several
        readers does not tell the most frequent one, the feature is missing.
    """
    rules = rules_from(cutoffs or {})
    if labels not in get_args(LndbLabels):
        fix = f"choose {' or '.join(get_args(LndbLabels))}: LNDb has no pathology"
        raise InputError(Problem("is no source of LNDb's labels", fix, column="--labels", value=labels))
    files = expand(paths, (".csv",), "LNDb's annotation CSV")
    if len(files) != 1:
        raise InputError(Problem(f"{len(files)} CSV files", "give one", ", ".join(map(str, paths))))
    source = read_text_table(files[0], _REQUIRED)
    table, ratings = _nodules_and_ratings(source)
    features = semantic_features(ratings, rules)
    prepared = Prepared(
        "lndb",
        pd.concat([table, features], axis=1),
        {**_FIELDS, "endpoint": _ENDPOINT[labels]},
        files,
        {"labels": labels, "rules": rules.model_dump()},
    )
    _label_by_suspicion(prepared, ratings["malignancy"], labels)
    prepared.warnings += compare_release(counts(prepared.nodules), RELEASED, "LNDb v4 CADx")
    unrated = int((ratings[list(_RATINGS)].isna()).to_numpy().sum())
    if unrated:
        prepared.warnings.append(f"{unrated} ratings are empty or 0: taken as missing")
    for name in CATEGORIES:
        unclear = int((ratings[name].isna() & prepared.nodules[name].notna()).sum())
        if unclear:
            prepared.warnings.append(
                f"{name}: the readers' mean does not tell the category of {unclear} nodules: left missing"
            )
    prepared.missing.append("images: set image_root in cohort.yaml to the folder of the NIfTI files")
    return prepared


def _nodules_and_ratings(source: TextTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The nodule table without features, and the ratings as numbers and tuples of categories."""
    frame = source.frame
    source.check_ids("LNDbID")
    source.check_ids("FindingID")
    source.report(
        frame.duplicated(["LNDbID", "FindingID"]), "FindingID", "stands in the file twice for this patient"
    )
    numbers = {name: source.number(column) for name, column in {**_RATINGS, **_CATEGORIES}.items()}
    for name, values in numbers.items():
        top = max(CATEGORIES[name]) if name in CATEGORIES else 5
        source.report(values > top, {**_RATINGS, **_CATEGORIES}[name], f"is no rating from 1 to {top}")
        # The file writes 0 where a reader did not rate: missing, not the lowest rating.
        numbers[name] = np.where(values < 1, np.nan, values)
    coordinates = {name: source.number(name, empty=False) for name in ("coordX", "coordY", "coordZ")}
    source.number("DiamEq_Rad")
    source.finish()
    readers = frame["RadID"].str.count(",") + 1
    image = frame.get("nifti_image", frame["LNDbID"].str.zfill(4).map("LNDb-{}.nii.gz".format))
    table = pd.DataFrame(
        {
            "pid": frame["LNDbID"],
            "nodule_id": frame["FindingID"],
            "image_path": image,
            **coordinates,
            "malignant": pd.array([pd.NA] * len(frame), dtype="Int8"),
            "scan_id": image.str.removesuffix(".nii.gz"),
            "mean_diameter": frame["DiamEq_Rad"].replace("", None),
            "readers": readers.astype(str),
            **{name: pd.Series(values) for name, values in numbers.items()},
        }
    )
    ratings = pd.DataFrame(numbers)
    for name, codes in CATEGORIES.items():
        ratings[name] = pd.Series(
            [categories_of_mean(mean, n, codes) for mean, n in zip(numbers[name], readers, strict=True)],
            dtype=object,
        )
    return table, ratings


def _label_by_suspicion(prepared: Prepared, suspicion: pd.Series, labels: LndbLabels) -> None:
    table = prepared.nodules
    if labels == "none":
        prepared.warnings.append(
            "malignant is empty: LNDb has readers' suspicion, no pathology; --labels rating uses the suspicion"
        )
        return
    decided = suspicion.notna() & (suspicion != 3)
    table["malignant"] = (suspicion > 3).astype("Int8").where(decided)
    reason = "mean suspicion 3 or missing: neither benign nor malignant"
    rows = np.flatnonzero(~decided)
    prepared.excluded += [Exclusion(table["pid"].iloc[r], table["nodule_id"].iloc[r], reason) for r in rows]
