"""The faults of STATISTICS.md D6, each as one replacement in one file, and the tests that must notice."""

from dataclasses import dataclass

STATISTICS, METRICS = "benchmark/statistics/", "benchmark/metrics/"
TESTS = "tests/statistics/"


@dataclass(frozen=True)
class Fault:
    """One fault: ``old`` stands exactly once in ``file`` and becomes ``new``; ``tests`` must then fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS = [
    Fault(
        "F8: interval is mean ± z SD/√B",
        STATISTICS + "bca.py",
        "    low, high = np.quantile(samples, ((1 - level) / 2, (1 + level) / 2))\n"
        "    return float(low), float(high)\n",
        "    half = ndtri((1 + level) / 2) * samples.std() / samples.size**0.5\n"
        "    return float(samples.mean() - half), float(samples.mean() + half)\n",
        (TESTS + "test_bootstrap.py",),
    ),
    Fault(
        "F9: Hanley-McNeil with a minus sign",
        STATISTICS + "power.py",
        "auroc * (1 - auroc) + (n_positive - 1) * first + (n_negative - 1) * second",
        "auroc * (1 - auroc) + (n_positive - 1) * first - (n_negative - 1) * second",
        (TESTS + "test_pooling_power.py",),
    ),
    Fault(
        "F9, other reading: estimate is the bootstrap mean",
        STATISTICS + "paired.py",
        "            values, value = whole.get(k, drawn.values[k])[i], float(point[k, i])\n",
        "            values, value = whole.get(k, drawn.values[k])[i], float(drawn.values[k, i].mean())\n",
        (TESTS + "test_paired.py",),
    ),
    Fault(
        "z² for z in the interval",
        STATISTICS + "auroc.py",
        "    half = float(ndtri((1 + level) / 2)) * math.sqrt(variance) / (auroc * (1 - auroc))\n",
        "    half = float(ndtri((1 + level) / 2)) ** 2 * math.sqrt(variance) / (auroc * (1 - auroc))\n",
        (TESTS + "test_auroc.py",),
    ),
    Fault(
        "ddof 0 in the DeLong variance",
        STATISTICS + "delong.py",
        "positive @ positive.T / ((m - 1) * m) + negative @ negative.T / ((n - 1) * n)",
        "positive @ positive.T / (m * m) + negative @ negative.T / (n * n)",
        (TESTS + "test_delong.py",),
    ),
    Fault(
        "ties counted 0 in AUROC",
        METRICS + "discrimination.py",
        "    twice = float(np.dot(np.diff(fp), tp[1:] + tp[:-1]))\n",
        "    twice = float(np.dot(np.diff(fp), 2 * tp[:-1]))\n",
        ("tests/metrics/test_discrimination.py",),
    ),
    Fault(
        "ties counted 1 in DeLong's placements",
        STATISTICS + "delong.py",
        "    below = 2 * np.cumsum(block_negative) - block_negative\n",
        "    below = 2 * np.cumsum(block_negative)\n",
        (TESTS + "test_delong.py",),
    ),
    Fault(
        "ties counted 1 in the engine",
        STATISTICS + "engine.py",
        "        twice_above = 2.0 * fp - tied\n",
        "        twice_above = 2.0 * (fp - tied)\n",
        (TESTS + "test_engine.py",),
    ),
    Fault(
        "trapezoid for average precision",
        METRICS + "discrimination.py",
        "    return float(np.dot(np.diff(curve.tp, prepend=0.0), precision)) / curve.n_positive\n",
        "    before = np.concatenate((precision[:1], precision[:-1]))\n"
        "    return float(np.dot(np.diff(curve.tp, prepend=0.0), (precision + before) / 2)) / curve.n_positive\n",
        ("tests/metrics/test_discrimination.py",),
    ),
    Fault(
        "> for ≥ at a threshold",
        METRICS + "operating.py",
        '    at = int(np.searchsorted(-curve.threshold, -threshold, side="right")) - 1\n',
        '    at = int(np.searchsorted(-curve.threshold, -threshold, side="left")) - 1\n',
        ("tests/metrics/test_operating.py",),
    ),
    Fault(
        "recall > t for recall ≥ t",
        METRICS + "operating.py",
        "    at = int(np.searchsorted(curve.tp, required_count(recall, curve.n_positive)))\n",
        "    goal = required_count(recall, curve.n_positive) * (1 + 1e-11)\n"
        '    at = min(int(np.searchsorted(curve.tp, goal, side="right")), curve.tp.size - 1)\n',
        ("tests/metrics/test_operating.py",),
    ),
    Fault(
        "unpaired test for paired data",
        STATISTICS + "delong.py",
        "    centred = contrast @ components.placements\n"
        "    centred = centred - centred[sample.labels].mean()\n"
        "    return float(_covariance(centred[None, :], sample)[0, 0])\n",
        "    return float(np.dot(contrast**2, np.diag(components.covariance)))\n",
        (TESTS + "test_delong.py",),
    ),
    Fault(
        "bootstrap draws nodules, not patients",
        STATISTICS + "samples.py",
        "    return Sample(truth, np.stack(values), tuple(scores), codes, count, count < truth.size)\n",
        "    codes, count = np.arange(truth.size, dtype=np.int64), truth.size\n"
        "    return Sample(truth, np.stack(values), tuple(scores), codes, count, False)\n",
        (TESTS + "test_paired.py", TESTS + "test_auroc.py"),
    ),
    Fault(
        "scores demoted to float32",
        METRICS + "sequences.py",
        "        return np.asarray(values, dtype=np.float64)\n",
        "        return np.asarray(values, dtype=np.float32).astype(np.float64)\n",
        ("tests/metrics/test_discrimination.py",),
    ),
    Fault(
        "scores demoted to float16",
        METRICS + "sequences.py",
        "        return np.asarray(values, dtype=np.float64)\n",
        "        return np.asarray(np.asarray(values, dtype=np.float64), dtype=np.float16).astype(np.float64)\n",
        ("tests/metrics/test_discrimination.py",),
    ),
    Fault(
        "labels flipped",
        METRICS + "inputs.py",
        "    return np.asarray(values == 1)\n",
        "    return np.asarray(values == 0)\n",
        ("tests/metrics/test_discrimination.py",),
    ),
    Fault(
        "χ² of Friedman with k instead of k − 1 degrees of freedom",
        STATISTICS + "folds.py",
        "        p_value=float(scipy.stats.chi2.sf(corrected, k - 1)),\n",
        "        p_value=float(scipy.stats.chi2.sf(corrected, k)),\n",
        (TESTS + "test_folds.py",),
    ),
    Fault(
        "χ² of Friedman without the factor k − 1 of its tie correction",
        STATISTICS + "folds.py",
        "(n * k * (k * k - 1))",
        "(n * k * (k * k))",
        (TESTS + "test_folds.py",),
    ),
    Fault(
        "two-sided p halved (DeLong)",
        STATISTICS + "delong_difference.py",
        "p_value=2 * float(beyond)",
        "p_value=1 * float(beyond)",
        (TESTS + "test_delong.py",),
    ),
    Fault(
        "two-sided p halved (resampling)",
        STATISTICS + "permutation.py",
        "    return float((np.sum(as_far) + 1) / (known.size + 1))\n",
        "    return float((np.sum(as_far) + 1) / (known.size + 1)) / 2\n",
        (TESTS + "test_paired.py",),
    ),
    Fault(
        "p of a difference is not that of its limits",
        STATISTICS + "differences.py",
        "        return min(1.0, 2 * float(scipy.stats.t.cdf(math.sqrt((n - 1) / n) * z, n - 1)))\n",
        "        return min(1.0, 2 * float(ndtr(z)))\n",
        (TESTS + "test_differences.py",),
    ),
    Fault(
        "Clopper-Pearson not held at a rate of 0",
        STATISTICS + "limits.py",
        "        min(low, least), max(high, most), found.method",
        "        low, high, found.method",
        (TESTS + "test_conservative.py",),
    ),
    Fault(
        "RAS for LPS",
        "benchmark/contracts/patients.py",
        '{"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}',
        '{"LPS": (-1.0, -1.0, 1.0), "RAS": (1.0, 1.0, 1.0)}',
        ("tests/imaging/test_crop_cohort.py",),
    ),
    Fault(
        "StratifiedKFold for grouped folds",
        "benchmark/cohorts/folds.py",
        "    splitter = StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)\n",
        "    from sklearn.model_selection import StratifiedKFold\n\n"
        "    person = np.arange(len(person))\n"
        "    splitter = StratifiedKFold(n_splits=k, shuffle=True, random_state=seed)\n",
        ("tests/cohorts/test_folds.py", TESTS + "test_leaks.py"),
    ),
]
