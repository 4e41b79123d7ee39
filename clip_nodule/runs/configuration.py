"""A run's settings from a YAML file and what overrides it, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished
from benchmark.formats.yaml import parse_yaml, read_yaml
from clip_nodule.network.published import HUB
from clip_nodule.runs.setting_parts import OptimisationSettings
from clip_nodule.runs.settings import PARTS, PLACES, Place, Settings, in_parts, placed

CONFIGS = Path(__file__).parents[1] / "configs"


def load_settings(config: Path | str | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read a configuration and check it together with what overrides it.

    Args:
        config: A YAML file, the name of one in ``clip_nodule/configs``, or None for the defaults.
        overrides: Values that win over the file's, by plain name or part and field (``rank``, ``lora.rank``). None
            is a value like others: random weights for ``pretrained``, refused where a setting cannot be empty.

    Raises:
        InputError: Names every unknown field and bad value at once.
    """
    path = _config_path(config) if config is not None else None
    content: Any = {}
    if path is not None:
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise InputError(Problem("holds no settings", "see clip_nodule/configs/zhuang2025.yaml", path))
    settings = make_settings(path or "settings", content, overrides or {})
    _require_sense(settings, path or "settings")
    return settings


def overridden(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    """Settings of which some are others, checked together.

    Raises:
        InputError: See ``load_settings``.
    """
    changed = make_settings("settings", settings.model_dump(), overrides)
    _require_sense(changed, "settings")
    return changed


def make_settings(source: Path | str, *layers: Mapping[Any, Any]) -> Settings:
    """Settings from several mappings, later ones winning; names may be plain or in parts.

    Args:
        source: Where they come from, for messages.
        layers: See ``settings.placed``.

    Raises:
        InputError: Names every unknown name and bad value at once, as it was written.
    """
    values: dict[Place, Any] = {}
    written: dict[Place, str] = {}
    for layer in layers:
        for place, name, value in settings_by_place(layer, source):
            values[place], written[place] = value, name
    unknown = [place for place in values if place not in PLACES.values()]
    problems = [_unknown(written[place], values[place], source) for place in unknown]
    try:
        settings = Settings.model_validate(in_parts({p: v for p, v in values.items() if p not in unknown}))
    except ValidationError as error:
        for item in error.errors():
            place = tuple(map(str, item["loc"][:2]))
            name = ".".join([written[place], *map(str, item["loc"][2:])])
            what = item["msg"].removeprefix("Value error, ")
            problems.append(Problem(what, file=source, column=name, value=str(item["input"])[:80]))
    if problems:
        raise InputError(problems)
    return settings


def settings_by_place(values: Mapping[Any, Any], source: Path | str) -> list[tuple[Place, str, Any]]:
    """Place, name as it is written, and value of each setting.

    Raises:
        InputError: Two names mean the same setting.
    """
    try:
        return placed(values)
    except ValueError as error:
        raise InputError(Problem(str(error), file=source)) from error


def _unknown(name: str, value: Any, source: Path | str) -> Problem:  # noqa: ANN401
    if name in PARTS:
        fix = f"give its fields: {', '.join(PARTS[name].model_fields)}"
        return Problem("is a part of the settings", fix, source, column=name, value=str(value)[:80])
    field = name.rpartition(".")[2]
    if field in PLACES:
        hint = f"; did you mean {'.'.join(PLACES[field])!r}?"
    else:
        hint = nearest(name, [".".join(place) for place in PLACES.values()] if "." in name else list(PLACES))
    return Problem(f"is no field here{hint}", file=source, column=name, value=str(value)[:80])


def _require_sense(settings: Settings, source: Path | str) -> None:
    """Refuse settings that are each allowed and make no sense together."""
    network, losses = settings.network, settings.losses
    problems = []
    if network.modality == "clip" and losses.clip_weight == losses.image_weight == losses.text_weight == 0:
        problems.append(Problem("all loss weights are 0: nothing to learn", file=source, column="clip_weight"))
    if network.modality == "vision" and losses.image_weight == 0:
        problems.append(Problem("is 0 for a model of images alone", file=source, column="image_weight"))
    if network.modality == "vision" and network.tuning == "lora" and settings.lora.encoder == "text":
        problems.append(Problem("adapts a text encoder that is not there", file=source, column="encoder"))
    if settings.optimisation.select == "clip" and (network.modality == "vision" or losses.clip_weight == 0):
        problems.append(Problem("there is no contrastive loss to select by", file=source, column="select"))
    untrained = losses.image_weight == 0 and network.classifiers == "random"
    for name in ("select", "stop_on"):
        if getattr(settings.optimisation, name) == "auroc" and untrained:
            what = "is the AUROC of the images' classifier, which begins at random and does not learn"
            problems.append(Problem(what, "give image_weight, or classifiers=fitted", source, None, name, "auroc"))
    problems += _schedule_problems(settings.optimisation, source)
    if losses.class_weights and settings.data.sampling == "diagnosis":
        what = "would balance the classes a second time: `sampling: diagnosis` draws them equally often"
        fix = "set class_weights to false, as the paper's code does with that sampling, or sampling to semantic"
        problems.append(Problem(what, fix, source, None, "class_weights", "true"))
    if problems:
        raise InputError(problems)


def require_named_by_user(settings: Settings, given: Mapping[str, Any]) -> None:
    """Refuse a model of a hub that a configuration names: no file's content reaches the network.

    Args:
        settings: All settings.
        given: Those that were given beside the configuration.

    Raises:
        InputError: The backbone is such a model, and is not among those given.
    """
    place = PLACES["backbone"]
    name = settings.network.backbone
    if name.startswith(HUB) and place not in {found for found, _, _ in settings_by_place(given, "settings")}:
        what = "is a model of a hub, which a configuration may not name: it would reach the network"
        raise InputError(Problem(what, f"give --backbone {name} yourself", column="backbone", value=name))


def _schedule_problems(own: OptimisationSettings, source: Path | str) -> list[Problem]:
    problems = []
    if own.lr_warmup >= own.epochs:
        what = f"the learning rate would rise in all of the {own.epochs} epochs"
        problems.append(Problem(what, "give fewer than epochs", source, None, "lr_warmup", str(own.lr_warmup)))
    if own.lr_end and own.schedule == "constant":
        what, fix = "a constant learning rate has no other end", "add schedule=cosine, or leave it out"
        problems.append(Problem(what, fix, source, None, "lr_end", str(own.lr_end)))
    return problems


def _config_path(config: Path | str) -> Path:
    path = Path(config)
    named = CONFIGS / f"{config}.yaml"
    if path.is_file():
        return path
    if named.is_file():
        return named
    names = sorted(found.stem for found in list_finished(CONFIGS, "*.yaml"))
    raise InputError(Problem("is no configuration", f"give a YAML file or one of {', '.join(names)}", path))


def parse_assignments(texts: Sequence[str]) -> dict[str, Any]:
    """``name=value`` texts as settings, the name plain or of part and field; values are YAML: 3, true, [q, v].

    Raises:
        InputError: A text has no ``=``, its value is not YAML, or a name comes twice.
    """
    values: dict[str, Any] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if name in values:
            what = f"is there twice: {values[name]!r} and {value!r}"
            problems.append(Problem(what, "give it once", column="--set", value=name))
        try:
            values[name] = parse_yaml(value, "--set")
        except InputError:
            equals = ""
        if not equals:
            problems.append(
                Problem("is not name=value", "e.g. --set weight_decay=0.05", column="--set", value=text)
            )
    if problems:
        raise InputError(problems)
    return values
