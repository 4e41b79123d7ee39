"""What the study's held-out scores say: areas under curves over seeds, and paired differences with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.cohorts.phantom.truth import read_truth
from benchmark.contracts.cohort import load_cohort
from benchmark.metrics import auprc, auroc
from benchmark.producers.baselines import SEMANTIC, design
from tests.references.text_against_images.cohorts import HELD_OUT, TRAINING, chosen_patients

Floats = npt.NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]
METRICS: dict[str, Metric] = {"AUROC": auroc, "AUPRC": auprc}
REPLICATES = 500
LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """CLIP minus images alone, of the same patients and seeds.

    Attributes:
        mean: Over seeds.
        low: Lower limit of its 95 % interval.
        high: Upper limit.
        seeds: Variance of the mean that seeds add.
        patients: Variance of the mean that held-out patients add.
    """

    mean: float
    low: float
    high: float
    seeds: float
    patients: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def paired_difference(
    labels: Floats, clip: Floats, vision: Floats, metric: Metric, replicates: int = REPLICATES
) -> Difference:
    """The mean difference over seeds, with an interval for other seeds and other held-out patients.

    Two variances add up: that between seeds over their number, and that of the mean under a bootstrap of patients
    (within each class). What is between seeds on other patients is in both, so that the sum errs on the large
    side. The interval is Student's with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946, 110).

    Args:
        labels: ``[patients]``.
        clip: ``[seeds, patients]`` scores.
        vision: ``[seeds, patients]`` scores of the same seeds.
        metric: Of labels and scores.
        replicates: Of the bootstrap.
    """

    def differences(which: npt.NDArray[np.int64]) -> Floats:
        pairs = zip(clip[:, which], vision[:, which], strict=True)
        return np.array([metric(labels[which], a) - metric(labels[which], b) for a, b in pairs])

    each = differences(np.arange(len(labels)))
    of_seeds = float(each.var(ddof=1) / len(each))
    random = np.random.default_rng(0)
    classes = [np.flatnonzero(labels == value) for value in (0, 1)]
    drawn = [
        differences(np.concatenate([random.choice(own, len(own)) for own in classes])).mean()
        for _ in range(replicates)
    ]
    of_patients = float(np.var(drawn, ddof=1))
    variance = of_seeds + of_patients
    if variance == 0:
        return Difference(float(each.mean()), float(each.mean()), float(each.mean()), 0.0, 0.0)
    freedom = variance**2 / (of_seeds**2 / (len(each) - 1) + of_patients**2 / (len(labels) - 2))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance))
    return Difference(
        float(each.mean()), float(each.mean()) - reach, float(each.mean()) + reach, of_seeds, of_patients
    )


@dataclass(frozen=True)
class HeldOut:
    """The held-out patients.

    Attributes:
        labels: By ``pid``, 0 or 1.
        risk: By ``pid``, the largest chance of its nodules that its label was drawn with.
    """

    labels: pd.Series
    risk: pd.Series

    @classmethod
    def of(cls, work: Path) -> HeldOut:
        """Those of the study."""
        truth = read_truth(work / "cohorts" / HELD_OUT).groupby("pid")
        return cls(truth["malignant"].max().astype(float), truth["nodule_probability"].max())

    def areas(self, scores: Sequence[pd.Series], metric: Metric) -> Floats:
        """The metric of each of some patients' scores."""
        return np.array([metric(self.labels.to_numpy(), self.aligned(one)) for one in scores])

    def aligned(self, scores: pd.Series) -> Floats:
        """Scores in the order of the labels."""
        return np.asarray(scores.loc[self.labels.index], np.float64)


def from_readers_features(work: Path, patients: int, seeds: int) -> Mapping[str, list[pd.Series]]:
    """Held-out scores of logistic regressions on what readers wrote, and on the diameter alone, a seed each.

    They are fitted on the patients that the networks had, those that validated too: what text could give to a
    network that reads all of it from the image.
    """
    train, test = (load_cohort(name, work / "cohorts").nodules for name in (TRAINING, HELD_OUT))
    features = {table: lengths_as_logarithms(nodules) for table, nodules in (("train", train), ("test", test))}
    found: dict[str, list[pd.Series]] = {"readers' features": [], "diameter": []}
    for seed in range(seeds):
        chosen = set(chosen_patients(train, patients, seed)["pid"])
        rows = train["pid"].isin(chosen).to_numpy()
        for name, columns in (("readers' features", features["train"].columns), ("diameter", DIAMETER)):
            model = make_pipeline(
                SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)
            )
            model.fit(features["train"].loc[rows, list(columns)], train.loc[rows, "malignant"].astype(int))
            score = model.predict_proba(features["test"][list(columns)])[:, 1]
            found[name].append(pd.Series(score).groupby(test["pid"].to_numpy()).max())
    return found


DIAMETER = ("longest_axial_diameter_(mm)",)


def lengths_as_logarithms(nodules: pd.DataFrame) -> pd.DataFrame:
    """Readers' features as numbers, lengths in mm by their logarithm."""
    matrix, _ = design(nodules, SEMANTIC)
    lengths = [column for column in matrix if "diameter" in column]
    return matrix.assign(**{column: np.log2(matrix[column]) for column in lengths})
