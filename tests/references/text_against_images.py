"""Does semantic text help? LoRA-CLIP against the same network trained on images alone, over seeds.

``python tests/references/text_against_images.py --work DIR --seeds 5`` writes held-out AUROCs of ``nlst`` phantoms
to results/text_against_images.md. Both models of a seed have the same held-out patients, folds and settings, and
begin with the same pretrained encoder and image head. Minutes a seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmark.cohorts.phantom.prepare import prepare_phantom
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.files import write_text
from clip_nodule.inference.predict import score_cohort
from clip_nodule.runs.run_folder import MANIFEST
from clip_nodule.train import TrainingRequest, train_run

ROOT = Path(__file__).resolve().parents[2]
SEED = 77


def held_out_auroc(work: Path, modality: str, seed: int) -> float:
    """AUROC of the ensemble on held-out patients, each by the largest score of its nodules."""
    name = f"{modality}-{seed}"
    run = train_run(
        "nlst", TrainingRequest(settings={"modality": modality, "test_fraction": 0.5}, seed=seed),
        workspace=Workspace(work / "cohorts", work / "results"), name=name,
        resume=(work / "results" / "runs" / name / MANIFEST).is_file(),
    )  # fmt: skip
    table = read_score_table(
        score_cohort("nlst", workspace=Workspace(work / "cohorts", work / "results"), run=run)
    )
    truth = load_cohort("nlst", work / "cohorts").nodules[["pid", "nodule_id", "malignant"]]
    joined = table[table["fold"] == "ensemble"].merge(truth, on=["pid", "nodule_id"])
    patients = joined.groupby("pid").agg(score=("score", "max"), malignant=("malignant", "max"))
    return float(roc_auc_score(patients["malignant"].astype(int), patients["score"]))


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--patients", type=int, default=500)
    arguments = parser.parse_args()
    if not (arguments.work / "cohorts" / "nlst" / "cohort.yaml").is_file():
        prepare_phantom("nlst", arguments.work / "cohorts" / "nlst", SEED, arguments.patients, workers=2)
    rows = [
        [held_out_auroc(arguments.work, m, seed) for m in ("clip", "vision")] for seed in range(arguments.seeds)
    ]
    differences = np.array([clip - vision for clip, vision in rows])
    lines = [
        "# Does semantic text help? Phantoms",
        "",
        "`python tests/references/text_against_images.py --work DIR --seeds "
        f"{arguments.seeds} --patients {arguments.patients}`:",
        f"`nlst` phantoms of seed {SEED}, configuration `tiny-cpu`, half of the patients held out. AUROC over",
        "held-out patients of the mean of five folds. Both begin with the encoder of `clip_nodule/weights`, which",
        "has learned from texts, and with classifiers fitted to it: what is compared is the text's part in the",
        "fine-tuning alone.",
        "",
        "| seed | CLIP | vision | difference |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {seed} | {clip:.3f} | {vision:.3f} | {clip - vision:+.3f} |"
        for seed, (clip, vision) in enumerate(rows)
    ]
    lines.append(f"| mean | | | {differences.mean():+.3f} (SD {differences.std(ddof=1):.3f}) |")
    write_text(ROOT / "results" / "text_against_images.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
