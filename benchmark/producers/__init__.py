"""Producers: what scores a cohort without a CT network, from its nodule table alone.

``PRODUCERS`` names them all. Each stands for a module with ``write_producer_scores(name, cohort, path, options)``,
which writes the score table and its card; `benchmark.producers.write.score_with_producer` finds it and calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmark.contracts.cohort import Cohort


@dataclass(frozen=True)
class Producer:
    """One name of the registry.

    Attributes:
        module: Module with its ``write_producer_scores``.
        about: What it is.
        options: Fields of `ProducerOptions` that it takes.
    """

    module: str
    about: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class ProducerOptions:
    """What a user may say to a producer; each takes those that its entry in ``PRODUCERS`` names.

    Attributes:
        columns: Input → column of the nodule table, where it is not a common name.
        codes: Input → cell → what it means.
        units: Input → unit of its column.
        impute_from: Cohort that missing inputs are filled in from.
        train: Cohort to fit on.
        features: Columns to use instead of the producer's own.
        folds: Cross-validation folds.
        test_fraction: Share of the training cohort's patients that are held out.
        seed: Seed of the split.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    impute_from: Cohort | None = None
    train: Cohort | None = None
    features: Sequence[str] | None = None
    folds: int = 5
    test_fraction: float = 0.2
    seed: int = 0


_CALCULATORS = "benchmark.producers.calculators.write"
_BASELINES = "benchmark.producers.baselines"
_LUNGRADS = "benchmark.producers.lungrads.write"
_GUIDELINES = "benchmark.producers.guidelines.write"
FITTED: Final = ("train", "features", "folds", "test_fraction", "seed")
OF_COLUMNS: Final = ("columns", "codes", "units", "impute_from")
PRODUCERS: Final = {
    "brock": Producer(_CALCULATORS, "Brock (PanCan 2b)", OF_COLUMNS),
    "mayo": Producer(_CALCULATORS, "Mayo Clinic", OF_COLUMNS),
    "va": Producer(_CALCULATORS, "Veterans Affairs", OF_COLUMNS),
    "herder": Producer(_CALCULATORS, "Herder, after PET", OF_COLUMNS),
    "plco2012": Producer(_CALCULATORS, "PLCOm2012", OF_COLUMNS),
    "size": Producer(_CALCULATORS, "the nodule's diameter as it is", OF_COLUMNS),
    "clinical-logistic": Producer(_CALCULATORS, "clinical logistic regression, out of fold", OF_COLUMNS),
    "lungrads": Producer(_LUNGRADS, "Lung-RADS v2022", ("columns",)),
    "fleischner": Producer(_GUIDELINES, "Fleischner 2017", ("columns",)),
    "bts": Producer(_GUIDELINES, "BTS 2015", ("columns", "codes", "units")),
    "semantic-lr": Producer(_BASELINES, "logistic regression on radiologists' features", FITTED),
    "diameter": Producer(_BASELINES, "logistic regression on the longest diameter", FITTED),
}
"""Name → producer."""


def names_taking(option: str) -> list[str]:
    """Names of the producers that take a field of `ProducerOptions`."""
    return [name for name, producer in PRODUCERS.items() if option in producer.options]
