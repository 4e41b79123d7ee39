"""The page's sections, in order: who is better, differences, thresholds, cohort by cohort, then the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.comparison.evaluate import CohortResult
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.plane_names import BAR_MM, PLANE_NAMES
from benchmark.ledger import flow_svg
from benchmark.report.checklists import checklists
from benchmark.report.content import Content
from benchmark.report.drawings import Drawings
from benchmark.report.explorer import explorer_data
from benchmark.report.gallery import disagreements, gallery
from benchmark.report.grid import performance_grid
from benchmark.report.page import Section, script_json, write_page
from benchmark.report.printing.table import Table
from benchmark.report.pseudonyms import pseudonyms
from benchmark.report.summary import best_model, cards, lead
from benchmark.report.tables import performance_blocks

TITLE = "Malignancy models for lung nodules, compared"
STAMP = "This page shows patient ids: keep it where the data may be."
START = 160
"""Where the explorer's slider stands at first: recall 0.8."""

GALLERIES = 3
"""Models of a cohort whose errors are shown."""
ADDED = ("within", "fusion", "net_gain", "yield")
"""Tables of what one model adds to another, where they were asked for."""
LONG = 24
"""Rows above which a table stands in a fold."""


def write_report(
    content: Content, tables: Mapping[str, Table], drawings: Drawings, path: Path, *, tables_at: str = ""
) -> None:
    """Write the page.

    Args:
        content: What was compared.
        tables: Tables for readers by name (`reader_tables`).
        drawings: Its figures.
        path: The file.
        tables_at: Folder of the table files as the page reaches it; empty where there is none.
    """
    report = _Report(content, tables, drawings, tables_at)
    sections = [
        report.summary(),
        report.differences(),
        report.explorer(),
        report.cohorts(),
        report.of_tables(
            "thresholds",
            "Thresholds from elsewhere",
            ["thresholds", "predictive_values", "calls"],
            short="From elsewhere",
        ),
        report.of_tables("added", "What a model adds to another", ADDED, short="Added value"),
        report.survival(),
        report.of_tables(
            "calibration", "Calibration and net benefit", ["calibration", "net_benefit"], short="Calibration"
        ),
        report.groups(),
        report.of_tables("semantic", "Semantic features", [k for k in tables if k.startswith("semantic_")]),
        report.training(),
        report.ledger(),
        report.checklists(),
        report.records(),
    ]
    write_page(
        path,
        title=TITLE,
        lead=lead(content),
        stamp=STAMP if content.show_ids else "",
        sections=[section for section in sections if section.parts],
        footer=f"Made by nodule-bench {content.provenance['nodule-bench']}. Every number comes from the score "
        "tables named above; the page holds everything it shows and loads nothing.",
    )


