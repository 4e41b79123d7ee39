"""MLflow runs of folds, in a local store of the results folder or where the user's own environment says."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from benchmark.formats.opening import read_text
from clip_nodule.runs.run_folder import read_run
from clip_nodule.runs.settings import PLACES

EXPERIMENT: Final = "nodule-bench"
STORE: Final = "mlflow.db"
"""SQLite file beside the folder of runs."""
ID: Final = "mlflow.txt"
"""File of a fold with the id of its MLflow run."""
_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST_ID = 100
_PRESENT = "val_loss"
"""A metric of every epoch."""
log = logging.getLogger(__name__)


class MlflowRun:
    """One MLflow run a fold, with the run's settings as parameters; a fold that goes on goes on in it.

    Epochs that MLflow lacks are given again with the next one, so that nothing is missing after a kill or after a
    store could not be reached; training never stops for it.

    Args:
        folder: ``fold_k`` of a run folder.
        done: Metrics of the epochs that are done.
    """

    def __init__(self, folder: Path, done: Sequence[Mapping[str, float | None]]) -> None:
        self.folder = folder
        self._missing = dict(enumerate(done))
        self._known: set[int] = set()
        self._run: str | None = None
        self._client: Any = None
        self._send()

    def epoch(self, number: int, metrics: Mapping[str, float | None]) -> None:
        """See ``EpochCallback``."""
        self._missing[number] = metrics
        self._send()

    def close(self) -> None:
        """See ``EpochCallback``."""
        from mlflow.exceptions import MlflowException

        if self._run is not None:
            try:
                self._client.set_terminated(self._run)
            except (MlflowException, OSError) as error:
                log.warning("%s: MLflow was not told of the end (%s)", self.folder.name, _first_line(error))

    def _send(self) -> None:
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        try:
            if self._run is None:
                self._run = self._begun()
            now = int(time.time() * 1000)
            for number, metrics in list(self._missing.items()):
                if number in self._known:  # of a fold that went back an epoch: MLflow takes nothing back
                    del self._missing[number]
                    continue
                there = {name: value for name, value in metrics.items() if value is not None}
                found = [Metric(name, float(value), now, number) for name, value in there.items()]
                self._client.log_batch(self._run, metrics=found)
                del self._missing[number]
        except (MlflowException, OSError) as error:
            what = "MLflow took no metrics of epochs %s (%s); they are in metrics.csv, and are given again later"
            epochs = ", ".join(str(number + 1) for number in self._missing) or "to come"
            log.warning("%s: " + what, self.folder.name, epochs, _first_line(error))

    def _begun(self) -> str:
        """The id of this fold's run in MLflow, which knows all but what is missing."""
        from mlflow.exceptions import MlflowException

        self._client = client_of(self.folder.parent)
        path = self.folder / ID
        if path.is_file() and _ID.fullmatch(written := read_text(path, _LARGEST_ID).strip()):
            try:
                self._known = {metric.step for metric in self._client.get_metric_history(written, _PRESENT)}
                self._client.update_run(written, status="RUNNING")
            except MlflowException as error:
                log.warning("%s: begins a new MLflow run (%s)", self.folder.name, _first_line(error))
                self._known = set()
            else:
                return written
        return self._new_run(path)

    def _new_run(self, path: Path) -> str:
        from mlflow.entities import Param

        info = read_run(self.folder.parent)
        tags = {"run": info.name, "fold": self.folder.name, "cohorts": str(info.cohort), "seed": str(info.seed)}
        experiment = experiment_id(self._client, self.folder.parent)
        begun = self._client.create_run(experiment, tags=tags, run_name=f"{info.name} {self.folder.name}")
        identity = str(begun.info.run_id)
        params = [Param(name, str(info.settings.at(place))) for name, place in PLACES.items()]
        self._client.log_batch(identity, params=params)
        write_text(path, identity + "\n")
        return identity


def client_of(run: Path) -> Any:  # noqa: ANN401
    """MLflow's client: of the store that ``MLFLOW_TRACKING_URI`` names, else of ``results/mlflow.db``."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # else it reports its use to its makers
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(results_of(run) / STORE).as_posix()}"
    return MlflowClient(tracking_uri=uri)


def results_of(run: Path) -> Path:
    """The folder of results that a run is in."""
    return run.resolve().parents[1]


def prepare_mlflow_store(run: Path) -> None:
    """Make the store and its experiment, once, before several folds write to it at the same time.

    Raises:
        InputError: The store cannot be reached or made.
    """
    from mlflow.exceptions import MlflowException

    try:
        experiment_id(client_of(run), run)
    except (MlflowException, OSError) as error:
        fix = "unset MLFLOW_TRACKING_URI, or mend the store; then go on with --resume"
        where = os.environ.get("MLFLOW_TRACKING_URI") or str(results_of(run) / STORE)
        raise InputError(Problem(f"MLflow's store cannot be used: {_first_line(error)}", fix, where)) from error


def experiment_id(client: Any, run: Path) -> str:  # noqa: ANN401
    """The id of the experiment that all runs are in, which is made where it is missing."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=(results_of(run) / "mlflow").as_uri()))
    except MlflowException:  # another process made it meanwhile
        if (found := client.get_experiment_by_name(EXPERIMENT)) is None:
            raise
        return str(found.experiment_id)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
