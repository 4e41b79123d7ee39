"""Coverage and level of what readers and repeated scans are told: ICC, CCC, repeatability, margins, MRMC."""

import numpy as np
import pandas as pd

from benchmark.statistics import (
    Resampling,
    agreement,
    model_against_readers,
    model_at_readers_points,
    mrmc,
    noninferiority,
)
from tests.coverage.designs import correlated
from tests.coverage.gates import Measured, band

SCANS = [(40, 2, 0.9, 0.0), (40, 2, 0.6, 0.0), (20, 3, 0.8, 0.0), (40, 2, 0.9, 0.3)]
"""Nodules, scans, share of the variance between nodules, standard deviation of the scans' shifts."""


OF_PATIENTS = [(15, 4, 2, 0.8, 0.5), (30, 3, 2, 0.8, 0.5), (60, 2, 3, 0.6, 0.3)]
"""Patients, nodules of each, scans, share of the variance between nodules, and share that is the patient's."""


def agreement_by_patient_coverage(case, repeats, seed):
    """The same where patients have several nodules, whose scores and whose changes between scans are alike."""
    patients, nodules, scans, share, alike = case
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), nodules)
    truth = {"icc31": share, "icc21": share, "repeatability": 1.959963984540054 * np.sqrt(2 * (1 - share))}
    truth |= {"bias": 0.0, "ccc": share} if scans == 2 else {}
    hits = dict.fromkeys(truth, 0)

    def drawn(columns, variance):
        own, shared = rng.normal(size=(patient.size, columns)), rng.normal(size=(patients, columns))[patient]
        return np.sqrt(variance) * (np.sqrt(alike) * shared + np.sqrt(1 - alike) * own)

    for _ in range(repeats):
        found = agreement(pd.DataFrame(drawn(1, share) + drawn(scans, 1 - share)), clusters=patient)
        for name, value in truth.items():
            hits[name] += getattr(found, f"{name}_low") <= value <= getattr(found, f"{name}_high")
    name = (
        f"{patients} patients of {nodules} nodules, {scans} scans, ICC {share:g}, {alike:.0%} shared by a patient"
    )
    low, high = band(0.95, repeats)
    return [
        Measured("Agreement", name, what, count / repeats, repeats, low - 0.02, high + 0.02, 0.95)
        for what, count in hits.items()
    ]


def agreement_coverage(case, repeats, seed):
    """Coverage of the limits of ICC(2,1), ICC(3,1), repeatability and CCC for normal scores.

    With shifts between scans, ICC(2,1) and repeatability are those of scans drawn anew, CCC (two scans) has no
    fixed truth, so neither is measured but ICC(2,1) and ICC(3,1).
    """
    nodules, scans, share, shift = case
    rng = np.random.default_rng(seed)
    truth = {"icc31": share, "icc21": share / (1 + shift**2)}
    if shift == 0:
        truth |= {"repeatability": 1.959963984540054 * np.sqrt(2 * (1 - share))}
        truth |= {"ccc": share} if scans == 2 else {}
    hits = dict.fromkeys(truth, 0)
    for _ in range(repeats):
        table = rng.normal(0, np.sqrt(share), (nodules, 1)) + rng.normal(0, np.sqrt(1 - share), (nodules, scans))
        found = agreement(pd.DataFrame(table + rng.normal(0, shift, (1, scans)) if shift else table))
        for name, value in truth.items():
            hits[name] += getattr(found, f"{name}_low") <= value <= getattr(found, f"{name}_high")
    name = f"{nodules} nodules, {scans} scans, ICC {share:g}, shift {shift:g}"
    rows = []
    for what, count in hits.items():
        exact = what in ("icc31", "repeatability")
        low, high = band(0.95, repeats) if exact else (0.0, 1.0)
        rows.append(
            Measured("Agreement", name, what, count / repeats, repeats, low, high, 0.95 if exact else np.nan)
        )
    return rows


MARGINS = [(10, 100, 0.9), (20, 200, 0.9), (50, 500, 0.9), (50, 500, 0.8)]


