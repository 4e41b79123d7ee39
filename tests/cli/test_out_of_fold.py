"""A table of out-of-fold scores on its whole way: prepare, adapt, compare. And other people's, where they are."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.score_card import read_score_card

RUNNER = CliRunner()
FOLDS = {"patient": "densenet121|patient", "nodule": "densenet121|nodule", "random": "densenet121|random"}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*words, status=0):
        done = RUNNER.invoke(app, list(map(str, words)))
        assert done.exit_code == status, done.output
        return " ".join(done.output.split())

    return call


def write(path, frame):
    frame.to_csv(path, index=False)
    return path


def table(name, out="results/compare"):
    return pd.read_csv(f"{out}/tables/{name}.csv", dtype={"fold": str})


@pytest.fixture
def cohort(bench, tmp_path):
    """60 patients with one or two nodules, a third positive."""
    rows = [(f"P{k:02d}", str(j), int(k % 3 == 0)) for k in range(60) for j in range(1 + k % 2)]
    nodules = pd.DataFrame(rows, columns=["pid", "nodule_id", "malignant"])
    bench("cohort", "prepare", "csv", write(tmp_path / "nodules.csv", nodules), "--out", "cohorts/c")
    return nodules


def out_of_fold(nodules, seed, by="pid", noise=1.0):
    generator = np.random.default_rng(seed)
    logit = nodules["malignant"] + noise * generator.normal(size=len(nodules))
    place = pd.factorize(nodules[by] if by == "pid" else nodules["pid"] + nodules["nodule_id"])[0]
    scores = nodules[["pid", "nodule_id"]].assign(fold=place // 4 % 5, score=1 / (1 + np.exp(-logit)))
    return scores.sample(frac=1, random_state=seed)


def test_out_of_fold_scores_are_an_ordinary_input(bench, cohort, tmp_path):
    scores = {name: out_of_fold(cohort, seed) for seed, name in enumerate("ab")}
    for name, rows in scores.items():
        said = bench("adapt", "csv", write(tmp_path / f"{name}.csv", rows), "-c", "c", "--model", name)
        assert f"{name}: {len(cohort)} scored, 0 failed" in said
        assert "cross-validated on this cohort" in said
        assert read_score_card(tmp_path / f"results/scores/c/{name}.csv").exposure == "cross-validated"
    said = bench("compare", "--cohort", "c", "--replicates", 200)
    labels = cohort.groupby("pid")["malignant"].max()
    found, pairs = table("performance").set_index("model"), table("pairs")
    for name, rows in scores.items():
        patients = rows.groupby("pid")["score"].max()[labels.index]
        assert found.loc[name, "auroc"] == pytest.approx(roc_auc_score(labels, patients), abs=1e-12)
        assert found.loc[name, "auprc"] == pytest.approx(average_precision_score(labels, patients), abs=1e-12)
        own = table("folds").query("model == @name and metric == 'auroc'").set_index("fold")["value"]
        assert len(own) == 5
        for fold, part in rows.groupby("fold"):
            here = part.groupby("pid")["score"].max()
            assert own[str(fold)] == pytest.approx(roc_auc_score(labels[here.index], here), abs=1e-12)
    assert len(pairs) == 2
    assert pairs["p_holm"].notna().all()
    assert set(table("training_overlap")["exposure"]) == {"cross-validated"}
    assert set(table("ledger")["scored"]) == {60}
    assert "‖ Cross-validated on this cohort" in said
    assert "held-out folds, each case in one of 5 folds; its score is its own fold's" in said
    assert set(table("fold_tests")["test"]) == {"Wilcoxon"}


def test_with_the_ensemble_rows_beside_them_the_numbers_are_the_same(bench, cohort, tmp_path):
    rows = out_of_fold(cohort, 0)
    both = pd.concat([rows, rows.assign(fold="ensemble")])
    for name, frame in (("own", rows), ("both", both)):
        bench("adapt", "csv", write(tmp_path / f"{name}.csv", frame), "-c", "c", "--model", name)
    bench("compare", "--cohort", "c", "--replicates", 200)
    found = table("performance").drop(columns="model")
    assert found.iloc[0].equals(found.iloc[1])
    assert set(table("training_overlap")["exposure"]) == {"cross-validated"}


@pytest.mark.slow
def test_folds_of_nodules_have_seen_the_patients(bench, cohort, tmp_path):
    good = write(tmp_path / "good.csv", out_of_fold(cohort, 0))
    leaking = write(tmp_path / "leak.csv", out_of_fold(cohort, 1, by="nodule"))
    bench("adapt", "csv", good, "-c", "c", "--model", "good")
    said = bench("adapt", "csv", leaking, "-c", "c", "--model", "leak")
    assert re.search(r"[1-9]\d* of 60 patients stand in several of the 5 folds", said)
    bench("compare", "--cohort", "c", "--replicates", 200)
    assert table("pairs").empty
    assert set(table("training_overlap").set_index("model")["exposure"].items()) == {
        ("good", "cross-validated"),
        ("leak", "seen"),
    }
    bench("compare", "--cohort", "c", "--replicates", 200, "--allow-seen")
    assert len(table("pairs")) == 2


def test_folds_that_are_neither_are_shown_and_not_tested(bench, cohort, tmp_path):
    rows = out_of_fold(cohort, 0)
    some = pd.concat([rows, rows[rows["fold"] == 0].assign(fold=1)])
    said = bench("adapt", "csv", write(tmp_path / "some.csv", some), "-c", "c", "--model", "some")
    assert "cases stand in 1 to 2 of 5 folds" in said
    bench("adapt", "csv", write(tmp_path / "good.csv", rows), "-c", "c", "--model", "good")
    said = bench("compare", "--cohort", "c", "--replicates", 200)
    assert "a case is in 1 to 2 of its 5 folds" in said
    assert set(table("performance")["model"]) == {"good", "some"}
    assert table("pairs").empty


def test_fold_may_be_none_and_must_be_a_number(bench, cohort, tmp_path):
    rows = out_of_fold(cohort, 0)
    file = write(tmp_path / "x.csv", rows)
    said = bench("adapt", "csv", file, "-c", "c", "--model", "x", "--column", "fold=")
    assert "cross-validated" not in said
    assert set(pd.read_csv("results/scores/c/x.csv")["fold"]) == {"ensemble"}
    decimal = write(tmp_path / "y.csv", rows.assign(fold=rows["fold"].astype(float)))
    bench("adapt", "csv", decimal, "-c", "c", "--model", "y")
    assert set(pd.read_csv("results/scores/c/y.csv")["fold"]) == {0, 1, 2, 3, 4}
    words = write(tmp_path / "z.csv", rows.assign(fold=rows["fold"].map(lambda f: f"part {f}" if f else "")))
    said = bench("adapt", "csv", words, "-c", "c", "--model", "z", status=2)
    assert "z.csv:rows 2, 7" in said
    assert "is neither the number of a fold nor 'ensemble'" in said
    assert "says no fold" in said
    assert "--column fold=" in said


def test_a_score_may_not_be_none(bench, cohort, tmp_path):
    file = write(tmp_path / "x.csv", out_of_fold(cohort, 0).rename(columns={"score": "nothing"}))
    assert "has no column for the score" in bench("adapt", "csv", file, "-c", "c", "--column", "score=", status=2)


def test_complete_folds_need_no_ensemble(bench, cohort, tmp_path):
    generator = np.random.default_rng(0)
    single = [
        cohort[["pid", "nodule_id"]].assign(fold=fold, score=generator.random(len(cohort))) for fold in range(3)
    ]
    mean = single[0].assign(fold="ensemble", score=np.mean([part["score"] for part in single], axis=0))
    bench("adapt", "csv", write(tmp_path / "m.csv", pd.concat(single)), "-c", "c", "--model", "m")
    bench("adapt", "csv", write(tmp_path / "n.csv", pd.concat([*single, mean])), "-c", "c", "--model", "n")
    said = bench("compare", "--cohort", "c", "--replicates", 200)
    assert "no ensemble in its table; its score is the mean of its 3 folds" in said
    found = table("performance").drop(columns="model")
    assert found["auroc"].iloc[0] == pytest.approx(found["auroc"].iloc[1], abs=1e-12)
    assert set(table("training_overlap")["exposure"]) == {"unknown"}


@pytest.mark.slow
def test_the_model_with_other_folds_is_named_where_the_reader_looks(bench, cohort, tmp_path):
    generator = np.random.default_rng(0)
    for name, folds in (("m1", 5), ("m2", 5), ("m3", 5), ("m4", 6)):
        rows = [
            cohort[["pid", "nodule_id"]].assign(fold=f, score=generator.random(len(cohort))) for f in range(folds)
        ]
        bench("adapt", "csv", write(tmp_path / f"{name}.csv", pd.concat(rows)), "-c", "c", "--model", name)
    bench(
        "compare", "--cohort", "c", "--replicates", 200, *(w for m in ("m1", "m2", "m3") for w in ("--model", m))
    )
    before = table("fold_tests")
    said = bench("compare", "--cohort", "c", "--replicates", 200)
    pd.testing.assert_frame_equal(before, table("fold_tests"))
    assert len(before) == 14
    why = "it has 6 folds, the models tested have 5"
    assert why in said
    assert why in (tmp_path / "results/compare/tables/folds.md").read_text(encoding="utf-8")
    assert why in (tmp_path / "results/compare/tables/fold_tests.md").read_text(encoding="utf-8")
    page = (tmp_path / "results/compare/report/index.html").read_text(encoding="utf-8")
    assert why in page
    # Nothing of the folds stands on the first screen.
    first = page[page.index('<section id="summary"') : page.index('<section id="differences"')]
    assert why not in first
    assert not re.search("Nemenyi|Friedman|Wilcoxon|over folds", first)


@pytest.mark.parametrize("arm", ["patient", "nodule", "random"])
@pytest.mark.slow
def test_the_printed_numbers_of_a_partition_study(bench, shared, tmp_path, arm):
    """Every AUC per fold that github.com/nykemariotto/nodule-partition-leakage prints, 3 networks × 15 folds."""
    folder = shared / "data" / "lidc_partition"
    scores = pd.read_csv(folder / "nodule_scores_3arms_3reps_5folds.csv", dtype=str)
    printed = json.loads((folder / "per_model_metrics.json").read_text(encoding="utf-8"))["per_model"]
    names = {"patient_id": "pid", "label": "malignant"}
    nodules = scores[["patient_id", "nodule_id", "label"]].drop_duplicates().rename(columns=names)
    bench("cohort", "prepare", "csv", write(tmp_path / "nodules.csv", nodules), "--out", "cohorts/lidc")
    own = scores[scores["arm"] == arm].rename(columns={"patient_id": "pid"})
    networks = ["densenet121", "efficientnet_b0", "vit_small"]
    own["fold"] = (own["rep"].astype(int) * 5 + own["fold"].astype(int)).astype(str)
    for name in networks:
        columns = own[["pid", "nodule_id", "fold", "label", name]].rename(columns={name: "score"})
        file = write(tmp_path / f"{name}.csv", columns)
        bench("adapt", "csv", file, "-c", "lidc", "--model", name, "--trained-on", "lidc")
    bench("compare", "--cohort", "lidc", "--unit", "nodule", "--replicates", 50)
    found = table("folds").query("metric == 'auroc'")
    for name in networks:
        values = found[found["model"] == name].set_index("fold")["value"]
        expected = printed[f"{name}|{arm}"]["auc"]
        for fold, value in enumerate(expected["per_fold"]):
            assert values[str(fold)] == pytest.approx(value, abs=1e-9)
        assert values.mean() == pytest.approx(expected["mean"], abs=1e-9)
    # As the folder's README prints them.
    readme = {"patient": 0.914766, "nodule": 0.922262, "random": 0.967174}[arm]
    assert found.loc[found["model"] == "densenet121", "value"].mean() == pytest.approx(readme, abs=5e-7)
    # Only folds that held out the whole patient are a fair test.
    exposure = {"patient": "cross-validated", "nodule": "seen", "random": "seen"}[arm]
    assert set(table("training_overlap")["exposure"]) == {exposure}
    assert len(table("pairs")) == (6 if arm == "patient" else 0)


@pytest.mark.slow
def test_out_of_fold_scores_of_luna25(bench, shared, tmp_path):
    """A table `AnnotationID, label, probability, fold` without patient ids, against scikit-learn."""
    release = shared / "data" / "luna25" / "LUNA25_Public_Training_Development_Data.csv"
    file = shared / "data" / "luna25_hiera" / "all_folds_predictions.csv"
    bench("cohort", "prepare", "luna25", "--from", release, "--out", "cohorts/luna25")
    patients = pd.read_csv(release, dtype=str).set_index("AnnotationID")["PatientID"]
    scores = pd.read_csv(file, dtype={"AnnotationID": str})
    scores["pid"] = scores["AnnotationID"].map(patients)
    said = bench("adapt", "csv", file, "-c", "luna25", "--model", "hiera", "--trained-on", "luna25")
    assert "hiera: 6,163 scored, 0 failed" in said
    assert read_score_card("results/scores/luna25/hiera.csv").exposure == "cross-validated"
    for unit in ("nodule", "patient"):
        bench("compare", "--cohort", "luna25", "--unit", unit, "--replicates", 50)
        # A patient has the highest score and the worst label of its nodules.
        cases = scores if unit == "nodule" else scores.groupby("pid")[["label", "probability", "fold"]].max()
        row = table("performance").iloc[0]
        assert row["n"] == len(cases) == {"nodule": 6163, "patient": 2120}[unit]
        for name, function in (("auroc", roc_auc_score), ("auprc", average_precision_score)):
            assert row[name] == pytest.approx(function(cases["label"], cases["probability"]), abs=1e-9)
            values = table("folds").query("metric == @name").set_index("fold")["value"]
            assert len(values) == 5
            for fold, part in cases.groupby("fold"):
                assert values[str(fold)] == pytest.approx(function(part["label"], part["probability"]), abs=1e-9)
