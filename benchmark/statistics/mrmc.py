"""Multi-reader multi-case analysis after Obuchowski and Rockette: modalities read by several readers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import scipy

from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.statistics.delong import structural_components
from benchmark.statistics.readings import readings_as_sample
from benchmark.statistics.samples import Sample

CovarianceMethod = Literal["jackknife", "delong"]
RandomEffects = Literal["readers and cases", "cases", "readers"]


@dataclass(frozen=True)
class Mrmc:
    """Obuchowski and Rockette's table of AUROCs by modality and reader.

    Attributes:
        aurocs: ``modality, reader, auroc``, modalities and readers in the order of their names.
        ms_modality: Mean square of modalities, MS(T).
        ms_reader: Of readers, MS(R).
        ms_interaction: Of modality by reader, MS(TR).
        var_reader: Variance component of readers; this and the next may be below 0 and are not cut.
        var_interaction: Of modality by reader.
        error: Variance of one AUROC over cases, mean of all.
        cov1: Covariance of AUROCs of one reader in two modalities.
        cov2: Of two readers in one modality.
        cov3: Of two readers in two modalities.
        statistic: F of "all modalities are equal".
        df1: Modalities − 1.
        df2: Hillis's denominator degrees of freedom; infinite where readers are fixed.
        p_value: Of F.
        differences: All pairs: ``modality_a, modality_b, difference, error, df, low, high, statistic, p_value``; p
            is not adjusted for their number.
        means: ``modality, auroc, error, df, low, high``, over readers; limits within 0 and 1.
        random: What the result may be carried over to.
        n_readers: Readers.
        n_positive: Positive cases.
        n_negative: Negative cases.
        level: Confidence level.
    """

    aurocs: pd.DataFrame
    ms_modality: float
    ms_reader: float
    ms_interaction: float
    var_reader: float
    var_interaction: float
    error: float
    cov1: float
    cov2: float
    cov3: float
    statistic: float
    df1: int
    df2: float
    p_value: float
    differences: pd.DataFrame
    means: pd.DataFrame
    random: str
    n_readers: int
    n_positive: int
    n_negative: int
    level: float


def mrmc(
    frame: Any,  # noqa: ANN401 - any table
    random: RandomEffects = "readers and cases",
    covariance: CovarianceMethod = "jackknife",
    level: float = 0.95,
) -> Mrmc:
    """Compare the AUROCs of modalities over readers who read every case in every modality.

    With ``MS`` the mean squares of AUROCs θ over t modalities and r readers, F is ``MS(T)`` over

    - readers and cases random: ``MS(TR) + r max(Cov2 − Cov3, 0)``, df2 = that² / (MS(TR)² / ((t−1)(r−1)));
    - cases random, readers fixed: ``Var − Cov1 + (r−1) max(Cov2 − Cov3, 0)``, df2 infinite;
    - readers random, cases fixed: ``MS(TR)``, df2 = (t−1)(r−1).

    Sources: Obuchowski & Rockette, Commun Stat Simul Comput 1995;24:285; Hillis, Stat Med 2007;26:596 (degrees of
    freedom); Hillis, Stat Med 2014;33:330.

    Example::

        >>> import numpy as np
        >>> import pandas as pd
        >>> from benchmark.statistics import mrmc
        >>> rows = [
        ...     (r, m, c, (7 * c + 3 * r) % 11 + (4 + 2 * (m == "with")) * (c % 3 == 0), int(c % 3 == 0))
        ...     for r in range(3) for m in ("alone", "with") for c in range(30)
        ... ]
        >>> found = mrmc(pd.DataFrame(rows, columns=["reader", "modality", "case", "rating", "label"]))
        >>> found.means["auroc"].round(3).tolist(), found.df1, round(found.p_value, 4)
        ([0.805, 0.901], 1, 0.0055)

    Args:
        frame: A row a reading: ``reader, modality, case, rating, label``; rating higher for more suspicious,
            label 1 malignant, 0 benign, the same in every reading of a case.
        random: What is drawn from a population: readers and cases, cases alone, or readers alone.
        covariance: How covariances over cases are estimated: by jackknife, or by DeLong's components.
        level: Confidence level.

    Raises:
        SampleError: A column is missing, a reading is missing, infinite or given twice, labels of a case
            contradict each other, or there are fewer than two modalities, readers, or cases of a class.
    """
    check_level(level)
    if random not in get_args(RandomEffects) or covariance not in get_args(CovarianceMethod):
        choices = f"{', '.join(get_args(RandomEffects))}; covariance: {', '.join(get_args(CovarianceMethod))}"
        raise SampleError(f"random {random!r}, covariance {covariance!r}: choose from {choices}")
    modalities, readers, sample = readings_as_sample(frame)
    t, r = len(modalities), len(readers)
    aurocs, covariances = _aurocs_with_covariance(sample, covariance)
    theta = aurocs.reshape(t, r)
    parts = covariances.reshape(t, r, t, r)
    squares = _mean_squares(theta)
    var, cov1, cov2, cov3 = _mean_covariances(parts)
    denominator, df2, error = _denominator(random, squares[2], (var, cov1, cov2, cov3), (t, r))
    statistic = squares[0] / denominator if denominator > 0 else math.nan
    named = [(modality, reader) for modality in modalities for reader in readers]
    return Mrmc(
        aurocs=pd.DataFrame(named, columns=["modality", "reader"]).assign(auroc=aurocs),
        ms_modality=squares[0],
        ms_reader=squares[1],
        ms_interaction=squares[2],
        var_reader=(squares[1] - squares[2]) / t - (cov1 - cov3),
        var_interaction=squares[2] - var + cov1 + (cov2 - cov3),
        error=var,
        cov1=cov1,
        cov2=cov2,
        cov3=cov3,
        statistic=statistic,
        df1=t - 1,
        df2=df2,
        p_value=_tail(statistic, t - 1, df2),
        differences=_differences(modalities, theta.mean(axis=1), error, df2, level),
        means=_means(modalities, theta, parts, random, level),
        random=random,
        n_readers=r,
        n_positive=sample.n_positive,
        n_negative=sample.n_negative,
        level=level,
    )


def _aurocs_with_covariance(sample: Sample, method: CovarianceMethod) -> tuple[Array, Array]:
    """AUROCs ``(k,)`` and their covariance over cases ``(k, k)``."""
    components = structural_components(sample)
    if method == "delong":
        return components.auroc, components.covariance
    # Without one case the AUROC is the mean of the placements of the others of its class.
    counts = np.where(sample.labels, sample.n_positive, sample.n_negative)
    without = (components.auroc[:, None] * counts - components.placements) / (counts - 1)
    centred = without - without.mean(axis=1, keepdims=True)
    n = sample.labels.size
    return components.auroc, np.asarray((n - 1) / n * centred @ centred.T)


def _mean_squares(theta: Array) -> tuple[float, float, float]:
    """Mean squares of modalities, readers and their interaction."""
    t, r = theta.shape
    centred = theta - theta.mean()
    rows, columns = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    rest = centred - rows - columns
    return (
        float(r * (rows**2).sum() / (t - 1)),
        float(t * (columns**2).sum() / (r - 1)),
        float((rest**2).sum() / ((t - 1) * (r - 1))),
    )


def _mean_covariances(parts: Array) -> tuple[float, float, float, float]:
    """Variance and the three kinds of covariance, each averaged over its pairs."""
    t, r = parts.shape[:2]
    same_modality = np.eye(t, dtype=bool)[:, None, :, None]
    same_reader = np.eye(r, dtype=bool)[None, :, None, :]
    kinds = (
        same_modality & same_reader, ~same_modality & same_reader, same_modality & ~same_reader,
        ~same_modality & ~same_reader,
    )  # fmt: skip
    first, second, third, fourth = (float(parts[np.broadcast_to(kind, parts.shape)].mean()) for kind in kinds)
    return first, second, third, fourth


def _tail(statistic: float, df1: float, df2: float) -> float:
    """Upper tail of F; with infinite ``df2`` that of chi-squared, which older SciPy does not reach as a limit."""
    return float(
        scipy.stats.f.sf(statistic, df1, df2) if math.isfinite(df2) else scipy.stats.chi2.sf(statistic * df1, df1)
    )


def _denominator(
    random: str, ms_interaction: float, covariances: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float]:
    """Denominator of F, its degrees of freedom, and the standard error of a difference."""
    (var, cov1, cov2, cov3), (t, r) = covariances, size
    between = max(cov2 - cov3, 0.0)
    if random == "cases":
        whole, df = var - cov1 + (r - 1) * between, math.inf
    elif random == "readers":
        whole, df = ms_interaction, float((t - 1) * (r - 1))
    else:
        whole = ms_interaction + r * between
        df = whole**2 / (ms_interaction**2 / ((t - 1) * (r - 1))) if ms_interaction > 0 else math.inf
    # Of AUROCs within 0 and 1, less is what rounding leaves of modalities that are the same.
    return (whole, df, math.sqrt(2 / r * whole)) if whole > 1e-20 else (0.0, math.inf, 0.0)


def _differences(modalities: list[Any], means: Array, error: float, df: float, level: float) -> pd.DataFrame:
    rows = []
    half = error * _quantile(df, level)
    for a, b in combinations(range(len(modalities)), 2):
        difference = float(means[a] - means[b])
        statistic = difference / error if error > 0 else math.nan
        p_value = 2 * float(scipy.stats.t.sf(abs(statistic), df))
        limits = (difference - half, difference + half) if error > 0 else (math.nan, math.nan)
        rows.append((modalities[a], modalities[b], difference, error, df, *limits, statistic, p_value))
    columns = ["modality_a", "modality_b", "difference", "error", "df", "low", "high", "statistic", "p_value"]
    return pd.DataFrame(rows, columns=columns)


def _means(modalities: list[Any], theta: Array, parts: Array, random: str, level: float) -> pd.DataFrame:
    """Mean AUROC of each modality, from its own readings alone."""
    rows = []
    r = theta.shape[1]
    off = ~np.eye(r, dtype=bool)
    for k, modality in enumerate(modalities):
        ms_reader = float(theta[k].var(ddof=1))
        own = parts[k, :, k, :]
        var, cov2 = float(np.diag(own).mean()), float(own[off].mean())
        if random == "cases":
            whole, df = var + (r - 1) * max(cov2, 0.0), math.inf
        elif random == "readers":
            whole, df = ms_reader, float(r - 1)
        else:
            whole = ms_reader + r * max(cov2, 0.0)
            df = whole**2 / (ms_reader**2 / (r - 1)) if ms_reader > 0 else math.inf
        error = math.sqrt(whole / r)
        half = error * _quantile(df, level) if error > 0 else math.nan
        mean = float(theta[k].mean())
        rows.append((modality, mean, error, df, *np.clip([mean - half, mean + half], 0.0, 1.0).tolist()))
    return pd.DataFrame(rows, columns=["modality", "auroc", "error", "df", "low", "high"])


def _quantile(df: float, level: float) -> float:
    return float(scipy.stats.t.ppf((1 + level) / 2, df))
