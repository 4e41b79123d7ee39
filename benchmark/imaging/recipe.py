"""What a crop and its nine planes are: spacing, size, HU window, padding and centring, under a name and a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.contracts.names import SafeName
from benchmark.errors import InputError, Problem


@dataclass(frozen=True)
class Recipe:
    """How voxels become a crop and a crop becomes nine planes.

    A crop is ``[z, y, x]`` with ``size`` points an axis, ``spacing`` mm apart, along the axes of LPS: z grows
    towards the head, y to the back, x to the left of the patient.

    Attributes:
        name: Its name.
        centring: ``exact``: the nodule's centre is the crop's index ``(50, 50, 50)``, to the rounding of a
            coordinate. ``grid``: crops are windows ``[c - 50, c + 50)`` of the scan resampled to 1 mm, ``c`` the
            truncated index of the centre, as in the paper's code; the centre is up to a voxel after index 50.
        padding: HU of what lies outside the scan.
        planes: ``linear``: planes are trilinear samples of the crop around index 50. ``rotate``: the paper's
            cubic-spline rotation by 45° about index 49.5, its central 50 x 50 pixels zoomed bilinearly.
        spacing: mm between the points of a crop.
        size: Points an axis of a crop.
        low: HU that becomes 0 in a plane.
        high: HU that becomes 1 in a plane.
        plane_mm: Edge of a plane in mm.
        plane_size: Pixels along an edge of a plane.
        max_padding: A nodule fails whose planes' cube lies outside the scan by more than this share.
    """

    name: str
    centring: str
    padding: int
    planes: str
    spacing: float = 1.0
    size: int = 100
    low: float = -1000.0
    high: float = 500.0
    plane_mm: float = 50.0
    plane_size: int = 224
    max_padding: float = 0.5

    @property
    def centre_index(self) -> float:
        """Index along each axis of a crop that holds the nodule's centre (``grid``: to within a voxel)."""
        return float(self.size // 2)

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that differ between recipes that differ in anything but the name."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for attributes and run records; ``recipe_from_dict`` reads them."""
        return asdict(self)


class _Written(BaseModel):
    """A recipe as files hold it: with every field, nothing else, and numbers that a CT can have."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    name: SafeName
    centring: Literal["exact", "grid"]
    padding: int = Field(ge=-32768, le=32767)
    planes: Literal["linear", "rotate"]
    spacing: float = Field(1.0, ge=0.1, le=10)
    size: int = Field(100, ge=2, le=256)
    low: float = Field(-1000.0, ge=-32768, le=32767)
    high: float = Field(500.0, ge=-32768, le=32767)
    plane_mm: float = Field(50.0, gt=0, le=500)
    plane_size: int = Field(224, ge=1, le=2048)
    max_padding: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _window_opens(self) -> _Written:
        if self.low >= self.high:
            raise ValueError(f"the window's low end {self.low:g} is not below its high end {self.high:g}")
        return self


RECIPES: dict[str, Recipe] = {
    "default": Recipe("default", centring="exact", padding=-1000, planes="linear"),
    "zhuang2025": Recipe("zhuang2025", centring="grid", padding=0, planes="rotate", max_padding=1.0),
}


def get_recipe(recipe: Recipe | str) -> Recipe:
    """A recipe by its name; an object is handed back as it is.

    Raises:
        InputError: There is no recipe of that name.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise InputError(Problem("is no recipe", f"recipes: {', '.join(RECIPES)}", value=str(recipe)))
    return RECIPES[recipe]


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """The recipe that ``as_dict`` wrote.

    Raises:
        InputError: A field is unknown, missing or out of its bounds.
    """
    try:
        return Recipe(**_Written.model_validate(dict(values)).model_dump())
    except ValidationError as error:
        fix = "make the crops again with `bench crop`"
        found = [
            (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, "), str(item["input"])[:80])
            for item in error.errors()
        ]
        raise InputError(
            [Problem(f"is not a recipe: {what}", fix, None, None, name, given) for name, what, given in found]
        ) from error


def _checked_values(values: dict[str, Any]) -> dict[str, Any]:
    return _Written.model_validate(values).model_dump()


RecipeValues = Annotated[dict[str, Any], AfterValidator(_checked_values)]
"""A recipe as plain values, each within its bounds, for models of what holds one."""
