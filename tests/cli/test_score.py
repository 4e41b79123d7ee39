from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import card_path, read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError
from benchmark.outputs.run_record import RunRecord, check_record
from tests.comparison.made import nodule_table


@pytest.mark.needs("model")
@pytest.mark.parametrize(
    ("words", "said"),
    [([], "holds no run"), (["--run", "x"], "is no run"), (["--cohort", "none"], "no cohort 'none'")],
)
def test_bad_input_ends_with_status_2_and_nothing_written(tmp_path: Path, words: list[str], said: str) -> None:
    from tests.clip_nodule.training_cohort import make_cohort

    make_cohort(tmp_path / "cohorts" / "balls", 2, broken=2)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path / "results")]
    cohort = [] if "--cohort" in words else ["--cohort", "balls"]
    done = CliRunner().invoke(app, ["score", *cohort, *places, *words])
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "results").exists()


def clinical_cohort(folder: Path, gender: str = "2", cigarettes: str = "1.5") -> None:
    header = (
        "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,age,Gender,family_history,emphysema,diameter_mm,"
    )
    header += "nodule_type,upper_lobe,nodule_count,spiculation,smoking_status,cigarettes_per_day,smoking_years,"
    header += "years_quit,education,bmi,copd,cancer_history,race"
    row = f"1,1,x.nii.gz,1.5,1,1,0,62,{gender},0,0,4,solid,0,4,0,former,{cigarettes},20,5,4,27,0,0,white"
    (folder / "cohorts" / "c").mkdir(parents=True)
    (folder / "cohorts" / "c" / "nodules.csv").write_text(f"{header}\n{row}\n")
    (folder / "cohorts" / "c" / "cohort.yaml").write_text("name: c\ntitle: C\n")


@pytest.mark.parametrize(
    ("model", "refused", "option", "score"),
    [
        # A woman whose other inputs are all at their centres: 1 / (1 + e^(6.7892 - 0.6011)).
        ("brock", "--code 'female:2=...'", ["--code", "female:2=female"], 0.0020495),
        # 30 cigarettes, 20 years, quit for 5: log odds -4.532506 + 1.822606 * (0.4021541613 - 1/3)
        # - 0.0317321 * 7 + 0.0308572 * 5 = -4.474911.
        ("plco2012", "--unit cigarettes_per_day=packs", ["--unit", "cigarettes_per_day=packs"], 0.0112629),
    ],
)
def test_what_could_mean_two_things_is_refused_and_an_option_settles_it(
    tmp_path: Path, model: str, refused: str, option: list[str], score: float
) -> None:
    clinical_cohort(tmp_path)
    out = tmp_path / "scores.csv"
    words = ["score", "--cohort", "c", "--cohorts", str(tmp_path / "cohorts"), "--model", model, "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert refused in done.output
    assert not out.exists()
    assert CliRunner().invoke(app, [*words, *option]).exit_code == 0
    assert pd.read_csv(out)["score"].tolist() == pytest.approx([score], rel=1e-4)


def test_options_of_calculators_are_not_ignored_elsewhere(tmp_path: Path) -> None:
    for option in (["--code", "female:1=male"], ["--unit", "age=days"], ["--column", "age=x"]):
        done = CliRunner().invoke(
            app, ["score", "--cohort", "c", "--cohorts", str(tmp_path), "--model", "diameter", *option]
        )
        assert done.exit_code == 2
        assert f"{option[0]} is for the calculators" in done.output


@pytest.mark.parametrize(
    ("model", "option", "whose"),
    [
        ("brock", ["--calibrated"], "runs"),
        ("brock", ["--precision", "int8"], "runs"),
        ("diameter", ["--patients", "all"], "runs"),
        ("brock", ["--train-cohort", "nlst"], "semantic-lr and diameter"),
        ("mine", ["--seed", "3"], "semantic-lr and diameter"),
        ("mine", ["--features", "necrosis"], "semantic-lr and diameter"),
    ],
)
def test_an_option_that_means_nothing_to_the_model_is_refused(
    tmp_path: Path, model: str, option: list[str], whose: str
) -> None:
    words = ["score", "--cohort", "c", "--cohorts", str(tmp_path), "--results", str(tmp_path), "--model", model]
    done = CliRunner().invoke(app, [*words, *option])
    assert done.exit_code == 2
    assert f"{option[0]} is for {whose}" in done.output


def test_scores_of_another_system_are_not_replaced(tmp_path: Path) -> None:
    table = nodule_table([[0], [1]]).assign(diameter_mm=["4", "30"])
    write_cohort(tmp_path / "cohorts" / "c", CohortManifest(name="c", title="c"), table)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path)]
    mine, out = tmp_path / "mine.csv", tmp_path / "scores" / "c" / "size.csv"
    mine.write_text("pid,score\n" + "".join(f"{pid},0.{k}\n" for k, pid in enumerate(table["pid"], 1)))
    adapt = ["adapt", "csv", str(mine), "--cohort", "c", "--model", "size", *places[:2], "--out", str(out)]
    score = ["score", "--cohort", "c", "--model", "size", *places]
    done = CliRunner().invoke(app, adapt)
    assert done.exit_code == 0, done.output
    before = out.read_bytes()
    done = CliRunner().invoke(app, score)
    assert done.exit_code == 2
    assert "holds the scores of 'size' (adapter csv)" in done.output
    assert out.read_bytes() == before
    out.unlink()
    card_path(out).unlink()
    assert [CliRunner().invoke(app, score).exit_code for _ in range(2)] == [0, 0]
    assert out.read_bytes() != before


