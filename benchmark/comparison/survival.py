"""Time to event: what the models of a cohort with follow-up say of when, not only of whether."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.comparison.incidence import incidence_rows
from benchmark.comparison.odd_models import odd_models
from benchmark.comparison.units import Scored, scores_by_unit
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.followup import years
from benchmark.contracts.scores import year_columns
from benchmark.metrics import calibration_at
from benchmark.metrics.inputs import Array
from benchmark.statistics import PairedBootstrap, Resampling, as_survival_sample, survival_bootstrap_of

YEARS: Final = (1, 2, 3, 4, 5, 6)
"""Years after the scan that models of this field predict, and that tables show where follow-up reaches them."""
VALUES: Final = (
    "cohort", "model", "metric", "year", "value", "low", "high", "method", "n", "n_events", "censored", "note",
)  # fmt: skip
DIFFERENCES: Final = (
    "cohort", "metric", "year", "model_a", "model_b", "difference", "low", "high", "p_value", "p_holm",
    "attainable_p", "method", "note",
)  # fmt: skip
CALIBRATION: Final = (
    "cohort", "model", "year", "group", "predicted", "observed", "low", "high", "n", "n_events", "ratio",
    "ratio_low", "ratio_high",
)  # fmt: skip


@dataclass(frozen=True)
class SurvivalResult:
    """Time-to-event numbers of one cohort, of the patients that all models scored.

    Attributes:
        values: A row a model, measure and year; ``year`` is 0 for measures over all years.
        differences: A row a measure, year and pair of models; Holm over the pairs and years of a measure.
        calibration: A row a model with a probability of a year, that year, and group of risk (0: all patients).
        notes: Sentences on who and what was left out.
        incidence: A row a model, group of its risk and time (`incidence_rows`).
    """

    values: pd.DataFrame
    differences: pd.DataFrame
    calibration: pd.DataFrame
    notes: tuple[str, ...] = ()
    incidence: pd.DataFrame = field(default_factory=pd.DataFrame)


def survival_result(
    cohort: Cohort,
    scores: pd.DataFrame,
    models: Collection[str],
    *,
    untested: Collection[str],
    resampling: Resampling,
) -> SurvivalResult | None:
    """C-index, AUC of each year, and where a model gives a probability of each year Brier score and calibration.

    A model's risk of a year is its column of that year in the score table, pooled over folds and nodules as its
    score is; a model without such columns has its score as the risk in all years. Years of which a model with such
    columns has no risk are left out for all, and a model that lacks the risk of some patients takes no part; both
    are said. Patients without follow-up are left out and counted in a note.

    Args:
        cohort: The cohort.
        scores: Its rows of score tables.
        models: Models to compare; others are left out.
        untested: Models whose numbers are shown but which take part in no difference.
        resampling: Replicates and seed.

    Returns:
        None where the cohort states no ``time_unit``, or no two of its patients can be told apart in time.
    """
    unit = cohort.manifest.time_unit
    if unit is None:
        return None
    followed = replace(cohort, nodules=cohort.nodules.assign(malignant=cohort.nodules["event"]))
    available = scores_by_unit(followed, scores, "patient")
    available = available.keeping([model for model in available.models if model in set(models)])
    yearly_scores = _scores_by_year(followed, scores, available.models)
    odd = odd_models(available) | _without_some_risks(available, yearly_scores)
    scored = available.keeping([model for model in available.models if model not in odd]).common()
    if not scored.models or not scored.labels.any():
        return None
    by_patient = years(cohort.nodules.groupby("pid", sort=False)["time"].first(), unit)
    time = by_patient.reindex(scored.units["pid"].to_numpy(object)).to_numpy(np.float64)
    event = scored.labels
    shown = np.array([y for y in YEARS if (event[time <= y] == 1).any() and (time > y).any()], dtype=np.float64)
    of_all = [y for y in shown if all(y in of_year for m, of_year in yearly_scores.items() if m in scored.models)]
    skipped, shown = [f"{y:g}" for y in shown if y not in of_all], np.array(of_all, dtype=np.float64)
    if not shown.size:
        return None
    pids = scored.units["pid"].to_numpy(object)
    risks = {
        model: yearly_scores[model].loc[pids, shown].to_numpy(np.float64)
        if model in yearly_scores
        else scored.scores[model].to_numpy(np.float64)
        for model in scored.models
    }
    found = _Rows(cohort.name, time, event)
    tested = [model for model in scored.models if model not in untested]
    yearly = {m: risk for m, risk in risks.items() if risk.ndim == 2 and scored.kinds[m] == "probability"}
    for run in _bootstraps(found, risks, yearly, shown, resampling):
        found.add(run, tested)
    calibration = [_calibration(cohort.name, m, time, event, risk, shown) for m, risk in yearly.items()]
    return SurvivalResult(
        pd.DataFrame(found.values, columns=list(VALUES)),
        pd.DataFrame(found.differences, columns=list(DIFFERENCES)),
        pd.concat(calibration, ignore_index=True) if calibration else pd.DataFrame(columns=list(CALIBRATION)),
        tuple(_notes(available, scored, odd, risks, skipped)),
        pd.concat(
            [
                incidence_rows(cohort.name, m, time, event, risk[:, -1] if risk.ndim == 2 else risk, shown)
                for m, risk in risks.items()
            ],
            ignore_index=True,
        ),
    )


def _notes(
    available: Scored, scored: Scored, odd: dict[str, str], risks: dict[str, Array], skipped: list[str]
) -> list[str]:
    """Who and which years are left out, and which models have one risk for all years."""
    notes = [f"{available.unlabelled:,} patients without follow-up are left out"] if available.unlabelled else []
    lost = len(available.units) - len(scored.units)
    notes += [f"{lost:,} patients that not every model scored are left out"] if lost else []
    notes += [f"{model} takes no part: {why}" for model, why in odd.items()]
    single = [model for model, risk in risks.items() if risk.ndim == 1]
    notes += [f"the one score of {', '.join(single)} stands for the risk in all years"] if single else []
    if skipped:
        whose = ", ".join(model for model, risk in risks.items() if risk.ndim == 2)
        notes.append(
            f"year {', '.join(skipped)} is left out: not every model with risks by year has one of it ({whose}); "
            "compare fewer models to see it"
        )
    return [f"{scored.cohort}: {note}" for note in notes]


def _scores_by_year(cohort: Cohort, scores: pd.DataFrame, models: Collection[str]) -> dict[str, pd.DataFrame]:
    """Of each model with risks by year a row a patient and a column a year, pooled as its score is."""
    found: dict[str, pd.DataFrame] = {}
    for model in models:
        rows = scores[scores["model"] == model]
        by_year = {}
        for column in year_columns(rows):
            if rows[column].notna().any():
                of_year = scores_by_unit(cohort, rows.assign(score=rows[column]), "patient")
                by_year[float(column.removeprefix("year"))] = of_year.scores[model].to_numpy(np.float64)
        if by_year:
            found[model] = pd.DataFrame(by_year, index=of_year.units["pid"].to_numpy(object))
    return found


def _without_some_risks(available: Scored, by_year: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Models with risks by year that lack those of some patients whom they scored, and why that is odd."""
    found = {}
    for model, risks in by_year.items():
        scored = available.scores[model].notna().to_numpy()
        lacking = int(risks[scored].isna().any(axis=1).sum())
        if lacking:
            found[model] = f"it has a score, and not the risk of every year, of {lacking:,} patients"
    return found


