"""A search over settings: the table of its trials, who takes part, and what a killed or changed one does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import yaml
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmark.cohorts.folds import hold_out
from benchmark.cohorts.split_cohort import split_cohort
from benchmark.contracts.cohort import Cohort, load_cohort, write_cohort
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.outputs.locks import InUseError, holding
from clip_nodule import tune
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.run_folder import read_run
from clip_nodule.search.trials import NothingToChoose
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.data import read_patients
from clip_nodule.training.images import KeptPlanes
from clip_nodule.training.validation import read_validation
from clip_nodule.tune import Search, Searched, run_search
from tests.clip_nodule.training_cohort import TINY, make_cohort

SETTINGS = TINY | {"epochs": 1, "batch_size": 8, "text_variants": 2, "threads": 1}
PATIENTS = 18
WRITTEN = ("trials.csv", "metrics.csv", "trials.html", "chosen.yaml")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort and its crops."""
    from benchmark.imaging.cropping.cohort import crops_of

    folder = tmp_path_factory.mktemp("search")
    crops_of(make_cohort(folder / "cohorts" / "balls", PATIENTS), folder / "results", "default")
    return folder


@pytest.fixture
def project(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "project"))


def search(
    project: Path, *sweeps: str, settings: Any = None, splits: Path | None = None, seed: int = 0, **how: Any
) -> Searched:
    request = TrainingRequest(settings=settings or SETTINGS, device="cpu", seed=seed, splits=splits)
    places = Workspace(project / "cohorts", project / "results")
    return run_search("balls", Search(sweeps, **how), request, places)


def written(searched: Searched) -> dict[str, bytes]:
    return {name: (searched.folder / name).read_bytes() for name in WRITTEN}


def stopping_after(number: int) -> Callable[..., Path]:
    """``train_run`` that ends the program in place of the run after some."""
    done: list[Path] = []

    def train_some(*args: Any, **kwargs: Any) -> Path:
        if len(done) == number:
            raise KeyboardInterrupt
        done.append(train_run(*args, **kwargs))
        return done[-1]

    return train_some


