"""The walk through LUNGx in the docs, with the challenge's own workbooks: each command as it is typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from benchmark.cli.main import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "lungx.md"
WORKBOOKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "lungx"


def commands_without_images() -> list[list[str]]:
    walk = PAGE.read_text(encoding="utf-8").partition("## 5.")[0]
    lines = [line for block in re.findall(r"```bash\n(.*?)```", walk, re.DOTALL) for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.slow
@pytest.mark.skipif(not WORKBOOKS.is_dir(), reason="the workbooks are not here")
def test_the_walk_ends_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for workbook in WORKBOOKS.glob("*.xlsx"):
        (tmp_path / workbook.name).symlink_to(workbook)
    commands = commands_without_images()
    assert [command[:2] for command in commands][:2] == [["cohort", "prepare"], ["cohort", "check"]]
    printed = ""
    for command in commands:
        if command[0] == "adapt":
            write_scores_of(Path(command[2]))
        done = CliRunner().invoke(app, [*command, *(["--replicates", "50"] if command[0] == "compare" else [])])
        assert done.exit_code == 0, done.output
        printed += done.output
    shown = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [line for block in shown for line in block.splitlines() if line not in printed] == []
    table = pd.read_csv("results/compare/tables/performance.csv").set_index("model")
    for model in ("mine", "theirs"):
        scores = pd.read_csv(f"{model}.csv").set_index("patient")["risk"]
        labels = patient_labels_of_workbooks().reindex(scores.index)
        assert table.loc[model, "n"] == 70
        assert table.loc[model, "auroc"] == pytest.approx(roc_auc_score(labels, scores))


def patient_labels_of_workbooks() -> pd.Series:
    """1 for patients with a malignant nodule, from the cohort's own column of the workbook's words."""
    nodules = pd.read_csv("cohorts/lungx/nodules.csv", dtype=str)
    words = nodules["diagnosis"].str.lower()
    malignant = words.str.contains("malignant|cancer") & ~words.str.contains("benign")
    return malignant.groupby(nodules["pid"]).any().astype(int)


def write_scores_of(path: Path) -> None:
    labels = patient_labels_of_workbooks()
    noise = np.random.default_rng(len(path.name)).normal(size=len(labels)) * 1.5
    risk = np.round(1 / (1 + np.exp(-(labels.to_numpy() + noise))), 4)
    pd.DataFrame({"patient": labels.index, "risk": risk}).to_csv(path, index=False)
