from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from benchmark.cohorts.folds import hold_out
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.workspace import Workspace
from benchmark.errors import BenchError, InputError
from benchmark.files import sha256
from benchmark.imaging.cropping.store import CropStore
from benchmark.work import worker_count
from clip_nodule.inference.explain import ExplainOptions, explain_cohort
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.network.backbone import build_backbone
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.runs.run_folder import find_run, list_runs, read_run
from clip_nodule.train import TrainingRequest, TrainingStopped, train_run
from clip_nodule.training.data import load_data, read_patients
from clip_nodule.training.fold import FoldJob
from clip_nodule.training.folds import stack as stack_module
from clip_nodule.training.folds.lockstep import train_epoch
from clip_nodule.training.folds.stack import FoldStack
from clip_nodule.training.images import FreshPlanes
from tests.clip_nodule.training_cohort import TINY


def train(small: Path, results: Path, **settings) -> Path:
    """A run of its own results folder on the session's crops."""
    if not (results / "crops").exists():
        results.mkdir(exist_ok=True)
        shutil.copytree(small / "results" / "crops", results / "crops")
    own = {key: settings.pop(key) for key in ("name", "resume", "progress") if key in settings}
    request = TrainingRequest(seed=settings.pop("seed", 0), settings=TINY | settings, device="cpu")
    return train_run("balls", request, workspace=Workspace(small / "cohorts", results), **own)


def weights(run: Path) -> dict[str, str]:
    """Hashes of everything that scores."""
    names = (
        "heads.safetensors",
        "adapter_model.safetensors",
        "backbone.safetensors",
        "calibration.json",
        "metrics.csv",
    )
    files = [path for name in names for path in run.glob(f"fold_*/**/{name}") if "state" not in path.parts]
    assert files
    return {path.relative_to(run).as_posix(): sha256(path) for path in sorted(files)}


def test_a_run_folder_holds_what_the_contract_says(small: Path) -> None:
    run = small / "results" / "runs" / "first"
    info = read_run(run)
    assert (info.name, info.number, info.cohort, info.folds) == ("first", 1, "balls", 2)
    assert info.settings.network.tuning == "lora"
    assert info.recipe["name"] == "default"
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    assert record["packages"]["torch"] == torch.__version__.partition("+")[0]
    for fold in range(2):
        folder = run / f"fold_{fold}"
        for name in (
            "adapter/adapter_config.json",
            "adapter/adapter_model.safetensors",
            "heads.safetensors",
            "calibration.json",
            "validation.csv",
            "metrics.csv",
        ):
            assert (folder / name).is_file(), name
        assert list((folder / "tensorboard").glob("events*"))
        assert len(list((folder / "state").glob("epoch-*"))) == 2
        metrics = pd.read_csv(folder / "metrics.csv")
        assert list(metrics["epoch"]) == [0, 1]
        assert np.isfinite(metrics[["train_loss", "val_loss", "val_clip", "val_pred"]]).all(axis=None)
    pickles = [p for p in run.rglob("*") if p.suffix in (".pt", ".pth", ".pkl", ".bin", ".joblib")]
    assert not pickles


def test_a_nodule_without_a_crop_takes_no_part_and_is_noted(small: Path) -> None:
    run = small / "results" / "runs" / "first"
    data = load_data(run)
    assert len(data.table) == 19
    assert "019" not in set(data.table["pid"])
    assert "1 nodules have no crop" in read_run(run).notes[0]


def test_folds_share_no_patient_and_each_patient_is_validated_once(small: Path) -> None:
    run = small / "results" / "runs" / "first"
    data = load_data(run)
    validated = []
    for fold in range(2):
        train_rows, validation = data.split(fold)
        pids = data.table["pid"].to_numpy()
        assert not set(pids[train_rows]) & set(pids[validation])
        validated += list(validation)
    assert sorted(validated) == list(range(len(data.table)))