def _bootstraps(
    found: _Rows, risks: dict[str, Array], yearly: dict[str, Array], shown: Array, resampling: Resampling
) -> list[PairedBootstrap]:
    """Concordance up to the last year shown, measures of each year, and Brier scores of probabilities."""
    last = {model: risk[:, -1] if risk.ndim == 2 else risk for model, risk in risks.items()}
    sample = as_survival_sample(found.time, found.event, last, shown[-1:])
    runs = [survival_bootstrap_of(sample, ("harrell_c", "uno_c"), resampling=resampling)]
    sample = as_survival_sample(found.time, found.event, risks, shown)
    measures = ("dynamic_auc", "mean_dynamic_auc", "sybil_auc")
    runs.append(survival_bootstrap_of(sample, measures, resampling=resampling))
    if yearly:
        sample = as_survival_sample(found.time, found.event, yearly, shown)
        brier = ("brier_at", "integrated_brier") if shown.size > 1 else ("brier_at",)
        runs.append(survival_bootstrap_of(sample, brier, resampling=resampling))
    return runs


class _Rows:
    """Rows of `SurvivalResult`, as bootstraps give them."""

    def __init__(self, cohort: str, time: Array, event: Any) -> None:  # noqa: ANN401
        self.cohort, self.time, self.event = cohort, time, event
        self.values: list[dict[str, Any]] = []
        self.differences: list[dict[str, Any]] = []

    def add(self, run: PairedBootstrap, tested: Collection[str]) -> None:
        """Take over the estimates, and the differences of the models that are tested."""
        for e in run.estimates:
            named = self._named(e.metric)
            by = named["year"] or np.inf
            size = {"n": self.time.size, "n_events": int(((self.time <= by) & (self.event == 1)).sum())}
            size["censored"] = int(((self.time < by) & (self.event == 0)).sum())
            ends = {"value": e.value, "low": e.low, "high": e.high, "method": e.method, "note": e.note}
            self.values.append({**named, "model": e.model, **size, **ends})
        for d in run.differences:
            if d.model_a in tested and d.model_b in tested:
                row = {column: getattr(d, column) for column in DIFFERENCES[3:]}
                self.differences.append({**self._named(d.metric), **row})

    def _named(self, name: str) -> dict[str, Any]:
        metric, _, at = name.partition("@time=")
        return {"cohort": self.cohort, "metric": metric, "year": int(float(at)) if at else 0}


def _calibration(cohort: str, model: str, time: Array, event: Any, risk: Array, shown: Array) -> pd.DataFrame:  # noqa: ANN401
    rows: list[dict[str, Any]] = []
    for k, year in enumerate(shown):
        found = calibration_at(time, event, risk[:, k], float(year))
        named = {"cohort": cohort, "model": model, "year": int(year)}
        ratio = {"ratio": found.ratio, "ratio_low": found.ratio_low, "ratio_high": found.ratio_high}
        expected = found.mean_predicted
        whole = {"predicted": expected, "observed": found.mean_observed, "n": time.size}
        whole |= {"low": found.ratio_low * expected, "high": found.ratio_high * expected}
        rows.append({**named, "group": 0, **whole, "n_events": int(found.events.sum()), **ratio})
        for g in range(found.n.size):
            ends = {"predicted": found.predicted[g], "observed": found.observed[g], "low": found.low[g]}
            ends |= {"high": found.high[g], "n": int(found.n[g]), "n_events": int(found.events[g])}
            rows.append({**named, "group": g + 1, **ends})
    return pd.DataFrame(rows, columns=list(CALIBRATION))
