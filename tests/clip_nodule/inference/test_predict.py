from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import peft
import pytest
import torch
import yaml

import clip_nodule
from benchmark.contracts.cohort import Cohort, CohortManifest, load_cohort
from benchmark.contracts.score_card import ScoreCard, read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.files import sha256
from benchmark.imaging.cropping.store import CropStore
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from clip_nodule.inference import api
from clip_nodule.inference.predict import Scoring, run_card, score_cohort
from clip_nodule.planes.batch import planes_batch
from clip_nodule.runs.calibration import load_calibration
from clip_nodule.runs.configuration import overridden
from clip_nodule.runs.networks import load_fold, shared_backbone
from clip_nodule.runs.run_folder import read_run, write_run
from clip_nodule.runs.run_hashes import drop_hashes


@pytest.fixture(scope="module")
def run(small: Path) -> api.Run:
    return clip_nodule.load_run(small / "results" / "runs" / "first", device="cpu")


@pytest.fixture(scope="module")
def crops(small: Path) -> np.ndarray:
    return CropStore.open(small / "results" / "crops" / "balls").crops(range(5))


def score(small: Path, out: Path, **more) -> pd.DataFrame:
    own = {key: more.pop(key) for key in ("run", "model") if key in more}
    path = score_cohort(
        "balls", Scoring(device="cpu", **more),
        workspace=Workspace(small / "cohorts", small / "results"), out=out / "s.csv", **own,
    )  # fmt: skip
    return read_score_table(path)


def test_the_table_has_a_row_a_fold_and_the_mean(small: Path, tmp_path: Path, run: api.Run, crops) -> None:
    table = score(small, tmp_path)
    assert len(table) == 20 * 3
    assert set(table["model"]) == {"first"}
    first = table[table["pid"] == "000"].set_index("fold")["score"]
    np.testing.assert_allclose(first[["0", "1"]], run.predict(crops[:1])[0], rtol=1e-6)
    assert first["ensemble"] == pytest.approx(np.mean([first["0"], first["1"]]), abs=1e-12)


def test_a_nodule_that_failed_stays_with_its_reason(small: Path, tmp_path: Path) -> None:
    table = score(small, tmp_path)
    failed = table[table["status"] == "failed"]
    assert set(failed["pid"]) == {"019"}
    assert len(failed) == 3
    assert failed["score"].isna().all()
    assert failed["reason"].str.contains("019").all()


def test_a_run_has_seen_its_training_patients_whatever_its_scores_are_called(small: Path, tmp_path: Path) -> None:
    """As in the report: ``bench score --run first --model mine`` on the run's own training cohort."""
    table = score(small, tmp_path, model="mine")
    card = read_score_card(tmp_path / "s.csv")
    assert card is not None
    assert (card.model, card.title, card.producer, card.trained_on) == ("mine", "mine", "run first", ("balls",))
    folds = pd.read_csv(small / "results" / "runs" / "first" / "folds.csv", dtype=str)
    assert card.patients == {"balls": tuple(sorted(folds["pid"]))}
    assert card.exposure == "seen"
    assert set(table["model"]) == {"mine"}
    results = tmp_path / "results"
    (results / "scores" / "balls").mkdir(parents=True)
    for suffix in (".csv", ".card.json"):
        shutil.copy(tmp_path / f"s{suffix}", results / "scores" / "balls" / f"another{suffix}")
    options = CompareOptions(replicates=20)
    compare_cohorts(["balls"], Workspace(small / "cohorts", results), options, out=tmp_path / "out")
    overlap = pd.read_csv(tmp_path / "out" / "tables" / "training_overlap.csv")
    assert overlap[["model", "title", "exposure"]].to_numpy().tolist() == [["mine", "mine", "seen"]]
    assert "‡" in (tmp_path / "out" / "tables" / "performance.md").read_text(encoding="utf-8")


def test_held_out_patients_and_cohorts_that_share_patients(small: Path, run: api.Run) -> None:
    split = pd.read_csv(run.folder / "folds.csv", dtype=str)

    def card(name: str, pids: list[str], **fields) -> ScoreCard:
        nodules = load_cohort("balls", small / "cohorts").nodules
        where = Cohort(CohortManifest(name=name, title=name, **fields), nodules, small)
        table = pd.DataFrame({"pid": pids, "status": "scored"})
        return run_card(where, table, run.folder, run.info, "m", small / "cohorts")

    assert card("balls", ["held out"]).exposure == "unseen"
    assert card("balls", ["held out", split["pid"][0]]).exposure == "seen"
    assert card("mirror", ["x"], shares_patients_with=("balls",)).exposure == "seen"
    assert card("lungx", ["x"]).exposure == "unknown"  # "balls" does not say whose patients it holds