@pytest.mark.slow
def test_training_learns_the_balls(small: Path, tmp_path: Path) -> None:
    run = train(small, tmp_path, tuning="full", epochs=6, learning_rate=1e-3, patience=6)
    best = [pd.read_csv(run / f"fold_{fold}" / "metrics.csv")["val_auroc_image"].max() for fold in range(2)]
    assert min(best) == 1.0


def test_same_seed_same_bytes_and_another_seed_others(small: Path, tmp_path: Path) -> None:
    one, two = (weights(train(small, tmp_path / name, epochs=1)) for name in ("a", "b"))
    assert one == two
    assert weights(train(small, tmp_path / "c", epochs=1, seed=1)) != one


@pytest.mark.slow
def test_folds_in_processes_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    one = weights(train(small, tmp_path / "a", epochs=1))
    assert weights(train(small, tmp_path / "b", epochs=1, parallel=2)) == one


@pytest.mark.slow
def test_a_run_begins_with_the_encoder_of_a_run_of_images_alone(small: Path, tmp_path: Path) -> None:
    images = train(small, tmp_path, name="images", modality="vision", tuning="full", epochs=1, learning_rate=1e-3)
    file = images / "fold_1" / "backbone.safetensors"
    both = train(small, tmp_path, name="both", tuning="probe", epochs=1, pretrained=str(file))
    learned, random = load_file(file), load_file(images / "backbone.safetensors")
    begun = {name: tensor.float() for name, tensor in load_file(both / "backbone.safetensors").items()}
    assert begun.keys() == learned.keys()
    assert all(torch.equal(begun[name], tensor) for name, tensor in learned.items())
    moved = [name for name, tensor in learned.items() if not torch.equal(tensor, random[name].float())]
    assert moved
    assert all(name.startswith("visual.") for name in moved)  # no text took part
    assert read_run(both).inputs["pretrained"] == sha256(file)


@pytest.mark.parametrize("tuning", ["lora", "full", "probe"])
@pytest.mark.parametrize("modality", ["clip", "vision"])
def test_every_tuning_and_modality_trains(small: Path, tmp_path: Path, tuning: str, modality: str) -> None:
    run = train(small, tmp_path, tuning=tuning, modality=modality, epochs=1, accumulate=2)
    fold = run / "fold_0"
    assert (fold / "adapter").is_dir() == (tuning == "lora")
    assert (fold / "backbone.safetensors").is_file() == (tuning == "full")
    assert any("text" in name for name in load_file(fold / "heads.safetensors")) == (modality == "clip")
    assert (run / "data" / "features.safetensors").is_file() == (tuning == "probe")


@pytest.mark.parametrize(
    "augment", ["full", *(pytest.param(other, marks=pytest.mark.slow) for other in ("flips", "paper", "jitter"))]
)
@pytest.mark.slow
def test_augmented_training_is_seeded_and_differs_from_plain(small: Path, tmp_path: Path, augment: str) -> None:
    one, two = (weights(train(small, tmp_path / name, epochs=1, augment=augment)) for name in ("a", "b"))
    assert one == two
    assert one != weights(train(small, tmp_path / "c", epochs=1))


def test_a_probes_frozen_features_are_computed_once(small: Path, tmp_path: Path, monkeypatch) -> None:
    from clip_nodule.network.model import NoduleCLIP

    seen = []
    original = NoduleCLIP.image_features
    monkeypatch.setattr(NoduleCLIP, "image_features", lambda self, x: (seen.append(len(x)), original(self, x))[1])
    train(small, tmp_path, tuning="probe", epochs=3)
    assert sum(seen) == 19


