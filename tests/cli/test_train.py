from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.metrics import read_metric_table
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
    places = ["--cohort", "balls", "--cohorts", str(folder / "cohorts"), "--results", str(folder / "results")]
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
    assert (settings["rank"], settings["tuning"], settings["batch_size"]) == (4, "probe", 8)
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


def test_an_ablation_gives_a_table_of_its_rows(folder: Path) -> None:
    words = ("--config", str(folder / "own.yaml"), "--ablation", "modality", "--device", "cpu")
    done = run(folder, "train", *words)
    assert done.exit_code == 0, done.output
    table = read_metric_table(folder / "results" / "tables" / "ablation-modality.csv")
    assert set(table["model"]) == {"ablation-modality-vision", "ablation-modality-clip"}
    means = table[table["at"] == ""]
    assert means["note"].str.startswith("SD ").all()
    folds = table[(table["at"] != "") & (table["metric"] == "auroc")].groupby("model")["value"].mean()
    for row in means[means["metric"] == "auroc"].itertuples():
        assert row.value == pytest.approx(folds[row.model])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tuning", "adapters"], "tuning"),
        (["--config", "nowhere"], "is no configuration"),
        (["--set", "epochs"], "is not name=value"),
        (["--set", "epocs=3"], "did you mean 'epochs'"),
        (["--cohort", "bals"], "did you mean 'balls'"),
        (["--ablation", "size"], "is no ablation"),
        (["--params", "q,x"], "params"),
        (["--device", "tpu"], "is no device"),
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


def test_help_ends_with_an_example() -> None:
    for command in ("train", "score", "import-weights"):
        done = CliRunner().invoke(app, [command, "--help"])
        assert done.exit_code == 0
        assert f"bench {command}" in done.output
