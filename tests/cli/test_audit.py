from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import list_cohorts
from benchmark.published.finding import MEANINGS, FindingVerdict

FIELDS = {
    "cohort",
    "model",
    "item",
    "recall",
    "verdict",
    "detail",
    "n_positive",
    "n_negative",
    "candidates",
    "meaning",
}
VERDICTS = {"possible", "impossible", "contradicts printed n", "other patients", "only with ties", "unattainable"}


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["audit", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_json_is_a_list_of_findings() -> None:
    status, out, _ = run("zhuang2025", "--format", "json")
    findings = json.loads(out)
    assert status == 0
    assert len(findings) > 100
    assert all(set(finding) == FIELDS for finding in findings)
    assert {finding["verdict"] for finding in findings} < VERDICTS
    assert all(finding["meaning"] == MEANINGS[finding["verdict"]] for finding in findings)
    clip = next(f for f in findings if (f["cohort"], f["model"], f["item"]) == ("nlst", "clip", "patients"))
    assert [43, 145] in clip["candidates"]


@pytest.mark.slow
def test_the_table_shows_what_cannot_stand_and_counts_the_rest() -> None:
    status, out, _ = run("zhuang2025")
    assert status == 0
    assert "contradicts printed n" in out
    assert "items:" in out
    assert "uclasybil" not in out.replace(" ", "").replace("│", "")
    assert len(run("zhuang2025", "--all")[1]) > len(out)


def test_every_verdict_has_a_meaning_and_those_given_have_theirs_printed() -> None:
    assert set(MEANINGS) == VERDICTS == set(get_args(FindingVerdict))
    _, out, _ = run("zhuang2025")
    _, json_out, _ = run("zhuang2025", "--format", "json")
    given = {finding["verdict"] for finding in json.loads(json_out)}
    printed = {verdict for verdict in VERDICTS if f"\n  {verdict}: {MEANINGS[verdict]}\n" in out}
    assert printed == given


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("cohorts: {c: {n: 5, positives: 2}}\nperformance: {c: {'[b]m': {auroc: 0.700}}}\n", "utf-8")
    status, out, _ = run(str(path), "--format", "json")
    assert status == 0
    assert [f["verdict"] for f in json.loads(out) if f["item"] == "auroc"] == ["impossible"]
    assert "[b]m" in run(str(path))[1]


@pytest.mark.slow
def test_reconstruction_writes_cohorts_and_scores(tmp_path: Path) -> None:
    status, out, _ = run("zhuang2025", "--reconstruct", str(tmp_path / "r"))
    assert status == 0
    assert "0.568 printed, 0.565 taken" in out
    assert list_cohorts(tmp_path / "r" / "cohorts") == ["dlcs", "lungx", "nlst", "ucla"]
    assert len(list((tmp_path / "r" / "scores").rglob("*.csv"))) == 12


def test_json_stays_json_beside_a_reconstruction(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    rows = "operating_points: {c: {m: [[0.6, 0.333, 0.667], [0.9, 0.667, 0.6]]}}\n"
    path.write_text("cohorts: {c: {n: 7, positives: 4}}\nperformance: {c: {m: {auroc: 0.583}}}\n" + rows, "utf-8")
    status, out, err = run(str(path), "--format", "json", "--reconstruct", str(tmp_path / "r"))
    assert status == 0
    assert json.loads(out)
    assert "printed numbers reprinted" in err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("zhuang1999",), "zhuang2025"),
        (("nowhere.yaml",), "cannot be read"),
        (("zhuang2025", "--format", "xml"), "xml"),
    ],
)
def test_bad_usage_ends_with_2(arguments: tuple[str, ...], part: str) -> None:
    status, _, err = run(*arguments)
    assert status == 2
    assert part in err


def test_help_has_an_example() -> None:
    assert "bench audit zhuang2025" in run("--help")[1]
