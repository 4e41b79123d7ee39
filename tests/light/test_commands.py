"""Every command of the light part runs without the extras, and the others say what to install."""

from __future__ import annotations

import html
import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.main import get_command

from benchmark.cli.main import app
from benchmark.contracts.scores import read_score_table

Done = tuple[Path, dict[str, tuple[int, str]]]
ROOT = Path(__file__).resolve().parents[2]
PATIENTS = 60
COLUMNS = (
    "pid,nodule_id,malignant,age,female,family_history,emphysema,longest_axial_diameter_(mm),nodule_type,upper_lobe,"
    "nodule_count,spiculation,ever_smoker,extrathoracic_cancer,years_quit,status,solid_mm,coordX,coordY,coordZ"
)
LIGHT = {
    "help": "--help",
    "prepare csv": "cohort prepare csv --from 'my table.csv' --out cohorts/mine",
    "prepare detections": "cohort prepare detections --from found.json --box-mode cccwhd --out cohorts/found",
    "prepare lungx": "cohort prepare lungx --from books --out cohorts/lungx",
    "check": "cohort check mine",
    "list": "cohort list",
    "split": "cohort split mine --folds 2 --out splits",
    "score brock": "score --cohort mine --model brock",
    "score mayo": "score --cohort mine --model mayo",
    "score va": "score --cohort mine --model va",
    "score size": "score --cohort mine --model size",
    "score diameter": "score --cohort mine --model diameter --train-cohort mine --results r",
    "score lungrads": "score --cohort mine --model lungrads --column solid_component_mm=solid_mm "
    "--column 'mean_diameter_mm=longest_axial_diameter_(mm)'",
    "score logistic": "score --cohort mine --model clinical-logistic",
    "adapters": "adapt list",
    "adapt": "adapt csv others.csv --cohort mine --model theirs --trained-on none",
    "compare": "compare --cohort mine --replicates 200 --by nodule_type --metric npv@recall=0.9 "
    "--margin auroc=0.1 --versus brock --threshold brock --figures svg --out 'my page'",
    "agree": "agree repeated.csv --threshold 0.3",
    "power": "power auroc --auroc 0.85 --width 0.1 --prevalence 0.1 --out sizes",
    "challenge": "challenge luna25 --input jobs --ground-truth truth.csv --out judged/metrics.json",
    "audit": "audit zhuang2025 --reconstruct r",
    "evaluate": "evaluate 'my models.csv' --replicates 99 --out 'one page'",
    "paper": "compare --cohort nlst --cohorts r/cohorts --results r --published zhuang2025 --replicates 99",
}
"""What is run, in this order: later commands read what earlier ones wrote."""
NEED_EXTRA = {
    "ct": (
        "cohort prepare phantom --out cohorts/new",
        "cohort prepare masks --from masks --out cohorts/new",
        "cohort prepare lungx --from books --from dicom --out cohorts/new",
        "cohort check mine --images",
        "crop --cohort mine --out new",
    ),
    "dicom": ("cohort prepare sr --from dicom --out cohorts/new",),
    "model": (
        "crop --from-pt masks --out new",
        "demo --out new",
        "explain --cohort mine --out new",
        "import-weights masks --out new",
        "score --cohort mine --out new",
        "text --cohort mine --out new",
        "train --cohort mine --name new",
        "tune --cohort mine --sweep rank=2,4 --name new",
    ),
    "lidc": ("cohort prepare lidc --out cohorts/new",),
}
"""Extra → commands that do nothing without it."""


