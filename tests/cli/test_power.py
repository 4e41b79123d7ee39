"""``bench power``: rows by prevalence, the functions behind them, files, and bad values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.metrics import auprc
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import (
    noninferiority,
    patients_for_auprc,
    patients_for_auroc,
    patients_for_noninferiority,
    patients_for_recall,
    rate_interval,
)
from benchmark.statistics.planning import simulated_average_precisions
from tests.coverage.designs import correlated


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["power", *map(str, arguments)], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def test_a_row_for_each_prevalence_and_all_forms(tmp_path: Path) -> None:
    both = ("--prevalence", 0.1, "--prevalence", 0.2)
    status, output = run("auroc", "--auroc", 0.85, "--width", 0.1, *both, "--out", tmp_path / "o")
    assert status == 0, output
    for prevalence in (0.1, 0.2):
        assert f"{patients_for_auroc(0.85, 0.1, prevalence).n:,}" in output
    assert {path.suffix for path in (tmp_path / "o").glob("patients_needed*")} == {".csv", ".md", ".tex", ".html"}


@pytest.mark.parametrize(
    ("arguments", "n"),
    [
        (("difference", "--auroc", 0.8, "--new", 0.85), 1113),
        (("difference", "--auroc", 0.85, "--new", 0.85, "--margin", 0.05), 988),
        (("recall", "--recall", 0.9, "--width", 0.2), patients_for_recall(0.9, 0.2, 0.2).n),
        (("auprc", "--auroc", 0.85, "--width", 0.3, "--replicates", 100),
         patients_for_auprc(0.85, 0.3, 0.2, replicates=100).n),
    ],
)  # fmt: skip
def test_commands_give_what_the_functions_give(arguments: tuple[object, ...], n: int) -> None:
    status, output = run(*arguments, "--prevalence", 0.2)
    assert status == 0, output
    assert f" {n:,} " in output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("auroc", "--auroc", 85, "--width", 0.1, "--prevalence", 0.1), "auroc 85.0 is not above 0 and below 1"),
        (("recall", "--recall", 0.9, "--width", 0, "--prevalence", 0.1), "width 0.0 is not above 0 and below 1"),
        (("auprc", "--auroc", 0.9, "--width", 0.001, "--prevalence", 0.1, "--replicates", 100), "over 200,000"),
        (
            ("difference", "--auroc", 0.9, "--new", 0.8, "--margin", 0.05, "--prevalence", 0.1),
            "no number of patients",
        ),
        (("difference", "--auroc", 0.9, "--new", 0.9, "--prevalence", 0.1), "two different AUROCs"),
    ],
)
def test_bad_values(arguments: tuple[object, ...], says: str) -> None:
    status, output = run(*arguments)
    assert (status, says in output) == (2, True), output


def test_fewer_patients_are_not_enough() -> None:
    for needed, wanted in ((patients_for_auroc, 0.85), (patients_for_recall, 0.9)):
        found = needed(wanted, 0.12, 0.3)
        assert found.width <= 0.12
        assert needed(wanted, found.width * 0.999, 0.3).n > found.n


def test_wilsons_width_is_that_of_simulated_recalls() -> None:
    found = patients_for_recall(0.9, 0.15, 0.5)
    drawn = np.random.default_rng(0).binomial(found.n_positive, 0.9, 20_000)
    counts, times = np.unique(drawn, return_counts=True)
    widths = np.array([np.subtract(*rate_interval(int(k), found.n_positive)[::-1]) for k in counts])
    assert float(widths @ times / times.sum()) == pytest.approx(found.width, abs=2e-4)


def test_simulated_average_precision_is_the_metric() -> None:
    found = simulated_average_precisions(0.8, 7, 20, 3, seed=4)
    rng = np.random.default_rng(4)
    shift = 2**0.5 * 0.8416212335729143
    for value in found:
        positives, negatives = rng.normal(shift, 1, 7), rng.normal(size=20)
        assert value == pytest.approx(auprc([1] * 7 + [0] * 20, [*positives, *negatives]))


def test_non_inferiority_is_shown_as_often_as_planned() -> None:
    # Scores of correlation 0.5; the AUROCs' own correlation is near it, and Hanley and McNeil's variance is larger
    # than that of binormal scores: a little more power than planned.
    planned = patients_for_noninferiority(0.85, 0.85, 0.08, 0.3, correlation=0.5)
    rng = np.random.default_rng(1)
    shown = sum(
        noninferiority(*correlated(rng, planned.n_positive, planned.n_negative, 0.85, 0.85, 0.5), 0.08).noninferior
        for _ in range(400)
    )
    assert 0.72 < shown / 400 < 0.92


def test_a_worse_model_is_refused() -> None:
    with pytest.raises(SampleError, match="by the margin"):
        patients_for_noninferiority(0.8, 0.85, 0.05, 0.3)
