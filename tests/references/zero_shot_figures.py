"""Zero-shot AUROC of every semantic feature on held-out phantoms, beside what a plain classifier reaches.

``python -m tests.references.zero_shot_figures --run RUN --work DIR`` draws 400 ``nlst`` patients of seed 4242 and
150 of the preset ``features``, seed 4243 (or takes those of DIR), explains them with a run, and writes
results/zero_shot.md. The classifier is a logistic regression of each class on the frozen encoder's outputs (mean
and maximum over the nine planes), fitted on the phantoms of the pretraining, which DIR holds after
``python -m tests.references.pretrain_tiny_clip --work DIR``. What it does not find is not in the encoder's
features; what it finds and the prompts do not was not learned from the text.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.cohorts.phantom.prepare import prepare_phantom
from benchmark.cohorts.phantom.truth import expected_auroc, read_truth
from benchmark.comparison.semantic import semantic_tables
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.files import write_text
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.imaging.cropping.layout import INDEX
from benchmark.imaging.cropping.store import CropStore
from benchmark.producers.baselines import SEMANTIC, baseline_scores, design
from clip_nodule.inference.explain import Explained, ExplainOptions, explain_cohort
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.network.backbone import Backbone
from clip_nodule.runs.networks import shared_backbone
from clip_nodule.runs.run_folder import read_run
from clip_nodule.text.feature_sentences import CLASSED, class_shares
from clip_nodule.training.data import TEST, read_patients
from clip_nodule.training.images import KeptPlanes, kept_planes_file
from tests.references.pretrain_tiny_clip import COHORTS

ROOT = Path(__file__).resolve().parents[2]
SEED, PATIENTS = 4242, 400
EVEN_SEED, EVEN_PATIENTS = 4243, 150
GOALS = {
    "nodule margins": 0.85,
    "nodule consistency": 0.85,
    "nodule margin conspicuity": 0.85,
    "pleural attachment": 0.85,
    "eccentric calcification": 0.85,
    "nodule shape": 0.65,
}


@torch.no_grad()
def encoded(backbone: Backbone, name: str, work: Path) -> tuple[npt.NDArray[np.float32], pd.DataFrame]:
    """Mean and maximum over planes of the frozen encoder's outputs, and the nodules they are of."""
    cohort = load_cohort(name, work / "cohorts")
    crops = work / "crops" / name
    # The scans of the pretraining take 30 GB and may be gone; its crops are enough.
    store = CropStore.open(crops) if (crops / INDEX).is_file() else crops_of(cohort, work)
    rows = store.cropped.astype(np.int64)
    size = int(backbone.visual.image_size[0])
    planes = KeptPlanes(kept_planes_file(store, rows, len(store), size), torch.device("cpu"))
    parts = []
    for block in np.array_split(rows, max(1, len(rows) // 32)):
        images = planes(block)
        features = backbone.visual(images.flatten(0, 1)).reshape(len(block), 9, -1)
        parts.append(torch.cat([features.mean(1), features.amax(1)], 1))
    return torch.cat(parts).numpy(), cohort.nodules.iloc[rows].reset_index(drop=True)


@dataclass(frozen=True)
class Encoded:
    """Frozen features of the phantoms of the pretraining, and of the held-out ones, and their nodule tables."""

    train: npt.NDArray[np.float32]
    table: pd.DataFrame
    test: npt.NDArray[np.float32]
    nodules: pd.DataFrame


def frozen(run: Path, work: Path, held_out: str) -> Encoded:
    """What the run's frozen encoder says of all phantoms."""
    backbone = shared_backbone(run, read_run(run))
    if backbone is None:
        raise SystemExit("the run's folds share no frozen backbone")
    given = [encoded(backbone, f"{preset}-{seed}", work) for preset, seed, _ in COHORTS]
    train, table = np.concatenate([x for x, _ in given]), pd.concat([t for _, t in given], ignore_index=True)
    return Encoded(train, table, *encoded(backbone, held_out, work))


def malignancy(data: Encoded, truth: pd.DataFrame) -> dict[str, float]:
    """Expected AUROC over patients of logistic regressions fitted on the phantoms of the pretraining."""
    label = data.table["malignant"].to_numpy(int)
    readers = [readers_features(table) for table in (data.table, data.nodules)]
    found = {"true probabilities": truth["nodule_probability"].to_numpy(float)}
    for name, train, test in (
        ("readers' features", *readers),
        ("frozen image features", data.train, data.test),
        ("diameter", readers[0][:, :1], readers[1][:, :1]),
    ):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=3000)).fit(train, label)
        found[name] = model.predict_proba(test)[:, 1]
    patients = truth.assign(**found).groupby("pid", sort=False)
    chance = patients["patient_probability"].first().to_numpy(float)
    return {name: expected_auroc(chance, patients[name].max().to_numpy(float)) for name in found}