def test_scoring_twice_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        score(small, tmp_path / name)
    assert (tmp_path / "a" / "s.csv").read_bytes() == (tmp_path / "b" / "s.csv").read_bytes()


def test_planes_are_computed_once_for_all_folds(run: api.Run, crops, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(api, "planes_batch", lambda c, *a, **k: (seen.append(len(c)), planes_batch(c, *a, **k))[1])
    run.predict(crops)
    assert sum(seen) == len(crops)


def test_calibrated_scores_are_the_folds_maps_then_the_mean(small: Path, tmp_path: Path) -> None:
    raw, calibrated = score(small, tmp_path), score(small, tmp_path, calibrated=True)
    maps = [load_calibration(small / "results" / "runs" / "first" / f"fold_{fold}") for fold in range(2)]
    one, two = (t[t["pid"] == "003"].set_index("fold")["score"] for t in (raw, calibrated))
    expected = [float(maps[fold](np.array(one[str(fold)]))) for fold in range(2)]
    np.testing.assert_allclose(two[["0", "1"]], expected)
    assert two["ensemble"] == pytest.approx(np.mean(expected))


def test_calibration_saw_only_validation_patients(small: Path) -> None:
    from clip_nodule.runs.calibration import fit_calibration
    from clip_nodule.training.data import load_data
    from clip_nodule.training.validation import read_validation

    folder = small / "results" / "runs" / "first"
    data = load_data(folder)
    for fold in range(2):
        table = read_validation(folder / f"fold_{fold}")
        _, validation = data.split(fold)
        assert set(table["pid"]) == set(data.table["pid"].iloc[validation])
        known = table.dropna(subset=["malignant"])
        again = fit_calibration(known["score"].to_numpy(), known["malignant"].to_numpy().astype(int))
        kept = load_calibration(folder / f"fold_{fold}")
        grid = np.linspace(0.01, 0.99, 20)  # the scores went through a CSV, the last digit of the fit may differ
        np.testing.assert_allclose(again(grid), kept(grid), atol=1e-9)


def test_outputs_have_the_shapes_that_the_documentation_says(run: api.Run, crops) -> None:
    assert run.predict(crops).shape == (5, 2)
    assert run.embed_images(crops).shape == (2, 5, 128)
    texts = run.embed_texts(["a solid nodule", "No findings."])
    assert texts.shape == (2, 2, 128)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=-1), 1, rtol=1e-5)
    attention = run.plane_attention(crops)
    assert attention.shape == (5, 9)
    np.testing.assert_allclose(attention.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        (run.plane_attention(crops, 0) + run.plane_attention(crops, 1)) / 2, attention, rtol=1e-5
    )


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 50, 50, 50), np.int16),
        np.zeros((100, 100, 100), np.int16),
        np.zeros((1, 100, 100, 100), np.float32),
    ],
)
def test_other_arrays_than_crops_are_refused(run: api.Run, wrong) -> None:
    with pytest.raises(InputError, match="not int16 HU"):
        run.predict(wrong)


def test_no_crops_give_no_rows(run: api.Run, crops) -> None:
    assert run.predict(crops[:0]).shape == (0, 2)
    assert run.embed_images(crops[:0]).shape == (2, 0, 128)
    assert run.plane_attention(crops[:0]).shape == (0, 9)


def test_crops_that_cannot_be_written_to(run: api.Run, crops, recwarn) -> None:
    locked = np.frombuffer(crops[:1].tobytes(), np.int16).reshape(1, 100, 100, 100)
    np.testing.assert_array_equal(run.predict(locked), run.predict(crops[:1]))
    assert not [warning for warning in recwarn if "writable" in str(warning.message)]


def test_what_is_no_sentence_and_no_fold(run: api.Run, crops) -> None:
    for wrong in ("one text", [], [1, None], ["a", float("nan")]):
        with pytest.raises(InputError, match="list of one sentence or more"):
            run.embed_texts(wrong)
    for fold in (2, -1):
        with pytest.raises(InputError, match=f"fold {fold} — is no fold of this run — 0 to 1"):
            run.plane_attention(crops[:1], fold)


