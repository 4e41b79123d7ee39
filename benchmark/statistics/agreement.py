"""How well scores of the same nodules agree when they are scanned, or reconstructed, more than once."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import scipy
from scipy.special import ndtri

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, SampleError, check_level, cluster_codes
from benchmark.metrics.sequences import as_columns, as_numbers
from benchmark.statistics.agreement_of_patients import DesignEffects, design_effects, squares_within
from benchmark.statistics.two_scans import TWO, two_scans, without_rounding

CONSTANT = "no scan tells one nodule from another: no agreement can be measured"
IDENTICAL = "the scans give every nodule the same score, or differ by one shift: no interval of ICC(3,1) or bias"
ONE_PATIENT = "all nodules are of one patient: no intervals"
OPPOSITE = "the nodules' means over the scans are all the same: ICC(3,1) has no interval"


@dataclass(frozen=True)
class Agreement:
    """Agreement of one model's scores over repeated scans.

    Attributes:
        icc21: ICC(2,1) of Shrout and Fleiss (ICC(A,1) of McGraw and Wong): a shift counts against it.
        icc21_low: Lower limit, by Satterthwaite's F; may be below 0. NaN where F has no quantiles, or where its
            limits, of an ICC far below 0, leave the ICC itself out.
        icc21_high: Upper limit.
        icc31: ICC(3,1) (ICC(C,1)): a shift does not count.
        icc31_low: Lower limit, by F.
        icc31_high: Upper limit.
        within_sd: Standard deviation within nodules, wSD, from all scans of a nodule, shift included.
        repeatability: Repeatability coefficient, ``1.96 √2 wSD``: two scans of one nodule differ by less in
            95 % of the cases, if differences are normal. Always of 95 %, whatever the level.
        repeatability_low: Lower limit, by χ²; NaN where no nodule's scores differ.
        repeatability_high: Upper limit.
        bias: Mean of first minus second scan; NaN unless there are two scans, as all that follows.
        bias_low: Lower limit, by t; NaN where the difference is the same in all nodules.
        bias_high: Upper limit.
        limits: Bland and Altman's 95 % limits of agreement, ``bias ∓ 1.96 sd``.
        limit_error: Standard error of each of them, ``√(3/n) sd``.
        ccc: Lin's concordance correlation coefficient, moments divided by n.
        ccc_low: Lower limit, by Fisher's z.
        ccc_high: Upper limit.
        level: Confidence level of the limits.
        n_nodules: Nodules with a score in every scan, which all but wSD stand on.
        n_incomplete: Nodules with a score in some scans only; wSD takes them in where they have two.
        n_unscored: Nodules without any score.
        n_scans: Scans.
        design_effect: What limits of ICC divide the number of nodules by where patients have several; 1 where
            they have one, or are not known.
        note: What a reader must know; empty when nothing.
    """

    icc21: float
    icc21_low: float
    icc21_high: float
    icc31: float
    icc31_low: float
    icc31_high: float
    within_sd: float
    repeatability: float
    repeatability_low: float
    repeatability_high: float
    bias: float
    bias_low: float
    bias_high: float
    limits: tuple[float, float]
    limit_error: float
    ccc: float
    ccc_low: float
    ccc_high: float
    level: float
    n_nodules: int
    n_incomplete: int
    n_unscored: int
    n_scans: int
    design_effect: float = 1.0
    note: str = ""


def agreement(
    frame: Any,  # noqa: ANN401 - any table
    level: float = 0.95,
    clusters: Any = None,  # noqa: ANN401 - any sequence of ids
) -> Agreement:
    """ICC, repeatability, Bland–Altman limits and Lin's CCC of scores of the same nodules in repeated scans.

    With the mean squares of a two-way analysis of variance over n nodules and k scans, ``MSR`` of nodules,
    ``MSC`` of scans and ``MSE`` of the rest::

        ICC(2,1) = (MSR − MSE) / (MSR + (k−1) MSE + k (MSC − MSE) / n)
        ICC(3,1) = (MSR − MSE) / (MSR + (k−1) MSE)
        CCC      = 2 s₁₂ / (s₁² + s₂² + (m₁ − m₂)²)

    Sources: Shrout & Fleiss, Psychol Bull 1979;86:420; McGraw & Wong, Psychol Methods 1996;1:30 (limits); Bland &
    Altman, Lancet 1986;1:307 and Stat Methods Med Res 1999;8:135; Lin, Biometrics 1989;45:255 with its correction
    of 2000;56:324. Where patients have several nodules, limits count with design effects: the variance of the
    jackknife over patients by that over nodules. Limits of ICC(2,1) cover less than they promise where few scans
    differ by a shift: 86 % in place of 95 % with two scans whose shifts have a third of the spread of the scores.

    Example::

        >>> from benchmark.statistics import agreement
        >>> found = agreement({"thin": [0.1, 0.4, 0.8, 0.9], "thick": [0.2, 0.3, 0.8, 0.8]})
        >>> round(found.icc21, 3), round(found.icc31, 3), round(found.bias, 3), round(found.repeatability, 3)
        (0.968, 0.962, 0.025, 0.17)

    Args:
        frame: A row a nodule, a column a scan, two or more: a table of pandas, polars or pyarrow, or a mapping. An
            empty cell is a scan without a score; such nodules are counted.
        level: Confidence level.
        clusters: Patient of each nodule, ``(n,)``; each nodule is a patient by default.

    Raises:
        SampleError: A cell is no number or infinite, columns differ in length, there are fewer than two scans,
            fewer than three nodules have a score in every scan, or patients are not one a nodule.
    """
    check_level(level)
    scores = scores_by_scan(frame)
    codes, _ = cluster_codes(clusters, len(scores))
    there = np.isfinite(scores)
    complete = there.all(axis=1)
    whole = scores[complete]
    n, k = whole.shape
    if n < 3:
        what = f"{n} of {len(scores)} nodules have a score in each of the {k} scans"
        raise SampleError(Problem(what, "agreement needs three at least"))
    some = int((there.any(axis=1) & ~complete).sum())
    effects = design_effects(scores, codes) if clusters is not None else DesignEffects()
    patients = np.unique(codes[complete]).size
    within = _within_nodules(scores, level, effects)
    two: dict[str, Any] = dict.fromkeys(TWO, math.nan)
    if k == 2:
        two = two_scans(whole, level, effects, patients)
    found = Agreement(
        **_intraclass(whole, level, effects),
        **within,
        **{name: value for name, value in two.items() if not name.startswith("limits_")},
        limits=(two["limits_low"], two["limits_high"]),
        level=level,
        n_nodules=n,
        n_incomplete=some,
        n_unscored=int((~there.any(axis=1)).sum()),
        n_scans=k,
        design_effect=effects.icc,
    )
    if patients == 1:
        unknown: dict[str, Any] = {name: math.nan for name in asdict(found) if name.endswith(("_low", "_high"))}
        return replace(found, note=ONE_PATIENT, **unknown)
    if math.isnan(found.icc31):
        return replace(found, note=CONSTANT)
    if math.isnan(found.icc31_low):
        return replace(found, note=IDENTICAL if found.icc31 > 0 else OPPOSITE)
    return found


def scores_by_scan(frame: Any) -> Array:  # noqa: ANN401 - any table
    """Scores of nodules by scans, ``(n, k)``, NaN where a scan has none.

    Raises:
        SampleError: As `agreement`.
    """
    columns = as_columns(frame, "scans")
    if len(columns) < 2:
        raise SampleError(Problem(f"{len(columns)} scans", "give a column a scan, two at least"))
    values = [as_numbers(column, f"scan {name}") for name, column in columns.items()]
    if len({row.size for row in values}) > 1:
        counts = ", ".join(f"{name} {row.size}" for name, row in zip(columns, values, strict=True))
        raise SampleError(f"scans of different numbers of nodules: {counts}")
    infinite = {name: int(np.isinf(row).sum()) for name, row in zip(columns, values, strict=True)}
    if any(infinite.values()):
        told = ", ".join(f"{count} of {name}" for name, count in infinite.items() if count)
        raise SampleError(Problem(f"infinite scores: {told}", "leave a cell empty where there is no score"))
    return np.stack(values, axis=1)


def _intraclass(scores: Array, level: float, effects: DesignEffects) -> dict[str, Any]:
    n, k = scores.shape
    effective = max(2.0, n / effects.icc)
    centred = scores - scores.mean()
    rows, columns = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    msr = k * float((rows**2).sum()) / (n - 1)
    msc = n * float((columns**2).sum()) / (k - 1)
    df = (n - 1) * (k - 1)
    mse = float(((centred - rows - columns) ** 2).sum()) / df
    # What rounding leaves of scores that are equal, or that a shift makes equal, is no spread.
    rounding = (1e-12 * float(np.abs(scores).max())) ** 2
    msr, msc, mse = (0.0 if square <= rounding else square for square in (msr, msc, mse))
    names = ("icc21", "icc21_low", "icc21_high", "icc31", "icc31_low", "icc31_high")
    if msr == 0 and mse == 0:
        return dict.fromkeys(names, math.nan)
    consistency = (msr - mse) / (msr + (k - 1) * mse)
    absolute = (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)
    tail = (1 + level) / 2
    if mse == 0 or msr == 0:
        low31 = high31 = math.nan
    else:
        of_rows = effective - 1
        least = msr / mse / scipy.stats.f.ppf(tail, of_rows, of_rows * (k - 1))
        most = msr / mse * scipy.stats.f.ppf(tail, of_rows * (k - 1), of_rows)
        low31, high31 = (least - 1) / (least + k - 1), (most - 1) / (most + k - 1)
    low21, high21 = _limits_of_absolute(absolute, (msr, msc, mse), (n, k), effective, tail)
    return dict(zip(names, (absolute, low21, high21, consistency, low31, high31), strict=True))


def _limits_of_absolute(
    icc: float, squares: tuple[float, float, float], size: tuple[int, int], effective: float, tail: float
) -> tuple[float, float]:
    """McGraw & Wong's limits of ICC(A,1), with Satterthwaite's degrees of freedom."""
    of_rows = effective - 1
    (msr, msc, mse), (n, k) = squares, size
    if not icc < 1 or msc == mse == 0:
        return math.nan, math.nan
    of_scans = k * icc / (n * (1 - icc)) * msc
    of_rest = (1 + k * icc * (n - 1) / (n * (1 - icc))) * mse
    spread = of_scans**2 / (k - 1) + of_rest**2 / (of_rows * (k - 1))
    df = (of_scans + of_rest) ** 2 / spread
    if df < 1e-3:
        return math.nan, math.nan
    least, most = scipy.stats.f.ppf(tail, of_rows, df), scipy.stats.f.ppf(tail, df, of_rows)
    if not math.isfinite(least + most):  # an ICC far below 0 leaves no degrees of freedom
        return math.nan, math.nan
    rest = k * msc + (k * n - k - n) * mse
    low = n * (msr - least * mse) / (least * rest + n * msr)
    high = n * (most * msr - mse) / (rest + n * most * msr)
    # Satterthwaite's weights are negative below 0: his limits may then lie beside the ICC, and mean nothing.
    return (float(low), float(high)) if low - 1e-9 <= icc <= high + 1e-9 else (math.nan, math.nan)


def _within_nodules(scores: Array, level: float, effects: DesignEffects) -> dict[str, Any]:
    """The wSD from a one-way analysis of variance over all nodules with two scores or more."""
    squares, freedom, _ = squares_within(scores)
    df = float(freedom.sum())
    sd = without_rounding(math.sqrt(float(squares.sum()) / df), scores)
    coefficient = float(ndtri(0.975)) * math.sqrt(2) * sd
    tail, known = (1 + level) / 2, coefficient or math.nan
    effective = max(1.0, df / effects.within)
    return {
        "within_sd": sd,
        "repeatability": coefficient,
        "repeatability_low": known * math.sqrt(effective / scipy.stats.chi2.ppf(tail, effective)),
        "repeatability_high": known * math.sqrt(effective / scipy.stats.chi2.ppf(1 - tail, effective)),
    }
