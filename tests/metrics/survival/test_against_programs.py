"""Time-to-event measures against scikit-survival, and R's survival and riskRegression; answers lie elsewhere."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics as m

YEARS = np.arange(1, 7)


@pytest.fixture(params=["s1_continuous", "s2_quarter_years", "s3_one_event_year1"])
def answers(request, shared):
    """Follow-up, risks of each model by year, and the programs' answers."""
    table = shared / "reference" / "survival" / f"{request.param}.csv"
    if not table.is_file():
        pytest.skip("no reference answers here")
    found = pd.read_csv(table)
    expected = json.loads(table.with_suffix("").with_suffix(".expected.json").read_text(encoding="utf-8"))
    risks = {name: found[[f"{name}_year{year}" for year in YEARS]].to_numpy() for name in expected["models"]}
    return found["time_years"], found["event"], risks, expected


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_scikit_survival(answers):
    time, event, risks, expected = answers
    for name, risk in risks.items():
        of_model = expected["models"][name]
        rows = [of_model[f"year{year}"] for year in YEARS]
        close(
            [m.harrell_c(time, event, column) for column in risk.T],
            [r["harrell_c_sksurv"]["cindex"] for r in rows],
        )
        uno = [m.uno_c(time, event, risk[:, k], year, "sksurv") for k, year in enumerate(YEARS)]
        close(uno, [row["uno_c_sksurv_tau_year"]["cindex"] for row in rows])
        close(m.uno_c(time, event, risk[:, 5], ties="sksurv"), of_model["uno_c_score_year6_no_tau"])
        areas = m.dynamic_auc(time, event, risk, YEARS, ties="sksurv")
        close(areas, [row["cumulative_dynamic_auc_sksurv"] for row in rows])
        close(m.brier_at(time, event, risk, YEARS, "sksurv"), [row["brier_ipcw_sksurv"] for row in rows])
        close(m.sybil_auc(time, event, risk, YEARS), [row["naive_auc"]["auc"] for row in rows])
        whole = of_model["integrated_brier_sksurv"]
        assert whole["times"] == YEARS.tolist()
        close(m.integrated_brier(time, event, risk, YEARS, "sksurv"), whole["value"])
        one = of_model["score_year6_at_all_years"]
        close(m.dynamic_auc(time, event, risk[:, 5], one["times"], "sksurv"), one["auc"])
        close(m.mean_dynamic_auc(time, event, risk[:, 5], one["times"], "sksurv"), one["mean_auc"])


def test_r(answers):
    time, event, risks, expected = answers
    assert expected["r"]["models"]
    for name, of_model in expected["r"]["models"].items():
        rows, risk = [of_model[f"year{year}"] for year in YEARS], risks[name]
        close([m.harrell_c(time, event, column) for column in risk.T], [row["harrell"]["c"] for row in rows])
        uno = [m.uno_c(time, event, risk[:, k], year) for k, year in enumerate(YEARS)]
        close(uno, [row["uno_timewt_nG2_ymax"]["c"] for row in rows])
        close(m.dynamic_auc(time, event, risk, YEARS), [row["riskRegression"]["auc"] for row in rows])
        close(m.brier_at(time, event, risk, YEARS), [row["riskRegression"]["brier"] for row in rows])
