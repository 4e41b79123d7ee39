"""A comparison on a cohort with follow-up: its tables of time to event, in every form and on the page."""

import re

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics as m
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import ScoreCard, write_scores
from benchmark.contracts.workspace import Workspace
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from tests.comparison.made import nodule_table, score_rows

N = 160


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cohort in days with a horizon of 1 year, a model with a risk of each year, and one with a single score."""
    folder = tmp_path_factory.mktemp("survival")
    rng = np.random.default_rng(4)
    x = rng.normal(size=N)
    died, left = rng.exponential(6 * np.exp(-1.2 * x)), rng.uniform(0.3, 8, N)
    days = np.ceil(365 * np.minimum(died, left))
    event = (died <= left).astype(int)
    label = np.where((event == 1) & (days <= 365), 1, 0)
    nodules = nodule_table([[int(k)] for k in label]).assign(time=days, event=event)
    nodules.loc[5, ["time", "event"]] = None
    manifest = CohortManifest(name="nlst", title="NLST", time_unit="days", horizon_years=1.0)
    cohort = write_cohort(folder / "cohorts" / "nlst", manifest, nodules)
    yearly = {f"year{y}": 1 - np.exp(-y / 6 * np.exp(1.2 * (x + rng.normal(size=N) * 0.2))) for y in range(1, 7)}
    yearly = pd.DataFrame(np.maximum.accumulate(np.array(list(yearly.values())), axis=0).T, columns=list(yearly))
    single = 1 / (1 + np.exp(-x - rng.normal(size=N) * 2))
    for model, rows in {
        "sybil": score_rows(nodules, "sybil", "nlst", yearly["year1"]).join(yearly),
        "brock": score_rows(nodules, "brock", "nlst", single),
    }.items():
        write_scores(
            rows,
            ScoreCard(model, "nlst", model.title(), "made", (), "unseen"),
            folder / "scores/nlst" / f"{model}.csv",
        )
    tables = compare_cohorts(
        ["nlst"], Workspace(folder / "cohorts", folder), CompareOptions(replicates=60), out=folder / "out"
    )
    return folder / "out", cohort, {"sybil": yearly.to_numpy(), "brock": single}, tables


def read(out, name):
    return pd.read_csv(out / "tables" / f"{name}.csv")


def test_the_size_of_holms_families_is_said(made):
    out = made[0]
    pairs = read(out, "survival_differences")
    tested = pairs[pairs["p_holm"].notna()].groupby("metric").size()
    said = f"Holm over all pairs and years of a measure on a cohort ({tested.min()} to {tested.max()} tests)"
    assert said in (out / "tables" / "survival_differences.md").read_text("utf-8")


def test_numbers_are_those_of_the_metrics(made):
    out, cohort, risks, _ = made
    known = cohort.nodules["time"].notna().to_numpy()
    time, event = cohort.nodules["time"][known].to_numpy() / 365, cohort.nodules["event"][known].to_numpy(int)
    table = read(out, "survival")
    value = table.set_index(["model", "metric", "year"])["value"].sort_index()
    years = np.arange(1, 7)
    for model, risk in ((model, risk[known]) for model, risk in risks.items()):
        np.testing.assert_allclose(value[model, "dynamic_auc"], m.dynamic_auc(time, event, risk, years), rtol=1e-9)
        np.testing.assert_allclose(value[model, "sybil_auc"], m.sybil_auc(time, event, risk, years), rtol=1e-9)
        last = risk if risk.ndim == 1 else risk[:, -1]
        assert value[model, "uno_c", 6] == pytest.approx(m.uno_c(time, event, last, 6), rel=1e-9)
        assert value[model, "harrell_c", 0] == pytest.approx(m.harrell_c(time, event, last), rel=1e-9)
    brier = m.brier_at(time, event, risks["sybil"][known], years)
    np.testing.assert_allclose(value["sybil", "brier_at"], brier, rtol=1e-9)
    assert ("brock", "brier_at") not in value.index.droplevel("year")  # one score is no probability of every year
    row = table[(table["metric"] == "dynamic_auc") & (table["year"] == 3)].iloc[0]
    assert row["n"] == known.sum() == N - 1
    assert row["n_events"] == ((time <= 3) & (event == 1)).sum()
    assert row["censored"] == ((time < 3) & (event == 0)).sum() > 10
    gap = read(out, "survival_differences").set_index(["metric", "year"])["difference"].sort_index()
    assert abs(gap["dynamic_auc", 2]) == pytest.approx(
        abs(value["sybil", "dynamic_auc", 2] - value["brock", "dynamic_auc", 2])
    )


def test_calibration_is_against_kaplan_meier(made):
    out, cohort, risks, _ = made
    known = cohort.nodules["time"].notna().to_numpy()
    time, event = cohort.nodules["time"][known] / 365, cohort.nodules["event"][known]
    table = read(out, "survival_calibration")
    assert set(table["model"]) == {"sybil"}
    whole = table[table["group"] == 0]
    np.testing.assert_allclose(whole["observed"], m.kaplan_meier(time, event).incidence_at(range(1, 7)), rtol=1e-9)
    np.testing.assert_allclose(whole["predicted"], risks["sybil"][known].mean(axis=0), rtol=1e-9)
    low, high = m.kaplan_meier(time, event).incidence_limits_at(range(1, 7))
    np.testing.assert_allclose(whole[["low", "high"]], np.transpose([low, high]), rtol=1e-9)
    assert table[table["year"] == 2]["n"].tolist()[1:] == [32, 32, 32, 32, 31]


def test_the_censored_are_unknown_in_the_binary_comparison(made):
    out, cohort, _, tables = made
    early = ((cohort.nodules["time"] < 365) & (cohort.nodules["event"] == 0)).sum()
    assert early > 5
    ledger = read(out, "ledger")
    assert ledger["censored"].tolist() == [early, early]
    assert (ledger["compared"] == N - early).all()
    assert f"{early} censored before the horizon" in (out / "tables" / "ledger.md").read_text(encoding="utf-8")
    positive = int((cohort.nodules["malignant"] == 1).sum())
    labelled = int(cohort.nodules["malignant"].notna().sum())
    said = [note for note in tables[0].notes if "censored" in note]
    assert [re.findall(r"\d+", note) for note in said] == [[f"{early}", f"{N}", f"{labelled}", f"{positive}"]]


def test_tables_stand_in_every_form_and_on_the_page(made):
    out, _, _, tables = made
    names = ("survival", "survival_differences", "survival_calibration")
    for name in names:
        for suffix in (".csv", ".md", ".tex", ".html", "_wide.csv"):
            assert (out / "tables" / f"{name}{suffix}").is_file()
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    for text in ("Time to event", "Calibration at each year", "AUC (IPCW), year 3", "Harrell"):
        assert text in page
    text = (out / "tables" / "survival.md").read_text(encoding="utf-8")
    assert "1 patients without follow-up are left out" in text
    assert "the one score of brock stands for the risk in all years" in text
    assert {"Time to event", "Time to event: differences on the same patients"} <= {
        table.title for table in tables
    }


def test_figures_hold_the_numbers_of_the_tables(made):
    out, _, _, _ = made
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    for text in ("NLST: AUC over time", "NLST: calibration at each year", "year 3", "years after the scan"):
        assert text in page
    area = (
        read(out, "survival").set_index(["model", "metric", "year"])["value"].sort_index()["sybil", "dynamic_auc"]
    )
    numbers = re.sub(r"\s", "", page)
    assert ",".join(str(round(value, 4)) for value in area) in numbers


def test_incidence_is_that_of_each_third_by_risk(made):
    out, cohort, risks, _ = made
    known = cohort.nodules["time"].notna().to_numpy()
    time, event = cohort.nodules["time"][known].to_numpy() / 365, cohort.nodules["event"][known].to_numpy(int)
    table = read(out, "survival_incidence")
    last = table["year"].max()
    for model, risk in (("sybil", risks["sybil"][known][:, int(last) - 1]), ("brock", risks["brock"][known])):
        highest = risk > np.quantile(risk, 2 / 3, method="inverted_cdf")
        curve = m.kaplan_meier(time[highest], event[highest])
        row = table[(table["model"] == model) & (table["group"] == 3) & (table["year"] == 1)].iloc[0]
        assert row["n"] == highest.sum()
        assert row["incidence"] == pytest.approx(curve.incidence_at(1.0), abs=1e-3)  # a year of 365.25 days
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Cumulative incidence by group of predicted risk" in page
    assert "cumulative incidence by risk, Sybil" in page


def test_the_explorer_sets_no_prevalence_where_patients_were_censored(made):
    page = (made[0] / "report" / "index.html").read_text(encoding="utf-8")
    assert '"prevalence":null' in page.replace(" ", "")
    assert "no prevalence is set, for some patients were censored before the horizon" in page
