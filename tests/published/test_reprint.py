"""The round trip of issue 8: what `bench compare` prints of the reconstruction is what the paper prints."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.published.load import load_published
from benchmark.published.reconstruct import reconstruct


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_compare_reprints_tables_2_and_s2_to_s5(tmp_path: Path) -> None:
    """Every model on all patients that it scored, as the paper has it."""
    paper = load_published("zhuang2025")
    built = reconstruct(paper, tmp_path / "built")
    left_out = {(u.cohort, u.model, u.item, u.recall) for u in built.unmet}
    arguments = [part for cohort in paper.cohorts for part in ("--cohort", cohort)]
    folders = ["--cohorts", str(tmp_path / "built" / "cohorts"), "--results", str(tmp_path / "built")]
    out = tmp_path / "compared"
    result = CliRunner().invoke(app, ["compare", *arguments, *folders, "--replicates", "200", "--out", str(out)])
    assert result.exit_code == 0, result.output
    compared = 0
    # A table of all available patients is written where models were scored on different ones.
    whole = {(row["cohort"], row["model"]): row for row in read(out / "tables" / "performance_all.csv")}
    for cohort, models in paper.performance.items():
        for model, printed in models.items():
            for item, number in (("auroc", printed.auroc), ("auprc", printed.auprc)):
                value = float(whole[cohort, model][item])
                assert f"{value:.{number.decimals}f}" == number.text, (cohort, model, item)
                compared += 1
    rows = {
        (row["cohort"], row["model"], float(row["recall_target"])): row
        for row in read(out / "tables" / "operating_points_all.csv")
    }
    for cohort, tables in paper.operating_points.items():
        for model, points in tables.items():
            for point in points:
                row = rows[cohort, model, float(point.order)]
                for item, number in (("fpr", point.fpr), ("precision", point.precision)):
                    same = f"{float(row[item]):.{number.decimals}f}" == number.text
                    assert same or (cohort, model, item, point.order.text) in left_out
                    compared += same
    assert compared == 12 * 2 + 12 * 8 - 1
