"""AUROCs of several models on the same cases: a joint test that they are equal, and all pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import scipy

from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.statistics.delong import structural_components
from benchmark.statistics.delong_difference import DelongTest, paired_result
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.samples import Sample, as_paired_sample


@dataclass(frozen=True)
class JointTest:
    """AUROCs of several models on the same cases, tested for being equal.

    Attributes:
        models: Names.
        auroc: ``(m,)``.
        covariance: ``(m, m)``.
        statistic: χ² of the contrasts.
        df: Their rank.
        p_value: Of the joint test.
        pairs: `DelongTest` of each pair, by the names of both.
        p_holm: Holm's adjusted p of each pair, by the names of both.
        note: What a reader must know; empty when nothing.
    """

    models: tuple[str, ...]
    auroc: Array
    covariance: Array
    statistic: float
    df: int
    p_value: float
    pairs: dict[tuple[str, str], DelongTest]
    p_holm: dict[tuple[str, str], float]
    note: str = ""


def delong_joint(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    contrasts: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
) -> JointTest:
    """Compare the AUROCs of two and more models on the same cases: joint χ² and all pairs with Holm's correction.

    Example::

        >>> from benchmark.statistics import delong_joint
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> both = [a + b for a, b in zip(first, second, strict=True)]
        >>> found = delong_joint(labels, {"a": first, "b": second, "both": both})
        >>> found.df, round(found.p_value, 3), len(found.pairs)
        (2, 0.0, 3)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model, ``(n,)`` each: a mapping, or a table with a column a model.
        clusters: Patient of each case, ``(n,)``.
        contrasts: Rows of coefficients over the models, ``(q, m)``; all models equal by default.
        level: Confidence level of the pairs' differences.

    Raises:
        SampleError: As `delong_test`; fewer than two models; contrasts of another width.
    """
    return delong_joint_of(as_paired_sample(labels, scores, clusters), contrasts, level=level)


def delong_joint_of(sample: Sample, contrasts: Any = None, *, level: float = 0.95) -> JointTest:  # noqa: ANN401
    """`delong_joint` of a sample that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, delong_joint_of
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": first, "b": second})
        >>> delong_joint_of(sample).df
        1
    """
    check_level(level)
    count = len(sample.models)
    if count < 2:
        raise SampleError("a comparison needs two models at least")
    rows = (
        np.eye(count)[:-1] - np.eye(count)[1:]
        if contrasts is None
        else np.atleast_2d(np.asarray(contrasts, float))
    )
    if rows.shape[1] != count:
        raise SampleError(f"contrasts have {rows.shape[1]} columns for {count} models")
    components = structural_components(sample)
    statistic, df, note = _wald_chi2(rows @ components.auroc, rows @ components.covariance @ rows.T)
    pairs = {
        (sample.models[i], sample.models[j]): paired_result(components, sample, i, j, level)
        for i, j in combinations(range(count), 2)
    }
    adjusted = holm([test.p_value for test in pairs.values()])
    return JointTest(
        models=sample.models,
        auroc=components.auroc,
        covariance=components.covariance,
        statistic=statistic,
        df=df,
        p_value=float(scipy.stats.chi2.sf(statistic, df)) if df else (1.0 if not note else math.nan),
        pairs=pairs,
        p_holm=dict(zip(pairs, map(float, adjusted), strict=True)),
        note=note,
    )


def _wald_chi2(values: Array, covariance: Array) -> tuple[float, int, str]:
    """``vᵀ C⁺ v`` with the rank of C as degrees of freedom."""
    if not np.isfinite(covariance).all():
        return math.nan, 0, "a class with a single patient has no variance"
    roots, vectors = np.linalg.eigh(covariance)
    kept = roots > max(roots.max(), 0.0) * 1e-10
    along = vectors.T @ values
    if (np.abs(along[~kept]) > 1e-8).any():
        return math.nan, 0, "the variance of a non-zero contrast is zero: use a permutation test"
    return float(np.sum(along[kept] ** 2 / roots[kept])), int(kept.sum()), ""