@pytest.mark.slow
def test_every_trial_is_measured_on_validation_nodules_and_the_best_is_chosen(project: Path) -> None:
    searched = search(project, "lr=1e-3,3e-2", "rank=2,4")
    table = pd.read_csv(searched.folder / "trials.csv", keep_default_na=False)
    assert table["run"].tolist() == ["tune-000", "tune-001", "tune-002", "tune-003"]
    assert table[["learning_rate", "rank"]].to_numpy().tolist() == [[1e-3, 2], [1e-3, 4], [3e-2, 2], [3e-2, 4]]
    functions = {"auroc": roc_auc_score, "auprc": average_precision_score, "log_loss": log_loss}
    for row in table.to_dict("records"):
        run = project / "results" / "runs" / row["run"]
        info = read_run(run)
        assert (info.settings.optimisation.learning_rate, info.settings.lora.rank) == (
            row["learning_rate"], row["rank"]
        )  # fmt: skip
        folds = [read_validation(run / f"fold_{fold}").dropna(subset=["malignant"]) for fold in range(2)]
        for name, function in functions.items():
            values = [function(fold["malignant"], fold["score"]) for fold in folds]
            assert row[name] == pytest.approx(np.mean(values), abs=1e-12)
            assert row[f"{name}_sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)
        assert row["n"] == sum(map(len, folds))
    best = table["auroc"].idxmax()  # the first of equals
    assert table["choice"].tolist().index("chosen") == best
    assert searched.best[0] == table["run"][best]
    chosen = load_settings(searched.folder / "chosen.yaml")
    assert chosen == read_run(project / "results" / "runs" / searched.best[0]).settings
    again = train_run(
        "balls", TrainingRequest(searched.folder / "chosen.yaml", device="cpu"),
        Workspace(project / "cohorts", project / "results"), name="again",
    )  # fmt: skip
    validation = [
        (run / "fold_0" / "validation.csv").read_bytes() for run in (again, again.parent / searched.best[0])
    ]
    assert validation[0] == validation[1]


@pytest.mark.slow
def test_the_choice_may_be_by_another_measure_without_training_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(project, "lr=1e-3,3e-2,1e-1")
    monkeypatch.setattr(tune, "train_run", stopping_after(0))
    searched = search(project, "lr=1e-3,3e-2,1e-1", by="loss")
    assert searched.trials["choice"].tolist().index("chosen") == searched.trials["log_loss"].idxmin()
    assert "smallest mean log_loss" in searched.notes[0]


@pytest.mark.needs("tune")
@pytest.mark.parametrize(
    ("sweeps", "trials"),
    [
        pytest.param(("lr=1e-3,1e-2", "rank=2,4"), None, marks=pytest.mark.slow, id="grid"),
        pytest.param(("lr=1e-4:1e-1:log", "rank=2,4"), 3, marks=pytest.mark.slow, id="optuna"),
    ],
)
def test_a_search_that_was_ended_goes_on_and_ends_as_it_would_have(
    base: Path, tmp_path: Path, sweeps: tuple[str, ...], trials: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = written(search(shutil.copytree(base, tmp_path / "whole"), *sweeps, trials=trials, seed=5))
    cut = shutil.copytree(base, tmp_path / "cut")
    for number in (0, 1, 1):
        with monkeypatch.context() as patched:
            patched.setattr(tune, "train_run", stopping_after(number))
            with pytest.raises(KeyboardInterrupt):
                search(cut, *sweeps, trials=trials, seed=5)
    there = pd.read_csv(cut / "results" / "tune" / "tune" / "trials.csv")
    assert there["choice"].isna().all()  # nothing is chosen before the end
    assert not (cut / "results" / "tune" / "tune" / "chosen.yaml").exists()
    assert written(search(cut, *sweeps, trials=trials, seed=5)) == whole
    # Again, and as if more had been asked for at first.
    assert written(search(cut, *sweeps, trials=trials, seed=5)) == whole
    if trials:
        longer = search(cut, *sweeps, trials=trials + 1, seed=5)
        columns = ["run", "learning_rate", "rank", "auroc"]
        kept = pd.read_csv(tmp_path / "whole" / "results" / "tune" / "tune" / "trials.csv")[columns]
        pd.testing.assert_frame_equal(longer.trials[columns][:trials], kept, check_dtype=False)


def images_of_noise(cohort: Cohort, pids: set[str]) -> None:
    """Other scans of some patients, with the same nodules in noise; of the last no scan at all."""
    random = np.random.default_rng(9)
    for pid in sorted(pids):
        path = cohort.folder / "images" / f"{pid}.nii.gz"
        image = sitk.GetImageFromArray(random.integers(-1000, 400, (104, 104, 104)).astype(np.int16))
        sitk.WriteImage(image, str(path), True, 1)
    path.unlink()


def changed_rows(cohort: Cohort, pids: set[str]) -> None:
    """Opposite labels, other semantic features and sizes."""
    table = cohort.nodules.copy()
    own = table["pid"].isin(pids)
    table.loc[own, "malignant"] = 1 - table.loc[own, "malignant"]
    table.loc[own, "nodule_consistency"] = "Part-solid"
    table.loc[own, "longest_axial_diameter_(mm)"] = "3.3"
    (cohort.folder / "nodules.csv").unlink()
    write_cohort(cohort.folder, cohort.manifest, table)


@pytest.mark.slow
def test_held_out_patients_change_nothing(base: Path, tmp_path: Path) -> None:
    """A canary: their labels, features and scans are others, one scan is gone, and every number stays."""
    (tmp_path / "folds").mkdir()
    split_cohort([load_cohort("balls", base / "cohorts")], tmp_path / "folds", folds=2, test=0.25, seed=3)
    held = set((tmp_path / "folds" / "test_pid.csv").read_text().split()[1:])
    assert 3 <= len(held) <= 6
    settings = {key: value for key, value in SETTINGS.items() if key not in ("folds", "test_fraction")}
    settings |= {"sampling": "semantic", "class_weights": True, "augment": "flips"}

    def tables(name: str, pids: set[str]) -> dict[str, bytes]:
        project = Path(shutil.copytree(base, tmp_path / name))
        cohort = load_cohort("balls", project / "cohorts")
        if pids:
            images_of_noise(cohort, pids)
            changed_rows(cohort, pids)
        searched = search(project, "lr=1e-3,1e-2", settings=settings, splits=tmp_path / "folds")
        patients = read_patients(project / "results" / "runs" / "tune-000")
        assert set(patients["pid"][patients["fold"] == "test"]) == held
        return written(searched)

    as_it_is = tables("as it is", set())
    assert tables("held out changed", held) == as_it_is
    others = set(load_cohort("balls", base / "cohorts").nodules["pid"]) - held
    assert tables("others changed", set(sorted(others)[:2])) != as_it_is  # the canary sings


@pytest.mark.slow
def test_no_picture_of_a_held_out_patient_is_asked_for(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the draw of the search itself: whoever asks for one ends the search."""
    nodules = load_cohort("balls", project / "cohorts").nodules
    held = set(hold_out(nodules, 0.25, 7))
    asked: set[str] = set()
    pictures = KeptPlanes.__call__

    def watched(self: KeptPlanes, rows: Any, changes: Any = None) -> Any:
        pids = set(nodules["pid"].iloc[rows])
        assert not pids & held
        asked.update(pids)
        return pictures(self, rows, changes)

    monkeypatch.setattr(KeptPlanes, "__call__", watched)
    search(project, "lr=1e-3,1e-2", settings=SETTINGS | {"test_fraction": 0.25}, seed=7)
    assert asked == set(nodules["pid"]) - held
    assert len(held) == round(0.25 * PATIENTS)


@pytest.mark.slow
def test_a_trial_that_diverges_is_shown_and_not_chosen(project: Path) -> None:
    searched = search(project, "lr=1e3,1e-3", settings=SETTINGS | {"epochs": 3, "tuning": "full"})
    table = searched.trials
    assert table["state"].tolist() == ["diverged", "done"]
    assert "loss is not finite" in table["reason"][0]
    assert table.loc[0, ["auroc", "auprc", "log_loss", "n"]].isna().all()
    assert searched.best == ("tune-001",)
    assert "Without a value: tune-000 diverged." in searched.notes
    page = (searched.folder / "trials.html").read_text(encoding="utf-8")
    assert "diverged" in page
    before = written(searched)
    searched = search(project, "lr=1e3,1e-3", settings=SETTINGS | {"epochs": 3, "tuning": "full"})
    assert written(searched) == before  # what diverged is not trained again


@pytest.mark.slow
def test_where_all_diverge_the_table_says_so_and_nothing_is_chosen(project: Path) -> None:
    with pytest.raises(NothingToChoose, match="tune-000 diverged"):
        search(project, "lr=1e3", settings=SETTINGS | {"epochs": 3, "tuning": "full"})
    folder = project / "results" / "tune" / "tune"
    assert pd.read_csv(folder / "trials.csv")["state"].tolist() == ["diverged"]
    assert not (folder / "chosen.yaml").exists()


@pytest.mark.slow
def test_a_trial_without_memory_is_shown_and_the_others_are_trained(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def train_small(*args: Any, **kwargs: Any) -> Path:
        if args[1].settings["rank"] == 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore")
        return train_run(*args, **kwargs)

    monkeypatch.setattr(tune, "train_run", train_small)
    table = search(project, "rank=4,2").trials
    assert table["state"].tolist() == ["failed", "done"]
    assert table["reason"][0] == "out of memory: CUDA out of memory. Tried to allocate 2 GiB"


@pytest.mark.slow
def test_ties_are_stated_and_the_first_is_chosen(project: Path) -> None:
    """A text head's dropout changes nothing of a network of images alone."""
    searched = search(
        project, "dropout=0.3,0.1", settings=SETTINGS | {"modality": "vision", "select": "pred"}, name="ties"
    )
    assert searched.trials["choice"].tolist() == ["chosen", "tied"]
    assert "It ties with ties-001: the first is chosen." in searched.notes


@pytest.mark.slow
def test_a_search_goes_on_with_nothing_that_is_another(project: Path) -> None:
    search(project, "rank=2,4")
    cohort = load_cohort("balls", project / "cohorts")
    for settings, how, said in (
        (SETTINGS | {"epochs": 2}, {}, "tune-000:epochs — is a run with 1; this search has 2"),
        (SETTINGS, {"seed": 1}, "tune-000:seed — is a run with 0; this search has 1"),
        (SETTINGS, {"trials": 1}, "tune-001 — is there already, and this search ends before it"),
    ):
        with pytest.raises(InputError) as refused:
            search(project, "rank=2,4", settings=settings, **how)
        assert said in str(refused.value)
    with pytest.raises(InputError, match="tune-001:rank '4' — is a run with a value that this search"):
        search(project, "rank=2,8")
    table = cohort.nodules.copy()
    table.loc[0, "malignant"] = 1 - table.loc[0, "malignant"]
    shutil.copy(cohort.folder / "nodules.csv", project / "kept.csv")
    (cohort.folder / "nodules.csv").unlink()
    write_cohort(cohort.folder, cohort.manifest, table)
    with pytest.raises(InputError, match=r"nodules\.csv 'cohort balls' — is not what it was when"):
        search(project, "rank=2,4,8")
    shutil.copy(project / "kept.csv", cohort.folder / "nodules.csv")
    wider = search(project, "rank=8,4,2")  # more values of the same setting are more trials
    assert wider.trials["rank"].tolist() == [2, 4, 8]


@pytest.mark.slow
def test_trials_on_other_crops_are_not_compared(project: Path) -> None:
    search(project, "rank=2,4")
    cohort = load_cohort("balls", project / "cohorts")
    images_of_noise(cohort, {"001", "002"})
    with pytest.raises(InputError, match=r"tune-002:crops — saw other crops than tune-000"):
        search(project, "rank=2,4,8")


def test_somebody_elses_files_are_kept_and_one_search_runs_at_a_time(project: Path) -> None:
    folder = project / "results" / "tune" / "tune"
    folder.mkdir(parents=True)
    (folder / "chosen.yaml").write_text("mine")
    with pytest.raises(InputError, match="was not written by bench"):
        search(project, "rank=2")
    assert (folder / "chosen.yaml").read_text() == "mine"
    assert not (project / "results" / "runs").exists()
    (folder / "chosen.yaml").unlink()
    script = "import sys, time\nfrom benchmark.outputs.locks import holding\n"
    script += f"with holding({str(folder)!r}):\n    print('held', flush=True)\n    time.sleep(60)\n"
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InUseError, match="is being written by process"):
            search(project, "rank=2")
        other.kill()
    with holding(folder):
        assert not (project / "results" / "runs").exists()


def test_the_record_says_what_was_searched(project: Path) -> None:
    searched = search(project, "rank=2", by="auprc")
    record = json.loads((searched.folder / "record.json").read_text(encoding="utf-8"))
    assert (record["settings"]["sweeps"], record["settings"]["by"]) == (["rank=2"], "auprc")
    assert record["chosen"] == "tune-000"
    head, _, rest = (searched.folder / "chosen.yaml").read_text(encoding="utf-8").partition("\nnetwork:")
    assert head.startswith("# Chosen of 1 trials by the largest mean auprc")
    assert yaml.safe_load(f"network:{rest}")["lora"]["rank"] == 2
