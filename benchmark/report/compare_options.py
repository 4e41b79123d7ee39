"""What a user may ask of a comparison, and what is refused before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

from benchmark.comparison.added_value import top_counts
from benchmark.comparison.measured import measured_metrics
from benchmark.comparison.performance import RECALLS, SPECIFICITIES
from benchmark.comparison.thresholds import split_source
from benchmark.comparison.units import Unit
from benchmark.comparison.within import split_restriction
from benchmark.errors import InputError, Problem
from benchmark.metrics.registry import NamedMetric
from benchmark.statistics.resampling import Resampling


@dataclass(frozen=True)
class CompareOptions:
    """What to compare and how.

    Attributes:
        models: Models to compare; all that have scores by default. Without scores on a cohort, left out there.
        unit: ``patient`` or ``nodule``.
        recalls: Recalls of the operating points.
        specificities: Specificities that the models' recalls are compared at.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
        sampled_whole: The cohorts were sampled as a whole, so that the number of positives is chance: classes are
            drawn together.
        titles: Printed names of models.
        cohort_titles: Printed names of cohorts; what their manifests say by default.
        published: Keys or YAML files of papers whose printed rows stand beside, marked †.
        by: Column of the nodule tables to group by.
        reference: Model that differences are taken from; the one with the highest mean AUROC by default.
        allow_seen: Test models also on cohorts that they saw in training, and those whose scores have no card.
        unseen_patients: Compare on the patients that no compared model saw in training, as far as cards list them.
        show_ids: Print patient ids on the page instead of pseudonyms.
        figures: Formats to write figures in besides the page: ``png``, ``svg``, ``pdf``.
        metrics: Metrics besides AUROC and AUPRC: names of `METRICS`, such as ``npv@recall=0.9``.
        margins: Metric → loss of it that still counts as not worse than ``versus``; of AUROC alone.
        thresholds: Thresholds of models, ``MODEL=0.06``, or a calculator's name for those of guidelines.
        threshold_from: Cohort to choose thresholds on, ``COHORT:recall=0.9``; see `split_source`.
        versus: Model that the others must not be worse than.
        missing_by: Columns of the nodule tables that say who lacks a score: weights are made from them.
        within: Strata or parts of the cases to measure AUROC in: ``MODEL``, ``COLUMN``, ``MODEL<0.06``.
        fused: Two models each to fuse: ``MODEL+MODEL``.
        top: Numbers of highest scores to count the positives in: ``100``, ``5%``.
        prevalences: Shares of positives to give the predictive values of thresholds from elsewhere at.
    """

    models: Sequence[str] = ()
    unit: Unit = "patient"
    recalls: Sequence[float] = RECALLS
    specificities: Sequence[float] = SPECIFICITIES
    replicates: int = 2000
    seed: int = 0
    sampled_whole: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    cohort_titles: Mapping[str, str] = field(default_factory=dict)
    published: Sequence[str] = ()
    by: str | None = None
    reference: str | None = None
    allow_seen: bool = False
    unseen_patients: bool = False
    show_ids: bool = False
    figures: Sequence[str] = ()
    metrics: Sequence[str] = ()
    margins: Mapping[str, float] = field(default_factory=dict)
    versus: str | None = None
    thresholds: Sequence[str] = ()
    threshold_from: str | None = None
    missing_by: Sequence[str] = ()
    prevalences: Sequence[float] = ()
    within: Sequence[str] = ()
    fused: Sequence[str] = ()
    top: Sequence[str] = ()

    @property
    def resampling(self) -> Resampling:
        """How the bootstrap draws."""
        return Resampling(self.replicates, self.seed, stratified=not self.sampled_whole)

    @cached_property
    def measured(self) -> tuple[NamedMetric, ...]:
        """AUROC, AUPRC and the metrics asked for.

        Raises:
            InputError: A metric is not known, or names no value.
        """
        return measured_metrics(self.metrics)

    def recorded(self, cohorts: Sequence[str]) -> dict[str, object]:
        """The settings that the record of a comparison holds."""
        return {
            "cohorts": list(cohorts),
            "models": list(self.models),
            "titles": dict(self.titles),
            "cohort_titles": dict(self.cohort_titles),
            "unit": self.unit,
            "replicates": self.replicates,
            "sampled_whole": self.sampled_whole,
            "by": self.by,
            "metrics": list(self.metrics),
            "published": list(self.published),
            "allow_seen": self.allow_seen,
            "unseen_patients": self.unseen_patients,
            "margins": dict(self.margins),
            "versus": self.versus,
            "thresholds": list(self.thresholds),
            "threshold_from": self.threshold_from,
            "missing_by": list(self.missing_by),
            "prevalences": list(self.prevalences),
            "within": list(self.within),
            "fused": list(self.fused),
            "top": list(self.top),
        }


def check_options(options: CompareOptions) -> None:
    """Refuse what is wrong whatever the cohorts hold.

    Raises:
        InputError: A format of figures, a recall, a metric, a margin or the unit is wrong, or figures cannot be
            drawn here.
    """
    from benchmark.report.figure_files import check_formats

    check_formats(options.figures)
    wrong = [recall for recall in options.recalls if not 0 < recall <= 1]
    if wrong or not options.recalls:
        fix = "use recalls above 0 and at most 1, such as 0.8"
        raise InputError(
            [Problem("is no recall to aim at", fix, column="--recall", value=f"{recall:g}") for recall in wrong]
            or [Problem("no recall is given", fix, column="--recall")]
        )
    too_wide = [share for share in options.specificities if not 0 < share <= 1]
    if too_wide:
        fix = "use specificities above 0 and at most 1, such as 0.95"
        problems = [Problem("is no specificity", fix, column="--specificity", value=f"{s:g}") for s in too_wide]
        raise InputError(problems)
    if options.unseen_patients and options.allow_seen:
        what = "says to leave out the patients whom --allow-seen says to test on"
        raise InputError(Problem(what, "give one of the two", column="--unseen-patients"))
    _ = options.measured
    _check_margins(options.margins, options.versus)
    if options.threshold_from is not None:
        split_source(options.threshold_from)
    _check_prevalences(options)
    top_counts(options.top)
    for text in options.within:
        split_restriction(text)
    if options.unit not in get_args(Unit):
        raise InputError(Problem("is no unit", "use patient or nodule", column="--unit", value=options.unit))


def _check_prevalences(options: CompareOptions) -> None:
    """A prevalence is a share, and there is a threshold whose predictive values are wanted."""
    problems = [
        Problem("is no prevalence", "give a share above 0 and below 1, such as 0.01", column="--prevalence",
                value=f"{share:g}")
        for share in options.prevalences
        if not 0 < share < 1
    ]  # fmt: skip
    if options.prevalences and not (options.thresholds or options.threshold_from):
        fix = "give --threshold MODEL=0.06 or --threshold-from COHORT"
        problems.append(Problem("is given without a threshold", fix, column="--prevalence"))
    if problems:
        raise InputError(problems)


def _check_margins(margins: Mapping[str, float], versus: str | None) -> None:
    """A margin is one of AUROC, is a loss, and is against a model."""
    problems = []
    for metric, margin in margins.items():
        if metric != "auroc":
            what = "has no test of non-inferiority"
            problems.append(Problem(what, "give --margin auroc=0.05", column="--margin", value=metric))
        elif not 0 < margin < 1:
            fix = "give a loss of AUROC above 0 and below 1, such as auroc=0.05"
            problems.append(Problem("is no margin", fix, column="--margin", value=f"auroc={margin:g}"))
    if margins and versus is None:
        fix = "name it with --versus MODEL"
        problems.append(
            Problem("says by how much a model may be worse, but not than which", fix, column="--margin")
        )
    if versus is not None and not margins:
        fix = "say how much worse is not worse: --margin auroc=0.05"
        problems.append(Problem("is given without a margin", fix, column="--versus", value=versus))
    if problems:
        raise InputError(problems)
