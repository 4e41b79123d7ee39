"""Which semantic features a phantom nodule has, and how likely that makes it malignant.

A Gaussian copula ties the features to one latent severity, so that their rates stay those of Table 3 of
Zhuang et al. 2025 while they correlate with each other and with malignancy. The paper prints no correlations;
the strength is chosen so that the best reachable AUROC lies near 0.92, a little above the 0.888 that the
paper's logistic regression on semantic features reached (Table 4).

Table 3 prints three rates that look as if present and absent were swapped (reticulation 88 %, pleural
retraction 80 %, septal stretching 69 % present; the paper's sample CSV shows 2, 0 and 1 of 10). They are used
as printed; an AUROC does not depend on which of two classes is called present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy.special import ndtri

from benchmark.cohorts.phantom.presets import Preset

T = TypeVar("T")

SEVERITY_SIZE = 0.55
"""Correlation of a nodule's latent severity with the logarithm of its diameter."""

MARGINS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("Smooth",), 0.50),
    (("Smooth", "Notched"), 0.03),
    (("Smooth", "Lobulated"), 0.11),
    (("Lobulated",), 0.01),
    (("Ill-defined",), 0.08),
    (("Lobulated", "Ill-defined"), 0.03),
    (("Smooth", "Spiculated/Serrated"), 0.03),
    (("Lobulated", "Spiculated/Serrated"), 0.07),
    (("Spiculated/Serrated", "Ill-defined"), 0.08),
    (("Spiculated/Serrated",), 0.06),
)
"""Combinations of margin labels from bland to suspicious; per label: smooth 67, lobulated 22, spiculated 24,
ill-defined 19 % as in Table 3, notched 3 % (not printed)."""

SHAPES = (("Polygonal", 0.14), ("Ovoid", 0.35), ("Round", 0.20), ("Complex/Irregular", 0.31))
CONSISTENCIES = (
    ("Pure ground glass", 0.09),
    ("Solid", 0.73),
    ("Peri-cystic", 0.02),
    ("Semiconsolidation", 0.08),
    ("Part-solid", 0.08),
)
RETRACTIONS = (("Absent", 0.20), ("Mild dimpling", 0.55), ("Obvious dimpling", 0.25))

BINARY_RATES: dict[str, tuple[float, float, float]] = {
    "nodule_reticulation": (0.88, 0.15, 0.0),
    "cyst-like_spaces": (0.14, 0.05, 0.75),
    "intra-nodular_bronchiectasis": (0.03, 0.10, 0.80),
    "necrosis": (0.004, 0.10, 0.80),
    "cavitation": (0.004, 0.10, 0.80),
    "eccentric_calcification": (0.03, -0.10, 0.60),
    "airway_cut-off": (0.07, 0.40, 0.0),
    "pleural_attachment": (0.53, -0.20, 0.0),
    "vascular_convergence": (0.10, 0.55, 0.0),
    "septal_stretching": (0.69, 0.25, 0.0),
    "paracicatricial_emphysema": (0.12, 0.20, 0.0),
}
"""Rate of presence, and correlation of its latent variable with severity and with size (what needs room
inside a nodule grows with it). Airway cut-off: 2 of the 29 % that Table 3 prints as annotated."""

EVEN_RATE = 0.2
"""Rate of presence of every binary feature in a preset with even features: five of them share its inside."""

MISSING: dict[str, float] = {
    "airway_cut-off": 0.71,
    "nodule_shape": 0.01,
    "eccentric_calcification": 0.01,
    "vascular_convergence": 0.01,
    "septal_stretching": 0.01,
}
"""Share of cells left empty, from Table 3's percentages that do not add up to 100."""

EFFECTS: dict[str, float] = {
    "log2 diameter": 2.2,
    "Spiculated/Serrated": 2.4,
    "Lobulated": 0.6,
    "Ill-defined": 0.7,
    "Complex/Irregular": 0.4,
    "Pure ground glass": -0.8,
    "Semiconsolidation": 0.6,
    "Part-solid": 1.5,
    "Peri-cystic": 0.6,
    "pleural_attachment": -1.7,
    "vascular_convergence": 1.0,
    "airway_cut-off": 0.3,
    "Obvious dimpling": 0.2,
    "eccentric_calcification": -0.5,
    "necrosis": 0.5,
    "paracicatricial_emphysema": 0.5,
}
"""Coefficients of the logistic model of malignancy; the diameter enters as log2(mm / 9)."""
INTERCEPT = -3.4
SUSPICION_CUTS = (-3.5, -2.2, -1.0, 0.5)
SUSPICION_NOISE = 1.2

