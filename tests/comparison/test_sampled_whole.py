"""``--sampled-whole``: classes are drawn together everywhere, and what is said of limits follows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from typer.testing import CliRunner

from benchmark import evaluate
from benchmark.cli.main import app
from benchmark.comparison.bands import curve_bands
from benchmark.comparison.units import Scored
from benchmark.statistics import Resampling, metric_interval

RNG = np.random.default_rng(3)
N = 150
LABELS = (RNG.random(N) < 0.2).astype(int)
SCORES = {name: (RNG.normal(size=N) + shift * LABELS).round(4) for name, shift in (("a", 1.5), ("b", 1.0))}
KEPT = ("replicates of as many positives", "the number of positives kept", "keep the number of positives")


@pytest.mark.parametrize("whole", [False, True])
def test_every_interval_is_drawn_as_was_asked(whole: bool) -> None:
    found = evaluate(LABELS, SCORES, replicates=300, seed=4, sampled_whole=whole)
    for row in found.performance.to_dict("records"):
        resampling = Resampling(300, seed=4, stratified=not whole)
        alone = metric_interval(LABELS, SCORES[row["model"]], "auprc", resampling=resampling)
        assert (row["auprc_low"], row["auprc_high"]) == (alone.low, alone.high)


def test_bands_of_a_constant_model_have_the_width_of_the_prevalence() -> None:
    """Its precision is the share of positives drawn: of the cohort, or binomial where classes are together."""
    units = pd.DataFrame({"pid": [f"P{k:03d}" for k in range(N)], "nodule_id": "", "label": LABELS})
    table = pd.DataFrame({"constant": np.full(N, 0.5)})
    scored = Scored("c", "patient", units, table, pd.DataFrame(index=table.index), 0, {"constant": "rank"})
    apart = curve_bands(scored, Resampling(500))["constant"]
    together = curve_bands(scored, Resampling(500, stratified=False))["constant"]
    share = LABELS.mean()
    assert apart.precision_low[-1] == apart.precision_high[-1] == pytest.approx(share)
    low, high = binom.ppf([0.025, 0.975], N, share) / N
    assert together.precision_low[-1] == pytest.approx(low, abs=2 / N)
    assert together.precision_high[-1] == pytest.approx(high, abs=2 / N)


@pytest.mark.parametrize("whole", [False, True])
def test_the_command_says_it_beside_the_numbers_and_in_the_record(tmp_path: Path, whole: bool) -> None:
    table = pd.DataFrame({"patient": [f"p{k}" for k in range(N)], "malignant": LABELS, **SCORES})
    table["sex"] = np.where(np.arange(N) % 2, "f", "m")
    table.to_csv(tmp_path / "preds.csv", index=False)
    words = ["evaluate", str(tmp_path / "preds.csv"), "--model", "a", "--model", "b", "--by", "sex"]
    words += ["--replicates", "200", "--out", str(tmp_path / "out"), *(["--sampled-whole"] if whole else [])]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert f'"sampled_whole": {str(whole).lower()}' in json.dumps(record)
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert all((words in page) == (not whole) for words in KEPT)
    assert ("replicates, the number of positives drawn too" in page) == whole
