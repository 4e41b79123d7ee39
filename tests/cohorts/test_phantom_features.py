import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from benchmark.cohorts.phantom.features import (
    BINARY_RATES,
    CONSISTENCIES,
    DIAMETERS,
    EFFECTS,
    MARGINS,
    MISSING,
    RETRACTIONS,
    SHAPES,
    draw_features,
)
from benchmark.cohorts.phantom.prepare import draw_patients
from benchmark.cohorts.phantom.presets import PRESETS
from benchmark.cohorts.phantom.truth import expected_auroc, pairwise_auroc, patient_probability
from benchmark.contracts.vocabulary import BY_COLUMN, FEATURES, PRESENT, SUSPICION
from tests.references.contact_sheet import ROWS

# Table 3 of Zhuang et al. 2025, in per cent.
TABLE_3_LABELS = {"Smooth": 67, "Lobulated": 22, "Spiculated/Serrated": 24, "Ill-defined": 19}
TABLE_3_CLASSES = {
    "Peri-cystic": 2,
    "Solid": 73,
    "Pure ground glass": 9,
    "Semiconsolidation": 8,
    "Part-solid": 8,
    "Complex/Irregular": 31,
    "Ovoid": 35,
    "Polygonal": 14,
    "Round": 19,
}
TABLE_3_PRESENT = {
    "nodule_reticulation": 88,
    "cyst-like_spaces": 14,
    "necrosis": 0.4,
    "eccentric_calcification": 3,
    "cavitation": 0.4,
    "intra-nodular_bronchiectasis": 3,
    "vascular_convergence": 10,
    "pleural_attachment": 53,
    "paracicatricial_emphysema": 12,
    "septal_stretching": 69,
}


@pytest.fixture(scope="module")
def nodules():
    rng = np.random.default_rng(0)
    return [draw_features(PRESETS["nlst"], rng) for _ in range(6000)]


def near(found, percent, n=6000):
    # Four standard errors, and two points for what Table 3 rounds (its shapes add up to 99).
    return abs(found - percent / 100) < 4 * np.sqrt(percent / 100 / n) + 0.02


def test_rates_are_those_of_table_3(nodules):
    for label, percent in TABLE_3_LABELS.items():
        assert near(np.mean([label in n.margins for n in nodules]), percent), label
    for name, percent in TABLE_3_CLASSES.items():
        assert near(np.mean([name in (n.shape, n.consistency) for n in nodules]), percent), name
    for column, percent in TABLE_3_PRESENT.items():
        assert near(np.mean([column in n.present for n in nodules]), percent), column
    assert near(np.mean([n.poorly_marginated for n in nodules]), 16)
    assert near(np.mean([n.retraction != "Absent" for n in nodules]), 80)


@pytest.mark.slow
def test_no_class_is_rare_in_the_preset_of_features():
    rng = np.random.default_rng(0)
    nodules = [draw_features(PRESETS["features"], rng) for _ in range(6000)]
    assert all(near(np.mean([n.margins == labels for n in nodules]), 10) for labels, _ in MARGINS)
    for attribute, classes in (("shape", SHAPES), ("consistency", CONSISTENCIES), ("retraction", RETRACTIONS)):
        for name, _ in classes:
            share = np.mean([getattr(n, attribute) == name for n in nodules])
            assert near(share, 100 / len(classes)), name
    for column in BINARY_RATES:
        assert near(np.mean([column in n.present for n in nodules]), 20), column


def test_cells_are_empty_as_often_as_table_3_says():
    # Present and absent of Table 3 add up to: airway cut-off 2 + 27, vascular convergence 10 + 89, shape 99, ...
    given = {
        "airway_cut-off": 29,
        "vascular_convergence": 99,
        "nodule_shape": 99,
        "eccentric_calcification": 99,
        "septal_stretching": 99,
    }
    assert {column: pytest.approx(1 - percent / 100) for column, percent in given.items()} == MISSING


def test_diameters_and_classes_are_in_the_vocabulary(nodules):
    assert all(DIAMETERS[0] <= n.diameter <= DIAMETERS[1] for n in nodules)
    assert {n.shape for n in nodules} == set(BY_COLUMN["nodule_shape"].classes)
    assert {n.consistency for n in nodules} == set(BY_COLUMN["nodule_consistency"].classes)
    assert {n.retraction for n in nodules} == set(BY_COLUMN["pleural_retraction"].classes)
    assert {m for n in nodules for m in n.margins} == set(BY_COLUMN["nodule_margins"].classes)
    binary = {f.column for f in FEATURES if f.kind == "binary"}
    assert set(BINARY_RATES) == binary
    known = {m for c, _ in MARGINS for m in c} | {k for k, _ in (*SHAPES, *CONSISTENCIES, *RETRACTIONS)} | binary
    assert set(EFFECTS) <= known | {"log2 diameter", "Mild dimpling", "Obvious dimpling"}


