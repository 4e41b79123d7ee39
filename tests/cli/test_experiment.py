"""The paper's main experiment on phantoms: NLST and LIDC-like nodules train together, some of NLST is held out.

Two settings are searched by the mean over validation folds, and the chosen one scores those that are held out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts.folds import hold_out
from benchmark.contracts.cohort import load_cohort, write_cohort

OF_LIDC = ("nodule_margin_conspicuity", "nodule_margins", "nodule_shape", "nodule_consistency")
"""Semantic columns that LIDC's ratings give, of those that phantoms have."""


def bench(folder: Path, *words: object) -> str:
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done.output


def lidc_like(cohorts: Path) -> None:
    """Take away labels of four nodules of five, and the columns that LIDC has not."""
    cohort = load_cohort("lidc", cohorts)
    table = cohort.nodules.copy()
    table.loc[np.arange(len(table)) % 5 != 0, "malignant"] = pd.NA
    named = [c for c in table if c.startswith(("nodule_", "pleural", "vascular", "septal", "paracicatricial"))]
    lacking = [c for c in (*named, "necrosis", "cavitation", "airway_cut-off") if c in table and c not in OF_LIDC]
    write_cohort(cohort.folder, cohort.manifest, table.drop(columns=[c for c in lacking if c != "nodule_id"]))


@pytest.mark.slow
def test_nlst_and_lidc_train_together_and_the_held_out_are_scored_and_compared(tmp_path: Path) -> None:
    places = ["--cohorts", tmp_path / "cohorts", "--results", tmp_path / "results"]
    for name, preset, patients in (("nlst", "nlst", 24), ("lidc", "features", 16)):
        made = tmp_path / "cohorts" / name
        bench(tmp_path, "cohort", "prepare", "phantom", "--preset", preset, "--patients", patients, "--out", made)
    lidc_like(tmp_path / "cohorts")
    together = ["--cohort", "nlst", "--cohort", "lidc"]
    few = ["--folds", 2, "--epochs", 1, "--parallel", 1, "--set", "text_variants=2"]
    search = ["--hold-out", "nlst=0.2", "--config", "tiny-cpu", "--sweep", "lr=1e-4,5e-4", "--sweep", "rank=2,4"]
    output = bench(tmp_path, "tune", *together, *search, *few, *places, "--device", "cpu", "--name", "search")
    trials = pd.read_csv(tmp_path / "results" / "tune" / "search" / "trials.csv")
    assert len(trials) == 4
    assert (trials["state"] == "done").all()
    assert trials[["auroc_of_nlst", "auroc_of_lidc"]].notna().all().all()
    chosen = tmp_path / "results" / "tune" / "search" / "chosen.yaml"
    assert f"bench train --cohort nlst --cohort lidc --config {chosen}" in output
    output = bench(
        tmp_path, "train", *together, "--config", chosen, *places, "--device", "cpu", "--name", "together"
    )
    best = trials[trials["choice"] == "chosen"].iloc[0]
    assert f"validation on nlst+lidc: AUROC {best['auroc']:.3f}" in output
    assert f"validation on nlst: AUROC {best['auroc_of_nlst']:.3f}" in output
    assert f"validation on lidc: AUROC {best['auroc_of_lidc']:.3f}" in output
    bench(tmp_path, "score", "--cohort", "nlst", *places)
    scores = tmp_path / "results" / "scores" / "nlst"
    bench(tmp_path, "score", "--cohort", "nlst", "--run", best["run"], *places)
    assert (scores / "together.csv").read_text().replace("together", best["run"]) == (
        scores / f"{best['run']}.csv"
    ).read_text()
    table = pd.read_csv(scores / "together.csv", dtype=str)
    held = set(hold_out(load_cohort("nlst", tmp_path / "cohorts").nodules, 0.2, 0))
    assert set(table["pid"]) == held
    assert (table["status"] == "scored").all()
    card = json.loads((scores / "together.card.json").read_text(encoding="utf-8"))
    assert (card["trained_on"], card["exposure"]) == (["nlst", "lidc"], "unseen")
    assert not set(card["patients"]["nlst"]) & held
    bench(tmp_path, "compare", "--cohort", "nlst", *places, "--out", tmp_path / "compare", "--replicates", 200)
    assert "together" in (tmp_path / "compare" / "report" / "index.html").read_text(encoding="utf-8")