@dataclass(frozen=True)
class _Report:
    """What the sections are made from; a section without parts is left out of the page."""

    content: Content
    tables: Mapping[str, Table]
    drawings: Drawings
    tables_at: str

    def section(self, id: str, title: str, short: str = "") -> Section:  # noqa: A002 (HTML's own name)
        return Section(id, title, short, tables_at=self.tables_at)

    def of_tables(self, id: str, title: str, stems: Sequence[str], *, short: str = "") -> Section:  # noqa: A002
        """A section of the tables among ``stems`` that there are."""
        section = self.section(id, title, short)
        for stem in stems:
            self.add_table(section, stem)
        return section

    def add_table(self, section: Section, stem: str, fold: str = "") -> None:
        """Append a table if there is one; in a fold if one is named or the table is long."""
        if stem in self.tables:
            table = self.tables[stem]
            section.add_table(table, fold or (table.title if len(table.rows) > LONG else ""), stem=stem)

    def summary(self) -> Section:
        content = self.content
        section = self.section("summary", "Who is better, by how much, on whom", "Summary")
        section.add_grid(performance_grid(content), [*content.taken, *content.notes], self.grid_file())
        printed = content.printed.performance if content.printed else None
        blocks = performance_blocks(content.joined("performance"), content.names, printed=printed)
        section.add_table(blocks, "All metrics", stem="performance")
        if not content.all_same:
            table = performance_blocks(
                content.joined("performance_all"), content.names, uneven=content.uneven, printed=None
            )
            title = "The same with each model on all patients that it scored"
            section.add_table(table, title, stem="performance_all")
        words = self.section("in-words", "In words, cohort by cohort")
        words.add_template("cards.html", cards=cards(content))
        section.add_fold(words)
        return section

    def grid_file(self) -> str:
        """Name of the table file that holds the grid."""
        return "grid_auroc" if "grid_auroc" in self.tables else "performance"

    def differences(self) -> Section:
        section = self.section("differences", "Differences between models", "Differences")
        section.add_figures(self.drawings.forest[:1])
        for stem in ("pairs_auroc", "pooled", "noninferiority"):
            self.add_table(section, stem)
        for stem in self.tables:
            if stem.startswith("pairs_") and stem != "pairs_auroc":
                self.add_table(section, stem, self.tables[stem].title)
        self.add_table(section, "operating_pairs", "Differences at operating points")
        section.add_figures(self.drawings.margins)
        if self.drawings.forest[1:]:
            more = self.section("further-differences", "Differences of further metrics, cohort by cohort")
            more.add_figures(self.drawings.forest[1:])
            section.add_fold(more)
        if self.drawings.ranks or "folds" in self.tables or "fold_tests" in self.tables:
            folds = self.section("over-folds", "Over folds")
            folds.add_figures(self.drawings.ranks)
            if "folds" in self.tables:
                folds.add_table(self.tables["folds"].in_blocks(), stem="folds")
            self.add_table(folds, "fold_tests", "Tests over folds, with the p that they can reach")
            section.add_fold(folds)
        if not section.parts:
            section.add_text("One model alone: nothing to compare.")
        return section

    def explorer(self) -> Section:
        section = self.section("explorer", "Threshold explorer", "Thresholds")
        data = explorer_data(self.content)
        if data["cohorts"]:
            section.add_template("explorer.html", **data, start=START, data=script_json(data))
        return section

    def cohorts(self) -> Section:
        section = self.section("cohorts", "Cohorts")
        section.add_table(self.tables["cohorts"], stem="cohorts")
        for number, (result, cohort) in enumerate(
            zip(self.content.results, self.content.cohorts, strict=True), start=1
        ):
            scored = result.scored
            about = f"{len(scored.units):,} {scored.unit}s: curves, operating points, errors"
            section.add_fold(self.cohort(f"cohort-{number}", result, cohort), about)
        return section

    def cohort(self, id: str, result: CohortResult, cohort: Cohort) -> Section:  # noqa: A002
        section = self.section(id, self.content.names.cohort(cohort.name))
        section.add_text(_about(cohort, result))
        section.add_figures(self.drawings.cohorts[cohort.name])
        stem = f"operating_points_{cohort.name}"
        section.add_table(self.tables[f"{stem}_intervals"], stem=f"{stem}_intervals")
        if self.content.printed is not None:
            section.add_table(self.tables[stem], "Beside printed operating points", stem=stem)
        title = "Operating points with each model on all patients that it scored"
        self.add_table(section, f"operating_points_all_{cohort.name}", title)
        self.add_galleries(section, result, cohort)
        return section

    def add_galleries(self, section: Section, result: CohortResult, cohort: Cohort) -> None:
        """Append what models disagree on and the errors of the reference and the next best models."""
        content = self.content
        ranked = result.performance.dropna(subset="auroc").sort_values("auroc", ascending=False, kind="stable")
        first = content.reference if content.reference in result.scored.models else best_model(result)
        models = [model for model in dict.fromkeys([first, *ranked["model"]]) if model][:GALLERIES]
        if not models:
            return
        name_of = pseudonyms(content.workspace, content.show_ids)
        shared = (content.workspace, name_of, content.names)
        scores = content.scores[cohort.name]
        found = [disagreements(result, cohort, scores, models[0], *shared)]
        found += [gallery(result, cohort, scores, model, *shared) for model in models]
        for one in found:
            if one is not None:
                section.add_template("gallery.html", gallery=one, plane_names=PLANE_NAMES, bar_mm=BAR_MM)

    def survival(self) -> Section:
        section = self.section("survival", "Time to event")
        section.add_figures(self.drawings.survival)
        for stem in ("survival", "survival_differences", "survival_incidence", "survival_calibration"):
            self.add_table(section, stem)
        return section

    def groups(self) -> Section:
        section = self.section("subgroups", "Subgroups")
        if self.content.groups:
            self.add_table(section, "subgroup_interactions")
            if self.drawings.groups:
                figures = self.section("subgroup-figures", "AUROC by group, cohort by cohort")
                figures.add_figures(self.drawings.groups)
                section.add_fold(figures)
            for stem in ("subgroups", "subgroup_differences"):
                self.add_table(section, stem)
        return section

    def training(self) -> Section:
        section = self.section("training", "Training")
        section.add_figures(self.drawings.learning)
        return section

    def ledger(self) -> Section:
        content = self.content
        section = self.section("ledger", "Ledger and training overlap", "Ledger")
        self.add_table(section, "ledger")
        self.add_table(section, "missing_scores")
        for result, cohort in zip(content.results, content.cohorts, strict=True):
            rows = content.losses[content.losses["cohort"] == cohort.name]
            title = content.names.cohort(cohort.name)
            svg = flow_svg(cohort, rows, title=title, models=content.names.models)
            section.add_svg(f"Flow of {result.scored.unit}s: {title}", svg)
        return section

    def checklists(self) -> Section:
        section = self.section("checklists", "Reporting checklists", "Checklists")
        section.add_template("checklists.html", checklists=checklists(self.content))
        return section

    def records(self) -> Section:
        section = self.section("records", "How this page was made", "Records")
        content = self.content
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
