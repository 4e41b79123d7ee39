"""What is told of epochs: TensorBoard's events and MLflow's runs hold what ``metrics.csv`` holds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark import extras
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.extras import MissingExtra
from clip_nodule.network import tiny
from clip_nodule.runs.configuration import load_settings
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.tracking import callbacks, mlflow_runs
from clip_nodule.training.tracking.epoch_log import EpochLog
from tests.clip_nodule.pretended_steps import LEAST
from tests.clip_nodule.training_cohort import TINY, make_cohort

# SQLAlchemy's own, of what MLflow does with it.
pytestmark = pytest.mark.filterwarnings("ignore")
EPOCHS = [
    {"val_loss": 1.0, "val_auroc_image": None},
    {"val_loss": 0.5, "val_auroc_image": 0.75},
    {"val_loss": 0.25},
]


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def events_of(folder: Path) -> pd.DataFrame:
    """Scalars as TensorBoard's own reader gives them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder / "tensorboard")).Reload()
    return pd.DataFrame({tag: {e.step: e.value for e in reader.Scalars(tag)} for tag in reader.Tags()["scalars"]})


def logged(folder: Path, done: list, added: list) -> None:
    history = list(done)
    with EpochLog(folder, history, ["tensorboard"]) as log:
        for metrics in added:
            history.append(metrics)
            log.add(metrics)


def test_tensorboard_has_each_epoch_once_though_a_killed_run_repeats_one(tmp_path: Path) -> None:
    logged(tmp_path, [], EPOCHS[:2])
    logged(tmp_path, EPOCHS[:1], EPOCHS[1:])
    found = events_of(tmp_path)
    assert found["val/loss"].to_dict() == {0: 1.0, 1: 0.5, 2: 0.25}
    assert found["val/auroc_image"].dropna().to_dict() == {1: 0.75}
    assert list(pd.read_csv(tmp_path / "metrics.csv")["val_loss"]) == [1.0, 0.5, 0.25]


def test_callbacks_are_closed_though_one_cannot_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Told:
        def __init__(self, folder: Path, done: list) -> None: ...

        def close(self) -> None:
            closed.append(1)

    def refuse(folder: Path, done: list) -> None:
        raise OSError

    monkeypatch.setattr("clip_nodule.training.tracking.epoch_log.CALLBACKS", {"a": Told, "b": refuse})
    with pytest.raises(OSError), EpochLog(tmp_path, [], ["a", "b"]):
        pass
    assert closed == [1]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {**extras.EXTRAS, "mlflow": ("no_such_module",)})
    callbacks.require_tracking(load_settings(None))
    with pytest.raises(
        MissingExtra, match=r'tracked with MLflow needs no_such_module: pip install "nodule-bench\[mlflow\]"'
    ):
        callbacks.require_tracking(load_settings(None, {"track": ["mlflow"]}))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    make_cohort(folder / "cohorts" / "balls", 8)
    return folder


class Interrupted(Exception):
    """Training is stopped from outside."""


@pytest.mark.needs("mlflow")
@pytest.mark.slow
def test_mlflow_has_a_run_a_fold_also_of_a_run_that_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiny.TINY, "least", LEAST)
    where = Workspace(root / "cohorts", root / "results")
    asked = TINY | {"backbone": "least", "track": ["mlflow"], "epochs": 3, "lockstep": 2, "rank": 3}
    lines: list[str] = []

    def stop(done: int, total: int, text: str) -> None:
        lines.extend([text] if " epoch " in text else [])
        if len(lines) == 3:  # one fold is an epoch ahead
            raise Interrupted

    with pytest.raises(Interrupted):
        train_run("balls", TrainingRequest(settings=asked, device="cpu"), where, name="one", progress=stop)
    run = train_run("balls", TrainingRequest(settings={}, device="cpu"), where, name="one", resume=True)
    assert not list(run.glob("fold_*/tensorboard"))
    client = mlflow_runs.client_of(run)
    assert (root / "results" / "mlflow.db").is_file()
    experiment = client.get_experiment_by_name("nodule-bench")
    found = {one.data.tags["fold"]: one for one in client.search_runs([experiment.experiment_id])}
    assert set(found) == {"fold_0", "fold_1"}
    for fold, one in found.items():
        assert (one.info.status, one.data.tags["run"], one.data.params["rank"]) == ("FINISHED", "one", "3")
        table = pd.read_csv(run / fold / "metrics.csv")
        for name in ("val_loss", "train_pred"):
            history = client.get_metric_history(one.info.run_id, name)
            assert sorted((m.step, m.value) for m in history) == list(enumerate(table[name]))


@pytest.mark.needs("mlflow")
@pytest.mark.slow
def test_a_store_that_fails_midway_stops_no_training_and_is_told_later(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mlflow.exceptions import MlflowException

    folder = tmp_path / "results" / "runs" / "one" / "fold_0"
    folder.mkdir(parents=True)
    monkeypatch.setitem(tiny.TINY, "least", LEAST)
    asked = TINY | {"backbone": "least", "track": ["mlflow"], "epochs": 1, "rank": 3}
    source = train_run(
        "balls", TrainingRequest(settings=asked, device="cpu"), Workspace(root / "cohorts", tmp_path / "made")
    )
    (folder.parent / "run.yaml").write_bytes((source / "run.yaml").read_bytes())
    mlflow_runs.prepare_mlflow_store(folder.parent)
    told = mlflow_runs.MlflowRun(folder, [])
    with monkeypatch.context() as patched:

        def refuse(*_: object, **__: object) -> None:
            raise MlflowException("database is locked")

        patched.setattr(type(told._client), "log_batch", refuse)
        told.epoch(0, EPOCHS[0])
    assert "MLflow took no metrics of epochs 1 (database is locked)" in caplog.text
    told.epoch(1, EPOCHS[1])
    history = told._client.get_metric_history(told._run, "val_loss")
    assert sorted((m.step, m.value) for m in history) == [(0, 1.0), (1, 0.5)]
    (folder / "mlflow.txt").write_text("f" * 32)  # of another store
    again = mlflow_runs.MlflowRun(folder, EPOCHS[:2])
    assert "begins a new MLflow run" in caplog.text
    assert len(again._client.get_metric_history(again._run, "val_loss")) == 2


@pytest.mark.needs("mlflow")
def test_a_store_that_cannot_be_used_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://there")
    with pytest.raises(InputError, match=r"nonsense://there.*MLflow's store cannot be used"):
        mlflow_runs.prepare_mlflow_store(tmp_path / "results" / "runs" / "one")
