"""One model trained on two cohorts: whose patients are where, and who knows of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmark.cohorts.folds import hold_out
from benchmark.cohorts.split_cohort import split_cohort
from benchmark.contracts.cohort import Cohort, load_cohort, write_cohort
from benchmark.contracts.score_card import read_score_card
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.files import sha256
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.runs.run_folder import read_run
from clip_nodule.search.validation_metrics import validation_lines, validation_metrics
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.data import load_data, read_patients
from clip_nodule.training.validation import read_validation
from tests.clip_nodule.training_cohort import TINY, make_cohort
from tests.cohorts.test_given_folds import papers_files

BOTH = ("balls", "more")
SETTINGS = TINY | {"epochs": 1, "hold_out": {"balls": 0.3}, "sampling": "semantic", "class_weights": True}
TINY_WITHOUT_FOLDS = {key: value for key, value in TINY.items() if key not in ("folds", "test_fraction")} | {
    "epochs": 1
}


def second_cohort(folder: Path) -> Cohort:
    """Another cohort: no label for most, other semantic columns, and patients 000 to 003 of the first one."""
    made = make_cohort(folder, 12, broken=1)
    table = made.nodules.rename(columns={"nodule_consistency": "nodule_shape"})
    table["nodule_shape"] = np.where(np.arange(12) % 2, "Round", "Ovoid")
    table.loc[table.index[4:], "pid"] = [f"m{k}" for k in range(8)]
    table.loc[table.index[6:], "malignant"] = pd.NA
    shutil.rmtree(folder / "nodules.csv", ignore_errors=True)
    return write_cohort(folder, made.manifest.model_copy(update={"shares_patients_with": ("balls",)}), table)


def train(root: Path, name: str, **settings: object) -> Path:
    own = {key: settings.pop(key) for key in ("resume", "progress") if key in settings}
    given = {key: settings.pop(key) for key in ("texts", "splits", "cohorts") if key in settings}
    cohorts = given.pop("cohorts", BOTH)
    request = TrainingRequest(settings=SETTINGS | settings, device="cpu", **given)
    return train_run(cohorts, request, Workspace(root / "cohorts", root / "results"), name=name, **own)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    make_cohort(folder / "cohorts" / "balls", broken=1)
    second_cohort(folder / "cohorts" / "more")
    train(folder, "both")
    return folder


def test_shared_patients_are_on_one_side_and_the_held_out_in_no_fold(root: Path) -> None:
    run = root / "results" / "runs" / "both"
    patients, data = read_patients(run), load_data(run)
    held = patients[patients["fold"] == "test"]
    own = set(hold_out(load_cohort("balls", root / "cohorts").nodules, 0.3, 0))
    assert set(held["pid"][held["cohort"] == "balls"]) == own  # as a run on that cohort alone holds out
    shared = {f"{n:03d}" for n in range(4)}
    assert own & shared
    assert set(held["pid"][held["cohort"] == "more"]) == own & shared  # nobody else of it
    for fold in range(2):
        train_rows, validation = data.split(fold)
        trained, validated = set(data.table["pid"].iloc[train_rows]), set(data.table["pid"].iloc[validation])
        assert not trained & validated
        assert not (trained | validated) & own
    assert set(data.table["cohort"]) == set(BOTH)
    assert any("4 ids are in both" in note for note in read_run(run).notes)


def test_crops_and_texts_are_those_of_each_nodule(root: Path) -> None:
    from benchmark.imaging.cropping.joined import JoinedStore
    from benchmark.imaging.cropping.store import CropStore

    run = root / "results" / "runs" / "both"
    data, parts = load_data(run), [CropStore.open(root / "results" / "crops" / name) for name in BOTH]
    joined = JoinedStore.of(parts)
    assert len(joined) == 32
    assert len(joined.failures) == 2
    rows = data.rows[[0, 25, 3, 28]]
    crops = joined.crops(rows)
    for row, crop, (cohort, pid) in zip(
        rows, crops, data.table.iloc[[0, 25, 3, 28]][["cohort", "pid"]].itertuples(index=False), strict=True
    ):
        part = parts[BOTH.index(cohort)]
        own = int(np.flatnonzero(part.index["pid"] == pid)[0])
        assert row == own + (20 if cohort == "more" else 0)
        np.testing.assert_array_equal(crop, part.crops([own])[0])


def test_planes_kept_of_several_stores_are_those_made_anew(root: Path) -> None:
    import torch

    from benchmark.imaging.cropping.joined import JoinedStore
    from clip_nodule.training.images import FreshPlanes, KeptPlanes, kept_planes_files

    joined = JoinedStore.open([root / "results" / "crops" / name for name in BOTH])
    rows = joined.cropped[[25, 0, 20, 18]].astype("int64")
    kept = KeptPlanes(kept_planes_files(joined, 48), torch.device("cpu"))(rows)
    torch.testing.assert_close(kept, FreshPlanes(joined, 48, torch.device("cpu"))(rows), rtol=0, atol=1e-3)


def test_validation_is_shown_by_cohort(root: Path) -> None:
    run = root / "results" / "runs" / "both"
    metrics = pd.read_csv(run / "fold_0" / "metrics.csv")
    assert {"val_auroc_image_balls", "val_auroc_image_more"} <= set(metrics)
    table = validation_metrics(run)
    assert set(table["cohort"]) == {"balls+more", "balls", "more"}
    scored = pd.concat([read_validation(run / f"fold_{fold}") for fold in range(2)])
    labelled = scored.dropna(subset=["malignant"])
    whole = table[(table["metric"] == "auroc") & (table["at"] == "")].set_index("cohort")["n"]
    assert whole.to_dict() == {
        "balls+more": len(labelled),
        "balls": (labelled["cohort"] == "balls").sum(),
        "more": (labelled["cohort"] == "more").sum(),
    }
    assert [line.split(":")[0] for line in validation_lines(run)] == [
        "validation on balls+more",
        "validation on balls",
        "validation on more",
    ]


@pytest.mark.slow
def test_scores_and_card_know_each_cohorts_held_out_patients(root: Path) -> None:
    workspace = Workspace(root / "cohorts", root / "results")
    patients = read_patients(root / "results" / "runs" / "both")
    for name in BOTH:
        own = patients[patients["cohort"] == name]
        held, used = (set(own["pid"][(own["fold"] == "test") == tested]) for tested in (True, False))
        path = score_cohort(name, Scoring(device="cpu"), workspace, run="both", out=root / f"{name}-auto.csv")
        assert set(pd.read_csv(path, dtype=str)["pid"]) == held
        card = read_score_card(path)
        assert card.trained_on == BOTH
        assert set(card.patients[name]) == used
        # Nobody was seen in the cohort itself; the other one shares patients, as its manifest says.
        whole = score_cohort(
            name, Scoring(device="cpu", patients="all"), workspace, run="both", out=root / f"{name}-all.csv"
        )
        assert read_score_card(whole).exposure == "seen"


def weights(run: Path) -> dict[str, str]:
    files = [p for p in run.rglob("*") if p.suffix in (".safetensors", ".csv") and "state" not in p.parts]
    return {p.relative_to(run).as_posix(): sha256(p) for p in files}


@pytest.mark.slow
def test_a_run_on_two_cohorts_that_was_stopped_goes_on_to_the_same_bytes(root: Path) -> None:
    def interrupt(done: int, total: int, text: str) -> None:
        if done == 1 and text.startswith("fold"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(root, "stopped", progress=interrupt)
    with pytest.raises(InputError, match="--cohort balls --cohort more"):
        train(root, "stopped", resume=True, cohorts=("balls",))
    run = train(root, "stopped", resume=True)
    assert weights(run) == weights(root / "results" / "runs" / "both")


def test_what_makes_no_sense_is_refused(root: Path, tmp_path: Path) -> None:
    cases = [
        ({"hold_out": {"nlst": 0.2}}, "'nlst'.*cohorts of this run: balls, more|hold_out"),
        ({"test_fraction": 0.2}, "leave out one of the two"),
        ({"cohorts": ("balls", "balls")}, "given twice"),
        ({"hold_out": {"balls": 1.5}}, "less than 1"),
        ({"texts": tmp_path / "texts.csv"}, "which cohort's texts"),
        ({"texts": {"lidc": tmp_path / "texts.csv"}}, "no cohort that is trained on"),
    ]
    for settings, said in cases:
        with pytest.raises(InputError, match=said):
            train(root, "wrong", **settings)
    assert not (root / "results" / "runs" / "wrong").exists()


@pytest.mark.slow
def test_texts_are_given_by_cohort(root: Path, tmp_path: Path) -> None:
    nodules = load_cohort("more", root / "cohorts").nodules
    table = nodules[["pid", "nodule_id"]].assign(text="Impression:\nA text of its own.")
    table.to_csv(tmp_path / "more.csv", index=False)
    run = train(root, "texts", texts={"more": tmp_path / "more.csv"}, text_augment=False, sampling="none")
    data = load_data(run)
    of_more = (data.table["cohort"] == "more").to_numpy()
    assert len(np.unique(data.tokens[0][of_more], axis=0)) == 1
    assert len(np.unique(data.tokens[0][~of_more], axis=0)) > 1


def test_a_run_of_one_cohort_reads_as_before(root: Path) -> None:
    run = root / "results" / "runs" / "both"
    content = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))
    assert content["cohorts"] == list(BOTH)
    old = {key: value for key, value in content.items() if key != "cohorts"} | {"cohort": "balls"}
    old["schema_version"] = 2
    folder = root / "old"
    folder.mkdir()
    (folder / "run.yaml").write_text(yaml.safe_dump(old), encoding="utf-8")
    assert read_run(folder).cohorts == ("balls",)
    assert read_run(folder).cohort == "balls"


@pytest.mark.slow
def test_folds_that_were_made_before_are_those_trained_on(root: Path, tmp_path: Path) -> None:
    cohorts = [load_cohort(name, root / "cohorts") for name in BOTH]
    split_cohort(cohorts, tmp_path / "splits", folds=2, test={"balls": 0.3}, seed=0)
    with pytest.raises(InputError, match="leave out --splits, or test_fraction and hold_out"):
        train(root, "wrong", splits=tmp_path / "splits")
    request = TrainingRequest(
        settings=TINY_WITHOUT_FOLDS | {"sampling": "semantic"}, device="cpu", splits=tmp_path / "splits"
    )
    run = train_run(BOTH, request, Workspace(root / "cohorts", root / "results"), name="given")
    drawn, given = load_data(root / "results" / "runs" / "both"), load_data(run)
    for fold in range(2):  # the same seed drew both
        for one, two in zip(drawn.split(fold), given.split(fold), strict=True):
            np.testing.assert_array_equal(one, two)
    assert read_run(run).settings.data.folds == 2
    own = read_patients(run)
    assert (
        own["fold"].value_counts().to_dict()
        == read_patients(root / "results" / "runs" / "both")["fold"].value_counts().to_dict()
    )
    path = score_cohort(
        "balls", Scoring(device="cpu"), Workspace(root / "cohorts", root / "results"), run="given",
        out=tmp_path / "scores.csv",
    )  # fmt: skip
    held = set(own["pid"][(own["fold"] == "test") & (own["cohort"] == "balls")])
    assert held
    assert set(pd.read_csv(path, dtype=str)["pid"]) == held
    (run / "folds.csv").unlink()
    with pytest.raises(InputError, match="does not say which patients were held out"):
        score_cohort("balls", Scoring(device="cpu"), Workspace(root / "cohorts", root / "results"), run="given")


@pytest.mark.slow
def test_the_papers_shuffled_splits_train(root: Path, tmp_path: Path) -> None:
    pids = [f"{n:03d}" for n in range(20)]
    papers_files(
        tmp_path, [(" ".join(pids[:12]), " ".join(pids[12:])), (" ".join(pids[4:16]), " ".join(pids[:4]))]
    )
    request = TrainingRequest(settings=TINY_WITHOUT_FOLDS, device="cpu", splits=tmp_path)
    run = train_run("balls", request, Workspace(root / "cohorts", root / "results"), name="shuffled")
    data = load_data(run)
    assert set(data.table["pid"].iloc[data.split(1)[0]]) == set(pids[4:16])
    assert set(data.table["pid"].iloc[data.split(1)[1]]) == set(pids[:4])
    assert set(read_validation(run / "fold_0")["pid"]) == set(pids[12:19])  # 019 has no crop
    assert any("never validated" in note for note in read_run(run).notes)
