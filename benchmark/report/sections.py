"""The report page's sections."""

from __future__ import annotations
from collections.abc import Mapping
from pathlib import Path
from benchmark.report.content import Content
from benchmark.report.figures import pr_figure, roc_figure
from benchmark.report.page import Section, write_page
from benchmark.report.table import Table


def write_report(content: Content, tables: Mapping[str, Table], path: Path) -> None:
    """Write the page."""
    summary = Section("summary", "Performance")
    summary.add_table(tables["performance"])
    sections = [summary]
    for result in content.results:
        cohort = result.scored.cohort
        section = Section(f"cohort-{cohort}", content.names.cohort(cohort))
        points = [{str(k): v for k, v in row.items()} for row in result.operating_points.to_dict("records")]
        if result.scored.both_classes:
            section.add_figures(
                [("ROC", roc_figure(result.scored, points)), ("PR", pr_figure(result.scored, points))]
            )
        sections.append(section)
    write_page(path, "Lung-nodule malignancy models compared", "", sections, str(content.provenance["seed"]))
