"""LUNA25's own numbers, equal to what the challenge's evaluation wrote, and what it passes over."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from typer.main import get_command
from typer.testing import CliRunner

from benchmark.challenges.luna25_metrics import luna25_metrics
from benchmark.cli.main import app
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import auroc_interval

SCORES = {"a_1": 0.9, "a_2": 0.4, "b_1": 0.4, "c_1": 0.1, "d_1": 0.7}
LABELS = {"a_1": 1, "a_2": 0, "b_1": 0, "c_1": 0, "d_1": 1}


def job(pk: str, scores: dict[str, Any], slug: str = "nodule-locations-likelihoods") -> dict[str, Any]:
    """A job whose points stand in ``value``."""
    points = [{"name": name, "point": [0, 0, 0], "probability": score} for name, score in scores.items()]
    value = {"type": "Multiple points", "version": {"major": 1, "minor": 0}, "points": points}
    interface = {"slug": slug, "relative_path": f"{slug}.json"}
    return {"pk": pk, "status": "Succeeded", "inputs": [], "outputs": [{"interface": interface, "value": value}]}


def evaluated(folder: Path, jobs: list[dict[str, Any]], truth: str | None = None, *more: str) -> Any:
    """The command's result with its two files, ``metrics`` and ``by_patient``, None where it wrote nothing."""
    rows = [f"{name[0]},{name},{label}" for name, label in LABELS.items()]
    text = truth or "\n".join(["PatientID,AnnotationID,label", *rows]) + "\n"
    (folder / "truth.csv").write_text(text, encoding="utf-8")
    (folder / "predictions.json").write_text(json.dumps(jobs), encoding="utf-8")
    out = folder / "out" / "metrics.json"
    line = ["challenge", "luna25", "--input", folder, "--ground-truth", folder / "truth.csv", "--out", out, *more]
    done = CliRunner().invoke(app, list(map(str, line)))
    for name in ("metrics", "metrics_by_patient"):
        file = out.parent / f"{name}.json"
        setattr(done, name, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None)
    return done


@pytest.mark.parametrize("name", ["s1_points", "s2_points_tied"])
def test_the_challenge_wrote_the_same(name: str, shared: Path, tmp_path: Path) -> None:
    folder, out = shared / "reference" / "luna25" / name, tmp_path / "metrics.json"
    line = ["challenge", "luna25", "--input", folder / "input", "--ground-truth", folder / "ground_truth"]
    done = CliRunner().invoke(app, list(map(str, [*line, "--out", out])))
    assert done.exit_code == 0, done.output
    expected = json.loads((folder / "expected.json").read_text())
    found = json.loads(out.read_text())
    assert list(found) == list(expected["metrics_json"])
    assert found == pytest.approx(expected["metrics_json"], abs=1e-12)
    own, theirs = (
        json.loads((tmp_path / "metrics_by_patient.json").read_text()),
        "not_their_code_patient_level_max",
    )
    assert own["patients_by_highest_score"]["auc"] == pytest.approx(expected[theirs]["auc"], abs=1e-12)
    assert own["patients"] == expected[theirs]["patients"]


def test_one_number_a_case(shared: Path, tmp_path: Path) -> None:
    folder, out = shared / "reference" / "luna25" / "s3_risk_numbers", tmp_path / "metrics.json"
    line = ["challenge", "luna25", "--input", folder / "input", "--ground-truth", folder / "labels.csv"]
    done = CliRunner().invoke(app, list(map(str, [*line, "--out", out])))
    expected = json.loads((folder / "expected.json").read_text())
    found = json.loads(out.read_text())
    for key, value in expected["luna25_functions_on_these_values_in_order_of_labels_csv"].items():
        assert found[key] == pytest.approx(value, abs=1e-12)
    assert "labels.csv names no patients" in done.output


def pairs_won(malignant: Any, benign: Any) -> float:
    return float(((malignant[:, None] > benign) + (malignant[:, None] == benign) / 2).mean())


def by_the_book(labels: list[int], scores: list[float]) -> dict[str, float]:
    """The challenge's measures as its documents say, the area of each bootstrap sample by comparing all pairs."""
    y, s = np.array(labels), np.array(scores)
    generator = np.random.RandomState(42)
    drawn = [generator.choice(len(y), len(y), replace=True) for _ in range(1000)]
    areas = [pairs_won(s[rows][y[rows] == 1], s[rows][y[rows] == 0]) for rows in drawn if 0 < y[rows].mean() < 1]
    fpr, tpr, _ = roc_curve(y, s)
    return {
        "Final Score": roc_auc_score(y, s),
        "AUC": roc_auc_score(y, s),
        "AUC 95% CI lower bound": np.percentile(areas, 2.5),
        "AUC 95% CI upper bound": np.percentile(areas, 97.5),
        "Sensitivity": [t for f, t in zip(fpr, tpr, strict=True) if f <= 1 - 0.95][-1],
        "Specificity": next(1 - f for f, t in zip(fpr, tpr, strict=True) if t >= 0.95),
    }


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=4, max_size=45))
def test_ties_and_bootstrap_as_the_challenge_does_them(cases: list[tuple[int, int]]) -> None:
    labels, scores = [label for label, _ in cases] + [0, 1], [score / 7 for _, score in cases] + [0.3, 0.3]
    found = luna25_metrics(labels, scores)
    assert found == pytest.approx(by_the_book(labels, scores), abs=1e-12)