def test_one_nodule_scores_as_in_a_batch(run: api.Run, crops) -> None:
    np.testing.assert_allclose(run.predict(crops[2:3])[0], run.predict(crops)[2], atol=1e-6)


def test_merged_and_unmerged_updates_give_the_same(small: Path, run: api.Run) -> None:
    folder = small / "results" / "runs" / "first"
    info = read_run(folder)
    unmerged = load_fold(folder, info, 1, shared_backbone(folder, info), merge=False)
    assert isinstance(unmerged.backbone, peft.PeftModel)
    planes = torch.randn(2, 9, 3, 48, 48)
    torch.testing.assert_close(
        run.models[1](planes).image_logits, unmerged(planes).image_logits, rtol=1e-4, atol=1e-5
    )


def test_folds_share_the_frozen_weights_in_memory(run: api.Run) -> None:
    one, two = (dict(model.backbone.named_parameters()) for model in run.models)
    name = "visual.transformer.resblocks.0.{}.weight"
    assert one[name.format("mlp.c_fc")] is two[name.format("mlp.c_fc")]
    assert not torch.equal(one[name.format("attn.q_proj")], two[name.format("attn.q_proj")])


def test_plain_peft_loads_the_adapter_and_gives_the_same_embeddings(small: Path, run: api.Run) -> None:
    folder = small / "results" / "runs" / "first"
    base = shared_backbone(folder, read_run(folder))
    loaded = peft.PeftModel.from_pretrained(base, str(folder / "fold_0" / "adapter")).eval()
    images = torch.randn(4, 3, 48, 48)
    with torch.no_grad():
        expected = run.models[0].encoder.visual(images)
        torch.testing.assert_close(loaded.visual(images), expected, rtol=1e-4, atol=1e-5)


def test_a_copied_run_scores_the_same_elsewhere(small: Path, tmp_path: Path, run: api.Run, crops) -> None:
    shutil.copytree(small / "results" / "runs" / "first", tmp_path / "elsewhere")
    there = clip_nodule.load_run(tmp_path / "elsewhere", device="cpu")
    np.testing.assert_array_equal(there.predict(crops), run.predict(crops))


@pytest.mark.parametrize("name", ["heads.safetensors", "adapter/adapter_model.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damaged_weights_are_never_half_loaded(small: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", folder)
    path = folder / "fold_1" / name
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data[:-7] if damage == "cut" else data)
    with pytest.raises(InputError, match=path.name):
        clip_nodule.load_run(folder, device="cpu")


