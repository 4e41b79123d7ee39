from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from benchmark.cohorts.given_folds import NEITHER, TRAINED, VALIDATED, read_given_folds
from benchmark.cohorts.joint import join_cohorts
from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.metrics import auroc
from benchmark.statistics.delong_difference import delong_test
from clip_nodule.inference.predict import Scoring, score_cohort
from tests.references.text_against_images.__main__ import main
from tests.references.text_against_images.cohorts import (
    HELD_OUT,
    PHANTOMS,
    SECOND,
    as_lidc,
    chosen_patients,
    write_fold,
)
from tests.references.text_against_images.drawing import Curve, drawing
from tests.references.text_against_images.scoring import held_out_nodules, scored_by
from tests.references.text_against_images.summary import HeldOut, paired_difference
from tests.references.text_against_images.trials import SEEDS, SIZES, every_trial


def nodules(patients: int = 40, positive: int = 10) -> pd.DataFrame:
    """Two nodules a patient; the second of the first ``positive`` patients is malignant."""
    ids = [f"{number:03d}" for number in range(patients)]
    table = pd.DataFrame({"pid": np.repeat(ids, 2), "nodule_id": ["1", "2"] * patients})
    table["image_path"] = table["pid"] + ".nii.gz"
    table[["coordX", "coordY", "coordZ"]] = 0.0
    table["malignant"] = [int(k < positive and n == 1) for k in range(patients) for n in range(2)]
    return table.astype({"malignant": "Int8"})


def test_fewer_patients_are_among_more_in_the_cohorts_proportion() -> None:
    table = nodules()
    few, many = chosen_patients(table, 20, seed=3), chosen_patients(table, 40, seed=3)
    assert set(few["pid"]) < set(many["pid"]) == set(table["pid"])
    ill = {f"{number:03d}" for number in range(10)}
    assert len(set(few["pid"]) & ill) == 5
    assert few["validates"].sum() == 20 // 5
    assert set(few["pid"]) != set(chosen_patients(table, 20, seed=4)["pid"])


def test_a_fold_trains_on_the_chosen_and_on_all_of_the_second_cohort(tmp_path: Path) -> None:
    second = nodules(20, 8).assign(pid=lambda t: "B" + t["pid"], image_path=lambda t: "B" + t["image_path"])
    for name, table in (("one", nodules(20, 8)), ("two", second)):
        write_cohort(tmp_path / name, CohortManifest(name=name, title=name), table)
    chosen = chosen_patients(nodules(20, 8), 10, seed=0)
    write_fold(tmp_path / "splits", chosen, "one", tmp_path, "two")
    joint = join_cohorts([load_cohort(name, tmp_path) for name in ("one", "two")])
    given = read_given_folds(tmp_path / "splits", joint.nodules)
    sides = joint.nodules.drop_duplicates("person").assign(side=lambda t: [given.sides[p][0] for p in t["person"]])
    expected = chosen.set_index("pid")["validates"].map({True: VALIDATED, False: TRAINED})
    of_one = sides[sides["cohort"] == "one"].set_index("pid")["side"]
    assert of_one.to_dict() == expected.reindex(of_one.index, fill_value=NEITHER).to_dict()
    assert set(sides.loc[sides["cohort"] == "two", "side"]) == {TRAINED}


def test_the_second_cohort_keeps_few_diagnoses_and_what_lidc_rates(tmp_path: Path) -> None:
    table = nodules().assign(necrosis="Absent", nodule_shape="Round", **{"longest_axial_diameter_(mm)": 9.0})
    write_cohort(tmp_path / SECOND, CohortManifest(name=SECOND, title="LIDC"), table)
    as_lidc(tmp_path)
    made = load_cohort(SECOND, tmp_path).nodules
    known = made["malignant"].notna().groupby(made["pid"])
    assert known.all().sum() == 6  # 15 % of 40
    assert known.any().equals(known.all())
    assert {"nodule_shape", "longest_axial_diameter_(mm)"} <= set(made)
    assert "necrosis" not in made
    before = (tmp_path / SECOND / "nodules.csv").read_bytes()
    as_lidc(tmp_path)
    assert (tmp_path / SECOND / "nodules.csv").read_bytes() == before


def test_both_models_of_a_pair_are_trained_on_the_same_patients_and_next_to_each_other() -> None:
    trials = every_trial(SIZES, SEEDS)
    assert len({trial.name for trial in trials}) == len(trials)
    for clip, vision in zip(trials[::2], trials[1::2], strict=True):
        assert (clip.modality, vision.modality) == ("clip", "vision")
        assert clip.name.replace("clip", "vision") == vision.name


def test_no_two_cohorts_are_of_one_seed() -> None:
    assert len({phantoms.seed for phantoms in PHANTOMS.values()}) == len(PHANTOMS)


def scores(random: np.random.Generator, labels: np.ndarray, signal: float, seeds: int) -> np.ndarray:
    return signal * labels + random.normal(size=(seeds, len(labels)))