def test_points_that_scikit_learn_leaves_out_are_left_out() -> None:
    # Blocks of one malignant and five benign ties lie on one line, so the ROC curve keeps the first and the last:
    # the second, at a false positive rate of 0.05, is a point with drop_intermediate=False only.
    labels, scores = ([1] + [0] * 5) * 40, np.repeat(np.arange(40), 6)
    assert luna25_metrics(labels, scores)["Sensitivity"] == 0.025
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert tpr[fpr <= 0.05 + 1e-12][-1] == 0.05


def test_one_class_has_no_measure() -> None:
    with pytest.raises(SampleError):
        luna25_metrics([0, 0], [0.1, 0.2])


def test_patients_are_drawn_beside(tmp_path: Path) -> None:
    done = evaluated(tmp_path, [job("p1", SCORES)])
    assert done.exit_code == 0, done.output
    names = list(SCORES)
    labels, scores = [LABELS[n] for n in names], [SCORES[n] for n in names]
    expected = auroc_interval(labels, scores, clusters=[n[0] for n in names])
    own = done.metrics_by_patient["nodules_in_patients"]
    assert (own["auc"], own["auc_95_low"], own["auc_95_high"]) == (expected.auroc, expected.low, expected.high)
    assert done.metrics_by_patient["patients_by_highest_score"]["positive"] == 2  # a and d
    assert done.metrics["AUC"] == roc_auc_score(labels, scores)


def test_the_order_of_the_jobs_moves_the_interval_alone(tmp_path: Path) -> None:
    jobs = [job(f"p{k}", {name: score}) for k, (name, score) in enumerate(SCORES.items())]
    there = [evaluated(tmp_path, order).metrics for order in (jobs, jobs[::-1])]
    assert there[0] == pytest.approx(by_the_book(list(LABELS.values()), list(SCORES.values())), abs=1e-12)
    assert [there[0][key] for key in ("AUC", "Sensitivity", "Specificity")] == [
        there[1][key] for key in ("AUC", "Sensitivity", "Specificity")
    ]


def test_a_nodule_without_a_score_takes_no_part_and_is_named(tmp_path: Path) -> None:
    some = {name: SCORES[name] for name in ("a_1", "b_1", "c_1")}
    done = evaluated(tmp_path, [job("p1", some)])
    assert done.metrics == pytest.approx(by_the_book([1, 0, 0], [0.9, 0.4, 0.1]), abs=1e-12)
    assert "2 of 5 nodules (1 malignant) have no score" in done.output
    assert done.metrics_by_patient["without_score"]["ids"] == ["a_2", "d_1"]


def test_a_job_that_is_there_twice_counts_twice_and_is_named(tmp_path: Path) -> None:
    done = evaluated(tmp_path, [job("p1", SCORES), job("p1", {"a_2": 0.4})])
    rows = [*SCORES, "a_2"]
    expected = by_the_book([LABELS[n] for n in rows], [SCORES[n] for n in rows])
    assert done.metrics == pytest.approx(expected, abs=1e-12)
    assert "1 nodules are scored more than once" in done.output
    assert done.metrics_by_patient["scored_more_than_once"] == {"a_2": 2}


def test_jobs_that_did_not_succeed_and_have_scores_are_counted(tmp_path: Path) -> None:
    jobs = [job(f"p{k}", {name: score}) for k, (name, score) in enumerate(SCORES.items())]
    jobs[0]["status"] = "succeeded"
    jobs[1]["status"], jobs[3]["status"] = "Failed", "Cancelled"
    del jobs[2]["status"]
    done = evaluated(tmp_path, jobs)
    said = (
        "2 of 5 jobs have a status other than Succeeded, and outputs that count as scores "
        "(the challenge's own evaluation may count them too): first p1 (Failed)"
    )
    assert f"warning: {said}" in done.output
    assert done.metrics_by_patient["warnings"] == [said]
    assert done.metrics_by_patient["cases"] == 5


def test_probabilities_that_are_none_are_counted(tmp_path: Path) -> None:
    done = evaluated(tmp_path, [job("p1", SCORES | {"a_1": 5, "c_1": -1})])
    said = (
        "2 probabilities lie outside 0 to 1 and count as they are, as in the challenge's evaluation: "
        "a_1 (5), c_1 (-1)"
    )
    assert f"warning: {said}" in done.output
    assert done.metrics_by_patient["warnings"] == [said]
    assert done.metrics_by_patient["outside_0_to_1"] == 2
    assert evaluated(tmp_path, [job("p1", SCORES)]).metrics_by_patient["warnings"] == []


