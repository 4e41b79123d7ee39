"""What systems really write, and what is left of it: failed jobs, years alone, several scans, nodule ids alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from adapters import load_adapter
from adapters.adapt import Adapted, adapt
from adapters.card import AdapterOptions, Predictions
from adapters.join import join
from adapters.scans import Scans
from benchmark.cohorts import luna25
from benchmark.cohorts.prepared import save
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.errors import InputError


def cohort_of(rows: list[tuple[str, str, str, str, int]], name: str = "c") -> Cohort:
    """A cohort of rows ``pid, nodule_id, scan_id, study_date, malignant``."""
    nodules = pd.DataFrame(rows, columns=["pid", "nodule_id", "scan_id", "study_date", "malignant"], dtype=object)
    nodules["malignant"] = nodules["malignant"].astype("Int8")
    return Cohort(CohortManifest(name=name, title=name), nodules, Path())


SCANS = cohort_of(
    [
        ("a", "a_1_19990102", "s1", "1999-01-02", 0),
        ("a", "a_2_19990102", "s1", "1999-01-02", 0),
        ("a", "a_1_20000102", "s2", "2000-01-02", 1),
        ("b", "b_1_19990102", "s3", "1999-01-02", 0),
    ]
)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(name: str, *files: Path, **options: Any) -> Predictions:
    return load_adapter(name).read(list(files), AdapterOptions(**options))[0]


def csv(path: Path, text: str, **options: Any) -> Predictions:
    return read("csv", write(path / "s.csv", text), **options)


def adapted(name: str, file: Path, cohort: Cohort, out: Path, **options: Any) -> list[Adapted]:
    return adapt(name, load_adapter(name), [file], cohort, AdapterOptions(**options), out)


class TestDates:
    def test_dates_written_two_ways_are_one_scan(self, tmp_path: Path) -> None:
        result = join(csv(tmp_path, "pid,date,score,label\na,20000102,0.9,1\nb,1999-01-02,0.1,0\n"), SCANS)
        assert result.warnings == []
        with pytest.raises(InputError, match="the cohort says 1"):
            join(csv(tmp_path, "pid,date,score,label\na,20000102,0.9,0\nb,1999-01-02,0.1,0\n"), SCANS)

    @pytest.mark.parametrize(("rule", "score"), [("latest", 0.9), ("earliest", 0.1)])
    def test_the_calendar_orders_scans(self, rule: Scans, score: float, tmp_path: Path) -> None:
        text = "pid,date,score\na,20001120,0.1\na,2001-03-15,0.9\nb,19990102,0.5\n"
        table = join(csv(tmp_path, text), SCANS, scans=rule).table.set_index("pid")
        assert table.loc["a", "score"] == score

    @pytest.mark.parametrize("dates", [("11/20/2000", "03/15/2001"), ("20.11.2000", "15.03.2001")])
    def test_dates_of_other_countries_are_refused_with_their_lines(
        self, dates: tuple[str, str], tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match="is no date") as caught:
            csv(tmp_path, f"pid,date,score\na,{dates[0]},0.1\na,{dates[1]},0.9\n")
        assert [(p.row, p.column) for p in caught.value.problems] == [(2, "date"), (3, "date")]

    def test_an_adapter_of_others_is_held_to_the_same_dates(self) -> None:
        frame = pd.DataFrame({"pid": ["a"], "date": ["11/20/2000"], "score": [0.5]})
        one = Predictions("m", frame, "scan", "probability", lambda row: (Path("f.csv"), row + 2))
        with pytest.raises(InputError, match=r"f\.csv:2:date"):
            join(one, SCANS)

    def test_one_date_written_two_ways_is_scored_twice(self, tmp_path: Path) -> None:
        text = "pid,date,score\na,19990102,0.1\na,1999-01-02,0.9\n"
        with pytest.raises(InputError, match="scored 2 times"):
            join(csv(tmp_path, text), SCANS, scans="latest")

    def test_years_alone_order_scans_of_different_years_only(self, tmp_path: Path) -> None:
        head = ",pid,scandate,label,prob\n"
        file = write(tmp_path / "y.csv", f"{head}0,a,1999,0,0.2\n1,a,2000,1,0.7\n2,b,1999,0,0.3\n")
        result = join(read("lungbl", file), SCANS, scans="latest")
        assert result.table["score"].tolist() == [0.7, 0.3]
        assert len(result.warnings) == 1  # which scans were kept, and no false one of unknown scans
        file = write(tmp_path / "z.csv", f"{head}0,a,1999,0,0.2\n1,a,1999,0,0.7\n")
        with pytest.raises(InputError, match="the year 1999"):
            join(read("lungbl", file), SCANS, scans="latest")
        mixed = csv(tmp_path, "pid,date,score\na,2000,0.1\na,2000-01-02,0.9\n")
        with pytest.raises(InputError, match="cannot be ordered: 2000, 20000102"):
            join(mixed, SCANS, scans="latest")

    def test_a_label_of_a_year_is_compared_where_the_year_has_one_scan(self, tmp_path: Path) -> None:
        file = write(tmp_path / "y.csv", ",pid,scandate,label,prob\n0,a,2000,0,0.2\n")
        with pytest.raises(InputError, match="the cohort says 1"):
            join(read("lungbl", file), SCANS)

    def test_deepipn_refuses_days_that_are_none(self, tmp_path: Path) -> None:
        file = write(tmp_path / "d.csv", "id,pred\natime19990230,0.5\nbtime1999,0.5\nctime199901,0.5\n")
        with pytest.raises(InputError, match="is no date") as caught:
            read("deepipn", file, branch="fusion")
        assert [p.row for p in caught.value.problems] == [2, 4]


class TestNodulesOfScans:
    TEXT = "nodule_id,score\na_1_19990102,0.9\na_2_19990102,0.8\na_1_20000102,0.3\nb_1_19990102,0.1\n"

    def test_only_the_chosen_scan_speaks(self, tmp_path: Path) -> None:
        result = join(csv(tmp_path, self.TEXT), SCANS, scans="latest")
        table = result.table.set_index("nodule_id")
        assert table.loc[["a_1_20000102", "b_1_19990102"], "score"].tolist() == [0.3, 0.1]
        aside = table.loc[["a_1_19990102", "a_2_19990102"]]
        assert aside["reason"].str.contains("another scan than the latest").all()
        assert (result.failed, result.set_aside) == (0, 2)
        assert result.recorded["scans"] == "latest"
        earliest = join(csv(tmp_path, self.TEXT), SCANS, scans="earliest").table
        assert earliest.dropna(subset="score").groupby("pid")["score"].max().to_dict() == {"a": 0.9, "b": 0.1}

    def test_without_dates_the_rule_is_refused_not_ignored(self, tmp_path: Path) -> None:
        plain = Cohort(SCANS.manifest, SCANS.nodules.drop(columns=["study_date", "scan_id"]), Path())
        with pytest.raises(InputError, match="date of 3 scores is not known"):
            join(csv(tmp_path, self.TEXT), plain, scans="latest")
        assert join(csv(tmp_path, self.TEXT), plain).failed == 0

    def test_a_nodule_that_several_scans_show_needs_a_rule(self, tmp_path: Path) -> None:
        once = cohort_of([("a", "1", "s2", "2000-01-02", 1), ("a", "2", "s2", "2000-01-02", 0)])
        text = "pid,nodule_id,date,score\na,1,1999-01-02,0.9\na,1,2000-01-02,0.2\na,2,1999-01-02,0.8\n"
        with pytest.raises(InputError, match="--scans latest, earliest or max"):
            join(csv(tmp_path, text), once)
        latest = join(csv(tmp_path, text), once, scans="latest").table.set_index("nodule_id")
        assert latest["score"].tolist()[:1] == [0.2]
        assert latest.loc["2", "status"] == "failed"  # it was not seen on the latest scan
        assert join(csv(tmp_path, text), once, scans="max").table["score"].tolist() == [0.9, 0.8]


class TestNoduleIdsAlone:
    def test_unique_ids_find_their_patient(self, tmp_path: Path) -> None:
        table = join(csv(tmp_path, TestNodulesOfScans.TEXT), SCANS).table
        assert table["pid"].tolist() == ["a", "a", "a", "b"]

    def test_an_id_of_two_patients_is_refused_with_its_lines(self, tmp_path: Path) -> None:
        twins = cohort_of([(p, n, "", "", 0) for p, n in [("a", "1"), ("b", "1"), ("b", "2")]])
        with pytest.raises(InputError, match="2 patients of c have a nodule of this name") as caught:
            join(csv(tmp_path, "nodule_id,score\n2,0.5\n1,0.4\n"), twins)
        assert [(p.row, p.value) for p in caught.value.problems] == [(3, "1")]
        assert join(csv(tmp_path, "nodule_id,score\n2,0.5\n"), twins).table["pid"].tolist() == ["b", "a", "b"]

    def test_an_unknown_id_is_an_error_or_dropped(self, tmp_path: Path) -> None:
        text = TestNodulesOfScans.TEXT + "A_1_19990102,0.5\n"
        with pytest.raises(InputError, match="did you mean 'a_1_19990102'") as caught:
            join(csv(tmp_path, text), SCANS)
        assert caught.value.problems[-1].row == 6
        assert join(csv(tmp_path, text), SCANS, extra="drop").extra == ["nodule A_1_19990102"]

    def test_the_scores_of_a_published_network(self, shared: Path, tmp_path: Path) -> None:
        file = shared / "data" / "luna25_hiera" / "all_folds_predictions.csv"
        cohort = save(luna25.prepare([shared / "data" / "luna25"]), tmp_path / "luna25")
        text = pd.read_csv(file, dtype=str).drop(columns="fold").to_csv(index=False)
        table = join(csv(tmp_path, text), cohort).table.merge(cohort.nodules, on=["pid", "nodule_id"])
        raw = pd.read_csv(file)
        assert len(table) == 6163
        assert roc_auc_score(table["malignant"].astype(int), table["score"]) == roc_auc_score(
            raw["label"], raw["probability"]
        )


def job(pk: str, slug: str, value: object = None, image: str = "c1.mha") -> dict[str, Any]:
    interface = {"slug": slug, "relative_path": f"{slug}.json"}
    return {
        "pk": pk,
        "status": "Succeeded",
        "inputs": [{"interface": {"slug": "chest-ct"}, "image": {"name": image}}],
        "outputs": [{"interface": interface, "value": value}],
    }


def points(*scores: tuple[str, float | None]) -> dict[str, Any]:
    return {
        "type": "Multiple points",
        "version": {"major": 1, "minor": 0},
        "points": [{"name": name, "point": [0, 0, 0], "probability": score} for name, score in scores],
    }


LIKELIHOODS = "nodule-locations-likelihoods"
RISK = "lung-nodule-malignancy-risk"


class TestJobs:
    def test_points_lie_beside_the_jobs(self, tmp_path: Path) -> None:
        first, second = job("p1", LIKELIHOODS), job("p2", LIKELIHOODS, points(("b_1_19990102", 0.2)))
        file = write(tmp_path / "predictions.json", [first, second])
        scored = points(("a_1_19990102", 0.5), ("a_1_20000102", 0.75), ("a_2_19990102", 0.25))
        write(tmp_path / "p1" / "output" / f"{LIKELIHOODS}.json", scored)
        result = join(read("grand-challenge", file), SCANS)
        assert result.failed == 0
        assert result.table["score"].tolist() == [0.5, 0.75, 0.25, 0.2]
        assert result.table["pid"].tolist() == ["a", "a", "a", "b"]

    @pytest.mark.parametrize("slug", ["lung-nodule-malginancy-likelihoods", "nodule-malignancy-risk-scores"])
    def test_an_output_named_after_scores_is_read_and_said(self, slug: str, tmp_path: Path) -> None:
        one = job("p1", slug, points(("b_1_19990102", 0.2)))
        one["outputs"].append({"socket": {"slug": "lung-nodule-type"}, "value": 2})
        result = read("grand-challenge", write(tmp_path / "predictions.json", [one]))
        assert result.scores.tolist() == [0.2]
        assert f"the output {slug} " in result.warnings[0]

    def test_jobs_that_did_not_succeed_and_have_scores_are_said(self, tmp_path: Path) -> None:
        jobs = [job(f"p{n}", RISK, 0.25, f"c{n}.mha") for n in range(3)]
        jobs[1]["status"] = "Failed"
        result = read("grand-challenge", write(tmp_path / "predictions.json", jobs))
        assert result.scores.tolist() == [0.25] * 3
        (said,) = result.warnings
        assert said.startswith("1 of 3 jobs have a status other than Succeeded")
        assert said.endswith("first p1 (Failed)")

    def test_an_output_that_could_be_anything_is_chosen(self, tmp_path: Path) -> None:
        file = write(tmp_path / "predictions.json", [job("p1", "lung-nodule-type", 2)])
        with pytest.raises(InputError, match=r"but lung-nodule-type .*--slug"):
            read("grand-challenge", file)
        assert read("grand-challenge", file, slug="lung-nodule-type").scores.tolist() == [2]

    def test_two_outputs_that_are_scores_are_chosen_between(self, tmp_path: Path) -> None:
        one = job("p1", RISK, 0.25)
        one["outputs"] += job("p1", LIKELIHOODS, points(("b_1_19990102", 0.2)))["outputs"]
        file = write(tmp_path / "predictions.json", [one])
        with pytest.raises(InputError, match="choose one with --slug"):
            read("grand-challenge", file)
        assert read("grand-challenge", file, slug=LIKELIHOODS).scores.tolist() == [0.2]

    def test_a_job_must_say_what_its_file_says(self, tmp_path: Path) -> None:
        file = write(tmp_path / "predictions.json", [job("p1", RISK, 0.25)])
        write(tmp_path / "p1" / "output" / f"{RISK}.json", 0.25)
        assert read("grand-challenge", file).scores.tolist() == [0.25]
        write(tmp_path / "p1" / "output" / f"{RISK}.json", 0.5)
        with pytest.raises(InputError, match="is not what the file of its output holds"):
            read("grand-challenge", file)

    def test_a_job_that_is_there_twice_is_refused(self, tmp_path: Path) -> None:
        file = write(tmp_path / "predictions.json", [job("p1", LIKELIHOODS, points(("b_1_19990102", 0.2)))] * 2)
        with pytest.raises(InputError, match=r"twice|more than once"):
            join(read("grand-challenge", file), SCANS)

    def test_an_output_of_a_job_may_have_the_name_of_the_jobs(self, tmp_path: Path) -> None:
        write(tmp_path / "predictions.json", [job("p1", RISK, 0.25)])
        write(tmp_path / "p1" / "output" / "predictions.json", [job("p2", RISK, 0.75)])
        assert read("grand-challenge", tmp_path).scores.tolist() == [0.25]

    def test_points_in_a_folder_under_any_name(self, tmp_path: Path) -> None:
        write(tmp_path / "p1" / "output" / "nodule-risks.json", points(("b_1_19990102", 0.2)))
        assert read("grand-challenge", tmp_path).scores.tolist() == [0.2]

    def test_a_failed_job_is_an_error_or_failed_cases(self, tmp_path: Path) -> None:
        good = job("p1", LIKELIHOODS, points(("b_1_19990102", 0.2), ("a_1_19990102", None)))
        bad = {**job("p2", LIKELIHOODS), "outputs": [], "status": "Failed"}
        torn = job("p3", LIKELIHOODS)  # its file is not there
        file = write(tmp_path / "predictions.json", [good, bad, torn])
        with pytest.raises(InputError, match="--drop-missing") as caught:
            read("grand-challenge", file)
        assert len(caught.value.problems) == 3
        assert any(p.what == "job p3 (Succeeded) left no output" for p in caught.value.problems)
        result = join(read("grand-challenge", file, drop_missing=True), SCANS)
        assert "2 of 3 jobs gave no points, e.g. p2 (Failed), p3 (Succeeded)" in result.warnings[0]
        assert (result.table["status"] == "scored").sum() == 1
        assert result.table.set_index("nodule_id").loc["a_1_19990102", "reason"] == "the file holds no score"

    def test_a_failed_job_of_scans_names_its_scan(self, tmp_path: Path) -> None:
        bad = {**job("p2", RISK, image="b.mha"), "outputs": []}
        file = write(tmp_path / "predictions.json", [job("p1", RISK, 0.25, "a.mha"), bad])
        table = join(read("grand-challenge", file, drop_missing=True), SCANS).table
        assert table[["pid", "status", "reason"]].to_numpy().tolist() == [
            ["a", "scored", ""],
            ["b", "failed", "its job gave no output"],
        ]

    def test_embeddings_are_no_scores(self, tmp_path: Path) -> None:
        features = [{"title": "patient-level", "features": [0.1, 0.2]}]
        for content in (features, [job("p1", "image-neural-representation")], [job("p1", RISK, features)]):
            with pytest.raises(InputError, match="embeddings"):
                read("grand-challenge", write(tmp_path / "predictions.json", content))

    @pytest.mark.parametrize("adapter", ["grand-challenge", "venkadesh"])
    def test_labels_under_the_name_of_scores_are_refused(self, adapter: str, tmp_path: Path) -> None:
        for pid, label in (("a", 1.0), ("b", 0)):
            write(tmp_path / pid / f"{RISK}.json", label)
        with pytest.raises(InputError, match="these are labels, not scores"):
            read(adapter, tmp_path)
        assert read(adapter, tmp_path, score_type="rank").scores.tolist() == [1, 0]

    @pytest.mark.parametrize("name", ["s1_points", "s2_points_tied"])
    def test_the_challenge_evaluation_gives_the_same_auc(self, name: str, shared: Path, tmp_path: Path) -> None:
        folder = shared / "reference" / "luna25" / name
        cohort = save(luna25.prepare([folder / "ground_truth"]), tmp_path / "luna25")
        table = join(read("grand-challenge", folder / "input"), cohort).table
        both = table.merge(cohort.nodules, on=["pid", "nodule_id"], validate="one_to_one")
        expected = json.loads((folder / "expected.json").read_text())["metrics_json"]["AUC"]
        assert len(both) == len(cohort.nodules)
        assert roc_auc_score(both["malignant"].astype(int), both["score"]) == pytest.approx(expected, abs=1e-12)


class TestGrt123:
    CONTENT = (
        {"entity": "/input/s2.mha", "metrics": {"cancer_score": 0.75, "nodules": []}, "error_messages": []},
        {"entity": "s3", "metrics": {}, "error_messages": ["no lung found"]},
    )

    def test_each_entity_is_a_scan(self, tmp_path: Path) -> None:
        file = write(tmp_path / "results.json", list(self.CONTENT[:1]))
        table = join(read("grand-challenge", tmp_path), SCANS).table
        assert table[["pid", "score"]].iloc[0].tolist() == ["a", 0.75]
        assert read("grand-challenge", file).unit == "scan"

    def test_a_scan_that_failed_says_why(self, tmp_path: Path) -> None:
        file = write(tmp_path / "results.json", list(self.CONTENT))
        with pytest.raises(InputError, match="no lung found"):
            read("grand-challenge", file)
        table = join(read("grand-challenge", file, drop_missing=True), SCANS).table
        assert table.set_index("pid").loc["b", "reason"] == "grt123: no lung found"


@pytest.mark.parametrize("text", ["null", "NaN"])
def test_a_missing_number_in_json_is_an_error_or_a_failure(text: str, tmp_path: Path) -> None:
    sybil = write(tmp_path / "a" / "prediction_scores.json", f'{{"predictions": [[{text}, 1, 1, 1, 1, 1]]}}')
    bare = write(tmp_path / "a" / f"{RISK}.json", text)
    for name, file, options in (
        ("sybil", sybil, {"year": 1}),
        ("venkadesh", bare, {}),
        ("grand-challenge", bare, {}),
    ):
        with pytest.raises(InputError):
            read(name, file, **options)
        one = read(name, file, drop_missing=True, **options)
        assert np.isnan(one.scores).all()
        assert one.frame["reason"].tolist() == ["the file holds no score"]


class TestDiag:
    HEAD = "PatientID,SeriesInstanceUID,StudyDate,AnnotationID,label,DL,DL_cal,PanCan2b,InSybilTrain,sybil_year1\n"
    ROWS = "a,s2,20000102,a_1_20000102,1,0.1,0.1,0.1,False,\nb,s3,19990102,b_1_19990102,0,0.6,0.6,0.6,True,0.4\n"

    def test_a_failed_scan_is_a_failed_row(self, tmp_path: Path) -> None:
        file = write(tmp_path / "d.csv", self.HEAD + self.ROWS)
        results = adapted("diag", file, SCANS, tmp_path / "out", year=1, drop_missing=True)
        sybil = results[-1].joined.table.set_index("pid")
        assert sybil["reason"].to_dict() == {"a": "the file holds no score", "b": "in Sybil's training set"}
        assert sybil["status"].to_dict() == {"a": "failed", "b": "scored"}

    def test_nothing_is_written_if_one_model_is_wrong(self, tmp_path: Path) -> None:
        file = write(tmp_path / "d.csv", self.HEAD + self.ROWS)
        with pytest.raises(InputError, match="sybil_year1"):
            adapted("diag", file, SCANS, tmp_path / "out", year=1)
        assert not (tmp_path / "out").exists()

    def test_brock_has_seen_pancan_and_not_nlst(self, tmp_path: Path) -> None:
        nlst = Cohort(CohortManifest(name="nlst", title="NLST"), SCANS.nodules, Path())
        file = write(tmp_path / "d.csv", self.HEAD + self.ROWS.replace("False,", "False,0.2"))
        cards = {one.card.model: one.card for one in adapted("diag", file, nlst, tmp_path / "out", year=1)}
        assert cards["brock"].trained_on == ("pancan",)
        assert {name: card.exposure for name, card in cards.items()} == {
            "venkadesh": "seen",
            "venkadesh-calibrated": "seen",
            "brock": "unseen",
            "sybil": "seen",
        }


def test_fmcib_advises_the_positive_class(tmp_path: Path) -> None:
    file = write(tmp_path / "f.csv", "pid,conf_scores_class_0,conf_scores_class_1\na,0.25,0.75\n")
    with pytest.raises(InputError, match=r"--class-column conf_scores_class_1$"):
        read("fmcib", file)
    file = write(tmp_path / "f.csv", "pid,conf_scores_class\na,0.25\n")
    with pytest.raises(InputError, match=r"--class-column conf_scores_class$"):
        read("fmcib", file)


@pytest.mark.parametrize("scores", [("1", "5"), ("2.5", "3"), ("3.25", "4.75"), ("0", "4")])
def test_ratings_are_ranked_not_divided_by_100(scores: tuple[str, str], tmp_path: Path) -> None:
    file = f"pid,score\na,{scores[0]}\nb,{scores[1]}\n"
    with pytest.raises(InputError, match="--score-type rank") as caught:
        join(csv(tmp_path, file), SCANS)
    assert "percent" not in str(caught.value)
    assert "ratings" in join(csv(tmp_path, file, score_type="percent"), SCANS).warnings[0]


@pytest.mark.parametrize("here", [False, True])
def test_the_card_has_the_hash_of_what_was_read(
    here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder"
    contents = [json.dumps({"points": [{"name": str(k), "probability": 0.1 * k}]}) for k in (1, 2)]
    for k, content in enumerate(contents):
        (folder / str(k)).mkdir(parents=True)
        (folder / str(k) / "lung-nodule-malignancy-likelihoods.json").write_text(content, encoding="utf-8")
    (folder / "notes.json").write_text('"not read: another name"', encoding="utf-8")
    cohort = cohort_of([("p1", "1", "s1", "x", 0), ("p2", "2", "s2", "x", 1)])
    monkeypatch.chdir(folder if here else tmp_path)
    (made,) = adapted("grand-challenge", Path() if here else folder, cohort, tmp_path / "mine.csv")
    hashes = sorted(hashlib.sha256(content.encode()).hexdigest() for content in contents)
    whole = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    assert made.card.sources == ({"name": "a folder/ (2 JSON files)", "sha256": whole},)
