"""Metrics of a fold, epoch by epoch: ``metrics.csv`` and TensorBoard events."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from benchmark.contracts.text_table import write_table

METRICS, EVENTS = "metrics.csv", "tensorboard"


class EpochLog:
    """Writes each epoch's metrics once, also when a killed run goes on.

    ``metrics.csv`` is rewritten as a whole from the history, which the training state carries; TensorBoard is told
    to drop what a killed run wrote beyond it.

    Args:
        folder: ``fold_k``.
        history: Metrics of the epochs done so far; ``add`` appends nothing to it.
    """

    def __init__(self, folder: Path, history: list[dict[str, float | None]]) -> None:
        self.folder = folder
        self.history = history
        self.writer: Any = None

    def __enter__(self) -> EpochLog:
        from torch.utils.tensorboard.writer import SummaryWriter

        self.writer = SummaryWriter(str(self.folder / EVENTS), purge_step=len(self.history))
        if self.history:
            write_table(pd.DataFrame(self._rows()), self.folder / METRICS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    def add(self, metrics: dict[str, float | None]) -> None:
        """Log the last epoch of the history."""
        write_table(pd.DataFrame(self._rows()), self.folder / METRICS)
        for name, value in metrics.items():
            if value is not None:
                self.writer.add_scalar(name.replace("_", "/", 1), value, len(self.history) - 1)
        self.writer.flush()

    def _rows(self) -> list[dict[str, float | None]]:
        return [{"epoch": epoch, **row} for epoch, row in enumerate(self.history)]
