"""The interface of what is told about each epoch of a fold, and those that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from benchmark.extras import require_extra
from clip_nodule.runs.settings import Settings
from clip_nodule.training.tracking.mlflow_runs import MlflowRun, prepare_mlflow_store
from clip_nodule.training.tracking.tensorboard_events import TensorBoardEvents

EpochValues = Mapping[str, float | None]


class EpochCallback(Protocol):
    """Is told about a fold's epochs, in their order."""

    def epoch(self, number: int, metrics: EpochValues) -> None:
        """Take in an epoch that has ended and whose state is saved; what is None could not be computed."""

    def close(self) -> None:
        """The fold has ended, or was stopped; it may go on in another process."""


CALLBACKS: Final[Mapping[str, Callable[[Path, Sequence[EpochValues]], EpochCallback]]] = {
    "tensorboard": TensorBoardEvents,
    "mlflow": MlflowRun,
}
"""By what a run's settings call it: made for a fold's folder and the epochs that are done already."""


def prepare_tracking(run: Path, settings: Settings) -> None:
    """Make, once and before folds begin, what they write to at the same time.

    Args:
        run: The run folder, with its ``run.yaml``.
        settings: The run's.
    """
    if "mlflow" in settings.run.track:
        prepare_mlflow_store(run)


def require_tracking(settings: Settings) -> None:
    """Refuse to begin where something that is to be told cannot be.

    Raises:
        MissingExtra: What it needs is not installed.
    """
    if "mlflow" in settings.run.track:
        require_extra("mlflow", "a run that is tracked with MLflow")
