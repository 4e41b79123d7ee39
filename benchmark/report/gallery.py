"""Error gallery: the negatives with the highest and the positives with the lowest scores, with their images."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.vocabulary import BY_COLUMN, SEMANTIC_COLUMNS
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.extras import require_extra
from benchmark.formats.csv import read_csv
from benchmark.formats.opening import refusing
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import threshold_text

if TYPE_CHECKING:
    from benchmark.imaging.recipe import Recipe

CASES = 3
"""Cases of each kind."""

PIXELS = 64
"""Edge of one plane."""


@dataclass(frozen=True)
class Case:
    """One case of the gallery; all text, nothing of it escaped.

    Attributes:
        name: Pseudonym of the patient, or its id.
        nodule: Which of its nodules is shown; empty where no nodules are known.
        image: Data URI of the nine planes; empty without a crop.
        scores: Title and score of every model.
        profile: Semantic features: name and value.
        key: Patient and nodule by their ids, by which the crop is found; the page shows neither.
    """

    name: str
    nodule: str
    image: str
    scores: list[tuple[str, str]]
    profile: list[tuple[str, str]]
    key: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Gallery:
    """The errors of one model on one cohort.

    Attributes:
        model: Its title.
        rule: What counts as an error, in words.
        false_positives: Negatives at or above the threshold, highest scores first.
        false_negatives: Positives below it, lowest scores first.
        note: Why there are no images; empty otherwise.
    """

    model: str
    rule: str
    false_positives: list[Case]
    false_negatives: list[Case]
    note: str


def gallery(
    result: CohortResult,
    cohort: Cohort,
    scores: pd.DataFrame,
    model: str,
    workspace: Workspace,
    name_of: Callable[[str, str], str],
    names: Names,
) -> Gallery | None:
    """Collect the errors of ``model``.

    Args:
        result: The cohort's numbers.
        cohort: The cohort.
        scores: Rows of score tables of this cohort, for the scores of single nodules.
        model: Whose errors.
        workspace: Where the crops are.
        name_of: Printed name of a patient (`pseudonyms`).
        names: Printed names of models.

    Returns:
        The gallery, or None where the model has no operating point here.
    """
    points = result.operating_points[result.operating_points["model"] == model].dropna(subset="threshold")
    if points.empty:
        return None
    nearest = points.iloc[(points["recall_target"] - 0.8).abs().argmin()]
    threshold, values = float(nearest["threshold"]), result.scored.scores[model].to_numpy(float)
    positive = result.scored.labels == 1
    store, note = (None, "") if workspace.scores_alone else open_crops(workspace.crops(cohort.name))
    alarms = _extreme(~positive & (values >= threshold), -values)
    misses = _extreme(positive & (values < threshold), values)
    pids = set(result.scored.units["pid"].to_numpy()[[*alarms, *misses]])
    nodules = nodule_scores(scores, model, pids)

    def cases(rows: list[int]) -> list[Case]:
        return [_case(result, cohort, nodules, row, store, name_of, names) for row in rows]

    rule = f"at recall ≥ {nearest['recall_target']:g}, threshold {threshold_text(threshold)}"
    return Gallery(
        names.model(model),
        rule,
        cases(alarms),
        cases(misses),
        note,
    )


def _case(
    result: CohortResult,
    cohort: Cohort,
    nodules: dict[tuple[str, str], float],
    row: int,
    store: Store | None,
    name_of: Callable[[str, str], str],
    names: Names,
) -> Case:
    unit, scored = result.scored.units.iloc[row], result.scored
    own = cohort.nodules[cohort.nodules["pid"] == unit["pid"]].reset_index(drop=True)
    at = _shown_nodule(own, unit, nodules)
    nodule = own.iloc[at]
    image = store.image(str(nodule["pid"]), str(nodule["nodule_id"])) if store else ""
    shown = [(names.model(m), threshold_text(float(scored.scores[m].iloc[row]))) for m in scored.models]
    profile = [
        (BY_COLUMN[column].name, str(nodule[column]))
        for column in SEMANTIC_COLUMNS
        if column in own and not pd.isna(nodule[column])
    ]
    place = f"nodule {at + 1} of {len(own)}" if cohort.lists_nodules else ""
    key = str(nodule["pid"]), str(nodule["nodule_id"])
    return Case(name_of(cohort.name, str(unit["pid"])), place, image, shown, profile, key)


def nodule_scores(scores: pd.DataFrame, model: str, pids: set[str]) -> dict[tuple[str, str], float]:
    """A model's score of each nodule of some patients: the ensemble's, else its only fold's.

    Args:
        scores: Rows of score tables of one cohort.
        model: Which model.
        pids: Which patients.
    """
    own = scores[(scores["model"] == model) & (scores["status"] == "scored")]
    own = own[own["pid"].isin(pids) & (own["nodule_id"] != "")]
    if (own["fold"] == ENSEMBLE).any():
        own = own[own["fold"] == ENSEMBLE]
    return dict(zip(zip(own["pid"], own["nodule_id"], strict=True), own["score"].astype(float), strict=True))


def _extreme(wrong: npt.NDArray[np.bool_], key: npt.NDArray[np.float64]) -> list[int]:
    """Rows of the first cases that are wrong, the smallest key first."""
    at = np.flatnonzero(wrong)
    return [int(row) for row in at[np.argsort(key[at], kind="stable")][:CASES]]


def _shown_nodule(own: pd.DataFrame, unit: Any, nodules: dict[tuple[str, str], float]) -> int:  # noqa: ANN401
    """Position of the nodule to show: the unit's own, else the highest, of a positive among its malignant."""
    if unit["nodule_id"]:
        return int(np.flatnonzero(own["nodule_id"] == unit["nodule_id"])[0])
    malignant = (own["malignant"] == 1).fillna(False).to_numpy(bool)
    candidates = np.flatnonzero(malignant) if unit["label"] == 1 else np.arange(len(own))
    values = [nodules.get((unit["pid"], nodule), -np.inf) for nodule in own["nodule_id"].iloc[candidates]]
    return int(candidates[int(np.argmax(values))])


