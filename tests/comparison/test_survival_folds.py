"""Risks by year come from the rows that the scores come from: pooled over folds, and year by year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.comparison.survival import survival_result
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.statistics import Resampling

N = 60
RNG = np.random.default_rng(1)
TIME = RNG.uniform(0.1, 3.6, N).round(3)
EVENT = (RNG.random(N) < 0.5).astype(int)
PIDS = [f"S{k:02d}" for k in range(N)]
FIRST = np.where((EVENT == 1) & (TIME <= 1), 0.2 + 0.1 * RNG.random(N), 0.01 + 0.1 * RNG.random(N)).round(4)
SECOND = (FIRST + RNG.uniform(0.01, 0.6, N)).round(4)
RISKS = {"year1": FIRST, "year2": SECOND, "year3": SECOND + 0.05}


@pytest.fixture
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    rows = {"pid": PIDS, "nodule_id": "1", "malignant": EVENT, "time": TIME, "event": EVENT}
    rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
    manifest = CohortManifest(name="c", title="C", time_unit="years")
    return write_cohort(tmp_path_factory.mktemp("c") / "c", manifest, pd.DataFrame(rows))


def table(model: str, fold: object, **risks: object) -> pd.DataFrame:
    given = {"model": model, "cohort": "c", "pid": PIDS, "nodule_id": "", "fold": fold}
    given |= {"score": list(risks.values())[-1], "score_kind": "probability", "status": "scored", "reason": ""}
    return pd.DataFrame(given | risks)


def values(cohort: Cohort, *tables: pd.DataFrame) -> tuple[pd.Series, str]:
    scores = pd.concat(tables, ignore_index=True)
    found = survival_result(
        cohort, scores, models=list(scores["model"].unique()), untested=[], resampling=Resampling(20)
    )
    assert found is not None
    return found.values.set_index(["model", "metric", "year"])["value"], " ".join(found.notes)


def test_a_cross_validated_model_has_the_risks_of_its_rows(cohort: Cohort) -> None:
    # Rows of folds were passed over: the last year's risk stood for every year.
    folds = [str(k % 3) for k in range(N)]
    value, notes = values(cohort, table("whole", "ensemble", **RISKS), table("parts", folds, **RISKS))
    pd.testing.assert_series_equal(value["parts"], value["whole"], check_names=False)
    assert "stands for the risk in all years" not in notes
    # By scikit-learn, of the patients whose first year is known.
    known = (TIME >= 1) | (EVENT == 1)
    expected = roc_auc_score(((TIME <= 1) & (EVENT == 1))[known], FIRST[known])
    assert value["parts", "sybil_auc", 1] == pytest.approx(expected)
    assert ("parts", "brier_at", 2) in value.index


def test_folds_that_all_scored_a_patient_are_averaged_year_by_year(cohort: Cohort) -> None:
    shifts = {"0": -0.005, "1": 0.002, "2": 0.003}
    members = [
        table("m", fold, **{year: risk + shift for year, risk in RISKS.items()}) for fold, shift in shifts.items()
    ]
    value, _ = values(cohort, table("whole", "ensemble", **RISKS), *members)
    np.testing.assert_allclose(value["m"], value["whole"], rtol=1e-9)


def test_a_year_that_a_model_lacks_is_left_out_and_said(cohort: Cohort) -> None:
    two = table("two", "ensemble", year1=FIRST, year2=SECOND)
    value, notes = values(cohort, table("three", "ensemble", **RISKS), two)
    pd.testing.assert_series_equal(value["two"], value["three"], check_names=False)
    assert sorted(set(value.index.get_level_values("year"))) == [0, 1, 2]
    assert "year 3 is left out: not every model with risks by year has one of it (three, two)" in notes


def test_a_model_that_lacks_the_risks_of_some_patients_takes_no_part(cohort: Cohort) -> None:
    holed = table("holed", "ensemble", **RISKS)
    holed.loc[4, "year2"] = np.nan
    value, notes = values(cohort, table("whole", "ensemble", **RISKS), holed)
    assert set(value.index.get_level_values("model")) == {"whole"}
    assert "holed takes no part: it has a score, and not the risk of every year, of 1 patients" in notes


def test_one_score_stands_for_all_years_and_is_said(cohort: Cohort) -> None:
    _, notes = values(cohort, table("one", "ensemble", **RISKS).drop(columns=list(RISKS)))
    assert "the one score of one stands for the risk in all years" in notes
