"""Explaining in another precision, and what a record says of where a network ran."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from clip_nodule.inference import predict
from clip_nodule.inference.explain import ExplainOptions, explain_cohort, explain_nodule
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.network.int8 import has_int8
from clip_nodule.planes import batch
from tests.clip_nodule.pretended_gpu import pretended_gpu


@pytest.fixture
def workspace(small: Path) -> Workspace:
    yield Workspace(small / "cohorts", small / "results")
    batch._device_maps.cache_clear()


def explained(workspace: Workspace, precision: str, device: str = "cpu") -> pd.DataFrame:
    options = ExplainOptions(run="first", patients="all", device=device, precision=precision)
    return explain_cohort("balls", workspace, options).predictions


@pytest.mark.slow
def test_bf16_explains_nearly_as_fp32_does(workspace: Workspace) -> None:
    exact, rounded = explained(workspace, "fp32"), explained(workspace, "bf16")
    assert exact.drop(columns=["probability", "cosine"]).equals(rounded.drop(columns=["probability", "cosine"]))
    far = np.abs(exact["cosine"] - rounded["cosine"])
    assert 0 < far.max() < 0.02
    with pretended_gpu():
        on_gpu = explained(workspace, "bf16", "cuda")
    assert np.abs(exact["cosine"] - on_gpu["cosine"]).max() < 0.02


@pytest.mark.skipif(not has_int8(), reason="no VNNI")
@pytest.mark.slow
def test_int8_is_compared_with_fp32_before_it_explains(workspace: Workspace, monkeypatch) -> None:
    assert np.abs(explained(workspace, "int8")["cosine"] - explained(workspace, "fp32")["cosine"]).max() < 0.2
    monkeypatch.setattr(predict, "INT8_TOLERANCE", -1.0)
    with pytest.raises(InputError, match="changes probabilities of this run"):
        explained(workspace, "int8")


def test_a_nodule_is_explained_in_the_precision_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    scores = [
        explain_nodule(
            "balls", ("001", "1"), tmp_path / "sheet.png", workspace,
            ExplainOptions(run="first", device="cpu", precision=precision),
        ).score
        for precision in ("fp32", "bf16")
    ]  # fmt: skip
    assert 0 < np.abs(scores[0] - scores[1]).max() < 0.01


@pytest.mark.slow
def test_a_nodule_as_figures_beside_its_sheet(workspace: Workspace, tmp_path: Path) -> None:
    def explain(*options: str) -> list[str]:
        words = ["explain", "--cohort", "balls", "--run", "first", "--nodule", "001:1", "--device", "cpu"]
        words += ["--cohorts", str(workspace.cohorts), "--results", str(workspace.results), "--out", str(tmp_path)]
        done = CliRunner().invoke(app, [*words, *options])
        assert done.exit_code == 0, done.output
        return sorted(path.name.partition("-")[2][12:] for path in tmp_path.glob("nodule-*"))

    drawn = ["-180mm.pdf", "-180mm.png", "-85mm.pdf", "-85mm.png", ".png"]
    assert explain("--figures", "png,pdf") == drawn
    assert explain("--figures", "svg") == ["-180mm.svg", "-85mm.svg", ".png"]
    assert explain() == [".png"]


def test_figures_of_explain_are_of_one_nodule() -> None:
    done = CliRunner().invoke(app, ["explain", "--cohort", "balls", "--figures", "png"])
    assert done.exit_code == 2
    assert "goes with --nodule alone" in done.output
    done = CliRunner().invoke(app, ["explain", "--cohort", "balls", "--nodule", "1:1", "--figures", "gif"])
    assert done.exit_code == 2
    assert "is no figure format" in done.output


def test_a_precision_that_is_none_is_refused_on_the_command_line(small: Path) -> None:
    done = CliRunner().invoke(app, ["explain", "--cohort", "balls", "--precision", "fp8"])
    assert done.exit_code == 2
    assert "Invalid value for '--precision'" in done.output


def test_going_on_elsewhere_means_going_on() -> None:
    done = CliRunner().invoke(app, ["train", "--cohort", "balls", "--resume-elsewhere"])
    assert done.exit_code == 2
    assert "goes with --resume alone" in done.output


def test_a_score_record_says_where_and_in_which_arithmetic(workspace: Workspace, tmp_path: Path) -> None:
    def record(precision: str, device: str) -> dict:
        path = tmp_path / f"{precision}-{device}.csv"
        score_cohort("balls", Scoring("all", precision=precision, device=device), workspace, run="first", out=path)
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    found = record("bf16", "cpu")
    assert found["computed"] == {"device": "cpu", "precision": "bf16"}
    assert found["device"].startswith("CPU, ")
    with pretended_gpu():
        found = record("auto", "cuda")
    # The pretended card has no bf16.
    assert found["computed"] == {"device": "cuda", "precision": "fp32"}
    assert found["device"] == "pretended"
