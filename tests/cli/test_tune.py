from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from tests.clip_nodule.training_cohort import make_cohort

SETTINGS = """
{epochs: 1, folds: 2, batch_size: 8, backbone: tiny, pretrained: null, tuning: probe, augment: none, threads: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tune")
    make_cohort(path / "cohorts" / "balls", 10)
    (path / "own.yaml").write_text(SETTINGS)
    return path


def bench(folder: Path, command: str, *words: str):
    places = ["--cohorts", str(folder / "cohorts"), "--results", str(folder / "results"), "--device", "cpu"]
    if "--config" not in words:
        places += ["--config", str(folder / "own.yaml")]
    return CliRunner().invoke(app, [command, "--cohort", "balls", *places, *words])


@pytest.mark.slow
def test_a_search_prints_its_trials_and_what_to_type_next(folder: Path) -> None:
    words = ("--sweep", "lr=1e-3,3e-2", "--sweep", "dropout=0,0.2", "--name", "s", "--seed", "3")
    done = bench(folder, "tune", *words)
    assert done.exit_code == 0, done.output
    for number, said in enumerate(("0.001 dropout=0", "0.001 dropout=0.2", "0.03 dropout=0", "0.03 dropout=0.2")):
        assert f"trial {number + 1} of 4: learning_rate={said}, as the run s-00{number}" in done.output
    table = pd.read_csv(folder / "results" / "tune" / "s" / "trials.csv")
    printed = [line.split() for line in done.output.splitlines() if line.strip().startswith("s-00")]
    assert [line[:6] for line in printed] == [
        [row.run, f"{row.learning_rate:g}", f"{row.dropout:g}", f"{row.auroc:.3f}", "±", f"{row.auroc_sd:.3f}"]
        for row in table.itertuples()
    ]
    chosen = table["run"][table["choice"] == "chosen"].item()
    assert [line[-1] for line in printed if line[0] == chosen] == ["chosen"]
    assert f"bench score --cohort balls --run {chosen}" in done.output
    assert ("which is another trial" in done.output) == (chosen != "s-003")
    said = next(line for line in done.output.splitlines() if line.startswith("train with it: bench train "))
    again = bench(folder, "train", *said.removeprefix("train with it: bench train --cohort balls ").split())
    assert again.exit_code == 0, again.output
    mean = table["auroc"][table["choice"] == "chosen"].item()
    assert f"validation on balls: AUROC {mean:.3f}" in again.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing option '--sweep'"),
        (["--sweep", "rank=2,4", "--sweep", "rank=8"], "'rank' is given twice"),
        (["--sweep", "rnk=2,4", "--sweep", "lr=fast"], "did you mean 'rank'"),
        (["--sweep", "rnk=2,4", "--sweep", "lr=fast"], "learning_rate 'fast' — Input should be a valid number"),
        (["--sweep", "rnk=2,4", "--set", "epochs=0"], "epochs '0'"),  # both are said
        (["--sweep", "rnk=2,4", "--set", "epochs=0"], "did you mean 'rank'"),
        (["--sweep", "epochs=1,2", "--epochs", "1"], "given a value by its own option or --set"),
        (["--sweep", "lr=1e-4,1e-3", "--set", "optimisation.learning_rate=1"], "by its own option or --set"),
        (["--sweep", "folds=2,3"], "decides who validates"),
        (["--sweep", "lr=1e-5:1e-3:log"], "say how many to try: --trials N"),
        (["--sweep", "rank=2,4", "--trials", "0"], "Invalid value for '--trials'"),
        (["--sweep", "rank=2,4", "--choose-by", "accuracy"], "Invalid value for '--choose-by'"),
        (["--sweep", "rank=2,4", "--name", "../x"], "is no name of a search"),
        (["--sweep", "rank=2,4", "--config", "nowhere"], "is no configuration"),
        (["--sweep", "rank=2,4", "--hold-out", "bals=0.2"], "is no cohort that is trained on"),
        (["--sweep", "rank=2,4", "--folds", "30"], "fold"),
        (["--sweep", "rank=2,4", "--splits", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(folder: Path, words: list[str], said: str) -> None:
    before = sorted(folder.rglob("*"))
    done = bench(folder, "tune", *words, *([] if "--name" in words else ["--name", "bad"]))
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert sorted(folder.rglob("*")) == before


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clip_nodule.train.run_folds", stop)
    done = bench(folder, "tune", "--sweep", "dropout=0,0.2", "--name", "cut")
    assert done.exit_code == 130
    assert "the same command goes on where it stopped" in done.output
    monkeypatch.undo()
    done = bench(folder, "tune", "--sweep", "dropout=0,0.2", "--name", "cut")
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_a_trial_without_memory_is_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clip_nodule import tune
    from clip_nodule.train import train_run

    def train_small(*args: object, **how: object) -> Path:
        if how["name"] == "m-000":
            raise tune.torch.OutOfMemoryError("out of memory")
        return train_run(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "train_run", train_small)
    words = ("--sweep", "dropout=0,0.2", "--name", "m")
    done = bench(folder, "tune", *words)
    assert done.exit_code == 3, done.output
    assert "Without a value: m-000 failed." in done.output
    monkeypatch.undo()
    done = bench(folder, "tune", *words)
    assert done.exit_code == 0, done.output
    assert "failed" not in done.output


def test_without_optuna_all_combinations_are_tried_and_some_say_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.extras._is_installed", lambda module: module != "optuna")
    done = bench(folder, "tune", "--sweep", "dropout=0,0.2,0.3", "--trials", "2", "--name", "new")
    assert done.exit_code == 2
    assert 'needs optuna: pip install "nodule-bench[tune]"' in done.output
    assert not (folder / "results" / "tune" / "new").exists()
    assert bench(folder, "tune", "--sweep", "dropout=0", "--name", "all").exit_code == 0
