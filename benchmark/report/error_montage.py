"""The error gallery as figures for a manuscript."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmark.report.content import Content
from benchmark.report.gallery import Case, gallery
from benchmark.report.gallery_images import open_crops
from benchmark.report.manuscript.montage import Nodule
from benchmark.report.pseudonyms import pseudonyms
from benchmark.report.summary import best_model


@dataclass(frozen=True)
class ErrorMontage:
    """The errors of a model on a cohort that have images.

    Attributes:
        cohort: Name of the cohort.
        nodules: False positives, then false negatives.
    """

    cohort: str
    nodules: list[Nodule]


def error_montages(content: Content) -> Iterator[ErrorMontage]:
    """The errors that the page's gallery shows, of each cohort that has crops."""
    for result, cohort in zip(content.results, content.cohorts, strict=True):
        model = content.reference if content.reference in result.scored.models else best_model(result)
        store, _ = open_crops(cohort, content.workspace)
        if not model or store is None:
            continue
        name_of, scores = pseudonyms(content.workspace, content.show_ids), content.scores[cohort.name]
        found = gallery(result, cohort, scores, model, content.workspace, name_of, content.names)
        if found is None:
            continue
        rule = found.rule.partition(": ")[0]
        groups = {"False positives": found.false_positives, "False negatives": found.false_negatives}
        nodules = [
            Nodule(_label(case, found.model), crop, store.recipe, f"{title} of {found.model}. {rule}")
            for title, cases in groups.items()
            for case in cases
            if (crop := store.crop(*case.key)) is not None
        ]
        if nodules:
            yield ErrorMontage(cohort.name, nodules)


def _label(case: Case, model: str) -> str:
    score = dict(case.scores)[model]
    return ", ".join(filter(None, (case.name, case.nodule, f"score {score}")))
