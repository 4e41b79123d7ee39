"""Adapters: one other system a file, with a model card and ``read()``; everything becomes one score table.

Third parties add adapters by an entry point of the group ``nodule_bench.adapters`` that names a module (or any
object) with ``CARD`` and ``read``, e.g. in their ``pyproject.toml``::

    [project.entry-points."nodule_bench.adapters"]
    my-model = "my_package.my_adapter"
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem

if TYPE_CHECKING:
    from adapters.card import Adapter

GROUP: Final = "nodule_bench.adapters"
ADAPTERS: Final = {
    "sybil": "adapters.sybil",
    "pillar0": "adapters.pillar0",
    "deepipn": "adapters.deepipn",
    "venkadesh": "adapters.venkadesh",
    "grand-challenge": "adapters.grand_challenge",
    "lungbl": "adapters.lungbl",
    "diag": "adapters.diag",
    "clip-nodule": "adapters.clip_nodule",
    "fmcib": "adapters.fmcib",
    "hscnn": "adapters.hscnn",
    "clip-lung": "adapters.clip_lung",
    "csv": "adapters.csv",
}
"""Name → module."""


def adapter_names() -> list[str]:
    """The project's adapters, then those of other packages.

    Example::

        >>> from adapters import adapter_names
        >>> adapter_names()[:3]
        ['sybil', 'pillar0', 'deepipn']
    """
    return [*ADAPTERS, *sorted(set(_plugins()) - set(ADAPTERS))]


def load_adapter(name: str) -> Adapter:
    """The adapter ``name``.

    Example::

        >>> from adapters import load_adapter
        >>> load_adapter("sybil").CARD.title
        'Sybil'

    Raises:
        InputError: There is none, another package's cannot be loaded, or it lacks ``CARD`` or ``read``.
    """
    if name in ADAPTERS:
        found: Adapter = import_module(ADAPTERS[name])
        return found
    plugins = _plugins()
    if name not in plugins:
        known = adapter_names()
        raise InputError(
            Problem(
                f"no adapter {name!r}{nearest(name, known)}",
                f"adapters: {', '.join(known)}; one of your own is installed by `pip install -e FOLDER`",
            )
        )
    from adapters.plugins import PluginAdapter, origin

    try:
        plugin: Adapter = plugins[name].load()
    except (Exception, SystemExit) as error:  # another package's code can fail in any way
        what = f"{origin(plugins[name])} cannot be loaded: {type(error).__name__}: {error}"
        raise InputError(Problem(what, "repair or remove that package")) from error
    check_adapter(name, plugin)
    return PluginAdapter(plugins[name], plugin)


def check_adapter(name: str, adapter: object) -> None:
    """Whether an object has what the protocol ``Adapter`` asks for.

    Raises:
        InputError: Names all that is missing.
    """
    from adapters.card import ModelCard

    problems = []
    card = getattr(adapter, "CARD", None)
    if not isinstance(card, ModelCard):
        problems.append(Problem(f"the adapter {name!r} has no CARD of type adapters.card.ModelCard"))
    elif card.unit not in ("nodule", "scan", "patient"):
        problems.append(Problem(f"the card of {name!r} has the unit {card.unit!r}", "nodule, scan or patient"))
    if not callable(getattr(adapter, "read", None)):
        problems.append(Problem(f"the adapter {name!r} has no function read(files, options)"))
    if problems:
        raise InputError(problems)


def _plugins() -> dict[str, EntryPoint]:
    """Entry points by name; one that takes a name of ours or another's is an error."""
    found: dict[str, EntryPoint] = {}
    problems = []
    for point in entry_points(group=GROUP):
        if point.name in ADAPTERS or point.name in found:
            what = f"{point.value} registers an adapter {point.name!r}, a name that is taken"
            problems.append(Problem(what, "rename the entry point"))
        found[point.name] = point
    if problems:
        raise InputError(problems)
    return found
