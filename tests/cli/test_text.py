import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from tests.clip_nodule.text.test_report_text import random_nodules

runner = CliRunner()


@pytest.fixture
def cohorts(tmp_path):
    nodules = random_nodules(6)
    nodules = nodules.assign(image_path="a.nii.gz", coordX=0.0, coordY=0.0, coordZ=0.0)
    write_cohort(tmp_path / "small", CohortManifest(name="small", title="Small"), nodules)
    return tmp_path


def run(cohorts, *words):
    cohort = [] if "--cohort" in words else ["--cohort", "small"]
    return runner.invoke(app, ["text", *cohort, "--cohorts", str(cohorts), *words])


def test_writes_a_report_of_every_nodule(cohorts, tmp_path):
    done = run(cohorts, "--out", str(tmp_path / "texts.csv"), "--seed", "3")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "texts.csv", dtype=str)
    assert list(table) == ["pid", "nodule_id", "text", "findings", "impression"]
    assert table["pid"].tolist() == [f"{i:04d}" for i in range(6)]
    first = (tmp_path / "texts.csv").read_bytes()
    run(cohorts, "--out", str(tmp_path / "again.csv"), "--seed", "3")
    assert (tmp_path / "again.csv").read_bytes() == first


def test_dry_run_prints_prompts_and_cost_and_writes_nothing(cohorts, tmp_path, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    done = run(cohorts, "--backend", "gemini", "--dry-run", "--out", str(tmp_path / "texts.csv"))
    assert done.exit_code == 0
    assert "6 requests" in done.output
    assert "$" in done.output
    assert not (tmp_path / "texts.csv").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--backend", "chatty"), "Invalid value for '--backend'"),
        (("--cohort", "smal"), "did you mean 'small'"),
        (("--from-dir", "nowhere"), "has no text"),
        (("--backend", "gemini", "--prompt", "nowhere.txt"), "cannot be read"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(cohorts, tmp_path, words, message):
    done = run(cohorts, *words, "--out", str(tmp_path / "texts.csv"))
    assert done.exit_code == 2
    assert message in done.output
    assert not (tmp_path / "texts.csv").exists()


def test_gemini_without_a_key_is_a_clear_error(cohorts, tmp_path, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    done = run(cohorts, "--backend", "gemini", "--cache", str(tmp_path / "cache.jsonl"))
    assert done.exit_code == 2
    assert "GEMINI_API_KEY" in done.output
