"""TensorBoard events of a fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

EVENTS = "tensorboard"


class TensorBoardEvents:
    """Writes ``fold_k/tensorboard``; what a killed run wrote beyond the epochs that are done is dropped.

    Args:
        folder: ``fold_k``.
        done: Metrics of the epochs that are done.
    """

    def __init__(self, folder: Path, done: Sequence[Mapping[str, float | None]]) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self.writer = SummaryWriter(str(folder / EVENTS), purge_step=len(done))

    def epoch(self, number: int, metrics: Mapping[str, float | None]) -> None:
        """See ``EpochCallback``."""
        for name, value in metrics.items():
            if value is not None:
                self.writer.add_scalar(name.replace("_", "/", 1), value, number)
        self.writer.flush()

    def close(self) -> None:
        """See ``EpochCallback``."""
        self.writer.close()