def test_the_variance_that_patients_add_is_delongs() -> None:
    random = np.random.default_rng(5)
    labels = (np.arange(200) < 60).astype(float)
    shared = random.normal(size=200)
    clip, vision = (scores(random, labels, signal, 1) + shared for signal in (1.5, 1.0))
    twice = paired_difference(labels, np.repeat(clip, 2, 0), np.repeat(vision, 2, 0), auroc, 2000)
    exact = delong_test(labels, clip[0], vision[0])
    assert twice.mean == pytest.approx(auroc(labels, clip[0]) - auroc(labels, vision[0]))
    assert twice.seeds == 0
    of_delong = exact.variance_a + exact.variance_b - 2 * exact.covariance
    assert twice.patients**0.5 == pytest.approx(of_delong**0.5, rel=0.08)


def test_the_variance_that_seeds_add_is_that_of_a_mean() -> None:
    random = np.random.default_rng(6)
    labels = (np.arange(100) < 40).astype(float)
    clip, vision = scores(random, labels, 1.0, 5), scores(random, labels, 1.0, 5)
    each = [auroc(labels, a) - auroc(labels, b) for a, b in zip(clip, vision, strict=True)]
    found = paired_difference(labels, clip, vision, auroc, 200)
    assert found.seeds == pytest.approx(np.var(each, ddof=1) / 5)
    assert found.low < np.mean(each) < found.high


@pytest.mark.slow
def test_intervals_hold_the_difference_of_other_seeds_and_other_patients() -> None:
    # Nothing tells the models apart: their expected difference is 0. Patients and models are others each time.
    random = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        labels = (np.arange(80) < 30).astype(float)
        of_seed = random.normal(0, 0.4, (2, 5, 1)) + 1
        clip, vision = of_seed * labels + random.normal(size=(2, 5, 80)) + random.normal(size=(2, 1, 80))
        found = paired_difference(labels, clip, vision, auroc, 60)
        held += found.low <= 0 <= found.high
    assert held >= 90


def test_equal_models_differ_by_nothing() -> None:
    labels = np.array([0.0, 1, 0, 1])
    same = np.arange(8.0).reshape(2, 4)
    found = paired_difference(labels, same, same, auroc, 20)
    assert (found.low, found.mean, found.high) == (0, 0, 0)
    assert not found.is_clear


def test_scores_are_put_in_the_order_of_the_labels() -> None:
    held = HeldOut(pd.Series({"a": 1.0, "b": 0.0, "c": 1.0}), pd.Series({"a": 0.9, "b": 0.1, "c": 0.8}))
    assert held.areas([pd.Series({"c": 0.7, "a": 0.6, "b": 0.1})], auroc).tolist() == [1.0]


def test_curves_are_drawn_where_their_values_are() -> None:
    curve = Curve("CLIP", "#b3541e", False, {50: (0.7, 0.0), 800: (0.8, 0.0)})
    text = drawing({"start": [curve]}, {"best possible": 0.9}, [50, 800])
    root = ElementTree.fromstring(text)  # noqa: S314 (our own drawing)
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter("{http://www.w3.org/2000/svg}circle")]
    grid = {e.text: float(e.get("y")) - 4 for e in root.iter("{http://www.w3.org/2000/svg}text")}
    assert [y for _, y in places] == pytest.approx([grid["0.70"], grid["0.80"]], abs=0.1)
    assert places[0][0] < places[1][0]


@pytest.mark.slow
def test_a_trial_of_the_study_writes_its_page_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    main(["--work", str(tmp_path), "--quick"])
    page = (tmp_path / "text_against_images.md").read_text(encoding="utf-8")
    assert "with cancer) that no model trained on" in page.replace("\n", " ")
    assert {"| full fine-tuning | 2 |", "| probing | 2 |", "| LoRA | 2 |"} <= {
        line[: line.index("| 2 |") + 5] for line in page.splitlines() if "| 2 |" in line
    }
    ElementTree.parse(tmp_path / "text_against_images.svg")  # noqa: S314 (our own drawing)
    # As the product scores, but for planes in 16 bits.
    kept = scored_by(tmp_path, tmp_path / "runs" / "image-start").of_patients(held_out_nodules(tmp_path))
    path = score_cohort(
        HELD_OUT, Scoring("all", device="cpu"), Workspace(tmp_path / "cohorts", tmp_path), run="image-start"
    )
    table = read_score_table(path).query("fold == 'ensemble'")
    np.testing.assert_allclose(kept, table.groupby("pid")["score"].max().loc[kept.index], atol=1e-4)
    records = sorted((tmp_path / "trials").iterdir())
    times = [path.stat().st_mtime_ns for path in records]
    assert not list((tmp_path / "runs").glob("random-*"))
    records[0].unlink()
    main(["--work", str(tmp_path), "--quick"])
    assert [path.stat().st_mtime_ns for path in records][1:] == times[1:]
    again = (tmp_path / "text_against_images.md").read_text(encoding="utf-8")
    assert again.partition("## Work")[0] == page.partition("## Work")[0]
