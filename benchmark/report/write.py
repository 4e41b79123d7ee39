"""Write a comparison: tables as CSV, Markdown and LaTeX, and the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.metrics import write_metric_table
from benchmark.contracts.text_table import write_table
from benchmark.report.figures import pr_figure, roc_figure
from benchmark.report.numbers import estimate
from benchmark.report.page import Section, write_page
from benchmark.report.table import Table, write_forms
from benchmark.report.tables import fold_table, fold_test_table, operating_table, pairs_table, performance_table

PERFORMANCE = ["cohort", "model", "n", "n_positive", "auroc", "auroc_low", "auroc_high"]
PERFORMANCE += ["auprc", "auprc_low", "auprc_high"]
OPERATING = [
    "cohort",
    "model",
    "recall_target",
    "recall",
    "tp",
    "fp",
    "n_positive",
    "n_negative",
    "fpr",
    "precision",
]
OPERATING += ["threshold"]


def write_comparison(
    out: Path, results: Sequence[CohortResult], titles: Mapping[str, str], cohorts: Sequence[Cohort], footer: str
) -> list[Table]:
    """Write ``out/tables/*`` and ``out/report/index.html``.

    Args:
        out: Folder for everything.
        results: One a cohort, in the order to print.
        titles: Printed names of cohorts and models.
        cohorts: The cohorts, for what their manifests say.
        footer: A sentence on how the page was made; the same inputs should give the same sentence.

    Returns:
        The tables for readers, the main one first.
    """
    names = dict(titles)
    performance, points = joined(r.performance for r in results), joined(r.operating_points for r in results)
    folds, tests = joined(r.folds for r in results), joined(r.fold_tests for r in results)
    pairs = joined(r.pairs for r in results)
    folder = out / "tables"
    write_table(performance[PERFORMANCE], folder / "performance.csv")
    write_table(points[OPERATING], folder / "operating_points.csv")
    write_table(pairs, folder / "pairs.csv")
    write_table(folds, folder / "folds.csv")
    write_table(tests, folder / "fold_tests.csv")
    write_metric_table(joined(r.metrics for r in results), folder / "metrics.csv")
    main = performance_table(performance, names)
    operating = {r.scored.cohort: operating_table(points, r.scored.cohort, names) for r in results}
    tables: dict[str, Table] = {"performance": main}
    tables |= {f"operating_points_{cohort}": table for cohort, table in operating.items()}
    if len(pairs):
        tables["pairs"] = pairs_table(pairs, names)
    if len(folds):
        tables["folds"] = fold_table(folds, names)
    if len(tests):
        tables["fold_tests"] = fold_test_table(tests, names)
    for stem, table in tables.items():
        write_forms(table, folder / stem)
    _write_page(out / "report" / "index.html", results, cohorts, tables, names, footer)
    return list(tables.values())


def joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the cohorts below each other; empty ones leave only their columns."""
    kept = list(frames)
    filled = [frame for frame in kept if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else kept[0]


def _write_page(
    path: Path,
    results: Sequence[CohortResult],
    cohorts: Sequence[Cohort],
    tables: Mapping[str, Table],
    titles: Mapping[str, str],
    footer: str,
) -> None:
    summary = Section("summary", "Performance", [_sentence(result, titles) for result in results])
    summary.add_table(tables["performance"])
    sections = [summary]
    for result, cohort in zip(results, cohorts, strict=True):
        title = titles.get(cohort.name, cohort.name)
        section = Section(f"cohort-{cohort.name}", title, [_about(cohort, result)])
        points = [{str(k): v for k, v in row.items()} for row in result.operating_points.to_dict("records")]
        if not result.performance["note"].any():
            section.add_figures(
                [
                    (f"{title}: ROC curves", roc_figure(result.scored, points)),
                    (f"{title}: precision-recall curves", pr_figure(result.scored, points)),
                ]
            )
        section.add_table(tables[f"operating_points_{cohort.name}"])
        sections.append(section)
    tests = Section("tests", "Differences between models")
    for key in ("pairs", "folds", "fold_tests"):
        if key in tables:
            tests.add_table(tables[key])
    sections.append(tests)
    write_page(path, "Lung-nodule malignancy models compared", _subtitle(results), sections, footer)


def _subtitle(results: Sequence[CohortResult]) -> str:
    models = sorted({model for result in results for model in result.scored.models})
    return f"{len(models)} models on {len(results)} cohorts. Every number comes from their score tables."


def _sentence(result: CohortResult, titles: Mapping[str, str]) -> str:
    """What a reader takes away from one cohort."""
    name = titles.get(result.scored.cohort, result.scored.cohort)
    table = result.performance.dropna(subset=["auroc"])
    if table.empty:
        return f"{name}: no AUROC, because its scored cases are all of one class."
    best = table.sort_values("auroc", ascending=False).iloc[0]
    model = titles.get(best["model"], best["model"])
    value = estimate(best["auroc"], best["auroc_low"], best["auroc_high"])
    text = f"{name}: {model} ranks highest with AUROC {value}"
    pairs = result.pairs[(result.pairs["metric"] == "auroc")] if len(result.pairs) else result.pairs
    rivals = [row for row in pairs.to_dict("records") if best["model"] in (row["model_a"], row["model_b"])]
    clear = [row for row in rivals if row["p_holm"] < 0.05]
    if not rivals:
        return text + "."
    if not clear:
        return text + "; its lead over the others is within what chance allows (Holm p ≥ 0.05)."
    others = [row["model_b"] if row["model_a"] == best["model"] else row["model_a"] for row in clear]
    return text + f"; ahead of {', '.join(titles.get(o, o) for o in others)} beyond chance (Holm p < 0.05)."


def _about(cohort: Cohort, result: CohortResult) -> str:
    manifest = cohort.manifest
    facts = [part for part in (manifest.ct_type, manifest.population, manifest.endpoint) if part]
    n, positives = len(result.scored.units), int(result.scored.labels.sum())
    text = f"{n} {result.scored.unit}s, {positives} positive"
    lost = len(result.available.units) - n
    if lost:
        text += f"; {lost} more are not scored by every model and are left out"
    return ". ".join([text, *facts]) + "."
