"""The page's section on what one model adds to another."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.report.page import Section
from benchmark.report.printing.table import Table

SHOWN = ("within", "fusion", "net_gain", "yield")


def added_section(tables: Mapping[str, Table]) -> Section:
    """Added value; without parts where nothing was asked for."""
    section = Section("added", "What a model adds to another", "Added value")
    for key in SHOWN:
        if key in tables:
            section.add_table(tables[key])
    return section
