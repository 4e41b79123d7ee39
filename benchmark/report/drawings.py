"""Which figures a comparison has, under which name and caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.comparison.calibration import probability_models
from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.folds import tested_models, wide_folds
from benchmark.comparison.measured import metrics_of_rows
from benchmark.contracts.names import name_fault
from benchmark.contracts.text_table import read_numbers
from benchmark.files import list_finished, own_file
from benchmark.report import figures as draw
from benchmark.report.content import Content
from benchmark.report.figures.forest import pooled_alone
from benchmark.report.figures.panels import MANY, panels
from benchmark.report.printing.numbers import decimals
from benchmark.report.printing.palette import styles
from benchmark.report.tables.folds import CAVEAT

if TYPE_CHECKING:
    import plotly.graph_objects as go

LEARNING = {"val_loss": "validation loss", "val_auroc_image": "validation AUROC, images"}
"""Columns of a fold's ``metrics.csv`` that are drawn, and what they are called."""


@dataclass(frozen=True)
class Drawing:
    """A figure with its file name and what a reader is told.

    Attributes:
        stem: Name of its file.
        title: Caption.
        text: A sentence on how to read it.
        figure: The figure.
        wide: Whether it needs the width of the page.
    """

    stem: str
    title: str
    text: str
    figure: go.Figure
    wide: bool = False


