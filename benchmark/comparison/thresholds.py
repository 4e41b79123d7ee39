"""Thresholds that were chosen elsewhere, on another cohort or in a guideline, applied as they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.errors import InputError, Problem
from benchmark.metrics.curve import cumulative_counts
from benchmark.metrics.inputs import as_sample
from benchmark.metrics.operating import operating_point, point_at_specificity, point_at_threshold
from benchmark.statistics.rates import RateInterval, rate_of_cases

GUIDELINE: Final[Mapping[str, tuple[float, ...]]] = {"brock": (0.06, 0.10)}
"""Calculator → thresholds that are used for it in care and in screening."""
DEFAULT_RULE: Final = "recall=0.9"
RATES: Final = ("recall", "specificity", "ppv", "npv", "lr_positive", "lr_negative")
THRESHOLD_COLUMNS: Final = (
    "cohort", "model", "origin", "rule", "threshold", "n", "tp", "fp", "fn", "tn",
    *(f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")), "promised_recall",
    "promised_specificity",
)  # fmt: skip

PREDICTIVE_COLUMNS: Final = (
    "cohort", "model", "origin", "rule", "threshold", "prevalence", "ppv", "ppv_low", "ppv_high", "npv", "npv_low",
    "npv_high", "called", "missed",
)  # fmt: skip


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold of one model.

    Attributes:
        model: The model.
        threshold: Scores at or above it are positive.
        origin: Cohort that it was chosen on; empty for one that was given.
        rule: How it was chosen.
        recall: What it gave there; NaN for one that was given.
        specificity: What it gave there; NaN for one that was given.
    """

    model: str
    threshold: float
    origin: str = ""
    rule: str = "given"
    recall: float = math.nan
    specificity: float = math.nan


@dataclass(frozen=True)
class Thresholds:
    """Thresholds from elsewhere.

    Attributes:
        chosen: Those that were given, then those chosen on another cohort.
        shares: Cohort → patients that it shares with the one that thresholds were chosen on: 0 where a manifest
            says so and no id stands in both. A cohort that shares none is left out.
    """

    chosen: tuple[ChosenThreshold, ...] = ()
    shares: Mapping[str, int] = field(default_factory=dict)


def split_source(text: str) -> tuple[str, str, float]:
    """``COHORT[:recall=0.9|:specificity=0.95|:youden]`` as cohort, rule and value.

    Raises:
        InputError: It is none.
    """
    cohort, colon, rule = text.partition(":")
    name, equals, number = (rule if colon else DEFAULT_RULE).partition("=")
    try:
        value = float(number) if equals else math.nan
    except ValueError:
        value = math.nan
    fits = (name == "youden" and not equals) or (name in ("recall", "specificity") and 0 < value <= 1)
    if not cohort or not fits:
        fix = "write COHORT, COHORT:recall=0.9, COHORT:specificity=0.95 or COHORT:youden"
        raise InputError(Problem("says no way to choose a threshold", fix, column="--threshold-from", value=text))
    return cohort, name, value


def thresholds_chosen_on(source: Scored, rule: str, value: float) -> list[ChosenThreshold]:
    """Threshold of each model by a rule on the cases of a cohort that it scored.

    recall: the highest with at least this recall; specificity: that of the highest recall with at least this
    specificity; youden: that of the largest ``recall + specificity − 1``, the highest of several.

    Raises:
        InputError: A model's cases are of one class.
    """
    found = []
    for model in source.models:
        scores = source.scores[model].to_numpy(np.float64)
        there = np.isfinite(scores)
        labels, own = source.labels[there], scores[there]
        if labels.size == 0 or labels.min() == labels.max():
            what = f"the cases of {source.cohort} that {model} scored are of one class"
            raise InputError(Problem(what, "choose the threshold on another cohort", column="--threshold-from"))
        if rule == "recall":
            threshold = operating_point(labels, own, value).threshold
        elif rule == "specificity":
            threshold = point_at_specificity(labels, own, value).threshold
        else:
            curve = cumulative_counts(*as_sample(labels, own))
            gain = curve.tp * curve.n_negative - curve.fp * curve.n_positive
            threshold = float(curve.threshold[int(np.argmax(gain))])
        point = point_at_threshold(labels, own, threshold)
        named = rule if rule == "youden" else f"{rule}={value:g}"
        found.append(ChosenThreshold(model, threshold, source.cohort, named, point.recall, point.specificity))
    return found