@pytest.mark.slow
def test_malignancy_follows_the_features_as_well_as_in_the_paper(nodules):
    rng = np.random.default_rng(1)
    label = rng.random(len(nodules)) < 1 / (1 + np.exp(-np.array([n.logit for n in nodules])))
    known = roc_auc_score(label, [n.logit for n in nodules])
    assert 0.90 <= known <= 0.95
    columns = [
        {"size": np.log2(n.diameter), "poor": n.poorly_marginated}
        | dict.fromkeys((*n.margins, n.shape, n.consistency, n.retraction, *n.present), 1.0)
        for n in nodules
    ]
    x = pd.DataFrame(columns).fillna(0.0).astype(float)
    fitted = cross_val_predict(LogisticRegression(max_iter=500), x, label, cv=3, method="decision_function")
    # The label was drawn from a logistic model of these columns, so fitting one must reach the known best.
    assert roc_auc_score(label, fitted) > known - 0.01


def test_suspicion_is_a_noisy_view_of_the_risk(nodules):
    logit, suspicion = np.array([n.logit for n in nodules]), np.array([n.suspicion for n in nodules])
    assert 0.8 < np.corrcoef(logit, suspicion)[0, 1] < 0.99


@pytest.mark.parametrize("name", list(PRESETS))
def test_number_of_patients_with_cancer_is_the_presets(name):
    preset = PRESETS[name]
    patients, _ = draw_patients(preset, preset.patients, np.random.default_rng(4))
    positive = sum(max(labels) for _, labels in patients)
    assert positive == round(preset.patients * preset.positive)
    assert all(1 <= len(nodules) <= 3 and len(nodules) == len(labels) for nodules, labels in patients)


def test_the_papers_own_counts():
    # Table 2: LUNGx 70 (35), DLCS 1120 (63), UCLA 51 (28).
    for name, count in {"lungx": 35, "dlcs": 63, "ucla": 28}.items():
        assert round(PRESETS[name].full * PRESETS[name].positive) == count


def test_true_probabilities_are_calibrated_after_the_selection():
    preset = PRESETS["lungx"]
    expected = drawn = 0.0
    for seed in range(6):
        patients, ratio = draw_patients(preset, 150, np.random.default_rng(seed))
        for nodules, labels in patients:
            chance, _ = patient_probability(np.array([n.logit for n in nodules]), ratio)
            expected, drawn = expected + chance.sum(), drawn + sum(labels)
    # 900 patients, about 500 malignant nodules: 3 standard errors are 8 per cent.
    assert abs(expected / drawn - 1) < 0.08


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=3), st.floats(0.05, 20))
@pytest.mark.slow
def test_selection_against_all_combinations_of_labels(logits, ratio):
    chance = 1 / (1 + np.exp(-np.array(logits)))
    weights = {}
    for labels in itertools.product((0, 1), repeat=len(logits)):
        p = np.prod([c if y else 1 - c for c, y in zip(chance, labels, strict=True)])
        weights[labels] = p * (ratio if any(labels) else 1.0)
    total = sum(weights.values())
    nodule, patient = patient_probability(np.array(logits), ratio)
    assert patient == pytest.approx(sum(w for y, w in weights.items() if any(y)) / total)
    for index in range(len(logits)):
        assert nodule[index] == pytest.approx(sum(w for y, w in weights.items() if y[index]) / total)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auroc_is_scikit_learns(pairs):
    label, score = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], float)
    if 0 < label.sum() < len(label):
        assert pairwise_auroc(label, score) == pytest.approx(roc_auc_score(label, score))


def test_expected_auroc_is_the_mean_over_drawn_labels():
    rng = np.random.default_rng(2)
    chance = rng.beta(1, 3, 400)
    score = chance + rng.normal(0, 0.1, 400)
    simulated = [roc_auc_score(rng.random(400) < chance, score) for _ in range(300)]
    assert expected_auroc(chance, score) == pytest.approx(np.mean(simulated), abs=0.004)


def test_the_contact_sheet_shows_every_class():
    shown = {
        name
        for _, row in ROWS
        for name in (*row.margins, row.shape, row.consistency, row.retraction, *row.present)
    }
    for feature in FEATURES:
        if feature.column == SUSPICION or feature.kind == "number":
            continue
        if feature.kind == "binary":
            assert feature.column in shown
        elif feature.column != "nodule_margin_conspicuity":
            assert set(feature.classes) <= shown
    assert {row.poorly_marginated for _, row in ROWS} == {True, False}
    assert PRESENT not in shown
