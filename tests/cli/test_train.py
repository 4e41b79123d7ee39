from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import load_cohort, write_cohort
from benchmark.contracts.metrics import read_metric_table
from benchmark.files import sha256
from clip_nodule.pretrained.weight_files import WEIGHTS
from tests.clip_nodule.training_cohort import make_cohort

SETTINGS = """
{epochs: 1, folds: 2, batch_size: 8, backbone: tiny, pretrained: null, tuning: probe, augment: none, threads: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli")
    make_cohort(path / "cohorts" / "balls", 8)
    (path / "own.yaml").write_text(SETTINGS)
    return path


def run(folder: Path, command: str, *words: str):
    places = ["--cohorts", str(folder / "cohorts"), "--results", str(folder / "results")]
    places += [] if "--cohort" in words else ["--cohort", "balls"]
    return CliRunner().invoke(app, [command, *places, *words])


@pytest.fixture(scope="module")
def trained(folder: Path) -> str:
    done = run(
        folder, "train", "--config", str(folder / "own.yaml"), "--name", "one", "--device", "cpu", "--rank", "4"
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_train_then_score_the_newest_run(folder: Path, trained: str) -> None:
    assert "bench score --cohort balls --run one" in trained
    settings = yaml.safe_load((folder / "results" / "runs" / "one" / "run.yaml").read_text(encoding="utf-8"))[
        "settings"
    ]
    assert (settings["lora"]["rank"], settings["network"]["tuning"]) == (4, "probe")
    assert settings["optimisation"]["batch_size"] == 8
    scored = run(folder, "score")
    assert scored.exit_code == 0, scored.output
    table = pd.read_csv(folder / "results" / "scores" / "balls" / "one.csv", dtype=str)
    assert len(table) == 8 * 3


@pytest.mark.usefixtures("trained")
def test_resume_of_a_finished_run_changes_nothing(folder: Path) -> None:
    heads = folder / "results" / "runs" / "one" / "fold_0" / "heads.safetensors"
    before = heads.read_bytes()
    done = run(folder, "train", "--resume", "--name", "one", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert heads.read_bytes() == before


@pytest.mark.slow
def test_an_ablation_gives_a_table_of_its_rows(folder: Path) -> None:
    words = ("--config", str(folder / "own.yaml"), "--ablation", "modality", "--device", "cpu")
    done = run(folder, "train", *words)
    assert done.exit_code == 0, done.output
    table = read_metric_table(folder / "results" / "tables" / "ablation-modality.csv")
    assert set(table["model"]) == {"ablation-modality-vision", "ablation-modality-clip"}
    for number, row in enumerate(("vision", "clip"), 1):
        assert f"row {number} of 2: {row}, as the run ablation-modality-{row}" in done.output
    printed = [line.split() for line in done.output.splitlines() if line.strip().startswith("ablation-modality")]
    aurocs = table[(table["at"] != "") & (table["metric"] == "auroc")].groupby("model", sort=False)["value"]
    assert [line[:4] for line in printed] == [
        [model, f"{value.mean():.3f}", "±", f"{value.std():.3f}"] for model, value in aurocs
    ]
    means = table[table["at"] == ""]
    assert means["note"].str.startswith("SD ").all()
    folds = table[(table["at"] != "") & (table["metric"] == "auroc")].groupby("model")["value"].mean()
    for row in means[means["metric"] == "auroc"].itertuples():
        assert row.value == pytest.approx(folds[row.model])


@pytest.mark.parametrize("name", [(), ("--name", "cut")], ids=["unnamed", "named"])
def test_ctrl_c_says_how_to_go_on_and_that_goes_on(
    folder: Path, name: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--config", str(folder / "own.yaml"), "--device", "cpu", "--set", "rank=4", *name]

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("clip_nodule.train.run_folds", stop)
        done = run(folder, "train", *words)
    assert done.exit_code == 130
    said = re.search(r"the run (\S+) is kept; go on .* same command and (--resume.*)", done.output)
    assert said
    assert said[2] == ("--resume" if name else f"--resume --name {said[1]}")
    with monkeypatch.context() as patched:
        patched.setattr("clip_nodule.train.run_folds", stop)
        assert "the same command goes on where it stopped" in run(folder, "train", *words, *said[2].split()).output
    done = run(folder, "train", *words, *said[2].split())
    assert done.exit_code == 0, done.output
    assert f"--run {said[1]}" in done.output


@pytest.mark.parametrize(
    ("stopped", "words", "said"),
    [
        ("clip_nodule.train.start_backbone", [], "no run was begun yet"),
        (
            "clip_nodule.train.run_folds",
            ["--ablation", "tuning"],
            "kept; the same command goes on where it stopped",
        ),
    ],
)
@pytest.mark.slow
def test_ctrl_c_before_a_run_or_in_an_ablation(
    folder: Path, stopped: str, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "plain.yaml").write_text(SETTINGS.replace("tuning: probe, ", ""))

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stopped, stop)
    done = run(folder, "train", "--config", str(folder / "plain.yaml"), "--device", "cpu", *words)
    assert (done.exit_code, said in done.output) == (130, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tuning", "adapters"], "tuning"),
        (["--config", "nowhere"], "is no configuration"),
        (["--set", "epochs"], "is not name=value"),
        (["--set", "epocs=3"], "did you mean 'epochs'"),
        (["--cohort", "bals"], "did you mean 'balls'"),
        (["--ablation", "size"], "Invalid value for '--ablation'"),
        (["--params", "q,x"], "params"),
        (["--set", "epochs=null"], "epochs"),
        (["--set", "folds=2", "--set", "folds=3"], "'folds' is given twice: '2' and '3'"),
        (["--epochs", "1", "--set", "epochs=2"], "is given twice: 1 by its own option and 2 by --set"),
        (["--folds", "2", "--test-fraction", "0", "--pretrained", "openai"], "none for random weights"),
        (["--device", "tpu"], "Invalid value for '--device'"),
        (["--name", "../elsewhere"], "is no name of a run"),
        (["--name", "a/b"], "is no name of a run"),
        (["--name", ""], "is no name of a run"),
    ],
)
def test_bad_input_ends_with_status_2_and_a_message(folder: Path, words: list[str], said: str) -> None:
    done = run(folder, "train", *words)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("words", [["--pretrained", "none"], ["--set", "pretrained=null"]])
@pytest.mark.slow
def test_null_weights_are_random_weights_and_said_so(folder: Path, words: list[str]) -> None:
    """``tiny-cpu`` has pretrained weights, which were taken all the same."""
    name = words[-1].replace("=", "-")
    few = ["--epochs", "1", "--folds", "2", "--test-fraction", "0", "--tuning", "probe", "--device", "cpu"]
    few += ["--parallel", "1"]
    done = run(folder, "train", *words, *few, "--name", name)
    assert done.exit_code == 0, done.output
    assert "weights: the backbone begins with random weights" in done.output
    made = folder / "results" / "runs" / name
    content = yaml.safe_load((made / "run.yaml").read_text(encoding="utf-8"))
    assert content["settings"]["network"]["pretrained"] is None
    record = json.loads((made / "record.json").read_text(encoding="utf-8"))
    assert record["notes"] == content["notes"] == ["the backbone begins with random weights"]
    assert not (made / "start_heads.safetensors").exists()
    again = run(folder, "train", "--resume", "--name", name, "--device", "cpu", *words)
    assert again.exit_code == 0, again.output
    other = run(folder, "train", "--resume", "--name", name, "--device", "cpu", "--pretrained", "tiny_clip")
    assert other.exit_code == 2
    assert "the run has null" in other.output


def test_where_weights_come_from_is_said_and_kept(folder: Path) -> None:
    few = ["--epochs", "1", "--folds", "2", "--test-fraction", "0", "--tuning", "probe", "--device", "cpu"]
    done = run(folder, "train", *few, "--set", "parallel=1", "--name", "given")
    assert done.exit_code == 0, done.output
    said = "the backbone begins with tiny_clip (tiny_clip.safetensors, in this project's names)"
    assert said in done.output
    record = json.loads((folder / "results" / "runs" / "given" / "record.json").read_text(encoding="utf-8"))
    assert record["notes"] == [said]
    assert record["inputs"]["pretrained"] == sha256(WEIGHTS / "tiny_clip.safetensors")


def unusable(folder: Path, name: str, keep: Callable[[pd.DataFrame], pd.Series], **columns: object) -> None:
    """The cohort of balls again, with columns changed, and scans only where ``keep`` says so."""
    balls = load_cohort("balls", folder / "cohorts")
    nodules = balls.nodules.assign(**columns)
    nodules["image_path"] = nodules["image_path"].where(keep(nodules), "images/nowhere.nii.gz")
    shutil.copytree(folder / "cohorts" / "balls" / "images", folder / "cohorts" / name / "images")
    write_cohort(folder / "cohorts" / name, balls.manifest.model_copy(update={"name": name}), nodules)


@pytest.mark.parametrize(
    ("name", "keep", "columns", "said"),
    [
        ("no-images", lambda t: t["pid"] == "", {}, "8 of 8 nodules have no crop (8 x no such file"),
        ("outside", lambda t: t["pid"] != "", {"coordX": 9999.0}, "8 of 8 nodules have no crop (8 x centre (9999"),
        ("benign-images", lambda t: t["malignant"] == 0, {}, "fold 0 has no malignant nodule left to train on"),
        ("one-image", lambda t: t["pid"] == "000", {}, "has no nodule left to validate on"),
        (
            "no-labels",
            lambda t: t["pid"] != "",
            {"malignant": pd.array([pd.NA] * 8, dtype="Int8")},
            "no patient with a label",
        ),
        ("benign", lambda t: t["pid"] != "", {"malignant": pd.array([0] * 8, dtype="Int8")}, "labelled malignant"),
    ],
)
def test_a_cohort_that_cannot_be_trained_on_is_refused_with_the_reason(
    folder: Path, name, keep, columns, said
) -> None:
    unusable(folder, name, keep, **columns)
    words = ["--cohorts", str(folder / "cohorts"), "--results", str(folder / "results" / name)]
    own = ["--config", str(folder / "own.yaml"), "--device", "cpu"]
    done = CliRunner().invoke(app, ["train", "--cohort", name, *words, *own])
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (folder / "results" / name / "runs").exists()


def test_help_ends_with_an_example() -> None:
    for command in ("train", "score", "import-weights"):
        done = CliRunner().invoke(app, [command, "--help"])
        assert done.exit_code == 0
        assert f"bench {command}" in done.output


@pytest.mark.slow
def test_two_cohorts_train_together_and_each_is_named_at_the_end(tmp_path: Path) -> None:
    for name in ("balls", "more"):
        make_cohort(tmp_path / "cohorts" / name, 8)
    (tmp_path / "own.yaml").write_text(SETTINGS)
    few = ["--config", str(tmp_path / "own.yaml"), "--device", "cpu", "--hold-out", "balls=0.3", "--name", "both"]
    done = run(tmp_path, "train", "--cohort", "balls", "--cohort", "more", *few)
    assert done.exit_code == 0, done.output
    for words in ("validation on balls+more: AUROC", "validation on more: AUROC", "--cohort more --run both"):
        assert words in done.output
    content = yaml.safe_load((tmp_path / "results" / "runs" / "both" / "run.yaml").read_text(encoding="utf-8"))
    assert content["cohorts"] == ["balls", "more"]
    assert content["settings"]["data"]["hold_out"] == {"balls": 0.3}
    for name in ("balls", "more"):
        assert run(tmp_path, "score", "--cohort", name).exit_code == 0
        card = json.loads((tmp_path / "results" / "scores" / name / "both.card.json").read_text(encoding="utf-8"))
        assert card["trained_on"] == ["balls", "more"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hold-out", "nlst=0.2"], "no cohort that is trained on"),
        (["--hold-out", "balls"], "is not COHORT=SHARE"),
        (["--hold-out", "balls=some"], "is no share"),
        (["--hold-out", "balls=1"], "less than 1"),
        (["--hold-out", "balls=0.2", "--set", "hold_out={balls: 0.3}"], "is given twice"),
        (["--hold-out", "balls=0.2", "--test-fraction", "0.2"], "leave out one of the two"),
        (["--splits", "nowhere"], "nowhere"),
        (["--text", "a.csv", "--text", "b.csv"], "which cohort's texts"),
    ],
)
def test_what_is_said_of_cohorts_is_checked(folder: Path, words: list[str], said: str) -> None:
    done = run(folder, "train", *words)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
