"""Metrics of a fold, epoch by epoch: ``metrics.csv`` and what else is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import pandas as pd

from benchmark.contracts.table_writing import write_table
from clip_nodule.training.tracking.callbacks import CALLBACKS, EpochCallback

METRICS = "metrics.csv"


class EpochLog:
    """Writes each epoch's metrics once, also when a killed run goes on.

    ``metrics.csv`` is rewritten as a whole from the history, which the training state carries.

    Args:
        folder: ``fold_k``.
        history: Metrics of the epochs done so far; ``add`` appends nothing to it.
        told: Names of the callbacks that are told of every epoch (``CALLBACKS``).
    """

    def __init__(
        self, folder: Path, history: list[dict[str, float | None]], told: Sequence[str] = ("tensorboard",)
    ) -> None:
        self.folder, self.history, self.told = folder, history, told
        self.callbacks: list[EpochCallback] = []
        self._open = ExitStack()

    def __enter__(self) -> EpochLog:
        with ExitStack() as opened:
            for name in self.told:
                callback = CALLBACKS[name](self.folder, self.history)
                opened.callback(callback.close)
                self.callbacks.append(callback)
            self._open = opened.pop_all()
        if self.history:
            write_table(pd.DataFrame(self._rows()), self.folder / METRICS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, metrics: dict[str, float | None]) -> None:
        """Log the last epoch of the history."""
        write_table(pd.DataFrame(self._rows()), self.folder / METRICS)
        for callback in self.callbacks:
            callback.epoch(len(self.history) - 1, metrics)

    def _rows(self) -> list[dict[str, float | None]]:
        return [{"epoch": epoch, **row} for epoch, row in enumerate(self.history)]
