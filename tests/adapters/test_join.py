"""Predictions meet a cohort: nothing joins by accident, nobody is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import load_adapter
from adapters.adapt import TableOptions, adapt, read_predictions
from adapters.card import AdapterOptions, Predictions
from adapters.id_maps import read_id_map, suggest_id_map
from adapters.join import join
from benchmark.contracts.cohort import Cohort, CohortManifest, load_cohort
from benchmark.contracts.ids import match_ids, plain_id
from benchmark.contracts.score_card import read_score_card
from benchmark.errors import InputError
from tests.comparison.made import nodule_table

DATA = Path(__file__).parents[1] / "data" / "adapters"


@pytest.fixture
def cohort() -> Cohort:
    return load_cohort("cohort", DATA)


def predictions(rows: dict[str, list[object]], **options: object) -> Predictions:
    frame = pd.DataFrame(rows)
    frame["score"] = frame["score"].astype(float)
    settings = {"unit": "patient", "score_type": "probability", **options}
    return Predictions("m", frame, locate=lambda row: (Path("f.csv"), row + 2), **settings)  # type: ignore[arg-type]


def four(scores: list[float], **options: object) -> Predictions:
    return predictions({"pid": ["007", "0042", "NA", "x-3"], "score": scores}, **options)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class TestIds:
    def test_missing_cases_become_failed_rows_with_a_reason(self, cohort: Cohort) -> None:
        table = join(predictions({"pid": ["007", "NA"], "score": [0.5, 0.6]}), cohort).table
        failed = table[table["status"] == "failed"]
        assert list(failed["pid"]) == ["0042", "x-3"]
        assert set(failed["reason"]) == {"not in f.csv"}
        assert failed["score"].isna().all()

    def test_a_mapping_of_patients_leaves_the_numbers_of_their_nodules(self) -> None:
        cohort = Cohort(CohortManifest(name="c", title="C"), nodule_table([[1, 0], [1, 0]]), Path())
        own = list(cohort.nodules["pid"].unique())
        mapping = {"1": own[1], "2": own[0]}  # nodules are called 1 and 2 too
        rows = {"pid": ["1", "1", "2", "2"], "nodule_id": ["1", "2", "1", "2"], "score": [0.9, 0.1, 0.8, 0.2]}
        cohort = replace(cohort, nodules=cohort.nodules.assign(nodule_id=["1", "2", "1", "2"]))
        table = join(predictions(rows, unit="nodule"), cohort, id_map=mapping).table
        found = table.set_index(["pid", "nodule_id"])["score"].to_dict()
        assert found == {(own[1], "1"): 0.9, (own[1], "2"): 0.1, (own[0], "1"): 0.8, (own[0], "2"): 0.2}

    def test_ids_that_differ_in_zeros_are_an_error_that_offers_the_mapping(self, cohort: Cohort) -> None:
        with pytest.raises(InputError, match="differ only in zeros, blanks or case") as caught:
            join(predictions({"pid": ["7", "42", "NA", "x-3"], "score": [0.1, 0.2, 0.3, 0.4]}), cohort)
        assert "'7' → '007'" in str(caught.value)
        assert "2 of 4 are in the cohort" in str(caught.value)
        assert [p.row for p in caught.value.problems] == [None, 2, 3]

    def test_nodules_called_otherwise_are_counted_and_the_way_out_is_said_first(self, cohort: Cohort) -> None:
        rows = {
            "pid": ["007", "0042", "gone"],
            "nodule_id": ["no such", "nor this", "1"],
            "score": [0.1, 0.2, 0.3],
        }
        with pytest.raises(InputError) as caught:
            join(predictions(rows, unit="nodule"), cohort)
        patients, nodules, *single = caught.value.problems
        assert "ids do not match: 2 of 3" in patients.what
        assert "nodules do not match: 2 of 3 rows" in nodules.what
        assert "--column nodule_id=NAME" in nodules.fix
        assert [problem.row for problem in single] == [2, 3, 4]

    def test_the_mapping_can_be_written_and_used(self, cohort: Cohort, tmp_path: Path) -> None:
        file = write(tmp_path / "s.csv", "pid,score", "7,0.5", "42,0.2", "na,0.3", "X-3 ,0.4".replace(" ", ""))
        adapter = load_adapter("csv")
        number = suggest_id_map(read_predictions(adapter, [file], AdapterOptions()), cohort, tmp_path / "map.csv")
        assert number == 4
        mapping = read_id_map(tmp_path / "map.csv")
        assert mapping == {"7": "007", "42": "0042", "na": "NA", "X-3": "x-3"}
        result = adapt(
            "csv", adapter, [file], cohort, AdapterOptions(), tmp_path / "out.csv", TableOptions(id_map=mapping)
        )
        assert result[0].joined.failed == 0

    def test_extra_ids_can_be_dropped_and_stay_on_record(self, cohort: Cohort, tmp_path: Path) -> None:
        file = write(tmp_path / "s.csv", "pid,score", "007,0.5", "0042,0.2", "NA,0.3", "x-3,0.4", "999,0.9")
        out = tmp_path / "out.csv"
        adapt("csv", load_adapter("csv"), [file], cohort, AdapterOptions(), out, TableOptions(extra="drop"))
        card = read_score_card(out)
        assert card is not None
        assert list(card.extra) == ["999"]
        assert "999" not in set(pd.read_csv(out, dtype=str)["pid"])

    def test_problems_behind_dropped_rows_keep_their_line(self, cohort: Cohort) -> None:
        bad = predictions({"pid": ["999", "007", "0042", "NA"], "score": [0.1, 0.2, 3.5, 0.3]})
        with pytest.raises(InputError) as caught:
            join(bad, cohort, extra="drop")
        assert [p.row for p in caught.value.problems] == [4]

    @given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12))
    def test_only_equal_ids_join(self, text: str) -> None:
        match = match_ids([text], ["007"])
        assert (match.joined == [text]) == (text == "007")
        assert bool(match.mapping) == (text != "007" and plain_id(text) == "7")

    def test_two_ids_that_could_be_one_are_mapped_to_nothing(self) -> None:
        assert match_ids(["7"], ["007", "07"]).mapping == {}
        assert match_ids(["7", "07"], ["007"]).mapping == {}


class TestScans:
    def test_several_scans_need_a_rule(self, cohort: Cohort) -> None:
        scans = predictions(
            {
                "scan_id": ["1.2.3.1", "1.2.3.2", "1.2.4.1", "1.2.5.1", "1.2.6.1"],
                "score": [0.9, 0.1, 0.2, 0.3, 0.4],
            }
        )
        with pytest.raises(InputError, match="several scans"):
            join(scans, cohort)
        expected = {"latest": 0.1, "earliest": 0.9, "max": 0.9}
        for rule, score in expected.items():
            result = join(scans, cohort, scans=rule)  # type: ignore[arg-type]
            table = result.table.set_index("pid")
            assert table.loc["007", "score"] == score
            assert result.recorded["scans"] == rule

    def test_a_rule_by_date_needs_dates(self, cohort: Cohort) -> None:
        undated = Cohort(cohort.manifest, cohort.nodules.drop(columns="study_date"), cohort.folder)
        scans = predictions({"scan_id": ["1.2.3.1", "1.2.3.2"], "score": [0.9, 0.1]})
        with pytest.raises(InputError, match="date"):
            join(scans, undated, scans="latest")

    def test_dates_of_the_file_win_over_those_of_the_cohort(self, cohort: Cohort) -> None:
        scans = predictions({"pid": ["007", "007"], "date": ["2000", "1999"], "score": [0.9, 0.1]})
        assert join(scans, cohort, scans="latest").table["score"].iloc[0] == 0.9

    def test_a_scan_of_another_year_is_said_aloud(self, cohort: Cohort) -> None:
        scans = predictions({"pid": ["007", "NA"], "date": ["1999", "2001"], "score": [0.9, 0.1]})
        warning = join(scans, cohort).warnings[0]
        assert "1 scores are of scans that the cohort does not list: NA (2001)" in warning

    def test_two_scans_of_one_day_cannot_be_told_apart(self, cohort: Cohort) -> None:
        scans = predictions(
            {"pid": ["007", "007"], "scan_id": ["a", "b"], "date": ["1999", "1999"], "score": [0.9, 0.1]}
        )
        with pytest.raises(InputError, match="of one date"):
            join(scans, cohort, scans="latest")

    def test_a_scan_that_the_cohort_does_not_have_is_an_error(self, cohort: Cohort) -> None:
        with pytest.raises(InputError, match=r"9\.9"):
            join(predictions({"scan_id": ["1.2.4.1", "9.9"], "score": [0.9, 0.1]}), cohort)

    def test_scans_without_a_scan_column_say_what_to_do(self, cohort: Cohort) -> None:
        plain = Cohort(cohort.manifest, cohort.nodules.drop(columns="scan_id"), cohort.folder)
        with pytest.raises(InputError, match="has no column scan_id"):
            join(predictions({"scan_id": ["1.2.4.1"], "score": [0.9]}), plain)


class TestScores:
    @pytest.mark.parametrize(
        ("scores", "hint"),
        [([0.1, 55, 0.3, 0.4], "percentages"), ([-1.5, 0.2, 0.3, 0.4], "logits"), ([0.1, 1e-9, 101, 2], "logits")],
    )
    def test_numbers_that_are_no_probability_are_refused_with_a_guess(
        self, cohort: Cohort, scores: list[float], hint: str
    ) -> None:
        with pytest.raises(InputError, match=hint) as caught:
            join(four(scores), cohort)
        assert all(p.row is not None for p in caught.value.problems)

    def test_a_code_for_no_score_among_probabilities_is_asked_about(self, cohort: Cohort) -> None:
        nodules = nodule_table([[k % 2] for k in range(10)])
        ten = Cohort(cohort.manifest, nodules, cohort.folder)
        given = predictions({"pid": nodules["pid"].tolist(), "score": [*np.arange(1, 10) / 10, -999.0]})
        with pytest.raises(InputError, match=r"a code for no score\? empty such cells and pass --drop-missing"):
            join(given, ten)

    def test_percentages_that_are_fractions_are_told(self, cohort: Cohort) -> None:
        warnings = join(four([0.5, 0.25, 0.125, 1.0], score_type="percent"), cohort).warnings
        assert "no percentage is above 1: if they are fractions, leave --score-type percent out" in warnings

    def test_percentages_become_probabilities(self, cohort: Cohort) -> None:
        table = join(four([50, 25, 12.5, 100], score_type="percent"), cohort).table
        assert list(table["score"]) == [0.5, 0.25, 0.125, 1.0]
        assert set(table["score_kind"]) == {"probability"}

    def test_logits_and_ranks_stay_as_they_are(self, cohort: Cohort) -> None:
        for kind in ("logit", "rank"):
            table = join(four([-3, 7, 0, 1e6], score_type=kind), cohort).table
            assert list(table["score"]) == [-3, 7, 0, 1e6]
            assert set(table["score_kind"]) == {kind}

    def test_labels_that_disagree_are_named(self, cohort: Cohort) -> None:
        labelled = predictions({"pid": ["007", "0042"], "label": ["1", "1"], "score": [0.1, 0.2]})
        with pytest.raises(InputError, match="the cohort says 0") as caught:
            join(labelled, cohort)
        assert [p.row for p in caught.value.problems] == [3]

    def test_labels_of_single_scans_are_compared_with_that_scan(self, cohort: Cohort) -> None:
        # patient 007 is malignant by the scan of 1999, and benign on the one of 2000
        rows = {"pid": ["007", "007"], "date": ["19990102", "20000102"], "score": [0.1, 0.2]}
        join(predictions({**rows, "label": ["1", "0"]}), cohort, scans="latest")
        with pytest.raises(InputError, match="the cohort says 0"):
            join(predictions({**rows, "label": ["1", "1"]}), cohort, scans="latest")
        # without dates in the cohort nothing tells the two scans apart
        undated = Cohort(cohort.manifest, cohort.nodules.drop(columns=["study_date", "scan_id"]), cohort.folder)
        join(predictions({**rows, "label": ["1", "0"]}), undated, scans="latest")

    def test_scans_in_the_file_need_none_in_the_cohort_if_patients_are_named(self, cohort: Cohort) -> None:
        plain = Cohort(cohort.manifest, cohort.nodules.drop(columns="scan_id"), cohort.folder)
        rows = predictions({"pid": ["007"], "scan_id": ["1.2.3.1"], "label": ["1"], "score": [0.5]})
        assert join(rows, plain).table["score"].iloc[0] == 0.5
        assert (
            "does not list: 007 (9.9)"
            in join(predictions({"pid": ["007"], "scan_id": ["9.9"], "score": [0.5]}), cohort).warnings[0]
        )

    def test_a_score_twice_is_an_error_with_both_lines(self, cohort: Cohort) -> None:
        with pytest.raises(InputError, match="lines 2, 4"):
            join(predictions({"pid": ["007", "NA", "007"], "score": [0.1, 0.2, 0.1]}), cohort)

    def test_every_fold_lists_its_missing_cases(self) -> None:
        ten = Cohort(CohortManifest(name="ten", title="Ten"), nodule_table([[k % 2] for k in range(10)]), Path())
        pids = list(ten.nodules["pid"])
        rows = {"pid": pids + pids[:8], "fold": ["0"] * 10 + ["1"] * 8, "score": [0.1] * 18}
        table = join(predictions(rows), ten).table
        assert table[table["status"] == "failed"].groupby("fold")["pid"].apply(list).to_dict() == {
            "1": ["P008", "P009"]
        }

    def test_a_cross_validation_misses_only_cases_that_are_in_no_fold(self) -> None:
        ten = Cohort(CohortManifest(name="ten", title="Ten"), nodule_table([[k % 2] for k in range(10)]), Path())
        pids = list(ten.nodules["pid"])
        whole = {"pid": pids, "fold": ["0"] * 5 + ["1"] * 5, "score": [0.1] * 10}
        assert join(predictions(whole), ten).failed == 0
        part = {name: values[:9] for name, values in whole.items()}
        failed = join(predictions(part), ten).table.query("status == 'failed'")
        assert list(zip(failed["pid"], failed["fold"], failed["reason"], strict=True)) == [
            ("P009", "ensemble", "not in f.csv")
        ]
        # With an ensemble of its own it is the ensemble that lacks a case.
        both = {"pid": pids + pids[:9], "fold": [*whole["fold"], *["ensemble"] * 9], "score": [0.1] * 19}
        failed = join(predictions(both), ten).table.query("status == 'failed'")
        assert list(zip(failed["pid"], failed["fold"], strict=True)) == [("P009", "ensemble")]


def test_order_of_rows_does_not_change_the_scores(cohort: Cohort) -> None:
    one = join(four([0.1, 0.2, 0.3, 0.4]), cohort).table
    shuffled = predictions({"pid": ["x-3", "NA", "007", "0042"], "score": [0.4, 0.3, 0.1, 0.2]})
    other = join(shuffled, cohort).table
    assert one.sort_values("pid").reset_index(drop=True).equals(other.sort_values("pid").reset_index(drop=True))


def test_options_that_mean_nothing_to_an_adapter_are_refused() -> None:
    file = DATA / "csv" / "good.csv"
    with pytest.raises(InputError, match="--branch means nothing to csv"):
        read_predictions(load_adapter("csv"), [file], AdapterOptions(branch="imaging"))


def test_an_output_that_is_there_stays_untouched(cohort: Cohort, tmp_path: Path) -> None:
    out = write(tmp_path / "out.csv", "precious")
    with pytest.raises(InputError, match="--overwrite"):
        adapt("csv", load_adapter("csv"), [DATA / "csv" / "good.csv"], cohort, AdapterOptions(), out)
    assert out.read_text(encoding="utf-8") == "precious\n"


def test_exposure_is_written_beside_the_scores(cohort: Cohort, tmp_path: Path) -> None:
    manifest = CohortManifest(name="screen", title="x", shares_patients_with=("luna25",))
    adapter = load_adapter("sybil")
    result = adapt(
        "sybil",
        adapter,
        [DATA / "sybil" / "good"],
        replace(cohort, manifest=manifest),
        AdapterOptions(year=1),
        tmp_path,
    )
    card = read_score_card(result[0].path)
    assert card is not None
    assert card.exposure == "seen"  # Sybil saw NLST, and LUNA25 is NLST
    assert card.recorded["year"] == "1"


def test_nothing_is_lost_in_a_large_random_join(cohort: Cohort) -> None:
    random = np.random.default_rng(0)
    nodules = pd.DataFrame(
        {"pid": [f"p{i % 300}" for i in range(1000)], "nodule_id": [str(i) for i in range(1000)]}
    )
    nodules["malignant"] = pd.array(random.integers(0, 2, 1000), dtype="Int8")
    big = Cohort(CohortManifest(name="big", title=""), nodules, Path())
    chosen = random.permutation(1000)[:700]
    rows = nodules.iloc[chosen]
    scored = predictions(
        {"pid": list(rows["pid"]), "nodule_id": list(rows["nodule_id"]), "score": list(random.random(700))},
        unit="nodule",
    )
    table = join(scored, big).table
    assert len(table) == 1000
    assert (table["status"] == "scored").sum() == 700
    assert set(table["nodule_id"]) == set(nodules["nodule_id"])


def test_an_unknown_patient_beside_a_known_scan_is_said_of_the_patient(cohort: Cohort) -> None:
    rows = {"pid": ["007", "1.2.3.1"], "scan_id": ["1.2.3.1", "1.2.3.1"], "score": [0.1, 0.2]}
    with pytest.raises(InputError, match=r"pid '1\.2\.3\.1' — is not in the cohort"):
        join(predictions(rows), cohort)
