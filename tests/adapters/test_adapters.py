"""What is particular to single adapters."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import adapters
from adapters import ADAPTERS, check_adapter, load_adapter
from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.check import check_contract
from adapters.join import join
from adapters.plugins import PluginError
from benchmark.cli.main import app
from benchmark.contracts.cohort import Cohort, load_cohort
from benchmark.errors import InputError

DATA = Path(__file__).parents[1] / "data" / "adapters"


@pytest.fixture
def cohort() -> Cohort:
    return load_cohort("cohort", DATA)


def read(name: str, *files: Path, **options: object) -> list[Predictions]:
    return load_adapter(name).read(list(files), AdapterOptions(**options))  # type: ignore[arg-type]


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class TestCards:
    @pytest.mark.parametrize("name", ADAPTERS)
    def test_every_adapter_has_a_card_and_its_own_name(self, name: str) -> None:
        adapter = load_adapter(name)
        check_adapter(name, adapter)
        assert adapter.CARD.name == name
        assert adapter.CARD.title
        assert set(adapter.CARD.options) <= set(AdapterOptions.__dataclass_fields__)

    def test_an_unknown_name_gets_the_nearest(self) -> None:
        with pytest.raises(InputError, match="did you mean 'sybil'"):
            load_adapter("sibyl")


class TestSybil:
    def test_the_year_is_required_and_picks_the_score(self, tmp_path: Path) -> None:
        file = write(
            tmp_path / "p1" / "prediction_scores.json", '{"predictions": [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]]}'
        )
        with pytest.raises(InputError, match="no year was chosen"):
            read("sybil", file)
        for year in range(1, 7):
            result = read("sybil", file, year=year)[0]
            assert result.scores[0] == pytest.approx(year / 10)
            assert result.recorded["year"] == str(year)
        with pytest.raises(InputError, match="no year 7"):
            read("sybil", file, year=7)

    def test_the_id_comes_from_the_path_by_pattern(self, tmp_path: Path) -> None:
        file = write(
            tmp_path / "exam-42_a" / "out" / "prediction_scores.json", '{"predictions": [[0.1, 0, 0, 0, 0, 0]]}'
        )
        assert list(read("sybil", file, year=1)[0].frame["case"]) == ["out"]
        named = read("sybil", file, year=1, id_pattern=r"exam-(?P<pid>\d+)_")[0]
        assert list(named.frame["pid"]) == ["42"]
        with pytest.raises(InputError, match="finds no id in this path"):
            read("sybil", file, year=1, id_pattern="nothing-(?P<pid>x)")

    @pytest.mark.parametrize(
        "content",
        [
            '{"predictions": [[0.1, 0.2]]}',
            '{"predictions": [[0,0,0,0,0,0],[0,0,0,0,0,0]]}',
            "[1]",
            '{"scores": []}',
        ],
    )
    def test_other_shapes_are_refused(self, tmp_path: Path, content: str) -> None:
        file = write(tmp_path / "p" / "prediction_scores.json", content)
        with pytest.raises(InputError):
            read("sybil", file, year=1)

    def test_the_merged_table_is_one_row_a_scan(self, tmp_path: Path) -> None:
        file = write(
            tmp_path / "merged.csv",
            "SeriesInstanceUID,NoduleID,sybil_year1,sybil_year6",
            "1.1,1,0.1,0.5",
            "1.1,2,0.3,0.5",
            "1.2,1,0.2,0.6",
        )
        result = read("sybil", file, year=1)[0]
        assert result.frame.set_index("scan_id")["score"].to_dict() == {"1.1": 0.3, "1.2": 0.2}
        assert [result.locate(row)[1] for row in range(2)] == [3, 4]

    def test_scans_listed_as_errors_fail(self, tmp_path: Path) -> None:
        scores = write(
            tmp_path / "s.csv", "SeriesInstanceUID,year1,year2,year3,year4,year5,year6", "1.1,0.1,1,1,1,1,1"
        )
        errors = write(tmp_path / "error_ids.csv", "SeriesInstanceUID", "1.2")
        result = read("sybil", scores, errors, year=1)[0]
        failed = result.frame[result.frame["score"].isna()]
        assert list(failed["scan_id"]) == ["1.2"]
        assert result.locate(1) == (errors, 2)


class TestDeepIPN:
    def test_the_branch_must_be_named_and_stands_in_the_name(self) -> None:
        file = DATA / "deepipn" / "good.csv"
        with pytest.raises(InputError, match="--branch"):
            read("deepipn", file)
        assert read("deepipn", file, branch="fusion")[0].model == "deepipn-fusion"

    def test_the_id_is_split_at_the_last_time(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.csv", "id,pred", "onetime1time19990102,0.5")
        frame = read("deepipn", file, branch="imaging")[0].frame
        assert frame.loc[0, ["pid", "date"]].tolist() == ["onetime1", "19990102"]

    def test_other_ids_are_refused(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.csv", "id,pred", "100004,0.5")
        with pytest.raises(InputError, match=r"pid\}time\{date"):
            read("deepipn", file, branch="imaging")


class TestVenkadesh:
    def test_raw_scores_are_only_ranked(self) -> None:
        raw = read("venkadesh", DATA / "venkadesh" / "good.csv")[0]
        assert raw.score_type == "rank"
        assert raw.scores.max() == pytest.approx(3 * 0.81)
        assert read("venkadesh", DATA / "venkadesh" / "good.csv", calibrated=True)[0].score_type == "probability"

    def test_a_bare_number_is_an_exam(self, tmp_path: Path, cohort: Cohort) -> None:
        for pid in ("007", "NA"):
            write(tmp_path / pid / "lung-nodule-malignancy-risk.json", "0.25")
        table = join(read("venkadesh", tmp_path)[0], cohort).table
        assert table[table["status"] == "scored"].set_index("pid")["score"].to_dict() == {"007": 0.25, "NA": 0.25}


class TestGrandChallenge:
    def test_both_spellings_are_found(self, tmp_path: Path) -> None:
        text = (DATA / "grand-challenge" / "good.json").read_text(encoding="utf-8")
        for number, name in enumerate(("malginancy", "malignancy")):
            folder = tmp_path / str(number)
            write(folder / f"lung-nodule-{name}-likelihoods.json", text)
            assert len(read("grand-challenge", folder)[0].frame) == 5

    def test_jobs_read_their_output_below_the_root_only(self, tmp_path: Path) -> None:
        def jobs(relative: str) -> Path:
            job = {
                "pk": "abc",
                "inputs": [{"interface": {"slug": "chest-ct"}, "image": {"name": "c1.mha"}}],
                "outputs": [{"interface": {"slug": "lung-nodule-malignancy-risk", "relative_path": relative}}],
            }
            return write(tmp_path / "in" / "predictions.json", json.dumps([job]))

        write(tmp_path / "in" / "abc" / "output" / "lung-nodule-malignancy-risk.json", "0.4")
        write(tmp_path / "secret.json", "0.9")
        frame = read("grand-challenge", jobs("lung-nodule-malignancy-risk.json"))[0].frame
        assert frame[["case", "score"]].to_numpy().tolist() == [["c1", 0.4]]
        with pytest.raises(InputError, match="outside"):
            read("grand-challenge", jobs("../../../secret.json"))

    def test_the_case_probability_of_grt123_is_read(self, tmp_path: Path) -> None:
        content = {
            "findings": [{"id": 0, "cancerprobability": 0.4}],
            "cancerinfo": {"casecancerprobability": 0.88},
        }
        file = write(tmp_path / "p9" / "results.json", json.dumps(content))
        frame = read("grand-challenge", file)[0].frame
        assert frame[["case", "score"]].to_numpy().tolist() == [["p9", 0.88]]

    def test_another_version_is_refused(self, tmp_path: Path) -> None:
        text = (
            (DATA / "grand-challenge" / "good.json")
            .read_text(encoding="utf-8")
            .replace('"major": 1', '"major": 2')
        )
        with pytest.raises(InputError, match="version 2"):
            read("grand-challenge", write(tmp_path / "x.json", text))


class TestDiag:
    def test_several_models_at_once(self) -> None:
        found = read("diag", DATA / "diag" / "good.csv", year=1)
        assert [p.model for p in found] == ["venkadesh", "venkadesh-calibrated", "brock", "sybil"]
        assert found[-1].unit == "scan"

    def test_sybil_needs_its_year(self) -> None:
        with pytest.raises(InputError, match="no year was chosen"):
            read("diag", DATA / "diag" / "good.csv")

    def test_scans_that_sybil_saw_are_marked(self, tmp_path: Path) -> None:
        text = (DATA / "diag" / "good.csv").read_text(encoding="utf-8").replace("0,False", "0,True")
        found = read("diag", write(tmp_path / "d.csv", text.rstrip()), year=1, models=("sybil",))[0]
        assert (found.frame["reason"] == "in Sybil's training set").sum() == 3
        assert "3 of 5 scans" in found.warnings[0]


class TestClipNodule:
    def test_a_missing_fold_is_an_error(self, tmp_path: Path) -> None:
        table = pd.read_csv(DATA / "clip-nodule" / "good.csv", dtype=str, keep_default_na=False).drop(
            columns="raw_3"
        )
        table.to_csv(tmp_path / "x.csv", index=False)
        with pytest.raises(InputError, match="0, 1, 2, 4"):
            read("clip-nodule", tmp_path / "x.csv")

    def test_an_ensemble_that_is_no_mean_is_a_warning(self, tmp_path: Path) -> None:
        text = (
            (DATA / "clip-nodule" / "good.csv").read_text(encoding="utf-8").replace("0.83,0.81", "0.83,0.8100021")
        )
        assert "not the mean" in read("clip-nodule", write(tmp_path / "x.csv", text.rstrip()))[0].warnings[0]
        assert not read("clip-nodule", DATA / "clip-nodule" / "good.csv")[0].warnings

    def test_calibrated_columns_are_another_model(self, tmp_path: Path) -> None:
        file = write(
            tmp_path / "x.csv",
            "pid,nodule_id,raw_0,ensemble,calibrated_0,calibrated_ensemble",
            "007,0,0.9,0.9,0.2,0.2",
        )
        one = read("clip-nodule", file, calibrated=True, folds=1)[0]
        assert one.model == "clip-nodule-calibrated"
        assert set(one.scores) == {0.2}


class TestFmcib:
    def test_features_are_refused_with_advice(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        table = pd.DataFrame(random.normal(size=(3, 8)), columns=[f"pred_{i}" for i in range(8)])
        table.insert(0, "pid", ["a", "b", "c"])
        table.to_csv(tmp_path / "f.csv")
        with pytest.raises(InputError, match="features"):
            read("fmcib", tmp_path / "f.csv")
        with pytest.raises(InputError, match="do not add up to 1"):
            read("fmcib", tmp_path / "f.csv", class_column="pred_1")

    def test_a_named_class_column_is_read(self, tmp_path: Path) -> None:
        file = write(tmp_path / "f.csv", ",pid,pred_0,pred_1", "0,a,0.25,0.75", "1,b,0.5,0.5")
        assert list(read("fmcib", file, class_column="pred_1")[0].scores) == [0.75, 0.5]


class TestCsv:
    def test_columns_can_be_named(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.csv", "who,which,how likely", "007,007_1_19990102,0.5")
        one = read("csv", file, columns={"pid": "who", "nodule_id": "which", "score": "how likely"})[0]
        assert one.frame.iloc[0].tolist() == ["007", "007_1_19990102", 0.5]

    @pytest.mark.parametrize(
        ("header", "row", "what"),
        [
            ("pid,score,prob", "a,0.1,0.2", "several columns"),
            ("pid,prob_0,prob_1", "a,0.1,0.9", "add up to 1"),
            ("pid,prob_0,prob_1", "a,0.1,0.2", "do not add up to 1"),
            ("pid,x", "a,0.1", "no column for the score"),
            ("who,score", "a,0.1", "no column for the patient"),
        ],
    )
    def test_nothing_is_guessed(self, tmp_path: Path, header: str, row: str, what: str) -> None:
        with pytest.raises(InputError, match=what):
            read("csv", write(tmp_path / "x.csv", header, row))

    @pytest.mark.parametrize("score", ["", "nan", "inf", "null", "1e999", "#N/A", "n/a", "-"])
    def test_an_empty_score_is_an_error_or_a_failure_never_zero(
        self, tmp_path: Path, score: str, cohort: Cohort
    ) -> None:
        file = write(tmp_path / "x.csv", "pid,score", f"007,{score}", "NA,0.5")
        with pytest.raises(InputError) as caught:
            read("csv", file)
        assert caught.value.problems[0].row == 2
        if score in ("inf", "1e999"):
            return
        table = join(read("csv", file, drop_missing=True)[0], cohort).table.set_index("pid")
        assert table.loc["007", "status"] == "failed"
        assert table.loc["007", "reason"] == "the file holds no score"
        assert table.loc["NA", "status"] == "scored"

    def test_a_word_in_place_of_a_score_is_not_promised_to_be_dropped(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.csv", "pid,score", "007,ERR", "NA,0.5")
        with pytest.raises(InputError, match="empty the cell and pass --drop-missing"):
            read("csv", file)
        with pytest.raises(InputError, match=r"is not a finite number — correct it$"):
            read("csv", file, drop_missing=True)


class TestThirdParties:
    CARD = ModelCard("mine", "Mine", "", "CT", "patient", "cancer", None, None, "MIT")

    def point(self, monkeypatch: pytest.MonkeyPatch, thing: object, name: str = "mine") -> None:
        point = SimpleNamespace(name=name, value="pkg:thing", load=lambda: thing)
        monkeypatch.setattr(adapters, "entry_points", lambda group: [point] if group == adapters.GROUP else [])

    def test_an_entry_point_adds_an_adapter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        csv = load_adapter("csv")
        thing = SimpleNamespace(CARD=self.CARD, read=csv.read)
        self.point(monkeypatch, thing)
        assert load_adapter("mine").CARD is self.CARD
        assert adapters.adapter_names()[-1] == "mine"
        lines = check_contract("mine", thing, [DATA / "csv" / "good.csv"], AdapterOptions())
        assert any("passes the contract" in line for line in lines)

    def test_a_name_that_is_taken_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.point(monkeypatch, None, "sybil")
        with pytest.raises(InputError, match="taken"):
            adapters.adapter_names()

    def test_an_adapter_without_a_card_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.point(monkeypatch, SimpleNamespace(read=3))
        with pytest.raises(InputError, match="no CARD") as caught:
            load_adapter("mine")
        assert len(caught.value.problems) == 2

    def test_a_broken_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        point = EntryPoint("mine", "no_such_package_xyz:thing", adapters.GROUP)
        monkeypatch.setattr(adapters, "entry_points", lambda group: [point])
        with pytest.raises(InputError, match="no_such_package_xyz"):
            load_adapter("mine")

    @pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3), OSError("a")], ids=str)
    def test_an_error_inside_of_one_names_it_and_its_package(
        self, error: BaseException, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """As installed: a package with a version whose entry point names a module."""

        def fail(*_: object) -> None:
            raise error

        self.install(tmp_path, monkeypatch)
        import mine_xyz

        monkeypatch.setattr(mine_xyz, "read", fail)
        expected = "the adapter 'mine' (mine_xyz, package mine-package 1.2) failed to read: "
        with pytest.raises(PluginError) as caught:
            load_adapter("mine").read([], AdapterOptions())
        assert str(caught.value).startswith(f"{expected}{type(error).__name__}: {error}")
        done = CliRunner().invoke(app, ["adapt", "mine", "x.csv", "--check"])
        assert (done.exit_code, f"error: {expected}" in done.output) == (1, True)

    @pytest.mark.parametrize("answer", [None, [1], [], "rows"], ids=repr)
    def test_an_answer_that_is_none_names_it(
        self, answer: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        self.install(tmp_path, monkeypatch)
        import mine_xyz

        monkeypatch.setattr(mine_xyz, "read", lambda *_: answer)
        with pytest.raises(PluginError, match=r"the adapter 'mine' .* returned"):
            load_adapter("mine").read([], AdapterOptions())

    def test_what_it_says_of_a_file_is_left_as_it_is(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        self.install(tmp_path, monkeypatch)
        with pytest.raises(InputError, match=r"^nowhere\.csv"):
            load_adapter("mine").read([Path("nowhere.csv")], AdapterOptions())

    def test_one_that_ends_the_program_when_it_is_loaded_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        self.install(tmp_path, monkeypatch, "raise SystemExit(5)\n")
        with pytest.raises(InputError, match=r"\(mine_xyz, package mine-package 1\.2\) cannot be loaded: Sys"):
            load_adapter("mine")

    @staticmethod
    def install(folder: Path, monkeypatch: pytest.MonkeyPatch, begin: str = "") -> None:
        text = "from adapters.csv import CARD, read\n"
        (folder / "mine_xyz.py").write_text(begin + text, encoding="utf-8")
        about = folder / "mine_package-1.2.dist-info"
        about.mkdir()
        metadata = "Metadata-Version: 2.1\nName: mine-package\nVersion: 1.2\n"
        (about / "METADATA").write_text(metadata, encoding="utf-8")
        (about / "entry_points.txt").write_text("[nodule_bench.adapters]\nmine = mine_xyz\n", encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "mine_xyz", raising=False)

    def test_the_contract_check_finds_what_breaks_it(self) -> None:
        def broken(files: object, options: object) -> list[Predictions]:
            frame = pd.DataFrame({"pid": [7], "score": [np.random.default_rng().random()]})
            return [Predictions("m", frame, "patient", "probability", lambda row: (Path("x"), 1))]

        thing = SimpleNamespace(CARD=self.CARD, read=broken)
        with pytest.raises(InputError) as caught:
            check_contract("mine", thing, [DATA / "csv" / "good.csv"], AdapterOptions())
        text = str(caught.value)
        assert "ids are text" in text
        assert "two results" in text
        assert "as if nothing were wrong" in text
