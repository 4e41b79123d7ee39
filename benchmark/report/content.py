"""Everything that a comparison's tables, figures and page are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.folds import starred
from benchmark.comparison.groups import ByColumn
from benchmark.comparison.margins import MARGIN_COLUMNS, noninferiority_rows, without_margin_test
from benchmark.comparison.measured import metrics_of_columns, metrics_of_rows
from benchmark.comparison.missing_scores import missing_rows
from benchmark.comparison.pairs import reference_first
from benchmark.comparison.survival import SurvivalResult
from benchmark.comparison.thresholds import Thresholds, threshold_rows
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.workspace import Workspace
from benchmark.report import tables as layouts
from benchmark.report.added import Added
from benchmark.report.fold_notes import left_out_notes
from benchmark.report.joining import joined
from benchmark.report.printed_rows import PrintedRows
from benchmark.report.printing.names import Names
from benchmark.report.printing.table import Table
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling


@dataclass(frozen=True)
class Content:
    """What was compared and what came out.

    Attributes:
        results: One a cohort, in the order to print.
        cohorts: The cohorts, in the same order.
        names: Printed names.
        reference: The model that differences are taken from.
        losses: Who was lost (`benchmark.comparison.losses`).
        exposures: Training overlap (`benchmark.comparison.exposures`).
        pooled: Differences pooled over cohorts.
        printed: Printed rows of papers; None without.
        groups: Metrics by the groups of a column, one a cohort; empty without.
        semantic: Zero-shot AUROC of semantic features by cohort, where there is any.
        runs: Records of training and scoring runs by what they are of, where there are any.
        workspace: Where scores, crops and runs were read from.
        provenance: What the page says of how it was made; the same inputs give the same text.
        scores: Rows of score tables by cohort.
        show_ids: Whether patient ids are printed instead of pseudonyms.
        notes: Sentences on what could not be done.
        thresholds: Thresholds from elsewhere, and the cohorts that share patients with where they come from.
        missing_by: Columns that weights for missing scores are made from.
        resampling: Of the bootstrap.
        margin: Loss of AUROC that still counts as not worse than ``versus``; None without such a test.
        versus: The model that others must not be worse than.
        taken: Sentences on what was taken for what, where somebody's table was read.
        survival: Time-to-event numbers of the cohorts that have follow-up.
    """

    results: Sequence[CohortResult]
    cohorts: Sequence[Cohort]
    names: Names
    reference: str
    losses: pd.DataFrame
    exposures: pd.DataFrame
    pooled: pd.DataFrame
    printed: PrintedRows | None
    groups: Sequence[ByColumn]
    semantic: Mapping[str, pd.DataFrame]
    runs: Mapping[str, Mapping[str, Any]]
    workspace: Workspace
    provenance: Mapping[str, Any]
    scores: Mapping[str, pd.DataFrame]
    show_ids: bool = False
    notes: Sequence[str] = field(default=())
    taken: Sequence[str] = field(default=())
    survival: Sequence[SurvivalResult] = field(default=())
    thresholds: Thresholds = field(default_factory=Thresholds)
    missing_by: Sequence[str] = ()
    resampling: Resampling = DEFAULT_RESAMPLING
    margin: float | None = None
    versus: str = ""
    added: Added = field(default_factory=Added)

    def joined(self, name: str) -> pd.DataFrame:
        """A table of every cohort's result, below each other."""
        return joined(getattr(result, name) for result in self.results)

    @cached_property
    def at_thresholds(self) -> pd.DataFrame:
        """What thresholds from elsewhere give; empty without any."""
        return joined(threshold_rows(result.scored, self.thresholds.chosen) for result in self.results)

    @cached_property
    def missing_scores(self) -> pd.DataFrame:
        """What the cases without a score could change; empty where every model scored every labelled case."""
        return joined(
            missing_rows(result, cohort, self.missing_by, resampling=self.resampling)
            for result, cohort in zip(self.results, self.cohorts, strict=True)
        )

    @cached_property
    def noninferiority(self) -> pd.DataFrame:
        """Differences from ``versus`` against the margin; empty without one."""
        if self.margin is None:
            return pd.DataFrame(columns=list(MARGIN_COLUMNS))
        return joined(
            noninferiority_rows(result.scored, self.versus, self.margin, result.untested)
            for result in self.results
        )

    @property
    def fold_left_out(self) -> tuple[str, ...]:
        """Who is in no test over folds, and why."""
        return left_out_notes((one for result in self.results for one in result.fold_left_out), self.names)

    @property
    def fold_notes(self) -> tuple[str, ...]:
        """Who is in no test over folds, and what the folds of each cohort stand on."""
        return (*self.fold_left_out, *dict.fromkeys(note for result in self.results for note in result.fold_notes))

    @property
    def models(self) -> list[str]:
        """Models of all cohorts, in the order they were given."""
        return list(dict.fromkeys(model for result in self.results for model in result.available.models))

    @property
    def cohort_names(self) -> list[str]:
        """Names of the cohorts, in the order to print."""
        return [result.scored.cohort for result in self.results]

    @property
    def uneven(self) -> list[str]:
        """Cohorts whose models did not all score the same units."""
        return [result.scored.cohort for result in self.results if not result.all_same]

    @property
    def all_same(self) -> bool:
        """Whether in every cohort all models scored the same units."""
        return not self.uneven