def test_gradients_added_up_over_two_steps_are_those_of_one_batch(small: Path, tmp_path: Path) -> None:
    # Without the contrastive loss and dropout, and all labels known, two half batches weigh as one whole batch.
    run = small / "results" / "runs" / "first"
    plain = {"clip_weight": 0.0, "dropout": 0.0, "lora_dropout": 0.0, "text_augment": False, "sampling": "none"}
    store = CropStore.open(small / "results" / "crops" / "balls")
    data = load_data(run)
    data.table["label"] = np.arange(len(data.table)) % 2
    fold = 0 if len(data.split(0)[0]) % 2 == 0 else 1
    half = len(data.split(fold)[0]) // 2
    ends = []
    for batch, accumulate in ((2 * half, 1), (half, 2)):
        settings = load_settings("tiny-cpu", TINY | plain | {"batch_size": batch, "accumulate": accumulate})
        planes = FreshPlanes(store, 48, torch.device("cpu"))
        job = FoldJob(tmp_path, fold, settings, 0, data, planes, torch.device("cpu"))
        torch.manual_seed(0)
        model = new_model(build_backbone("tiny"), settings)
        stack = FoldStack(model, [job])
        stack.network.parameters.take(0, model)
        stack.optimizers = [torch.optim.SGD(stack.optimizers[0].param_groups[0]["params"], lr=1.0)]
        train_epoch(stack, 0)
        stack.network.parameters.give(0, model)
        ends.append({name: p.detach().clone() for name, p in model.heads().items()})
    start = new_model(build_backbone("tiny"), settings).heads()
    assert any(not torch.equal(ends[0][name], start[name]) for name in start)
    for name in ends[0]:
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_held_out_patients_are_in_no_fold(small: Path, tmp_path: Path) -> None:
    run = train(small, tmp_path, epochs=1, test_fraction=0.2, seed=3)
    patients = read_patients(run)
    held = set(patients["pid"][patients["fold"] == "test"])
    nodules = load_cohort("balls", small / "cohorts").nodules
    assert held == set(hold_out(nodules, 0.2, 3))
    data = load_data(run)
    in_folds = data.table["fold"] >= 0
    assert not set(data.table["pid"][in_folds]) & held
    assert set(data.table["pid"][~in_folds]) <= held


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_fold_and_keeps_the_best_state(
    small: Path, tmp_path: Path, monkeypatch
) -> None:
    original = stack_module.batch_losses
    calls = []

    def poisoned(*given, **more):
        losses = original(*given, **more)
        calls.append(1)
        if len(calls) > 3:
            losses.clip = losses.clip * float("nan")
        return losses

    monkeypatch.setattr(stack_module, "batch_losses", poisoned)
    with pytest.raises(TrainingStopped, match=r"fold 0: loss is not finite in epoch 2"):
        train(small, tmp_path, epochs=3, name="nan")
    run = tmp_path / "runs" / "nan"
    assert (run / "fold_0" / "best" / "epoch-00000" / "heads.safetensors").is_file()
    assert (run / "fold_0" / "heads.safetensors").is_file()
    assert len(pd.read_csv(run / "fold_0" / "metrics.csv")) == 1
    assert not (run / "fold_1" / "heads.safetensors").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"folds": 50}, "more folds than patients"),
        ({"folds": 1}, "too few folds"),
        ({"backbone": "ViT-Z"}, "is no backbone"),
        ({"recipe": "other"}, "is no recipe"),
        ({"learning_rate": -1}, "greater than 0"),
        ({"modality": "vision", "encoder": "text"}, "not there"),
        ({"modality": "vision", "select": "clip"}, "no contrastive loss"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(small: Path, tmp_path: Path, settings, said) -> None:
    request = TrainingRequest(settings=TINY | settings, device="cpu")
    with pytest.raises(InputError, match=said):
        train_run("balls", request, workspace=Workspace(small / "cohorts", tmp_path / "r"))
    assert not (tmp_path / "r").exists()


def test_all_bad_settings_are_named_at_once(small: Path, tmp_path: Path) -> None:
    bad = {"epoch": 3, "tuning": "all", "rank": 0}
    with pytest.raises(InputError) as caught:
        train_run("balls", TrainingRequest(settings=bad), workspace=Workspace(small / "cohorts", tmp_path))
    assert {problem.column for problem in caught.value.problems} == {"epoch", "tuning", "rank"}


def test_a_name_in_use_is_refused(small: Path, tmp_path: Path) -> None:
    train(small, tmp_path, epochs=1, name="x")
    with pytest.raises(InputError, match="there is a run of that name"):
        train(small, tmp_path, epochs=1, name="x")


@pytest.mark.slow
def test_a_run_killed_before_its_manifest_is_begun_again(small: Path, tmp_path: Path, monkeypatch) -> None:
    def killed(run: Path, info: object) -> None:
        raise KeyboardInterrupt

    expected = weights(train(small, tmp_path / "other", epochs=1, name="x"))
    with monkeypatch.context() as patch:
        patch.setattr("clip_nodule.train.write_run", killed)
        patch.setattr("clip_nodule.runs.checkpoint.shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            train(small, tmp_path, epochs=1, name="x")
    runs = tmp_path / "runs"
    assert [path.name for path in runs.iterdir() if path.name.startswith(".bench-x-")]
    assert weights(train(small, tmp_path, epochs=1, name="x")) == expected
    assert sorted(path.name for path in runs.iterdir()) == ["x"]
    with pytest.raises(InputError, match="there is a run of that name"):
        train(small, tmp_path, epochs=1, name="x")


def test_a_run_that_is_being_written_is_no_run(small: Path, tmp_path: Path) -> None:
    train(small, tmp_path, epochs=1, name="x")
    shutil.copytree(tmp_path / "runs" / "x", tmp_path / "runs" / ".y-abcdefgh")
    shutil.copytree(tmp_path / "runs" / "x", tmp_path / "runs" / ".bench-y-abcdefgh")
    assert [path.name for _, path in list_runs(tmp_path)] == ["x"]
    assert find_run(tmp_path).name == "x"


def test_cuda_without_a_device_is_an_error(small: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"):
        train_run("balls", TrainingRequest(device="cuda"), Workspace(small / "cohorts", small / "results"))


@pytest.mark.slow
def test_resume_with_other_settings_or_crops_is_refused(small: Path, tmp_path: Path) -> None:
    run = train(small, tmp_path, epochs=1, name="x")
    with pytest.raises(InputError, match="the run has 1"):
        train(small, tmp_path, name="x", resume=True, epochs=5)
    info = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))
    info["inputs"]["crops"] = "0" * 64
    (run / "run.yaml").write_text(yaml.safe_dump(info))
    with pytest.raises(InputError, match="the crops changed"):
        train(small, tmp_path, name="x", resume=True, epochs=1)


def test_a_run_stopped_between_epochs_goes_on_to_the_same_bytes(small: Path, tmp_path: Path) -> None:
    undisturbed = weights(train(small, tmp_path / "a", name="x"))

    def interrupt(done: int, total: int, text: str) -> None:
        if done == 3 and text.startswith("fold"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small, tmp_path / "b", name="x", progress=interrupt)
    for left in (
        "best/.bench-epoch-00001-flko3z9e",
        "state/.bench-epoch-00002-abcd_123",
        ".bench-adapter-00000000",
    ):
        (tmp_path / "b" / "runs" / "x" / "fold_0" / left).mkdir()  # as kill -9 while it wrote leaves them
    run = train(small, tmp_path / "b", name="x", resume=True)
    assert weights(run) == undisturbed
    assert list(run.rglob(".bench-*")) == []


@pytest.mark.slow
def test_a_damaged_state_is_passed_over_aloud(small: Path, tmp_path: Path, caplog) -> None:
    undisturbed = weights(train(small, tmp_path / "a", name="x"))

    def interrupt(done: int, total: int, text: str) -> None:
        if done == 2 and text.startswith("fold"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small, tmp_path / "b", name="x", progress=interrupt)
    newest = (
        sorted((tmp_path / "b" / "runs" / "x" / "fold_0" / "state").glob("epoch-*"))[-1] / "tensors.safetensors"
    )
    newest.write_bytes(newest.read_bytes()[:-100])
    run = train(small, tmp_path / "b", name="x", resume=True)
    assert "is damaged" in caplog.text
    assert weights(run) == undisturbed


SCRIPT = """
import sys
from pathlib import Path
from benchmark.contracts.workspace import Workspace
from clip_nodule.train import TrainingRequest, train_run
from tests.clip_nodule.training_cohort import TINY
if __name__ == "__main__":
    cohorts, results, resume = sys.argv[1:4]
    settings = TINY | {"epochs": 3, "tuning": "lora", "augment": "flips"}
    train_run("balls", TrainingRequest(settings=settings, device="cpu"), Workspace(Path(cohorts), Path(results)),
              name="x", resume=resume == "yes")
"""


@pytest.mark.slow
def test_killed_at_ten_random_moments_resume_ends_with_the_same_bits(small: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}

    errors = (tmp_path / "errors").open("wb")

    def start(results: Path, resume: bool) -> subprocess.Popen[bytes]:
        words = [sys.executable, str(script), str(small / "cohorts"), str(results), "yes" if resume else "no"]
        return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=errors)

    def prepared(name: str) -> Path:
        shutil.copytree(small / "results" / "crops", tmp_path / name / "crops")
        return tmp_path / name

    undisturbed = prepared("undisturbed")
    process = start(undisturbed, resume=False)
    while not (undisturbed / "runs" / "x" / "run.yaml").exists():
        assert process.poll() is None
        time.sleep(0.02)
    begin = time.monotonic()
    assert process.wait() == 0
    lasted = time.monotonic() - begin
    expected = weights(undisturbed / "runs" / "x")

    disturbed = prepared("disturbed")
    random = np.random.default_rng(20240229)
    process = start(disturbed, resume=False)
    killed = 0
    while killed < 10:
        while not (disturbed / "runs" / "x" / "run.yaml").exists():
            time.sleep(0.02)
        begun = time.monotonic()
        wait = random.uniform(0.3, 1.0) * lasted
        while process.poll() is None and time.monotonic() - begun < wait:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        process = start(disturbed, resume=True)
    assert process.wait() == 0, (tmp_path / "errors").read_text(encoding="utf-8")
    errors.close()
    assert weights(disturbed / "runs" / "x") == expected