def make_inputs(folder: Path) -> None:
    """A table of nodules, scores of another system, detections, LUNGx's workbook, and an empty crop store."""
    rows = []
    for k in range(PATIENTS):
        label = int(k % 3 == 0)
        diameter = 5 + (k * 7) % 11 + 6 * label
        kind = ("solid", "part-solid")[k % 2]
        clinical = f"{50 + k % 30},{k % 2},{k % 5 == 0:d},{k % 4 == 0:d},{diameter},{kind},{k % 2},1"
        smoking = f"{k % 7 == 0:d},1,{k % 6 == 0:d},{k % 12},baseline,{diameter / 2}"
        rows.append(f"P{k:03d},1,{label},{clinical},{smoking},{k - 30.5},9,{5 * k}")
    (folder / "my table.csv").write_text("\n".join([COLUMNS, *rows]) + "\n", encoding="utf-8")
    scores = [f"P{k:03d},{(k * 37 % 100 + 60 * (k % 3 == 0)) / 200}" for k in range(PATIENTS)]
    wide = [
        f"P{k:03d},{k % 3 == 0:d},{(k * 37 % 100 + 60 * (k % 3 == 0)) / 200},{k % 7 / 8}" for k in range(PATIENTS)
    ]
    (folder / "my models.csv").write_text("\n".join(["pid,label,score a,score b", *wide]) + "\n", encoding="utf-8")
    (folder / "others.csv").write_text("\n".join(["patient_id,score", *scores]) + "\n", encoding="utf-8")
    repeated = [f"P{k:03d},{scan},{(k * 37 % 100 + 3 * j) / 200}" for k in range(9) for j, scan in enumerate("ab")]
    (folder / "repeated.csv").write_text("\n".join(["nodule_id,scan,score", *repeated]) + "\n", encoding="utf-8")
    found = [{"image": "a_mask.nii.gz", "box": [[1, 2, 3, 5, 5, 5]], "label_scores": [0.9]}]
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
    (folder / "jobs").mkdir()
    points = [{"name": f"P{k}", "point": [0, 0, 0], "probability": k / 9} for k in range(9)]
    found_in_job = {"type": "Multiple points", "version": {"major": 1, "minor": 0}, "points": points}
    (folder / "jobs" / "likelihoods.json").write_text(json.dumps(found_in_job), encoding="utf-8")
    truth = [f"P{k},P{k},{k % 3 == 0:d}" for k in range(9)]
    (folder / "truth.csv").write_text("\n".join(["PatientID,AnnotationID,label", *truth]) + "\n", encoding="utf-8")
    (folder / "books").mkdir()
    book = openpyxl.Workbook()
    header = (
        "Scan Number",
        "Nodule Number",
        "Nodule Center x,y Position*",
        "Nodule Center Image",
        "Final Diagnosis",
    )
    for row in (
        header,
        ("LUNGx-CT001", 1, "3, 2", 1, "Benign nodule"),
        ("LUNGx-CT002", 1, "5, 9", 2, "Benign nodule"),
    ):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(folder / "books" / "TestSet.xlsx")
    (folder / "dicom").mkdir()
    (folder / "dicom" / "slice").write_bytes(bytes(128) + b"DICM")
    (folder / "masks").mkdir()
    store = folder / "results" / "crops" / "mine"
    (store / "crops.zarr").mkdir(parents=True)
    (store / "index.csv").write_text("pid,nodule_id,status\n", encoding="utf-8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The folder after all commands; exit status and output of each by its name or, of the others, its line."""
    folder = tmp_path_factory.mktemp("an empty folder")
    make_inputs(folder)
    lines = LIGHT | {line: line for own in NEED_EXTRA.values() for line in own}
    child = subprocess.run(
        [sys.executable, "-m", "tests.light.without", "run"],
        input=json.dumps([shlex.split(line) for line in lines.values()]), capture_output=True, text=True,
        encoding="utf-8", cwd=folder, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "160"},
    )  # fmt: skip
    return folder, dict(zip(lines, map(tuple, json.loads(child.stdout)), strict=True))


@pytest.mark.parametrize("name", LIGHT)
def test_a_command_of_the_light_part_runs(name: str, done: Done) -> None:
    status, output = done[1][name]
    assert status == 0, output


def test_all_commands_are_listed(done: Done) -> None:
    command = get_command(app)
    for name in command.commands:  # type: ignore[attr-defined]
        assert name in done[1]["help"][1]


def test_the_scores_are_those_of_everybody(done: Done) -> None:
    # Mayo's formula (Swensen et al. 1997) of the first patient, written out: age 50, smoked, cancer before,
    # 11 mm, spiculated, not in an upper lobe
    scores = read_score_table(done[0] / "results" / "scores" / "mine" / "mayo.csv").set_index("pid")["score"]
    log_odds = -6.8272 + 0.0391 * 50 + 0.7917 + 1.3388 + 0.1274 * 11 + 1.0407
    assert scores["P000"] == pytest.approx(1 / (1 + math.exp(-log_odds)), rel=1e-12)
    tables = pd.read_csv(done[0] / "my page" / "tables" / "performance.csv").set_index("model")
    table = pd.read_csv(done[0] / "my table.csv")
    assert tables.loc["size", "auroc"] == pytest.approx(
        roc_auc_score(table["malignant"], table["longest_axial_diameter_(mm)"]), abs=1e-12
    )


def test_the_page_says_why_it_has_no_images(done: Done) -> None:
    page = html.unescape((done[0] / "my page" / "report" / "index.html").read_text(encoding="utf-8"))
    assert "No images: a picture of a nodule needs " in page
    assert ': pip install "nodule-bench[ct]".' in page


@pytest.mark.parametrize(("extra", "line"), [(extra, line) for extra, own in NEED_EXTRA.items() for line in own])
def test_a_command_of_an_extra_says_what_to_install(extra: str, line: str, done: Done) -> None:
    status, output = done[1][line]
    assert status == 2, output
    assert output.startswith("error: ")
    assert output.endswith(f': pip install "nodule-bench[{extra}]"\n')
    assert len(output.splitlines()) == 1


def test_what_was_refused_wrote_nothing(done: Done) -> None:
    assert not list(done[0].rglob("new*"))
    assert not list(done[0].rglob("*.lock"))