class Drawings:
    """The figures of a comparison, made when they are asked for.

    Args:
        content: What was compared.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self.styles = styles(content.models)

    @cached_property
    def cohorts(self) -> dict[str, list[Drawing]]:
        """Figures of each cohort."""
        return {result.scored.cohort: list(self._of_cohort(result)) for result in self.content.results}

    @cached_property
    def forest(self) -> list[Drawing]:
        """Differences from the reference over cohorts."""
        content = self.content
        pairs, reference = content.joined("pairs"), content.reference
        pairs = pairs[(pairs["model_a"] == reference) | (pairs["model_b"] == reference)]
        if pairs.empty:
            return []
        return [
            Drawing(
                f"{metric.stem}_differences",
                f"{metric.title} differences, cohort by cohort",
                self._of_forest(pairs, metric.canonical),
                draw.forest_figure(
                    pairs, content.pooled, reference, self.styles, content.names, metric=metric.canonical
                ),
            )
            for metric in metrics_of_rows(pairs)
            if metric.key != "auprc"
        ]

    def _of_forest(self, pairs: pd.DataFrame, metric: str) -> str:
        """How to read a forest plot."""
        unit, pooled = self.content.names.unit, self.content.pooled
        means = pooled[(pooled["metric"] == metric) & pooled["difference"].notna()] if len(pooled) else pooled
        if pooled_alone(pairs[pairs["metric"] == metric], means):
            return f"Paired differences on the same {unit}s, pooled over cohorts; each cohort's are in the tables."
        text = f"Squares: paired differences on the same {unit}s with their 95 % intervals."
        return f"{text} Diamonds: pooled." if len(means) else text

    @cached_property
    def margins(self) -> list[Drawing]:
        """Differences against the margin of non-inferiority, where one was given."""
        content, rows = self.content, self.content.noninferiority
        if content.margin is None or rows.empty:
            return []
        text = (
            f"Not worse where the whole interval is right of the dashed line at −{content.margin:g}; equivalent "
            "where "
            "it is left of the dotted one too."
        )
        figure = draw.margin_figure(rows, content.versus, content.margin, self.styles, content.names)
        title = f"Non-inferiority to {content.names.model(content.versus)}: intervals against the margin"
        return [Drawing("noninferiority", title, text, figure)]

    @cached_property
    def ranks(self) -> list[Drawing]:
        """Critical-difference diagrams of AUROC over folds."""
        found = []
        for result in self.content.results:
            tested = tested_models(result.fold_tests, result.scored.cohort, "auroc")
            folds = result.folds[(result.folds["metric"] == "auroc") & result.folds["model"].isin(tested)]
            wide = wide_folds(folds) if len(folds) else pd.DataFrame()
            if wide.shape[0] < 2 or wide.shape[1] < 3:
                continue
            title = f"{self.content.names.cohort(result.scored.cohort)}: ranks of AUROC over folds"
            text = "Rank 1 is best. Models beside one bar are not told apart by Nemenyi's test at 0.05. "
            text += CAVEAT.format(unit=self.content.names.unit)
            figure = draw.rank_figure(wide, self.styles, self.content.names)
            found.append(Drawing(f"ranks_{result.scored.cohort}", title, text, figure))
        return found

    @cached_property
    def groups(self) -> list[Drawing]:
        """AUROC by subgroup, a figure a cohort."""
        return [
            Drawing(
                f"subgroups_{part.cohort}",
                f"{self.content.names.cohort(part.cohort)}: AUROC by {part.column}",
                self._with_marks(
                    "Groups with fewer than five positives or negatives have no estimate.", part.cohort
                ),
                draw.subgroup_figure(part, self.styles, self.content.names.marked(part.cohort)),
            )
            for part in self.content.groups
            if part.result is not None and part.result.metrics["value"].notna().any()
        ]

    @cached_property
    def survival(self) -> list[Drawing]:
        """AUC over the years, and calibration at each year, of the cohorts with follow-up."""
        found = []
        for result in self.content.survival:
            cohort = str(result.values["cohort"].iloc[0])
            names, title = self.content.names.marked(cohort), self.content.names.cohort(cohort)
            text = "Weighted for censoring (IPCW). Shaded: pointwise 95 % intervals."
            figure = draw.yearly_auc_figure(result.values, self.styles, names)
            models = list(dict.fromkeys(map(str, result.values["model"])))
            found.append(
                self._of_models(f"yearly_auc_{cohort}", f"{title}: AUC over time", text, figure, models, cohort)
            )
            found += self._incidence(cohort, result.incidence)
            if result.calibration["observed"].notna().any():
                title, many = f"{title}: calibration at each year", result.calibration["model"].nunique() > MANY
                text = "Fifths of the patients by predicted risk. Bars: 95 % intervals."
                text += " Fainter: earlier years. Grey: the range of all models." if many else ""
                figure = draw.yearly_calibration_figure(result.calibration, self.styles, names)
                stem = f"yearly_calibration_{cohort}"
                found.append(Drawing(stem, title, self._with_marks(text, cohort), figure, wide=True))
        return found

    def _incidence(self, cohort: str, incidence: pd.DataFrame) -> list[Drawing]:
        """Curves of the groups of risk, a figure a model."""
        names, found = self.content.names, []
        text = "1 − Kaplan–Meier in groups of equal size by the model's risk. Shaded: pointwise 95 % limits."
        for model, part in incidence.groupby("model", sort=False):
            title = (
                f"{names.cohort(cohort)}: cumulative incidence by risk, {names.marked(cohort).model(str(model))}"
            )
            figure = draw.incidence_figure(part, self.styles[str(model)])
            found.append(Drawing(f"incidence_{cohort}_{model}", title, self._with_marks(text, cohort), figure))
        return found

    @cached_property
    def learning(self) -> list[Drawing]:
        """Learning curves of the models that were trained here."""
        found = []
        for model in () if self.content.workspace.scores_alone else self.content.models:
            folds = {} if name_fault(model) else _fold_metrics(self.content.workspace.run(model))
            for column, what in LEARNING.items():
                if any(column in table for table in folds.values()):
                    title = f"{self.content.names.model(model)}: {what}"
                    figure = draw.learning_figure(folds, column, what)
                    found.append(Drawing(f"learning_{model}_{column}", title, "A line a fold.", figure))
        return found

    def all(self) -> Iterator[Drawing]:
        """Every figure."""
        several = (
            self.forest,
            self.margins,
            *self.cohorts.values(),
            self.survival,
            self.ranks,
            self.groups,
            self.learning,
        )
        for drawings in several:
            yield from drawings

    def _with_marks(self, caption: str, cohort: str) -> str:
        """A caption with what the marks in the legend mean."""
        return " ".join((caption, *self.content.names.notes([cohort])))

    def _of_cohort(self, result: CohortResult) -> Iterator[Drawing]:
        scored, names = result.scored, self.content.names.marked(result.scored.cohort)
        if not scored.both_classes:
            return
        cohort, title = scored.cohort, names.cohort(scored.cohort)
        text = "Shaded: pointwise 95 % bootstrap bands. Marks: the operating points of the table."
        for stem, name, function, metric, area in (
            ("roc", "ROC curves", draw.roc_figure, "auroc", "AUROC"),
            ("pr", "precision-recall curves", draw.pr_figure, "auprc", "AP"),
        ):
            figure = function(
                scored, result.operating_points, result.bands, self.styles, names,
                reference=self.content.reference, printed=self._printed_points(cohort),
                areas=_areas(result.performance, metric, area),
            )  # fmt: skip
            yield self._of_models(f"{stem}_{cohort}", f"{title}: {name}", text, figure, scored.models, cohort)
        probable = probability_models(scored)
        if probable:
            figure = draw.reliability_figure(scored, self.styles, names)
            text = "Lines: smoothed. Marks: tenths of the patients, ordered by prediction."
            yield self._of_models(f"calibration_{cohort}", f"{title}: calibration", text, figure, probable, cohort)
            figure = draw.decision_figure(scored, self.styles, names)
            text = "Higher is better; a model is worth using where it lies above treating all and treating none."
            yield self._of_models(
                f"decision_{cohort}", f"{title}: decision curves", text, figure, probable, cohort
            )
        figure = draw.distribution_figure(scored, self.styles, names)
        text = "Upwards in colour: positives; downwards in grey: negatives; each as shares of its class."
        yield Drawing(f"scores_{cohort}", f"{title}: scores by label", self._with_marks(text, cohort), figure)

    def _of_models(
        self, stem: str, title: str, text: str, figure: go.Figure, models: Sequence[str], cohort: str
    ) -> Drawing:
        """Curves of a cohort's models: in one plot, or in a panel each where they are many."""
        if len(models) <= MANY:
            return Drawing(stem, title, self._with_marks(text, cohort), figure)
        names = self.content.names.marked(cohort)
        split = panels(figure, [names.model(model) for model in models])
        text = f"{text} Grey: the range of all models."
        return Drawing(stem, title, self._with_marks(text, cohort), split, wide=True)

    def _printed_points(self, cohort: str) -> pd.DataFrame | None:
        if self.content.printed is None:
            return None
        points = self.content.printed.points
        return points[points["cohort"] == cohort]


def _areas(performance: pd.DataFrame, metric: str, title: str) -> dict[str, str]:
    """The area under each model's curve, for the legend."""
    known = performance.dropna(subset=metric)
    return {str(row["model"]): f"{title}\u00a0{decimals(row[metric])}" for row in known.to_dict("records")}


def _fold_metrics(run: Path) -> dict[str, pd.DataFrame]:
    """Metrics of a run's folds by name; empty where there are none."""
    paths: Sequence[Path] = list_finished(run, "fold_*/metrics.csv")
    found = {}
    for path in paths:
        table = read_numbers(own_file(run, path.relative_to(run).as_posix()))
        if "epoch" in table and len(table):
            found[path.parent.name.replace("_", " ")] = table
    return found