def test_a_fold_without_weights_is_named(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", folder)
    shutil.rmtree(folder / "fold_1")
    with pytest.raises(InputError, match="fold 1 of 2 has no weights"):
        clip_nodule.load_run(folder, device="cpu")


def test_a_run_that_lost_its_list_of_patients_scores_none_that_it_saw(small: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(small / "results", results)
    folder = results / "runs" / "first"
    info = read_run(folder)
    settings = overridden(info.settings, {"test_fraction": 0.2})
    write_run(folder, info.model_copy(update={"settings": settings}))
    drop_hashes(folder)
    (folder / "folds.csv").unlink(missing_ok=True)
    where = {"workspace": Workspace(small / "cohorts", results)}
    with pytest.raises(InputError, match=r"folds.csv — does not say which patients were held out"):
        score_cohort("balls", Scoring(device="cpu"), **where)
    assert score_cohort("balls", Scoring("all", device="cpu"), **where).is_file()


LATER = {
    "network": ("attention_start",),
    "data": ("hold_out",),
    "optimisation": (
        "sticky_stops",
        "schedule",
        "lr_warmup",
        "lr_end",
        "max_grad_norm",
        "ema",
        "decayed",
        "stop_on",
    ),
}
"""Settings that came after schema 2."""


def test_a_run_folder_of_before_several_cohorts_scores_the_same(small: Path, tmp_path: Path) -> None:
    """The layout of schema 2: one ``cohort``, no settings that came later, patients without their cohort."""
    folder = tmp_path / "runs" / "first"
    shutil.copytree(small / "results" / "runs" / "first", folder)
    content = yaml.safe_load((folder / "run.yaml").read_text(encoding="utf-8"))
    content |= {"schema_version": 2, "cohort": content.pop("cohorts")[0]}
    for part, names in LATER.items():
        for name in names:
            del content["settings"][part][name]
    patients = pd.read_csv(folder / "folds.csv", dtype=str).drop(columns="cohort")
    patients.loc[patients.index[:4], "fold"] = "test"
    patients.to_csv(folder / "folds.csv", index=False)
    content["inputs"]["patients"] = sha256(folder / "folds.csv")
    (folder / "run.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    hashes = json.loads((folder / "hashes.json").read_text())
    del hashes["sha256"]["run.yaml"]  # earlier versions did not hash it
    (folder / "hashes.json").write_text(json.dumps(hashes))
    shutil.copytree(small / "results" / "crops", tmp_path / "crops")
    where = Workspace(small / "cohorts", tmp_path)
    old = read_score_table(score_cohort("balls", Scoring(device="cpu"), where, out=tmp_path / "old.csv"))
    new = score(small, tmp_path)
    held = set(patients["pid"].head(4))
    assert set(old["pid"]) == held
    same = new[new["pid"].isin(held)].reset_index(drop=True)
    pd.testing.assert_frame_equal(old.reset_index(drop=True), same)
    card = read_score_card(tmp_path / "old.csv")
    assert (card.trained_on, card.exposure) == (("balls",), "unseen")
    assert set(card.patients["balls"]) == set(patients["pid"]) - held


def test_another_backbone_file_is_refused(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", folder)
    with (folder / "backbone.safetensors").open("r+b") as stream:
        stream.seek(-4, 2)
        stream.write(b"abcd")
    with pytest.raises(InputError, match=r"backbone.safetensors — differs"):
        clip_nodule.load_run(folder, device="cpu")


def test_the_newest_run_is_the_largest_number_not_the_latest_file(small: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(small / "results", results)
    shutil.copytree(results / "runs" / "first", results / "runs" / "second")
    info = read_run(results / "runs" / "second")
    write_run(results / "runs" / "second", info.model_copy(update={"name": "second", "number": 9}))
    drop_hashes(results / "runs" / "second")
    (results / "runs" / "first" / "run.yaml").touch()
    path = score_cohort("balls", Scoring(device="cpu"), workspace=Workspace(small / "cohorts", results))
    assert path == results / "scores" / "balls" / "second.csv"
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["scored"] == 19


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"run": "frist"}, "did you mean 'first'"),
        ({"precision": "fp8"}, "is no precision"),
        ({"patients": "some"}, "neither auto nor all"),
        ({"model": "../elsewhere"}, "is no name of a model"),
    ],
)
def test_bad_arguments_are_named(small: Path, tmp_path: Path, more: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        score(small, tmp_path, **more)


def test_a_newer_runs_folder_is_refused(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", folder)
    text = (folder / "run.yaml").read_text(encoding="utf-8").replace("schema_version: 4", "schema_version: 99")
    (folder / "run.yaml").write_text(text)
    with pytest.raises(InputError, match="newer version"):
        clip_nodule.load_run(folder)


def test_a_model_of_images_alone_reads_no_text(small: Path) -> None:
    from clip_nodule.train import TrainingRequest, train_run
    from tests.clip_nodule.training_cohort import TINY

    folder = train_run(
        "balls",
        TrainingRequest(settings=TINY | {"modality": "vision", "epochs": 1, "folds": 2}, device="cpu"),
        workspace=Workspace(small / "cohorts", small / "results"), name="a-vision",
    )  # fmt: skip
    vision = clip_nodule.load_run(folder, device="cpu")
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="images alone"):
        vision.embed_texts(["x"])


def test_a_damaged_calibration_is_found_before_anything_is_scored(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(*_: object) -> None:
        pytest.fail("scored first")

    monkeypatch.setattr("clip_nodule.inference.predict.score_rows", scored)
    shutil.copytree(small / "results", tmp_path / "results")
    (tmp_path / "results" / "runs" / "first" / "fold_1" / "calibration.json").write_text("{")
    with pytest.raises(InputError, match=r"calibration\.json"):
        score_cohort(
            "balls", Scoring(device="cpu", calibrated=True),
            workspace=Workspace(small / "cohorts", tmp_path / "results"),
        )  # fmt: skip