class Store:
    """A crop store, read one crop at a time."""

    def __init__(self, folder: Path) -> None:
        from benchmark.imaging.cropping.layout import read_attributes
        from benchmark.imaging.recipe import get_recipe, recipe_from_dict

        recipe = (read_attributes(folder) or {}).get("recipe")
        self.recipe = recipe_from_dict(recipe) if isinstance(recipe, dict) else get_recipe("default")
        self.folder = folder
        index = read_csv(folder / "index.csv")
        keys = zip(index["pid"], index["nodule_id"], index["status"], strict=True)
        self.rows = {(pid, nodule): row for row, (pid, nodule, status) in enumerate(keys) if status == "cropped"}

    def image(self, pid: str, nodule: str) -> str:
        """Data URI of the nine planes of a nodule; empty where it has no crop."""
        crop = self.crop(pid, nodule)
        return "" if crop is None else data_uri(contact_sheet(crop, self.recipe))

    def crop(self, pid: str, nodule: str) -> npt.NDArray[np.int16] | None:
        """HU ``(z, y, x)`` of a nodule; None where it has no crop."""
        from benchmark.imaging.cropping.layout import chunk_compressor, chunk_path, read_chunk

        row = self.rows.get((pid, nodule))
        path = self.folder if row is None else chunk_path(self.folder, row)
        if not path.is_file():
            return None
        # Not by zarr, whose threads may outlive the program and then end it with a traceback.
        crop = np.empty((self.recipe.size,) * 3, np.int16)
        with refusing(path, "is damaged", "run `bench crop --verify`"):
            chunk_compressor().decode(read_chunk(path), out=crop)
        return crop


def open_crops(folder: Path) -> tuple[Store | None, str]:
    """A cohort's crops, and why there are none where they cannot be read."""
    if not (folder / "crops.zarr").is_dir() or not (folder / "index.csv").is_file():
        return None, "No images: this cohort has no crop store (bench crop makes one)."
    try:
        require_extra("ct", "a picture of a nodule")
        return Store(folder), ""
    except InputError as error:
        return None, f"No images: {error}."
    except (KeyError, ValueError, OSError) as error:
        return None, f"No images: the crop store cannot be read ({type(error).__name__})."


def contact_sheet(crop: npt.NDArray[np.int16], recipe: Recipe) -> npt.NDArray[np.uint8]:
    """The nine planes through the centre of a crop, head up, three by three with a black line around each.

    Args:
        crop: HU ``(z, y, x)``.
        recipe: Its recipe.

    Returns:
        8-bit grey ``(3 · 66, 3 · 66)``.
    """
    from benchmark.imaging.pictures import grey_planes

    tiles = np.pad(grey_planes(crop, recipe, PIXELS, head_up=True), ((0, 0), (1, 1), (1, 1)))
    return np.block([list(tiles[k : k + 3]) for k in (0, 3, 6)])


def data_uri(grey: npt.NDArray[np.uint8]) -> str:
    """An 8-bit grey image as a PNG data URI."""
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(grey).save(png, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
