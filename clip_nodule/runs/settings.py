"""The settings of a training run, in parts, and the place that each plain name has in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, model_validator

from clip_nodule.runs.setting_parts import (
    DataSettings,
    LoraSettings,
    LossSettings,
    NetworkSettings,
    OptimisationSettings,
    Part,
    RunSettings,
)

Place = tuple[str, ...]
"""Part and field of a setting."""


class Settings(Part):
    """Everything that decides what a training run computes. Defaults are the paper's.

    Each setting also has a plain name (``PLACES``), which runs and configurations had before there were parts:
    ``Settings.model_validate({"rank": 4})`` is ``{"lora": {"rank": 4}}``.

    Attributes:
        network: What is trained, and where it begins.
        lora: The low-rank updates.
        losses: What is minimised.
        data: Which nodules are shown, and how.
        optimisation: How long and how fast it learns.
        run: How the folds are run.
    """

    network: NetworkSettings = NetworkSettings()
    lora: LoraSettings = LoraSettings()
    losses: LossSettings = LossSettings()
    data: DataSettings = DataSettings()
    optimisation: OptimisationSettings = OptimisationSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="before")
    @classmethod
    def _in_parts(cls, values: Any) -> Any:  # noqa: ANN401
        return (
            in_parts({place: value for place, _, value in placed(values)})
            if isinstance(values, Mapping)
            else values
        )

    def at(self, place: Place) -> Any:  # noqa: ANN401
        """The value at a place."""
        return getattr(getattr(self, place[0]), place[1])


PARTS: dict[str, type[Part]] = {
    "network": NetworkSettings,
    "lora": LoraSettings,
    "losses": LossSettings,
    "data": DataSettings,
    "optimisation": OptimisationSettings,
    "run": RunSettings,
}
PLACES: dict[str, Place] = {
    "lora_dropout" if (part, field) == ("lora", "dropout") else field: (part, field)
    for part, model in PARTS.items()
    for field in model.model_fields
}
"""Part and field of every setting by its plain name: the field's own, but ``lora_dropout``."""


def placed(values: Mapping[Any, Any]) -> list[tuple[Place, str, Any]]:
    """Place, name as it is written, and value of each setting; a name that is none is its own place.

    Args:
        values: Settings by plain names (``rank``), by part and field (``lora.rank``), or in parts.

    Raises:
        ValueError: Two names mean the same setting.
    """
    found: dict[Place, tuple[str, Any]] = {}
    for name, value in _by_written_name(values):
        place = PLACES.get(name, tuple(name.split(".")))
        if place in found:
            raise ValueError(f"{found[place][0]} and {name} are the same setting: give one of them")
        found[place] = (name, value)
    return [(place, name, value) for place, (name, value) in found.items()]


def in_parts(values: Mapping[Place, Any]) -> dict[str, Any]:
    """Settings by place as nested mappings."""
    nested: dict[str, Any] = {}
    for place, value in values.items():
        if len(place) == 2:
            nested.setdefault(place[0], {})[place[1]] = value
        else:
            nested[".".join(place)] = value
    return nested


def _by_written_name(values: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    named: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key in PARTS and isinstance(value, BaseModel):
            value = value.model_dump()
        if key in PARTS and (value is None or isinstance(value, Mapping)):
            named += [(f"{key}.{field}", inner) for field, inner in (value or {}).items()]
        else:
            named.append((str(key), value))
    return named