def readers_features(nodules: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The features that readers gave, diameters as logarithms, the longest first."""
    matrix, _ = design(nodules, SEMANTIC)
    lengths = [column for column in matrix if "diameter" in column]
    matrix[lengths] = np.log2(matrix[lengths])
    return matrix.to_numpy(float)


def plain_classifiers(data: Encoded) -> pd.DataFrame:
    """Predictions of logistic regressions on the frozen features, in the form of zero-shot predictions."""
    train, table, test, nodules = data.train, data.table, data.test, data.nodules
    frames = []
    for feature, shares in zip(CLASSED, class_shares(table), strict=True):
        known = shares.sum(axis=1) > 0
        for number, name in enumerate(feature.classes):
            positive = shares[known, number] > 0
            probability = np.full(len(test), float(positive.mean()) if known.any() else 0.0)
            if 0 < positive.sum() < len(positive):
                model = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=2000))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    probability = model.fit(train[known], positive).predict_proba(test)[:, 1]
            part = nodules[["pid", "nodule_id"]].assign(feature=feature.column, probability=probability)
            part["class"] = name
            frames.append(part)
    return pd.concat(frames, ignore_index=True)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "zero_shot.md")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    work = arguments.work
    even, _ = explained("features", EVEN_SEED, EVEN_PATIENTS, work, arguments.run)
    found, seconds = explained("nlst", SEED, PATIENTS, work, arguments.run)
    name = f"nlst-{SEED}"
    zero, _ = semantic_tables(found.nodules, found.predictions)
    balanced, _ = semantic_tables(even.nodules, even.predictions)
    data = frozen(arguments.run, work, name)
    plain, _ = semantic_tables(found.nodules, plain_classifiers(data))
    truth = read_truth(work / "cohorts" / name)
    aligned = data.nodules[["pid", "nodule_id"]].merge(truth, on=["pid", "nodule_id"])
    text = report(zero, plain, balanced, seconds)
    areas = malignancy(data, aligned)
    lines = [
        "",
        "Malignancy of these patients, expected AUROC of what is fitted on the phantoms of the pretraining:",
        "",
    ]
    lines += [f"- {label}: {value:.3f}" for label, value in areas.items()]
    lines += few_labels(arguments.run, work, name)
    write_text(arguments.out, text + "\n".join(lines) + "\n")


def few_labels(run: Path, work: Path, name: str) -> list[str]:
    """What is reached with the labels of the demo alone, on its held-out patients and on new ones, as Markdown."""
    demo, info = run.parents[1], read_run(run)
    training = load_cohort(info.cohort, demo / "cohorts")
    settings = {
        "folds": info.settings.data.folds,
        "test_fraction": info.settings.data.test_fraction,
        "seed": info.seed,
    }
    columns = []
    for results, cohort, part in ((demo, training, "auto"), (work, load_cohort(name, work / "cohorts"), "all")):
        cohorts, out = results / "cohorts", work / f"few-{cohort.name}.csv"
        path = score_cohort(cohort.name, Scoring(part), workspace=Workspace(cohorts, results), run=run, out=out)
        truth = read_truth(cohort.folder).merge(cohort.nodules[["pid", "nodule_id", "malignant"]])
        scores = read_score_table(path).query("fold == 'ensemble'")[["pid", "nodule_id", "score"]]
        readers = baseline_scores("semantic-lr", training, cohort, **settings)
        readers = readers[readers["fold"] == "ensemble"][["pid", "nodule_id", "score"]]
        table = truth.merge(scores).merge(readers.rename(columns={"score": "readers"}))
        patients = table.groupby("pid", sort=False)
        chance, ill = patients["patient_probability"].first().to_numpy(), patients["malignant"].max().astype(int)
        ranked = {key: patients[key].max().to_numpy(float) for key in ("nodule_probability", "readers", "score")}
        columns.append(
            [f"{len(ill)}"]
            + [
                f"{expected_auroc(chance, value):.3f} ({roc_auc_score(ill, value):.3f})"
                for value in ranked.values()
            ]
        )
    held = read_patients(run)["fold"].eq(TEST)
    names = ("patients", "true probabilities", "logistic regression, readers' features", "the run")
    return [
        "",
        f"With the labels of the demo's {(~held).sum()} training patients alone, expected AUROC over patients",
        "(and that of the labels as they were drawn):",
        "",
        "| | held-out patients of the demo | new patients |",
        "|---|---|---|",
        *(f"| {label} | {one} | {two} |" for label, one, two in zip(names, *columns, strict=True)),
    ]


def explained(preset: str, seed: int, patients: int, work: Path, run: Path) -> tuple[Explained, float]:
    """Zero-shot predictions of a phantom cohort, drawn if DIR has it not, and the seconds that they took."""
    name = f"{preset}-{seed}"
    if not (work / "cohorts" / name / "cohort.yaml").is_file():
        prepare_phantom(preset, work / "cohorts" / name, seed, patients, workers=2)
    crops_of(load_cohort(name, work / "cohorts"), work)
    begin = time.perf_counter()
    found = explain_cohort(name, Workspace(work / "cohorts", work), ExplainOptions(run, patients="all"))
    return found, time.perf_counter() - begin


def report(zero: pd.DataFrame, plain: pd.DataFrame, balanced: pd.DataFrame, seconds: float) -> str:
    """The table as Markdown."""
    bound = plain.set_index("feature")["auroc"]
    even = balanced.set_index("feature")
    command = "python -m tests.references.zero_shot_figures --run results/demo/runs/clip --work DIR"
    lines = [
        "# Zero-shot semantic features on held-out phantoms",
        "",
        f"`{command}`: the demo's run on",
        f"{PATIENTS} other `nlst` phantom patients (seed {SEED}). *Classifier*: logistic regression on the frozen",
        "encoder's features, fitted on the phantoms of the pretraining. *None rare*: the same run on",
        f"{EVEN_PATIENTS} patients of the preset `features` (seed {EVEN_SEED}), where no class is rare.",
        "",
        "| feature | rarest class | AUROC, zero-shot (95 %) | classifier | goal | none rare |",
        "|---|---|---|---|---|---|",
    ]
    for row in zero.itertuples():
        other = "–" if np.isnan(bound[row.feature]) else f"{bound[row.feature]:.3f}"
        goal = f"≥ {GOALS[row.feature]:.2f}" if row.feature in GOALS else ""
        more = interval(even.loc[row.feature])
        lines.append(
            f"| {row.feature} | {row.n_positive} of {row.n} | {interval(row)} | {other} | {goal} | {more} |"
        )
    enough = zero[(zero["n_positive"] >= 10) & zero["auroc"].notna()]
    mean, least = enough["auroc"].mean(), zero[zero["group"] == "general"]["auroc"].min()
    lines += [
        "",
        f"Mean over {len(enough)} features whose rarest class has at least 10 nodules: {mean:.3f} (goal ≥ 0.70).",
        f"Lowest general feature: {least:.3f} (goal ≥ 0.65).",
        f"`explain_cohort` on these nodules: {seconds:.0f} s on 2 cores.",
    ]
    return "\n".join(lines) + "\n"


def interval(row: Any) -> str:
    """AUROC with its interval, or a dash."""
    return "–" if np.isnan(row.auroc) else f"{row.auroc:.3f} ({row.auroc_low:.3f}–{row.auroc_high:.3f})"


if __name__ == "__main__":
    main()
