"""``bench challenge``: a submission judged as its challenge does."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmark.challenges.ground_truth import CaseUnit
    from benchmark.challenges.luna25 import Luna25Evaluation

EXAMPLE = (
    "Example: bench challenge luna25 --input input --ground-truth hidden_validation.csv --out metrics.json\n\n"
    "In an evaluation container: bench challenge luna25 --input /input --ground-truth "
    "/opt/ml/input/data/ground_truth --out /output/metrics.json"
)


class Challenge(StrEnum):
    """Whose evaluation."""

    luna25 = "luna25"


def challenge(
    name: Annotated[Challenge, typer.Argument(help="Whose evaluation: luna25.")],
    input_: Annotated[
        Path,
        typer.Option("--input", help="Folder with predictions.json and the jobs, or with the algorithm's files."),
    ],
    ground_truth: Annotated[
        Path,
        typer.Option(
            help="CSV with AnnotationID, label and PatientID (scans: case_id, label), or a folder with it."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("metrics.json"),
    slug: Annotated[
        str | None, typer.Option(help="Output of the jobs that holds the scores, if several could.")
    ] = None,
) -> None:
    """Write what the challenge's own evaluation writes of a submission, and intervals that draw patients.

    metrics.json has the challenge's measures to the last digit; metrics_by_patient.json beside it has the AUROC of
    nodules with patients as clusters, and that of patients. A nodule without a score takes no part and one scored
    twice counts twice, as in the challenge; both are warned of. Jobs without an output, ids without a label, and
    scores that are text, null or not finite are refused.
    """
    from adapters.card import AdapterOptions
    from adapters.grand_challenge import read
    from benchmark.challenges.ground_truth import read_ground_truth
    from benchmark.challenges.luna25 import evaluate_luna25
    from benchmark.challenges.write import write_evaluation

    found = read([input_], AdapterOptions(slug=slug, score_type="rank"))[0]
    unit: CaseUnit = "nodule" if found.unit == "nodule" else "scan"
    truth = read_ground_truth(ground_truth, unit)
    rows = list(range(len(found.frame)))
    ids = found.frame["nodule_id" if unit == "nodule" else "case"].tolist()
    if unit == "scan":  # one file a scan has no order of its own
        order = {case: place for place, case in enumerate(truth.labels.index)}
        rows.sort(key=lambda row: order.get(ids[row], len(order)))
    evaluation = evaluate_luna25(
        [ids[row] for row in rows], found.scores[rows], truth, unit, lambda row: found.locate(rows[row])
    )
    evaluation = replace(evaluation, warnings=[*found.warnings, *evaluation.warnings])
    written = write_evaluation(evaluation, out)
    show_evaluation(evaluation)
    typer.echo(f"written: {', '.join(map(str, written))}")


def show_evaluation(evaluation: Luna25Evaluation) -> None:
    """Print the challenge's measures, the intervals that draw patients, and what should be known."""
    for key, value in evaluation.metrics.items():
        typer.echo(f"{key}: {value:.6f}")
    for key, words in (
        ("nodules_in_patients", "AUC of nodules, patients drawn"),
        ("patients_by_highest_score", "AUC of patients, highest score each"),
    ):
        one = evaluation.by_patient.get(key)
        if one and one["auc"] is not None:
            limits = f"95 % interval {one['auc_95_low']:.3f} to {one['auc_95_high']:.3f} ({one['method']})"
            typer.echo(f"{words}: {one['auc']:.6f}, {limits}, {one['patients']:,} patients")
    for warning in evaluation.warnings:
        typer.echo(f"warning: {warning}", err=True)