def margin_level(case, repeats, seed, margin=0.05):
    """How often a model that is worse by exactly the margin is called non-inferior, at one-sided 0.025."""
    positives, negatives, auroc = case
    rng = np.random.default_rng(seed)
    shown = 0
    for _ in range(repeats):
        label, new, reference = correlated(rng, positives, negatives, auroc - margin, auroc, 0.5)
        shown += noninferiority(label, new, reference, margin).noninferior
    high = band(0.025, repeats)[1] if positives >= 50 else 1.0
    name = f"{positives}+{negatives}, AUROC {auroc:.2f}, worse by {margin:g}"
    return [Measured("Level of tests", name, "non-inferior", shown / repeats, repeats, 0.0, high, 0.025)]


def mrmc_level(repeats, seed, readers=4, positives=25, negatives=35):
    """How often two equal modalities differ at 0.05: readers, cases and their interactions random."""
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [positives, negatives])
    cases = label.size
    frame = pd.DataFrame(
        [(r, m, c) for r in range(readers) for m in range(2) for c in range(cases)],
        columns=["reader", "modality", "case"],
    ).assign(label=np.tile(label, 2 * readers))
    rejected = 0
    for _ in range(repeats):
        shared = rng.normal(0, 0.6, (1, 1, cases)) + rng.normal(0, 0.4, (readers, 1, cases))
        shared = shared + rng.normal(0, 0.4, (1, 2, cases)) + rng.normal(0, 0.6, (readers, 2, cases))
        skill = 1.5 + rng.normal(0, 0.2, (readers, 1, 1)) + rng.normal(0, 0.1, (readers, 2, 1))
        rating = shared + skill * label
        rejected += mrmc(frame.assign(rating=rating.ravel())).p_value < 0.05
    name = f"{readers} readers, {positives}+{negatives}"
    return [
        Measured("Level of tests", name, "MRMC, equal modalities", rejected / repeats, repeats, 0.0,
                 max(0.061, band(0.05, repeats)[1]), 0.05)
    ]  # fmt: skip


AGAINST = [(4, 25, 35), (4, 50, 500), (8, 50, 500)]
"""Readers, positives, negatives."""


def against_readers_level(case, repeats, seed, replicates=400):
    """How often a model that is as good as the readers differs from them at 0.05, and a reader at matched recall.

    AUROC: readers, of random skill, and cases random; the model's skill is the readers' mean. Matched recall: the
    model ranks as one reader does, and that reader calls from a fixed rating on, so that both have one ROC curve.
    """
    readers, positives, negatives = case
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [positives, negatives])
    differ = covered = known = 0
    truth = 0.0
    for k in range(repeats):
        shared = rng.normal(0, 0.6, label.size)
        skill = 1.5 + rng.normal(0, 0.2, readers)
        ratings = {f"r{j}": skill[j] * label + shared + rng.normal(0, 0.8, label.size) for j in range(readers)}
        scores = 1.5 * label + shared + rng.normal(0, 0.8, label.size)
        differ += model_against_readers(label, scores, ratings).p_value < 0.05
        own = 1.5 * label + shared + rng.normal(0, 0.8, label.size)
        resampling = Resampling(replicates, seed=k, workers=1)
        (found, _) = model_at_readers_points(label, scores, {"r": own >= 1}, resampling=resampling)
        if np.isfinite(found.low):
            known += 1
            covered += found.low <= truth <= found.high
    name = f"{readers} readers, {positives}+{negatives}"
    # At the smallest recall that is not below the reader's, a model with few positives calls more than needed: its
    # specificity is below the reader's on average, so the first design is reported and not gated.
    gate = (0.93 - 0.025, 0.985) if positives >= 50 else (0.0, 1.0)
    return [
        Measured("Level of tests", name, "model against the mean reader", differ / repeats, repeats, 0.0,
                 max(0.061, band(0.05, repeats)[1]), 0.05),
        Measured("Readers", name, "difference in specificity at a reader's recall", covered / known, known, *gate),
    ]  # fmt: skip