def reader_tables(content: Content) -> dict[str, Table]:
    """All tables for readers by the name of their file."""
    names, printed = content.names, content.printed
    rows = printed.performance if printed else None
    quoted = printed.points if printed else None
    performance, points = content.joined("performance"), content.joined("operating_points")
    found: dict[str, Table] = {
        "cohorts": layouts.cohort_table(content.cohorts, [r.scored for r in content.results], names),
        "performance": layouts.performance_table(performance, names, printed=rows),
    }
    if len(content.results) > layouts.MANY_COHORTS:
        for metric in metrics_of_columns(performance):
            found[f"grid_{metric.stem}"] = layouts.grid_table(performance, names, metric=metric.canonical)
    if not content.all_same:
        found["performance_all"] = layouts.performance_table(
            content.joined("performance_all"), names, printed=rows, uneven=content.uneven
        )
    for result in content.results:
        cohort = result.scored.cohort
        found[f"operating_points_{cohort}"] = layouts.operating_table(points, cohort, names, printed=quoted)
        found[f"operating_points_{cohort}_intervals"] = layouts.operating_tall(
            points, cohort, names, apart=content.resampling.stratified
        )
        if not result.all_same:
            own = result.operating_points_all
            table = layouts.operating_table(own, cohort, names, printed=quoted, same=False)
            found[f"operating_points_all_{cohort}"] = table
    return found | _test_tables(content) | _further_tables(content)


def _test_tables(content: Content) -> dict[str, Table]:
    found: dict[str, Table] = {}
    names, pairs, tests = content.names, content.joined("pairs"), content.joined("fold_tests")
    for metric in metrics_of_rows(pairs):
        found[f"pairs_{metric.stem}"] = layouts.pairs_table(
            pairs, names, metric=metric.canonical, reference=content.reference
        )
    found |= margin_table(content) | transferred_table(content)
    found |= content.added.reader_tables(names, content.reference)
    if len(content.pooled):
        found["pooled"] = layouts.pooled_table(content.pooled, names, reference=content.reference)
    folds = content.joined("folds")
    if len(folds):
        stars = starred(folds, tests)
        found["folds"] = layouts.fold_table(folds, tests, stars, names, pairs=pairs, notes=content.fold_notes)
    if len(tests):
        found["fold_tests"] = layouts.fold_test_table(tests, names, notes=content.fold_notes)
    return found


def margin_table(content: Content) -> dict[str, Table]:
    """The table of non-inferiority by its name, where a margin was given."""
    if content.margin is None:
        return {}
    tested = [(result.scored, result.untested) for result in content.results]
    why = without_margin_test(tested, content.versus)
    table = layouts.noninferiority_table(
        content.noninferiority, content.names, content.versus, content.margin, why
    )
    return {"noninferiority": table}


def transferred_table(content: Content) -> dict[str, Table]:
    """The table of thresholds from elsewhere by its name, where there are any."""
    if not content.thresholds.chosen:
        return {}
    notes = layouts.threshold_notes(
        content.thresholds.chosen, content.thresholds.shares, content.models, content.cohort_names, content.names
    )
    rows = content.at_thresholds
    return {
        "thresholds": layouts.threshold_table(
            rows, content.names, notes + layouts.notes_beyond_scores(rows, content.names)
        )
    }


def _further_tables(content: Content) -> dict[str, Table]:
    found: dict[str, Table] = {}
    names = content.names
    calibration, worth = content.joined("calibration"), content.joined("net_benefit")
    if len(calibration):
        found["calibration"] = layouts.calibration_table(calibration, names)
    if len(worth):
        found["net_benefit"] = layouts.net_benefit_table(worth, names)
    found |= survival_tables(content)
    for cohort, table in content.semantic.items():
        found[f"semantic_{cohort}"] = layouts.semantic_table(table, cohort, names)
    found |= subgroup_tables(content)
    found["ledger"] = layouts.ledger_table(content.losses, content.exposures, names)
    return found | missing_scores_table(content)


def subgroup_tables(content: Content) -> dict[str, Table]:
    """The tables of the groups of a column by their names, where somebody asked for them."""
    if not content.groups:
        return {}
    tables = {
        "subgroups": layouts.subgroup_table(content.groups, content.names, apart=content.resampling.stratified),
        "subgroup_interactions": layouts.interaction_table(
            content.groups, content.names, reference=content.reference
        ),
        "subgroup_differences": layouts.subgroup_differences_table(
            content.groups, content.names, reference=content.reference
        ),
    }
    return {name: table for name, table in tables.items() if table.rows or name == "subgroups"}


def missing_scores_table(content: Content) -> dict[str, Table]:
    """The table of what missing scores could change by its name, where there are any."""
    rows = content.missing_scores
    return {"missing_scores": layouts.missing_table(rows, content.names)} if len(rows) else {}


def survival_tables(content: Content) -> dict[str, Table]:
    """Time to event, its differences and calibration, where a cohort has follow-up."""
    if not content.survival:
        return {}
    values = joined(result.values for result in content.survival)
    notes = [note for result in content.survival for note in result.notes]
    found = {"survival": layouts.survival_table(values, content.names, notes)}
    pairs = joined(result.differences for result in content.survival)
    if len(pairs):
        found["survival_differences"] = layouts.survival_differences_table(
            reference_first(pairs, content.reference), content.names
        )
    incidence = joined(result.incidence for result in content.survival)
    if len(incidence):
        found["survival_incidence"] = layouts.incidence_table(incidence, content.names)
    calibration = joined(result.calibration for result in content.survival)
    if len(calibration):
        found["survival_calibration"] = layouts.survival_calibration_table(calibration, content.names)
    return found
