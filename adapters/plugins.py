"""Adapters of other packages: what goes wrong inside of one names it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

from adapters.card import Adapter, AdapterOptions, ModelCard, Predictions
from benchmark.errors import BenchError


class PluginError(BenchError):
    """Another package's adapter failed in a way that is no matter of the files."""


class PluginAdapter:
    """An adapter of another package; what it raises, but for the errors of this project, names it.

    Args:
        point: The entry point that it was found by.
        adapter: What that gave, with ``CARD`` and ``read``.
    """

    def __init__(self, point: EntryPoint, adapter: Adapter) -> None:
        self.CARD: ModelCard = adapter.CARD
        self.origin = origin(point)
        self._adapter = adapter

    def read(self, files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
        """See ``Adapter``.

        Raises:
            PluginError: It failed, or returned something else.
        """
        try:
            found = self._adapter.read(files, options)
        except (BenchError, MemoryError):
            raise
        except OSError as error:
            if error.filename in {str(file) for file in files}:
                raise
            raise self._failure(f"failed to read: {type(error).__name__}: {error}") from error
        except (Exception, SystemExit) as error:
            raise self._failure(f"failed to read: {type(error).__name__}: {error}") from error
        if not isinstance(found, list) or not all(isinstance(one, Predictions) for one in found):
            raise self._failure(f"returned {type(found).__name__}, not a list of adapters.card.Predictions")
        if not found:
            raise self._failure("returned no predictions")
        return found

    def _failure(self, what: str) -> PluginError:
        return PluginError(
            f"{self.origin} {what} — that is that package's fault: tell its authors (bench --debug)"
        )


def origin(point: EntryPoint) -> str:
    """What an adapter is called in messages: its name, where it lies, and the package that it came with."""
    source = getattr(point, "dist", None)
    package = f", package {source.name} {source.version}" if source is not None else ""
    return f"the adapter {point.name!r} ({point.value}{package})"