def test_baselines_have_seen_what_they_were_fitted_on_and_who_shares_its_patients(tmp_path: Path) -> None:
    nodules = nodule_table([[k % 2] for k in range(40)]).assign(
        **{"longest_axial_diameter_(mm)": [str(5 + 3 * (k % 2) + k % 7) for k in range(40)]}
    )
    shares = {"fitted": (), "other": ("fitted",), "strangers": ()}
    for name, shared in shares.items():
        manifest = CohortManifest(name=name, title=name, shares_patients_with=shared)
        write_cohort(tmp_path / "cohorts" / name, manifest, nodules)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path)]
    fit = ["--model", "diameter", "--train-cohort", "fitted", "--folds", "2"]
    states = {}
    for name in shares:
        done = CliRunner().invoke(app, ["score", "--cohort", name, *fit, *places])
        assert done.exit_code == 0, done.output
        assert ("seen: Diameter alone was fitted on patients" in done.output) == (name == "other")
        card = read_score_card(tmp_path / "scores" / name / "diameter.csv")
        assert card is not None
        assert card.trained_on == ("fitted",)
        # A fifth of the patients is held out by default.
        assert len(card.patients["fitted"]) == 32
        states[name] = card.exposure
        scored = read_score_table(tmp_path / "scores" / name / "diameter.csv")
        if name == "fitted":
            assert set(scored["pid"]).isdisjoint(card.patients["fitted"])
    assert states == {"fitted": "unseen", "other": "seen", "strangers": "unknown"}
    compared = ["compare", "--cohort", "other", *places, "--out", str(tmp_path / "out"), "--replicates", "200"]
    assert CliRunner().invoke(app, compared).exit_code == 0
    overlap = (tmp_path / "out" / "tables" / "training_overlap.csv").read_text()
    assert "other,diameter,Diameter alone,seen,fitted,baseline diameter" in overlap


def test_a_file_that_is_no_record_is_not_replaced_by_one(tmp_path: Path) -> None:
    mine = tmp_path / "predictions.json"
    mine.write_text('[{"pk": "1"}]')
    with pytest.raises(InputError, match=r"predictions\.json.*is no record of a run, and is not replaced"):
        check_record(mine)
    RunRecord("bench score", {}).write(tmp_path / "r.json")
    check_record(tmp_path / "r.json")
    check_record(tmp_path / "none.json")


@pytest.mark.parametrize("word", ["brok", "sise", "Diametre"])
def test_a_misspelled_model_is_not_the_name_of_the_newest_run(tmp_path: Path, word: str) -> None:
    clinical_cohort(tmp_path)
    places = ["--cohorts", str(tmp_path / "cohorts"), "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, ["score", "--cohort", "c", *places, "--model", word])
    assert done.exit_code == 2
    assert f"--model {word!r} — is no model; did you mean" in done.output
    assert not (tmp_path / "results").exists()
