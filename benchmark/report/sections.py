"""The report page's sections, from the answer down to the records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.comparison.evaluate import CohortResult
from benchmark.contracts.cohort import Cohort
from benchmark.ledger import flow_svg
from benchmark.report.added_section import added_section
from benchmark.report.checklists import checklists
from benchmark.report.content import Content
from benchmark.report.drawings import Drawings
from benchmark.report.explorer import explorer_data
from benchmark.report.gallery import gallery
from benchmark.report.page import Section, script_json, write_page
from benchmark.report.printing.table import Table
from benchmark.report.pseudonyms import pseudonyms
from benchmark.report.summary import best_model, cards, lead
from benchmark.report.tables import performance_blocks

TITLE = "Malignancy models for lung nodules, compared"
STAMP = "This page shows patient ids: keep it where the data may be."
START = 160
"""Where the explorer's slider stands at first: recall 0.8."""


def write_report(content: Content, tables: Mapping[str, Table], drawings: Drawings, path: Path) -> None:
    """Write the page.

    Args:
        content: What was compared.
        tables: Tables for readers by name (`reader_tables`).
        drawings: Its figures.
        path: The file.
    """
    sections = [_summary(content, drawings), _cohorts(tables)]
    data = explorer_data(content)
    if data["cohorts"]:
        explorer = Section("explorer", "Threshold explorer", "Thresholds")
        explorer.add_template("explorer.html", **data, start=START, data=script_json(data))
        sections.append(explorer)
    for number, (result, cohort) in enumerate(zip(content.results, content.cohorts, strict=True)):
        sections.append(_cohort(number, content, result, cohort, tables, drawings))
    thresholds = Section("thresholds", "Thresholds from elsewhere", "From elsewhere")
    if "thresholds" in tables:
        for key in ("thresholds", "predictive_values", "calls"):
            if key in tables:
                thresholds.add_table(tables[key])
        sections.append(thresholds)
    sections.append(_differences(tables, drawings))
    further = (
        added_section(tables),
        _survival(tables, drawings),
        _probabilities(tables),
        _groups(content, tables, drawings),
    )
    sections += [part for part in further if part.parts]
    semantic = Section("semantic", "Semantic features")
    for key in (key for key in tables if key.startswith("semantic_")):
        semantic.add_table(tables[key])
    learning = Section("training", "Training")
    learning.add_figures(drawings.learning)
    sections += [part for part in (semantic, learning) if part.parts]
    ledger = Section("ledger", "Ledger and training overlap", "Ledger")
    ledger.add_table(tables["ledger"])
    if "missing_scores" in tables:
        ledger.add_table(tables["missing_scores"])
    for result, cohort in zip(content.results, content.cohorts, strict=True):
        rows = content.losses[content.losses["cohort"] == cohort.name]
        title = content.names.cohort(cohort.name)
        svg = flow_svg(cohort, rows, title=title, models=content.names.models)
        ledger.add_svg(f"Flow of {result.scored.unit}s: {title}", svg)
    reporting = Section("checklists", "Reporting checklists", "Checklists")
    reporting.add_template("checklists.html", checklists=checklists(content))
    sections += [ledger, reporting, _records(content)]
    write_page(
        path,
        title=TITLE,
        lead=lead(content),
        stamp=STAMP if content.show_ids else "",
        sections=sections,
        footer=f"Made by nodule-bench {content.provenance['nodule-bench']}. Every number comes from the score "
        "tables named above; the page holds everything it shows and loads nothing.",
    )


def _summary(content: Content, drawings: Drawings) -> Section:
    section = Section("summary", "Who is better, by how much, on whom", "Summary")
    section.add_template("cards.html", cards=cards(content), notes=[*content.taken, *content.notes])
    printed = content.printed.performance if content.printed else None
    section.add_table(performance_blocks(content.joined("performance"), content.names, printed=printed))
    if not content.all_same:
        table = performance_blocks(content.joined("performance_all"), content.names, uneven=content.uneven)
        section.add_table(table, "The same with each model on all patients that it scored")
    section.add_figures(drawings.forest)
    return section