def _killed(*arguments: object) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


@pytest.mark.slow
def test_a_killed_worker_is_said_and_the_run_can_go_on(small: Path, tmp_path: Path, monkeypatch) -> None:
    from clip_nodule.training.folds import fold_runner

    monkeypatch.setattr(fold_runner, "_worker", _killed)
    with pytest.raises(BenchError, match=r"was killed.*--resume --name x"):
        train(small, tmp_path, epochs=1, name="x", parallel=2)
    monkeypatch.undo()
    run = train(small, tmp_path, epochs=1, name="x", resume=True)
    assert (run / "fold_1" / "heads.safetensors").is_file()


def test_a_changed_list_of_held_out_patients_is_found(small: Path, tmp_path: Path) -> None:
    run = train(small, tmp_path, epochs=1, test_fraction=0.2, seed=3)
    expected = read_run(run).inputs["patients"]
    assert len(read_patients(run, expected))
    path = run / "folds.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",test", ",0", 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"folds.csv — differs from what was written"):
        read_patients(run, expected)


def test_a_run_is_not_named_out_of_its_folder(small: Path, tmp_path: Path) -> None:
    for name in ("../run", "", ".hidden", "a/b"):
        with pytest.raises(InputError, match="is no name of a run"):
            train_run("balls", workspace=Workspace(small / "cohorts", tmp_path), name=name)
    assert not list(tmp_path.rglob("run.yaml"))


def test_crops_that_are_missing_are_made_on_all_cores(small: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(small / "results" / "runs", tmp_path / "runs")
    where = {"workspace": Workspace(small / "cohorts", tmp_path)}

    def refuse(*given: object) -> None:
        raise BenchError(f"{worker_count(given[-1])} workers")

    monkeypatch.setattr("benchmark.imaging.cropping.cohort.crop_scans", refuse)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(7)))
    with pytest.raises(BenchError, match="7 workers"):
        train_run("balls", TrainingRequest(settings=TINY, device="cpu"), **where)
    with pytest.raises(BenchError, match="7 workers"):
        score_cohort("balls", Scoring(device="cpu"), **where)
    with pytest.raises(BenchError, match="7 workers"):
        explain_cohort("balls", where["workspace"], ExplainOptions(device="cpu"))
