"""A folder in which the commands of the documentation run: cohorts with scores, and the files that pages name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from typer.testing import CliRunner, Result

from benchmark.cli.main import app

PATIENTS = 60
COHORTS = ("nlst", "lungx")


def run(*words: str) -> Result:
    """A command in this process, in the working folder."""
    return CliRunner().invoke(app, list(words))


def write_project(folder: Path) -> None:
    """Write the files; the working folder is ``folder`` already."""
    for place, cohort in enumerate(COHORTS):
        table = nodule_table(cohort, place)
        table.to_csv(f"{cohort}-nodules.csv", index=False)
        _run_well("cohort", "prepare", "csv", "--from", f"{cohort}-nodules.csv", "--out", f"cohorts/{cohort}")
        for seed, model in enumerate(("clip", "other")):
            scores(table, seed).to_csv("made.csv", index=False)
            words = ["--column", "pid=subject", "--column", "score=risk", "--model", model, "--trained-on", "none"]
            _run_well("adapt", "csv", "made.csv", "--cohort", cohort, *words)
        _run_well("score", "--cohort", cohort, "--model", "brock")
    nlst, lungx = (nodule_table(cohort, place) for place, cohort in enumerate(COHORTS))
    mine = nodule_table("mine", 3).rename(columns={"pid": "Case", "malignant": "outcome"})
    mine.to_csv("nodules.csv", index=False)
    scores(lungx, 5).to_csv("scores.csv", index=False)
    for seed, name in enumerate(("mine", "theirs")):
        scores(lungx, seed).rename(columns={"subject": "patient"}).to_csv(f"{name}.csv", index=False)
    wide = nlst[["pid"]].assign(
        label=nlst["malignant"], clip=scores(nlst, 0)["risk"], sybil=scores(nlst, 1)["risk"]
    )
    wide.to_csv("preds.csv", index=False)
    wide.to_csv("nlst.csv", index=False)
    wide.rename(columns={"pid": "subject", "label": "cancer"}).to_csv("trial.csv", index=False)
    wide.assign(pid="x" + wide["pid"]).to_excel("lungx.xlsx", index=False)
    deepipn = scores(nlst, 2).assign(id=nlst["pid"] + "time20010315", pred=lambda table: table["risk"])
    deepipn[["id", "pred"]].to_csv("prediction.csv", index=False)
    for pid, risk in zip(lungx["pid"], scores(lungx, 3)["risk"], strict=True):
        exam = folder / "sybil_out" / pid
        exam.mkdir(parents=True)
        yearly = [risk * (year + 1) / 7 for year in range(6)]
        (exam / "prediction_scores.json").write_text(json.dumps({"predictions": [yearly]}), encoding="utf-8")
    for thickness in ("thin", "thick"):
        shutil.copytree("results/scores/nlst", f"results/scores/{thickness}")
    thick = pd.read_csv("results/scores/thick/clip.csv", dtype=str)
    thick.assign(score=thick["score"].astype(float) * 0.9).to_csv("results/scores/thick/clip.csv", index=False)


def nodule_table(cohort: str, seed: int) -> pd.DataFrame:
    """A nodule a patient, with the columns of the calculators."""
    rng, k = np.random.default_rng(seed), np.arange(PATIENTS)
    malignant = (k % 3 == 0).astype(int)
    return pd.DataFrame(
        {
            "pid": [f"{cohort}{number:03d}" for number in k], "nodule_id": "1", "malignant": malignant,
            "age": 50 + k % 30, "female": k % 2, "family_history": 0, "emphysema": k % 2,
            "diameter_mm": 5 + 4 * malignant + rng.integers(0, 9, PATIENTS),
            "nodule_type": np.where(k % 2, "solid", "part-solid"), "upper_lobe": k % 2, "nodule_count": 1,
            "spiculation": malignant, "ever_smoker": 1, "extrathoracic_cancer": 0,
        }
    )  # fmt: skip


def scores(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Risks of a table's patients, higher where they have cancer."""
    risk = 0.3 * table["malignant"] + 0.6 * np.random.default_rng(seed + 10).random(len(table))
    return pd.DataFrame({"subject": table["pid"], "risk": risk.round(4)})


def _run_well(*words: str) -> None:
    done = run(*words)
    assert done.exit_code == 0, done.output
