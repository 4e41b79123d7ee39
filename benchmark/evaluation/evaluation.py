"""Models compared on labels and scores in memory: tables, figures and page, each computed when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.contracts.metrics import COLUMNS as METRIC_COLUMNS
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.report.compare_content import evaluate_inputs
from benchmark.report.compare_files import PAGE
from benchmark.report.compare_inputs import CompareInputs
from benchmark.report.compare_options import CompareOptions
from benchmark.report.content import Content, reader_tables
from benchmark.report.printing.forms import to_html
from benchmark.report.tables import performance_blocks
from benchmark.report.write import long_tables, metric_rows
from benchmark.wording import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from benchmark.report.drawings import Drawings

WHY_NO_CURVES = "the scored cases are of one class"
WHY_NO_RISKS = "no model gives probabilities: scores outside 0 to 1 are ranks"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What models are worth on one cohort or several, as `evaluate` gives it.

    Tables are those of pandas with one row a thing, named as the CSV files of ``bench compare``; each call gives a
    copy. Limits are of 95 % intervals; numbers are of the cases that every model scored unless they say otherwise.

    Example::

        >>> from benchmark import evaluate
        >>> labels, scores = [1, 1, 1, 0, 0, 0, 0], [0.9, 0.8, 0.3, 0.4, 0.2, 0.1, 0.2]
        >>> found = evaluate(labels, scores, recalls=[0.6], replicates=100)
        >>> found.operating_points[["recall", "tp", "fp", "fpr"]].round(3).to_dict("records")
        [{'recall': 0.667, 'tp': 2, 'fp': 0, 'fpr': 0.0}]
        >>> figure = found.plot_roc()
        >>> type(figure).__name__
        'Figure'

    Attributes:
        inputs: What is compared.
        options: How.
    """

    inputs: CompareInputs
    options: CompareOptions

    @cached_property
    def content(self) -> Content:
        """Everything computed: what the tables, figures and the page are made from."""
        return evaluate_inputs(self.inputs, Workspace(scores_alone=True), self.options)

    @cached_property
    def _drawings(self) -> Drawings:
        from benchmark.report.drawings import Drawings

        return Drawings(self.content)

    @cached_property
    def _long_tables(self) -> dict[str, pd.DataFrame]:
        return {**long_tables(self.content), "metrics": metric_rows(self.content)[list(METRIC_COLUMNS)]}

    def table(self, name: str) -> pd.DataFrame:
        """A table by the name of its CSV file, such as ``performance_all`` or ``training_overlap``.

        Raises:
            InputError: There is none of this name here.
        """
        if name not in self._long_tables:
            raise InputError(Problem(f"there is no table {name!r}", f"tables: {', '.join(self._long_tables)}"))
        return self._long_tables[name].copy()

    @property
    def performance(self) -> pd.DataFrame:
        """A row a cohort and model: AUROC (DeLong), AUPRC (bootstrap) and the metrics asked for.

        Columns: ``cohort, model, n, n_positive``, then of each metric its value and limits: ``auroc, auroc_low,
        auroc_high, auprc, auprc_low, auprc_high, ...``. The method of each interval stands in `metrics`.
        """
        return self.table("performance")

    @property
    def metrics(self) -> pd.DataFrame:
        """A row a cohort, model, metric and subgroup: performance, operating points and calibration, long.

        Columns: ``cohort, model, unit, subgroup, metric, at, value, low, high, method, n, n_positive, note``;
        ``at`` is where a metric is measured, such as ``recall>=0.8``; ``subgroup`` is empty for all cases.
        """
        return self.table("metrics")

    @property
    def differences(self) -> pd.DataFrame:
        """A row a cohort, metric and pair of models: ``model_a − model_b`` on the same cases (``pairs.csv``).

        Columns: ``cohort, metric, model_a, model_b, difference, low, high, p_value, p_holm, method, n, n_positive,
        standard_error, attainable_p, note``. AUROC by DeLong's paired test, others by the paired bootstrap; Holm
        over the pairs of a cohort, for each metric apart.
        """
        return self.table("pairs")

    @property
    def pooled(self) -> pd.DataFrame:
        """A row a metric and pair of models that were compared on two cohorts or more: the random-effects mean.

        Columns: ``metric, model_a, model_b, difference, low, high, p_value, tau2, q, q_p_value, i_squared,
        prediction_low, prediction_high, cohorts, note``.
        """
        return self.table("pooled")

    @property
    def operating_points(self) -> pd.DataFrame:
        """A row a cohort, model and recall: the smallest achievable recall that reaches the target.

        Columns: ``cohort, model, recall_target, recall, tp, fp, n_positive, n_negative, fpr, precision,
        threshold``; a case is called positive when its score is at least ``threshold``. Limits of the rates stand
        in `metrics`.
        """
        return self.table("operating_points")

    @property
    def calibration(self) -> pd.DataFrame:
        """A row a cohort and model whose scores are probabilities; without rows where there is none.

        Columns: ``cohort, model, brier, slope, slope_low, slope_high, intercept, intercept_low, intercept_high,
        ece, ici, e90, oe, oe_low, oe_high, mean_predicted, prevalence, n, n_positive, note``; ``intercept`` is
        calibration in the large.
        """
        return self.table("calibration")

    @property
    def net_benefit(self) -> pd.DataFrame:
        """A row a cohort, model with probabilities and threshold that guidelines act at.

        Columns: ``cohort, model, threshold, net_benefit, treat_all, n, n_positive``.
        """
        return self.table("net_benefit")

    @property
    def folds(self) -> pd.DataFrame:
        """A row a cohort, model, fold and metric; without rows where there are no folds.

        Columns: ``cohort, model, fold, metric, value, n, n_positive``; ``value`` is missing in a fold of one
        class.
        """
        return self.table("folds")

    @property
    def fold_tests(self) -> pd.DataFrame:
        """A row a test over folds (Friedman, Nemenyi, Wilcoxon), with the p that so many folds can reach.

        Columns: ``cohort, metric, test, model_a, model_b, n_folds, statistic, p_value, attainable_p, note``.
        """
        return self.table("fold_tests")

    @property
    def subgroups(self) -> pd.DataFrame:
        """The rows of `metrics` that are of one group of ``by``: ``subgroup`` is ``column: value``."""
        found = self.metrics
        return found[found["subgroup"] != ""].reset_index(drop=True)

    @property
    def ledger(self) -> pd.DataFrame:
        """A row a cohort and model: how many cases were expected, scored and lost on the way to the numbers.

        Columns: ``cohort, model, unit, expected, scored, failed, missing, extra, expected_positive,
        scored_positive, failed_positive, missing_positive, scored_in_part, scored_in_part_positive,
        malignant_unscored, unlabelled, censored, reasons, compared, compared_positive``.
        """
        return self.table("ledger")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was left out, and on what could not be done."""
        title = self.content.names.cohort
        sizes = [
            f"{title(one.scored.cohort)}: {len(one.scored.units)} of {len(one.available.units)} labelled "
            f"{one.scored.unit}s have a score of every model compared; numbers are of these."
            for one in self.content.results
            if len(one.scored.units) < len(one.available.units)
        ]
        groups = [
            f"{title(one.cohort)}: {text}"
            for one in self.content.groups
            for text in (one.note and f"no subgroups, {one.note}.", *one.united)
            if text
        ]
        return (*self.inputs.notes, *sizes, *groups, *self.content.notes, *self.content.fold_notes)

    def plot_roc(self, cohort: str | None = None) -> go.Figure:
        """ROC curves with bands and operating points, as the page draws them.

        Args:
            cohort: Title or name of the cohort; needed where there are several.

        Raises:
            InputError: There is no such cohort, or several; its scored cases are of one class.
        """
        return self._figure("roc", cohort, WHY_NO_CURVES)

    def plot_pr(self, cohort: str | None = None) -> go.Figure:
        """Precision-recall curves; see `plot_roc`."""
        return self._figure("pr", cohort, WHY_NO_CURVES)

    def plot_calibration(self, cohort: str | None = None) -> go.Figure:
        """Calibration curves of the models that give probabilities; see `plot_roc`."""
        return self._figure("calibration", cohort, WHY_NO_RISKS)

    def plot_decision(self, cohort: str | None = None) -> go.Figure:
        """Decision curves of the models that give probabilities; see `plot_roc`."""
        return self._figure("decision", cohort, WHY_NO_RISKS)

    def report(self, path: Path | str) -> Path:
        """Write the page that ``bench compare`` writes: one HTML file that opens without a network.

        Ids are printed as pseudonyms, by the key that ``bench`` keeps in ``results``; ``show_ids`` prints them.

        Args:
            path: A file ending in ``.html``, or a folder for its ``index.html``.

        Returns:
            The file.

        Raises:
            InputError: The path is neither, or the file cannot be written.
        """
        from benchmark.report.sections import write_report

        page = Path(path)
        if page.suffix.lower() not in (".html", ".htm"):
            if page.suffix and not page.is_dir():
                raise InputError(Problem("is no page", "give a path that ends in .html", file=page))
            page = page / PAGE
        page.parent.mkdir(parents=True, exist_ok=True)
        write_report(self.content, reader_tables(self.content), self._drawings, page)
        return page

    def _figure(self, kind: str, cohort: str | None, why_none: str) -> go.Figure:
        name = self._cohort_name(cohort)
        for drawing in self._drawings.cohorts[name]:
            if drawing.stem == f"{kind}_{name}":
                return drawing.figure
        raise InputError(Problem(f"no figure of {self.content.names.cohort(name)}: {why_none}"))

    def _cohort_name(self, given: str | None) -> str:
        """The name of the cohort that a title or name means; the only one without."""
        known = {cohort.name: cohort.manifest.title or cohort.name for cohort in self.inputs.cohorts}
        found = [name for name, title in known.items() if given is None or given in (name, title)]
        if len(found) != 1:
            what = "several cohorts: say which" if given is None else f"{given!r} is no cohort here"
            raise InputError(Problem(what, f"cohorts: {', '.join(known.values())}"))
        return found[0]

    def __repr__(self) -> str:
        models = list(dict.fromkeys(model for scored in self.inputs.units for model in scored.models))
        start = f"{counted(len(models), 'model')} ({', '.join(models)})"
        cohorts = [
            f"{cohort.manifest.title or cohort.name}: {len(scored.units):,} {scored.unit}s, "
            f"{int(scored.labels.sum()):,} positive"
            for cohort, scored in zip(self.inputs.cohorts, self.inputs.units, strict=True)
        ]
        return f"Evaluation of {start} on {'; '.join(cohorts)}"

    def _repr_html_(self) -> str:
        """The table of performance, for a notebook; no script."""
        content = self.content
        printed = content.printed.performance if content.printed else None
        return to_html(
            performance_blocks(content.joined("performance"), content.names, printed=printed)
        ) + "".join(f"<p>{escape(note)}</p>" for note in self.notes)