def threshold_rows(scored: Scored, chosen: Sequence[ChosenThreshold]) -> pd.DataFrame:
    """What thresholds give on a cohort's units that every model scored.

    A threshold that was chosen on the same cohort is left out. Intervals of shares are Wilson's, with the design
    effect where patients repeat; of likelihood ratios by the logarithm (Simel et al., J Clin Epidemiol
    1991;44:763), with the same effective numbers.

    Returns:
        ``THRESHOLD_COLUMNS``, a row a model and threshold.
    """
    rows = []
    for one in chosen:
        if one.origin == scored.cohort or one.model not in scored.models or not len(scored.units):
            continue
        truth = scored.labels == 1
        called = scored.scores[one.model].to_numpy(np.float64) >= one.threshold
        patients = scored.units["pid"] if scored.repeated is not None else np.arange(truth.size)
        codes = pd.factorize(pd.Series(patients))[0].astype(np.int64)
        clustered = bool(np.unique(codes).size < codes.size)
        shares = {
            name: rate_of_cases(hit[among], codes[among], clustered, "wilson", 0.95)
            for name, hit, among in (
                ("recall", called, truth), ("specificity", ~called, ~truth), ("ppv", truth, called),
                ("npv", ~truth, ~called),
            )
        }  # fmt: skip
        counts = {"tp": called & truth, "fp": called & ~truth, "fn": ~called & truth, "tn": ~called & ~truth}
        row: dict[str, object] = {
            "cohort": scored.cohort,
            "model": one.model,
            "origin": one.origin,
            "rule": one.rule,
        }
        row |= {"threshold": one.threshold, "n": truth.size}
        row |= {name: int(hit.sum()) for name, hit in counts.items()}
        for name, share in shares.items():
            low, high = (share.low, share.high) if share.total else (math.nan, math.nan)
            row |= {name: share.rate, f"{name}_low": low, f"{name}_high": high}
        for sign in ("positive", "negative"):
            ratio, low, high = likelihood_ratio(shares["recall"], shares["specificity"], sign == "positive")
            row |= {f"lr_{sign}": ratio, f"lr_{sign}_low": low, f"lr_{sign}_high": high}
        rows.append(row | {"promised_recall": one.recall, "promised_specificity": one.specificity})
    return pd.DataFrame(rows, columns=list(THRESHOLD_COLUMNS))


def predictive_rows(rows: pd.DataFrame, prevalences: Sequence[float]) -> pd.DataFrame:
    """Predictive values that thresholds would have where another share of the cases is positive.

    By Bayes from recall and specificity; limits from those of the likelihood ratios, which are Mercaldo, Lau and
    Zhou's on the logit scale (Stat Med 2007;26:2170). Without any false positive (or any miss) there are none, nor
    where all cases (or none) are called.

    Args:
        rows: Of `threshold_rows`.
        prevalences: Shares of positives, each above 0 and below 1.

    Returns:
        ``PREDICTIVE_COLUMNS``, a row a model, threshold and prevalence; ``called`` is the share called positive,
        ``missed`` that of all cases which are positive and not called.
    """
    found = []
    for row in rows.to_dict("records"):
        for share in prevalences:
            odds = share / (1 - share)
            ppv = [_of_odds(odds * row[f"lr_positive{end}"]) for end in ("", "_low", "_high")]
            npv = [_of_odds(1 / (odds * row[f"lr_negative{end}"])) if row[f"lr_negative{end}"] != 0 else 1.0
                   for end in ("", "_high", "_low")]  # fmt: skip
            hits, alarms = share * row["recall"], (1 - share) * (1 - row["specificity"])
            one = {name: row[name] for name in PREDICTIVE_COLUMNS[:5]} | {"prevalence": share}
            one |= dict(
                zip(("ppv", "ppv_low", "ppv_high", "npv", "npv_low", "npv_high"), (*ppv, *npv), strict=True)
            )
            found.append(one | {"called": hits + alarms, "missed": share - hits})
    return pd.DataFrame(found, columns=list(PREDICTIVE_COLUMNS))


def _of_odds(odds: float) -> float:
    return 1.0 if odds == math.inf else odds / (1 + odds)


def likelihood_ratio(
    recall: RateInterval, specificity: RateInterval, positive: bool
) -> tuple[float, float, float]:
    """``recall / (1 − specificity)``, or ``(1 − recall) / specificity``, with limits.

    None (NaN) where a share is 0, or where all cases, or none, are called: the logarithm's have no width there.
    """
    above = recall.rate if positive else 1 - recall.rate
    below = 1 - specificity.rate if positive else specificity.rate
    if not (above > 0 and below > 0):
        value = math.inf if above > 0 and below == 0 else 0.0 if above == 0 and below > 0 else math.nan
        return value, math.nan, math.nan
    ratio = above / below
    spread = (1 - above) / (above * recall.effective_total) + (1 - below) / (below * specificity.effective_total)
    if spread == 0:
        return ratio, math.nan, math.nan
    factor = math.exp(1.959963984540054 * math.sqrt(spread))
    return ratio, ratio / factor, ratio * factor