DIAMETERS = (5.0, 34.0)
"""Bounds of the longest axial diameter in mm; the paper's range is 3.7 to 62, its input planes are 50 mm
wide."""


@dataclass(frozen=True)
class NoduleFeatures:
    """What a radiologist sees on one nodule, and the true chance that it is malignant.

    Attributes:
        diameter: Longest axial diameter in mm.
        margins: One or two margin labels.
        poorly_marginated: Margin conspicuity.
        shape: Class of ``nodule_shape``.
        consistency: Class of ``nodule_consistency``.
        retraction: Class of ``pleural_retraction``.
        present: Columns of the binary features that are present.
        logit: Log odds of malignancy under ``EFFECTS``.
        noise: The reader's error in log odds.
        annotation: Reading of the LIDC database that gives the shape, if one does.
    """

    diameter: float
    margins: tuple[str, ...]
    poorly_marginated: bool
    shape: str
    consistency: str
    retraction: str
    present: frozenset[str]
    logit: float = 0.0
    noise: float = 0.0
    annotation: int | None = None

    @property
    def radius(self) -> float:
        """Half of the longest axial diameter in mm."""
        return self.diameter / 2

    @property
    def suspicion(self) -> float:
        """What a noisy reader makes of the log odds."""
        return self.logit + self.noise


def draw_features(preset: Preset, rng: np.random.Generator) -> NoduleFeatures:
    """Draw the features of one nodule."""
    severity, size_noise = rng.standard_normal(2)
    size = SEVERITY_SIZE * severity + np.sqrt(1 - SEVERITY_SIZE**2) * size_noise
    diameter = float(np.clip(preset.diameter * 2 ** (preset.spread * size), *DIAMETERS))
    noises = rng.standard_normal(4)
    margins = _ordered(MARGINS, _latent(0.35, 0.35, severity, size, noises[0]), preset.even)
    shape = _ordered(SHAPES, _latent(0.15, 0.50, severity, size, noises[1]), preset.even)
    consistency = _ordered(CONSISTENCIES, _latent(0.25, 0.25, severity, size, noises[2]), preset.even)
    retraction = _ordered(RETRACTIONS, _latent(0.25, 0.0, severity, size, noises[3]), preset.even)
    poorly = bool(rng.random() < (0.78 if "Ill-defined" in margins else 0.015))
    present = frozenset(
        column
        for (column, (rate, on_severity, on_size)), noise in zip(
            BINARY_RATES.items(), rng.standard_normal(len(BINARY_RATES)), strict=True
        )
        if _latent(on_severity, on_size, severity, size, noise) > ndtri(1 - (EVEN_RATE if preset.even else rate))
    )
    return with_logit(
        NoduleFeatures(
            diameter=diameter,
            margins=margins,
            poorly_marginated=poorly,
            shape=shape,
            consistency=consistency,
            retraction=retraction,
            present=present,
            noise=float(SUSPICION_NOISE * rng.standard_normal()),
        )
    )


def with_logit(nodule: NoduleFeatures) -> NoduleFeatures:
    """The nodule with its log odds of malignancy under ``EFFECTS``."""
    names = {*nodule.margins, nodule.shape, nodule.consistency, nodule.retraction, *nodule.present}
    logit = INTERCEPT + EFFECTS["log2 diameter"] * np.log2(nodule.diameter / 9)
    logit += sum(effect for name, effect in EFFECTS.items() if name in names)
    return replace(nodule, logit=float(logit))


def _latent(on_severity: float, on_size: float, severity: float, size: float, noise: float) -> float:
    """A standard normal variable with the given weights on severity and size."""
    # Severity and size correlate, so the variance of their sum holds a cross term.
    explained = on_severity**2 + on_size**2 + 2 * SEVERITY_SIZE * on_severity * on_size
    return float(on_severity * severity + on_size * size + np.sqrt(max(0.0, 1 - explained)) * noise)


def _ordered(classes: Sequence[tuple[T, float]], latent: float, even: bool) -> T:
    """The class whose place in the order matches a standard normal variable; keeps the classes' rates exactly."""
    rates = np.array([1 / len(classes) if even else rate for _, rate in classes])
    edges = ndtri(np.cumsum(rates)[:-1])
    return classes[int(np.searchsorted(edges, latent))][0]
