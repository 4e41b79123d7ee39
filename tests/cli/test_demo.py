"""The main job end to end: what `make demo` promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts.phantom.truth import expected_auroc, read_truth
from benchmark.contracts.cohort import load_cohort, write_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError
from benchmark.statistics import auroc_interval
from clip_nodule.demo import FULL, MARKER, clear_demo, finish_demo, make_cohorts, train_and_score, workspace_in

runner = CliRunner()
COHORTS = ("nlst", "lungx", "dlcs", "ucla")
MODELS = ("clip", "semantic-lr", "diameter")
PERFORMANCE = "cohort,model,n,n_positive,auroc,auroc_low,auroc_high,auprc,auprc_low,auprc_high"
OPERATING = "cohort,model,recall_target,recall,tp,fp,n_positive,n_negative,fpr,precision,threshold"


def test_a_folder_that_the_demo_did_not_make_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = runner.invoke(app, ["demo", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "did not make" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_of_the_demo_is_emptied_only_of_what_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    clear_demo(out)
    (out / "runs").mkdir()
    (out / "runs" / "a.json").write_text("{}")
    finish_demo(out)
    (out / "runs" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match=r"note\.txt"):
        clear_demo(out)
    assert (out / "runs" / "a.json").is_file()
    (out / "runs" / "note.txt").unlink()
    clear_demo(out)
    assert [path.name for path in out.iterdir()] == [MARKER]


def test_what_a_killed_demo_left_is_moved_away_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "demo"
    for number in (1, 2):
        clear_demo(out)
        (out / "note.txt").write_text(f"mine {number}")
    clear_demo(out)
    assert [path.name for path in out.iterdir()] == [MARKER]
    kept = sorted(tmp_path.glob("demo-killed-*"))
    assert [(path / "note.txt").read_text() for path in kept] == ["mine 1", "mine 2"]
    assert all(str(path) in caplog.text for path in kept)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("demo") / "demo"
    result = runner.invoke(app, ["demo", "--quick", "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    return out, result.output


@pytest.mark.slow
def test_the_demo_writes_what_the_readme_names(quick: tuple[Path, str]) -> None:
    out, printed = quick
    performance = pd.read_csv(out / "tables" / "performance.csv")
    assert ",".join(performance.columns) == PERFORMANCE
    assert list(dict.fromkeys(performance["cohort"])) == list(COHORTS)
    assert set(performance["model"]) == set(MODELS)
    assert (
        (performance["auroc_low"] <= performance["auroc"]) & (performance["auroc"] <= performance["auroc_high"])
    ).all()
    points = pd.read_csv(out / "tables" / "operating_points.csv")
    assert ",".join(points.columns) == OPERATING
    assert sorted(set(points["recall_target"])) == [0.6, 0.7, 0.8, 0.9]
    np.testing.assert_allclose(points["precision"], points["tp"] / (points["tp"] + points["fp"]), atol=1e-12)
    assert (points["recall"] >= points["recall_target"]).all()
    for cohort in COHORTS:
        for model in MODELS:
            assert len(read_score_table(out / "scores" / cohort / f"{model}.csv"))
    assert str(out / "report" / "index.html").replace("\n", "") in printed.replace("\n", "")
    assert "CLIP + LoRA" in printed


@pytest.mark.slow
def test_no_model_scores_a_patient_that_it_was_fitted_on(quick: tuple[Path, str]) -> None:
    out, _ = quick
    folds = pd.read_csv(out / "runs" / "clip" / "folds.csv", dtype=str)
    held_out = set(folds.loc[folds["fold"] == "test", "pid"])
    for model in MODELS:
        assert set(read_score_table(out / "scores" / "nlst" / f"{model}.csv")["pid"]) == held_out


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(quick: tuple[Path, str], tmp_path: Path) -> None:
    out, _ = quick
    again = tmp_path / "demo"
    assert runner.invoke(app, ["demo", "--quick", "--out", str(again), "--workers", "1"]).exit_code == 0
    tables = sorted(path.relative_to(out) for path in out.glob("scores/*/*.csv"))
    assert len(tables) == len(COHORTS) * len(MODELS)
    for path in [*tables, Path("tables/performance.csv"), Path("tables/operating_points.csv")]:
        assert (again / path).read_bytes() == (out / path).read_bytes(), path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's training cohort and model, without the other cohorts."""
    out = tmp_path_factory.mktemp("full")
    make_cohorts(workspace_in(out), FULL, ["nlst"], seed=0, workers=2)
    train_and_score(workspace_in(out), FULL, ["nlst"], seed=0)
    return out


def held_out_interval(out: Path) -> tuple[float, float, float]:
    """AUROC of the CLIP ensemble on held-out nodules, with its interval clustered by patient."""
    scores = read_score_table(out / "scores" / "nlst" / "clip.csv").query("fold == 'ensemble'")
    labels = load_cohort("nlst", out / "cohorts").nodules.set_index(["pid", "nodule_id"])["malignant"].astype(int)
    truth = labels.loc[pd.MultiIndex.from_frame(scores[["pid", "nodule_id"]])].to_numpy()
    found = auroc_interval(truth, scores["score"].to_numpy(), clusters=scores["pid"].to_numpy())
    return found.auroc, found.low, found.high


@pytest.mark.slow
def test_the_model_learns_the_phantoms(trained: Path) -> None:
    # 0.80 is the figure of issue 2; the best that any model could reach is in the manifest (about 0.93).
    assert held_out_interval(trained)[0] >= 0.80


@pytest.mark.slow
def test_the_model_comes_near_the_best_that_can_be_reached(trained: Path) -> None:
    # 0.03 is the figure of issue 5, for the held-out patients, in expectation over the labels they could have had.
    scores = read_score_table(trained / "scores" / "nlst" / "clip.csv").query("fold == 'ensemble'")
    truth = read_truth(trained / "cohorts" / "nlst")
    patients = scores[["pid", "nodule_id", "score"]].merge(truth, on=["pid", "nodule_id"]).groupby("pid")
    chance = patients["patient_probability"].first().to_numpy()
    best, found = (
        expected_auroc(chance, patients[name].max().to_numpy()) for name in ("nodule_probability", "score")
    )
    assert 0 < best - found < 0.03


@pytest.mark.slow
def test_nothing_is_learned_from_shuffled_labels(trained: Path) -> None:
    cohort = load_cohort("nlst", trained / "cohorts")
    nodules = cohort.nodules.copy()
    order = np.random.default_rng(1).permutation(len(nodules))
    nodules["malignant"] = nodules["malignant"].to_numpy()[order]
    write_cohort(cohort.folder, cohort.manifest, nodules)
    train_and_score(workspace_in(trained), FULL, ["nlst"], seed=0, name="shuffled")
    _, low, high = held_out_interval(trained)
    assert low <= 0.5 <= high
