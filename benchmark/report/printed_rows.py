"""Printed results of papers as rows that stand beside measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.errors import InputError, Problem
from benchmark.published.listed import listed_recall, read_listed
from benchmark.published.load import load_published
from benchmark.published.own_words import model_of_paper
from benchmark.published.printed import Printed
from benchmark.published.schema import Published
from benchmark.report.printing.names import printed_names

PERFORMANCE = ["cohort", "model", "title", "auroc", "auprc", "n", "n_positive", "source"]
POINTS = ["cohort", "model", "title", "recall_target", "fpr", "precision", "source"]


@dataclass(frozen=True)
class PrintedRows:
    """What papers print of the cohorts that are compared.

    Attributes:
        performance: ``cohort, model, title, auroc, auprc, n, n_positive, source``; numbers as printed, with their
            intervals.
        points: ``cohort, model, title, recall_target, fpr, precision, source``; rates as printed at recalls that
            were aimed at.
        missing: Sentences on cohorts that a paper says nothing of, and on another unit than the comparison's.
    """

    performance: pd.DataFrame
    points: pd.DataFrame
    missing: tuple[str, ...] = ()


def printed_rows(keys: Sequence[str], cohorts: Iterable[str], unit: str = "patient") -> PrintedRows | None:
    """Rows of the papers ``keys`` (or YAML files) for these cohorts, matched by the cohorts' names.

    Returns:
        The rows, or None without keys.

    Raises:
        InputError: A key or file is not known, or wrong; two papers have one key; or a paper prints nothing of
            any of the cohorts.
    """
    if not keys:
        return None
    papers, wanted = [load_published(key) for key in keys], list(cohorts)
    _check_papers(keys, papers, wanted)
    performance = [row for paper in papers for row in _performance(paper, wanted)]
    points = [row for paper in papers for row in _printed_operating_points(paper, wanted)]
    missing = tuple(
        f"{_source(paper)} prints nothing of cohort {cohort}."
        for paper in papers
        for cohort in wanted
        if cohort not in paper.performance and cohort not in paper.operating_points
    )
    missing += tuple(
        f"{_source(paper)} prints operating points of cohort {cohort} by the recall that was achieved; they do "
        "not stand beside those at a recall aimed at."
        for paper in papers
        for cohort in wanted
        if paper.operating_points.get(cohort) and not any(_printed_operating_points(paper, [cohort]))
    )
    missing += tuple(
        f"{_source(paper)} prints results of {paper.unit}s, which stand here beside those of {unit}s."
        for paper in papers
        if paper.unit and paper.unit != unit
    )
    return PrintedRows(
        pd.DataFrame(performance, columns=PERFORMANCE), pd.DataFrame(points, columns=POINTS), missing
    )


def _performance(paper: Published, cohorts: list[str]) -> Iterable[tuple[object, ...]]:
    titles = row_titles(paper)
    for cohort in cohorts:
        for model, row in paper.performance.get(cohort, {}).items():
            texts = (_with_interval(row.auroc, row.auroc_interval), _with_interval(row.auprc, row.auprc_interval))
            size = paper.size(cohort)
            yield (cohort, model, titles[model], *texts, size.n, size.positives, _source(paper))


def _printed_operating_points(paper: Published, cohorts: list[str]) -> Iterable[tuple[object, ...]]:
    titles = row_titles(paper)
    for cohort in cohorts:
        for model, points in paper.operating_points.get(cohort, {}).items():
            rows = read_listed(points, "achieved" if listed_recall(paper).meaning == "achieved" else "aimed")
            for row in rows:
                if row.recall_target is not None:
                    texts = (str(row.fpr or ""), str(row.precision or ""))
                    yield (cohort, model, titles[model], float(row.recall_target), *texts, _source(paper))


def _with_interval(value: Printed | None, limits: tuple[Printed | None, Printed | None] | None) -> str:
    """A printed number, with its interval where one is printed."""
    text = str(value or "")
    return text if limits is None or None in limits else f"{text} ({limits[0]}–{limits[1]})"


def row_titles(paper: Published) -> dict[str, str]:
    """What is printed for each model of a paper: the model and, in brackets, the paper.

    A paper calls its own model "Ours"; beside other people's models that word says nothing, so it is left out.
    """
    models = dict.fromkeys(model for _, model in paper.rows())
    titles = printed_names({model: model_of_paper(paper, model) for model in models})
    return {model: f"{title} [{paper.key}]" for model, title in titles.items()}


def _check_papers(keys: Sequence[str], papers: Sequence[Published], cohorts: Sequence[str]) -> None:
    problems = []
    for at, (key, paper) in enumerate(zip(keys, papers, strict=True)):
        if any(other.key == paper.key for other in papers[:at]):
            what = f"has the key {paper.key!r} of another --published, so their rows would print alike"
            problems.append(Problem(what, "give it once, or change its key", column="--published", value=str(key)))
        printed = dict.fromkeys(cohort for cohort, _ in paper.rows())
        if printed.keys().isdisjoint(cohorts):
            what = f"prints no rows of {' or '.join(map(repr, cohorts))}; it has {', '.join(printed) or 'none'}"
            fix = "compare a cohort of that name, or leave the paper out"
            problems.append(Problem(what, fix, column="--published", value=str(key)))
    if problems:
        raise InputError(problems)


def _source(paper: Published) -> str:
    named = [paper.version or "", f"doi {paper.doi}" if paper.doi else ""]
    more = ", ".join(part for part in named if part)
    return f"{paper.title or paper.key}" + (f" ({more})" if more else "")
