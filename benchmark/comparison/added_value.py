"""What a model adds to another: fused with it, in net benefit, and in the yield of the highest scores."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.comparison.calibration import probability_models
from benchmark.comparison.units import Scored
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import SampleError
from benchmark.metrics.utility import THRESHOLDS
from benchmark.statistics import Resampling, auroc_difference_of, auroc_interval_of, holm
from benchmark.statistics.fusion import fused_scores_of
from benchmark.statistics.net_gain import net_benefit_gains_of
from benchmark.statistics.samples import Sample
from benchmark.statistics.top_yield import top_yield_of

FUSION: Final = (
    "cohort", "model_a", "model_b", "n", "n_positive", "auroc", "auroc_low", "auroc_high", "weight_a",
    "weight_b", "versus", "auroc_versus", "difference", "low", "high", "p_value", "p_holm", "note",
)  # fmt: skip
GAIN: Final = (
    "cohort", "threshold", "model_a", "model_b", "net_benefit_a", "net_benefit_b", "gain", "low", "high",
    "p_value", "p_holm", "attainable_p", "n", "n_positive", "note",
)  # fmt: skip
YIELD: Final = (
    "cohort", "model", "k", "n", "n_positive", "positives", "least", "most", "tied", "ppv", "share", "low", "high",
    "by_chance", "note",
)  # fmt: skip


def fused_pairs(texts: Sequence[str], models: Sequence[str]) -> list[tuple[str, str]]:
    """``A+B`` as two models each.

    Raises:
        InputError: All that are no two models of the comparison.
    """
    found, problems = [], []
    for text in texts:
        at = [k for k, mark in enumerate(text) if mark == "+"]
        ways = [(text[:k].strip(), text[k + 1 :].strip()) for k in at]
        both = [(a, b) for a, b in ways if a in models and b in models and a != b]
        if both:
            found.append(both[0])
            continue
        parts = ways[0] if ways else (text,)
        wrong = next((part for part in parts if part not in models), "")
        what = f"is no two models of this comparison{nearest(wrong, models) if wrong else ''}"
        fix = f"write MODEL+MODEL; models: {', '.join(models)}"
        problems.append(Problem(what, fix, column="--fuse", value=text))
    if problems:
        raise InputError(problems)
    return found


def fusion_rows(
    scored: Scored, pairs: Sequence[tuple[str, str]], untested: Collection[str] = (), seed: int = 0
) -> pd.DataFrame:
    """AUROC of two models fused out of fold (`fused_scores`) against that of each alone.

    By the paired DeLong test, which takes the fusion's weights as given: that another sample would have given
    others is not in the interval. Holm over the differences of the cohort.

    Args:
        scored: Units that every model scored.
        pairs: Models to fuse; where the cohort does not have both, the rows say so.
        untested: Models that take part in no test: they are not fused, which the rows say.
        seed: Of the folds.

    Returns:
        ``FUSION``, two rows a pair, against each of its models.
    """
    rows: list[dict[str, Any]] = []
    probabilities = probability_models(scored)
    for a, b in pairs:
        sample = scored.sample
        why = _why_not_fused(scored, (a, b), untested)
        if why or sample is None:
            rows += [{"cohort": scored.cohort, "model_a": a, "model_b": b, "versus": m, "note": why,
                      "p_value": math.nan} for m in (a, b)]  # fmt: skip
            continue
        two = sample.of_models([scored.models.index(a), scored.models.index(b)])
        named = {"cohort": scored.cohort, "model_a": a, "model_b": b, "n": len(scored.units)}
        named |= {"n_positive": sample.n_positive}
        try:
            fused = fused_scores_of(two, probabilities=[m for m in (a, b) if m in probabilities], seed=seed)
        except SampleError as error:
            rows += [named | {"versus": m, "note": error.problems[0].what, "p_value": math.nan} for m in (a, b)]
            continue
        alone = _with_scores(two, fused.scores)
        area = auroc_interval_of(alone)
        named |= {"auroc": area.auroc, "auroc_low": area.low, "auroc_high": area.high}
        named |= dict(zip(("weight_a", "weight_b"), fused.weights.mean(axis=0).tolist(), strict=True))
        for k, model in enumerate((a, b)):
            test = auroc_difference_of(_with_scores(two, fused.scores, two.scores[k]))
            ends = {"difference": test.difference, "low": test.low, "high": test.high, "p_value": test.p_value}
            rows.append(named | {"versus": model, "auroc_versus": test.auroc_b, "note": test.note} | ends)
    table = pd.DataFrame(rows, columns=list(FUSION))
    return table.assign(p_holm=holm(table["p_value"].to_list()) if len(table) else np.nan)


def _why_not_fused(scored: Scored, pair: tuple[str, str], untested: Collection[str]) -> str:
    missing = [model for model in pair if model not in scored.models]
    if missing:
        return f"{' and '.join(missing)} has no scores here, or is left out"
    if set(pair) & set(untested):
        return "not fused, because a model of it is in no test here"
    return "" if scored.both_classes else "the cases are of one class"


def _with_scores(sample: Sample, *scores: Any) -> Sample:  # noqa: ANN401
    """The same cases with other scores."""
    names = ("fused", "alone")[: len(scores)]
    return Sample(sample.labels, np.stack(scores), names, sample.clusters, sample.n_clusters, sample.clustered)


def net_gain_rows(scored: Scored, untested: Collection[str], resampling: Resampling) -> pd.DataFrame:
    """Differences of net benefit of every pair of models with probabilities, at the thresholds of guidelines.

    Holm over all pairs and thresholds of the cohort.

    Returns:
        ``GAIN``, a row a threshold and pair.
    """
    models = [model for model in probability_models(scored) if model not in untested]
    rows: list[dict[str, Any]] = []
    pairs = list(combinations(models, 2))
    if scored.sample is not None and pairs:
        sample = scored.sample.of_models([scored.models.index(model) for model in models])
        at = [(models.index(a), models.index(b)) for a, b in pairs]
        size = {"cohort": scored.cohort, "n": len(scored.units), "n_positive": sample.n_positive}
        gains = net_benefit_gains_of(sample, at, THRESHOLDS, resampling=resampling)
        for (a, b), found in zip(pairs, gains, strict=True):
            rows += [{**vars(gain), "model_a": a, "model_b": b, **size} for gain in found]
    table = pd.DataFrame(rows, columns=list(GAIN))
    table["p_holm"] = holm(table["p_value"].to_list()) if len(table) else np.nan
    return table.sort_values("threshold", kind="stable", ignore_index=True)


def top_counts(texts: Sequence[str]) -> list[tuple[float, bool]]:
    """``100`` or ``5%`` as a number and whether it is a percentage.

    Raises:
        InputError: All that are no number of cases.
    """
    found, problems = [], []
    for text in texts:
        number, is_share = text.strip().removesuffix("%"), text.strip().endswith("%")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (0 < value <= 100 if is_share else value >= 1 and math.isfinite(value) and value == int(value)):
            fix = "give a number of cases, such as 100, or a share of them, such as 5%"
            problems.append(Problem("is no number of cases", fix, column="--top", value=text))
        found.append((value, is_share))
    if problems:
        raise InputError(problems)
    return found


def yield_rows(scored: Scored, counts: Sequence[tuple[float, bool]], resampling: Resampling) -> pd.DataFrame:
    """Positives among the k cases with the highest scores of each model.

    Args:
        scored: Units that every model scored.
        counts: Of `top_counts`; a percentage is rounded up. More cases than there are have no values.
        resampling: Replicates and seed.

    Returns:
        ``YIELD``, a row a k and model.
    """
    rows: list[dict[str, Any]] = []
    n, sample = len(scored.units), scored.sample
    wanted = [math.ceil(round(value * n / 100, 9)) if is_share else int(value) for value, is_share in counts]
    for k in dict.fromkeys(wanted):
        for at, model in enumerate(scored.models):
            size = {
                "cohort": scored.cohort,
                "model": model,
                "k": k,
                "n": n,
                "n_positive": int(scored.labels.sum()),
            }
            if sample is None or k > n:
                rows.append(size | {"note": "the cases are of one class" if k <= n else f"there are {n:,} cases"})
                continue
            rows.append({**vars(top_yield_of(sample.of_model(at), k, resampling=resampling)), **size})
    return pd.DataFrame(rows, columns=list(YIELD))
