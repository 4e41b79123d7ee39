"""``bench agree`` on score tables and long tables, good and bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.scores import write_score_table
from benchmark.statistics import agreement, rate_interval

RNG = np.random.default_rng(5)
FIRST = RNG.uniform(size=30).round(3)
SECOND = np.clip(FIRST + RNG.normal(0, 0.1, 30), 0, 1).round(3)


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["agree", *map(str, arguments)], env={"COLUMNS": "250"})
    return result.exit_code, result.stdout, result.stderr


def scores(path: Path, values: object, *, cohort: str = "thin", model: str = "clip", **columns: object) -> Path:
    frame = pd.DataFrame({"score": values})
    given = {
        "model": model, "cohort": cohort, "pid": [f"p{k // 2}" for k in range(len(frame))],
        "nodule_id": [str(k % 2) for k in range(len(frame))], "fold": "ensemble", "score_kind": "probability",
        "status": np.where(frame["score"].isna(), "failed", "scored"),
        "reason": np.where(frame["score"].isna(), "no lung", ""),
    }  # fmt: skip
    write_score_table(frame.assign(**{**given, **columns}), path)
    return path


def test_two_score_tables(tmp_path: Path) -> None:
    missing = SECOND.copy()
    missing[3] = np.nan
    files = scores(tmp_path / "a.csv", FIRST), scores(tmp_path / "b.csv", missing, cohort="thick")
    status, out, _ = run(*files, "--threshold", "0.5", "--threshold", "clip=0.2", "--out", tmp_path / "o")
    assert status == 0
    kept = np.delete(np.arange(30), 3)
    patients = [f"p{k // 2}" for k in kept]
    expected = agreement({"a": FIRST[kept], "b": SECOND[kept]}, clusters=patients)
    assert expected != agreement({"a": FIRST[kept], "b": SECOND[kept]})
    found = pd.read_csv(tmp_path / "o" / "agreement.csv").iloc[0]
    for name in ("icc21", "icc21_low", "icc31_high", "repeatability_high", "bias_low", "ccc_low"):
        assert found[name] == pytest.approx(getattr(expected, name), abs=1e-12)
    assert (found["n_nodules"], found["n_incomplete"], found["n_patients"]) == (29, 1, 15)
    assert "clip: 1 nodules lack a score in some scans" in out
    assert "the nodules are of 15 patients; intervals count with design effects" in out
    assert f"{expected.design_effect:.2f} for ICC" in out
    assert "mean of thin minus thick" in out
    calls = pd.read_csv(tmp_path / "o" / "flipped_calls.csv")
    flips = (FIRST[kept] >= 0.5) != (SECOND[kept] >= 0.5)
    assert calls["threshold"].tolist() == [0.5, 0.2]
    assert (calls.loc[0, "flipped"], calls.loc[0, "n"]) == (flips.sum(), 29)
    low, high = rate_interval(int(flips.sum()), 29)
    assert calls.loc[0, "low"] <= low + 1e-12
    assert calls.loc[0, "high"] >= high - 1e-12


def test_pooled_scores_count(tmp_path: Path) -> None:
    fold = scores(tmp_path / "a.csv", np.repeat(FIRST[:5], 2), pid=np.repeat(list("abcde"), 2), nodule_id="1",
                  fold=["0", "1"] * 5)  # fmt: skip
    whole = scores(tmp_path / "b.csv", SECOND[:5], cohort="thick", pid=list("abcde"), nodule_id="1")
    assert run(fold, whole, "--out", tmp_path / "o")[0] == 0
    found = pd.read_csv(tmp_path / "o" / "agreement.csv")
    assert found.loc[0, "bias"] == pytest.approx(np.mean(FIRST[:5] - SECOND[:5]))


def test_a_long_table_of_two_models(tmp_path: Path) -> None:
    rows = [
        (model, f"n{k}", scan, values[k])
        for model in ("b", "a")
        for scan, values in (("one", FIRST), ("two", SECOND), ("three", FIRST))
        for k in range(10)
    ]
    pd.DataFrame(rows, columns=["model", "nodule_id", "scan", "score"]).to_csv(tmp_path / "long.csv", index=False)
    status, out, _ = run(tmp_path / "long.csv", "--out", tmp_path / "o", "--threshold", "a=0.5")
    assert status == 0
    assert "Bias" not in out
    assert "each nodule counts as a patient" in out
    found = pd.read_csv(tmp_path / "o" / "agreement.csv")
    assert found["model"].tolist() == ["b", "a"]
    assert found["icc21"].nunique() == 1
    assert pd.read_csv(tmp_path / "o" / "flipped_calls.csv")["model"].tolist() == ["a"]


def test_a_second_run_takes_old_calls_away_and_spares_what_is_not_ours(tmp_path: Path) -> None:
    files = scores(tmp_path / "a.csv", FIRST), scores(tmp_path / "b.csv", SECOND, cohort="thick")
    out = tmp_path / "o"
    assert run(*files, "--threshold", "0.5", "--out", out)[0] == 0
    assert run(*files, "--out", out)[0] == 0
    assert not list(out.glob("flipped*"))
    (out / "agreement.md").write_text("mine", encoding="utf-8")
    status, _, error = run(*files, "--out", out)
    assert status == 2
    assert "agreement.md" in error
    assert (out / "agreement.md").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("changes", "arguments", "says"),
    [
        ({"model": "clip-b"}, (), "--one-model"),
        ({"score_kind": "logit"}, (), "scores of clip are of the kind logit"),
        ({"pid": [f"q{k}" for k in range(30)]}, (), "no nodule of the first table stands in the second"),
        ({}, ("--threshold", "clop=0.5"), "did you mean 'clip'"),
        ({}, ("--threshold", "nan"), "is no threshold"),
        ({}, ("--threshold", "0.5", "--threshold", "clip=0.50"), "is given twice"),
        ({}, ("--level", "95"), "is not within 0..1"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    changes: dict[str, object], arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    files = scores(tmp_path / "a.csv", FIRST), scores(tmp_path / "b.csv", SECOND, **{"cohort": "thick", **changes})  # type: ignore[arg-type]
    status, _, error = run(*files, *arguments, "--out", tmp_path / "o")
    assert (status, says in error) == (2, True), error
    assert not (tmp_path / "o").exists()


def test_one_model_under_two_names(tmp_path: Path) -> None:
    files = scores(tmp_path / "a.csv", FIRST), scores(tmp_path / "b.csv", SECOND, model="clip-b")
    assert run(*files, "--one-model", "clip", "--out", tmp_path / "o")[0] == 0
    assert pd.read_csv(tmp_path / "o" / "agreement.csv")["model"].tolist() == ["clip"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nodule_id,scan,score\nn1,a,0.1\nn1,a,0.2\n", "is scored twice in one scan"),
        ("nodule_id,scan,score\nn1,a,0.1\nn2,a,0.2\n", "holds one scan: a"),
        ("nodule_id,scan,score\nn1,a,high\nn1,b,0.2\n", "is not a finite number"),
        ("nodule_id,scan,score\nn1,,0.1\nn1,b,0.2\n", "is empty"),
        ("nodule_id,scan,score\nn1,a,0.1\nn1,b,0.2\n", "1 of 1 nodules have a score in each of the 2 scans"),
        ("nodule_id,score\nn1,0.1\n", "column is missing"),
    ],
)
def test_bad_long_tables(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text(text, encoding="utf-8")
    status, _, error = run(tmp_path / "long.csv", "--out", tmp_path / "o")
    assert (status, says in error) == (2, True), error


@pytest.mark.parametrize("way", ["semicolons", "xlsx"])
def test_one_table_of_another_program_gives_the_same_numbers(tmp_path: Path, way: str) -> None:
    rows = [(f"n{k}", name, value) for name, of in (("a", FIRST), ("b", SECOND)) for k, value in enumerate(of)]
    table = pd.DataFrame(rows, columns=["nodule_id", "scan", "score"]).assign(model="clip")
    table.to_csv(tmp_path / "long.csv", index=False)
    if way == "xlsx":
        table.to_excel(other := tmp_path / "long.xlsx", index=False)
    else:
        table.to_csv(other := tmp_path / "other.csv", index=False, sep=";", decimal=",")
    for path in (tmp_path / "long.csv", other):
        status, _, said = run(path, "--out", tmp_path / path.stem / path.suffix[1:])
        assert status == 0, said
    texts = [
        (tmp_path / p.stem / p.suffix[1:] / "agreement.csv").read_text() for p in (tmp_path / "long.csv", other)
    ]
    assert texts[0] == texts[1]


def test_an_empty_word_is_a_missing_score(tmp_path: Path) -> None:
    rows = [(f"n{k}", name, value) for name, of in (("a", FIRST), ("b", SECOND)) for k, value in enumerate(of)]
    table = pd.DataFrame(rows, columns=["nodule_id", "scan", "score"]).astype({"score": object})
    table.loc[3, "score"] = "NA"
    table.to_csv(tmp_path / "long.csv", index=False)
    status, _, said = run(tmp_path / "long.csv", "--out", tmp_path / "o")
    assert status == 0, said
    found = pd.read_csv(tmp_path / "o" / "agreement.csv").iloc[0]
    assert (found["n_nodules"], found["n_incomplete"]) == (29, 1)


@pytest.mark.parametrize("code", [-9, 999])
def test_a_score_that_may_be_a_code_is_said(tmp_path: Path, code: float) -> None:
    rows = [(f"n{k}", name, value) for name, of in (("a", FIRST), ("b", SECOND)) for k, value in enumerate(of)]
    table = pd.DataFrame(rows, columns=["nodule_id", "scan", "score"])
    table.loc[3, "score"] = code
    table.to_csv(tmp_path / "long.csv", index=False)
    status, out, _ = run(tmp_path / "long.csv", "--out", tmp_path / "o")
    assert status == 0
    assert "1 of 60 scores lie far from all others" in " ".join(out.split())
    assert f": {code}." in " ".join((tmp_path / "o" / "agreement.md").read_text("utf-8").replace("\\", "").split())


@pytest.mark.parametrize("mark", ["\x1b", "\x01", "\x9b"])
def test_scans_that_steer_a_terminal_are_refused(tmp_path: Path, mark: str) -> None:
    rows = [
        (f"n{k}", name, value)
        for name, of in ((f"x{mark}[31m", FIRST), ("y", SECOND))
        for k, value in enumerate(of)
    ]
    pd.DataFrame(rows, columns=["nodule_id", "scan", "score"]).to_csv(tmp_path / "long.csv", index=False)
    status, out, said = run(tmp_path / "long.csv", "--out", tmp_path / "o")
    assert status == 2
    assert f"(U+{ord(mark):04X})" in said
    assert mark not in out + said


def test_how_a_table_is_written_means_nothing_to_score_tables(tmp_path: Path) -> None:
    files = scores(tmp_path / "a.csv", FIRST), scores(tmp_path / "b.csv", SECOND, cohort="thick")
    status, _, said = run(*files, "--decimal", "comma", "--out", tmp_path / "o")
    assert (status, "leave --sep, --encoding, --decimal and --sheet out" in said) == (2, True), said