@pytest.mark.parametrize("slug", ["lung-nodule-malginancy-likelihoods", "nodule-malignancy-risks", "scores"])
def test_an_output_of_another_name_is_read_and_named(slug: str, tmp_path: Path) -> None:
    done = evaluated(tmp_path, [job("p1", SCORES, slug)])
    assert done.exit_code == 0, done.output
    assert f"taken for scores by its name: the output {slug}" in done.output


def test_an_output_that_could_be_anything_is_chosen(tmp_path: Path) -> None:
    done = evaluated(tmp_path, [job("p1", SCORES, "findings")])
    assert done.exit_code == 2
    assert "but findings" in done.output
    assert "--slug" in done.output
    assert evaluated(tmp_path, [job("p1", SCORES, "findings")], None, "--slug", "findings").metrics is not None


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"a_1": "0.9", "b_1": 0.1}, "is not a number — write it without quotes"),
        ({"a_1": None, "b_1": 0.1}, "is missing"),
        ({"a_1": True, "b_1": 0.1}, "is not a number"),
        ({"a_1": 0.9, "b_1": 0.1, "z_9": 0.3}, "'z_9' — has no row in truth.csv"),
        ({"a_1": 0.9, "d_1": 0.1}, "the 2 nodules with a score"),
    ],
)
def test_what_has_no_score_or_no_label_is_refused(scores: dict[str, Any], said: str, tmp_path: Path) -> None:
    done = evaluated(tmp_path, [job("p1", scores)])
    assert done.exit_code == 2
    assert said in done.output
    assert done.metrics is None


def test_all_jobs_without_an_output_are_refused_at_once(tmp_path: Path) -> None:
    failed = {**job("p2", {}), "outputs": [], "status": "Failed"}
    lost = job("p3", {})
    lost["outputs"][0]["value"] = None
    done = evaluated(tmp_path, [job("p1", SCORES), failed, lost])
    assert done.exit_code == 2
    assert "its status is Failed" in done.output
    assert "job p3 (Succeeded) left no output" in done.output


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["a,a_1,1", "b,b_1,2"], "is neither 0 nor 1"),
        (["a,a_1,1", "b,b_1,"], "is neither 0 nor 1"),
        (["a,a_1,1", "a,a_1,0", "b,b_1,0"], "several rows that differ in their label"),
        (["a,a_1,1", "x,a_1,1", "b,b_1,0"], "several rows that differ in their patient"),
    ],
)
def test_a_truth_that_says_two_things_is_refused(rows: list[str], said: str, tmp_path: Path) -> None:
    truth = "\n".join(["PatientID,AnnotationID,label", *rows]) + "\n"
    done = evaluated(tmp_path, [job("p1", {"a_1": 0.9, "b_1": 0.1})], truth)
    assert done.exit_code == 2
    assert said in done.output


def test_a_number_a_scan_has_no_label_among_nodules(tmp_path: Path) -> None:
    interface = {"slug": "lung-nodule-malignancy-risk", "relative_path": "x.json"}
    inputs = [{"interface": {"slug": "chest-ct"}, "image": {"name": "1.2.mha"}}]
    one = {"pk": "p", "inputs": inputs, "outputs": [{"interface": interface, "value": 0.3}]}
    truth = "SeriesInstanceUID,AnnotationID,label\n1.2,a,1\n1.2,b,0\n"
    done = evaluated(tmp_path, [one], truth)
    assert done.exit_code == 2
    assert "several rows that differ in their label" in done.output


def test_the_container_runs_the_command_on_what_it_copies() -> None:
    root = Path(__file__).resolve().parents[2]
    text = (root / "docs" / "luna25" / "Dockerfile").read_text(encoding="utf-8")
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*?\])$", text.replace("\\\n", ""), re.MULTILINE)[1])
    command = get_command(app).commands["challenge"]
    given = command.make_context("challenge", entry[2:]).params
    assert entry[:3] == ["bench", "challenge", "luna25"]
    assert Path(given["out"]) == Path("/output/metrics.json")  # text with older typer
    copied = [word for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert all((root / name).exists() for name in copied)
    assert "torch" not in "".join(line for line in text.splitlines() if not line.startswith("#"))


def test_a_file_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "metrics.json").write_text("{}")
    assert evaluated(tmp_path, [job("p1", SCORES)]).exit_code == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["metrics.json"]


def test_the_whole_of_luna25_takes_seconds(shared: Path) -> None:
    table = pd.read_csv(shared / "data" / "luna25_hiera" / "all_folds_predictions.csv")
    found = luna25_metrics(table["label"], table["probability"])
    assert found["AUC"] == pytest.approx(roc_auc_score(table["label"], table["probability"]), abs=1e-12)
    assert found["AUC 95% CI lower bound"] < found["AUC"] < found["AUC 95% CI upper bound"]