def _cohorts(tables: Mapping[str, Table]) -> Section:
    section = Section("cohorts", "Cohorts")
    section.add_table(tables["cohorts"])
    return section


def _cohort(
    number: int,
    content: Content,
    result: CohortResult,
    cohort: Cohort,
    tables: Mapping[str, Table],
    drawings: Drawings,
) -> Section:
    section = Section(f"cohort-{number + 1}", content.names.cohort(cohort.name))
    section.add_text(_about(cohort, result))
    section.add_figures(drawings.cohorts[cohort.name])
    section.add_table(tables[f"operating_points_{cohort.name}_intervals"])
    if content.printed is not None:
        section.add_table(tables[f"operating_points_{cohort.name}"], "Beside printed operating points")
    if f"operating_points_all_{cohort.name}" in tables:
        title = "Operating points with each model on all patients that it scored"
        section.add_table(tables[f"operating_points_all_{cohort.name}"], title)
    model = content.reference if content.reference in result.scored.models else best_model(result)
    found = None
    if model:
        name_of = pseudonyms(content.workspace, content.show_ids)
        scores = content.scores[cohort.name]
        found = gallery(result, cohort, scores, model, content.workspace, name_of, content.names)
    if found is not None:
        section.add_template("gallery.html", gallery=found)
    return section


def _differences(tables: Mapping[str, Table], drawings: Drawings) -> Section:
    section = Section("differences", "Differences between models", "Differences")
    for key in tables:
        if key.startswith("pairs_") or key in ("pooled", "noninferiority", "operating_pairs"):
            section.add_table(tables[key])
    section.add_figures(drawings.margins)
    if "folds" in tables or "fold_tests" in tables:
        section.add_heading("Over folds")
    section.add_figures(drawings.ranks)
    if "folds" in tables:
        section.add_table(tables["folds"])
    if "fold_tests" in tables:
        section.add_table(tables["fold_tests"], "Tests over folds, with the p that they can reach")
    if not section.parts:
        section.add_text("One model alone: nothing to compare.")
    return section


def _survival(tables: Mapping[str, Table], drawings: Drawings) -> Section:
    section = Section("survival", "Time to event")
    section.add_figures(drawings.survival)
    for key in ("survival", "survival_differences", "survival_incidence", "survival_calibration"):
        if key in tables:
            section.add_table(tables[key])
    return section


def _probabilities(tables: Mapping[str, Table]) -> Section:
    section = Section("calibration", "Calibration and net benefit", "Calibration")
    for key in ("calibration", "net_benefit"):
        if key in tables:
            section.add_table(tables[key])
    return section


def _groups(content: Content, tables: Mapping[str, Table], drawings: Drawings) -> Section:
    section = Section("subgroups", "Subgroups")
    if content.groups:
        section.add_figures(drawings.groups)
        for key in ("subgroups", "subgroup_interactions", "subgroup_differences"):
            if key in tables:
                section.add_table(tables[key])
    return section


def _records(content: Content) -> Section:
    section = Section("records", "How this page was made", "Records")
    facts = [
        (name, _comma_separated(value))
        for name, value in content.provenance.items()
        if name != "inputs" and value != []
    ]
    runs = [
        (title, json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False))
        for title, record in content.runs.items()
    ]
    inputs = list(content.provenance["inputs"].items())
    section.add_template("records.html", facts=facts, inputs=inputs, runs=runs)
    return section


def _comma_separated(value: Any) -> str:  # noqa: ANN401
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _about(cohort: Cohort, result: CohortResult) -> str:
    manifest = cohort.manifest
    facts = [part for part in (manifest.ct_type, manifest.population, manifest.endpoint) if part]
    n, positives = len(result.scored.units), int(result.scored.labels.sum())
    text = f"{n:,} {result.scored.unit}s that every model scored, {positives:,} positive"
    if not result.scored.both_classes:
        text += "; all of one class, so there are no curves"
    return ". ".join([text, *facts]) + "."
