"""What the checks of a cohort find, and how it is listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.errors import Problem, in_one_line
from benchmark.wording import first_few

Severity = Literal["case", "warning"]
NAMED = 5
"""Nodules with one finding that a line names; the rest are counted."""


@dataclass(frozen=True)
class CohortFinding:
    """Something that a check found.

    Attributes:
        severity: ``case``: that case would fail, or every case if no patient is named; ``warning``: it goes on,
            but somebody should know.
        what: What is wrong.
        fix: What to do.
        pid: Patient, if it is one.
        nodule_id: Nodule, if it is one.
    """

    severity: Severity
    what: str
    fix: str = ""
    pid: str = ""
    nodule_id: str = ""

    @property
    def who(self) -> str:
        """``pid nodule n``; empty if it is about no patient."""
        return f"{self.pid} nodule {self.nodule_id}" if self.nodule_id else self.pid

    def __str__(self) -> str:
        """``pid nodule n — what — fix``."""
        return " — ".join(part for part in (self.who, self.what, self.fix) if part)


def finding_lines(findings: Sequence[CohortFinding]) -> list[str]:
    """``severity: nodules — what — fix``: a line for each thing that was found, with those it was found of."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        alike.setdefault((finding.severity, finding.what, finding.fix), []).append(finding.who)
    lines = []
    for (severity, what, fix), owners in alike.items():
        named = [owner for owner in dict.fromkeys(owners) if owner]
        who = first_few(named, NAMED)
        lines.append(f"{severity}: " + " — ".join(part for part in (who, what, fix) if part))
    return lines


def failures_table(findings: Sequence[CohortFinding]) -> pd.DataFrame:
    """Findings as a table: severity, pid, nodule_id, what, fix."""
    rows = [(f.severity, f.pid, f.nodule_id, f.what, f.fix) for f in findings]
    return pd.DataFrame(rows, columns=["severity", "pid", "nodule_id", "what", "fix"])


def check_path(cohort: Cohort) -> Path:
    """Where the findings of a cohort are written."""
    return cohort.folder / "check.csv"


def unfit_nodules(problems: Sequence[Problem], nodules: pd.DataFrame, rows: Iterable[int]) -> list[CohortFinding]:
    """What makes some nodules fail as a finding on each: that of a single problem says what to do apart.

    Args:
        problems: What makes them fail, one at least.
        nodules: A nodule table.
        rows: Their rows in it.
    """
    what, fix = in_one_line(problems), ""
    if len(problems) == 1:
        what, fix = str(replace(problems[0], fix="")), problems[0].fix
    return [CohortFinding("case", what, fix, *nodule_at(nodules, row)) for row in rows]


def nodule_at(nodules: pd.DataFrame, row: int) -> tuple[str, str]:
    """Patient and nodule of a row."""
    return str(nodules["pid"].iloc[row]), str(nodules["nodule_id"].iloc[row])
