"""The whole of a comparison: read, evaluate, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.contracts.workspace import Workspace
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord
from benchmark.report.compare_content import evaluate_inputs
from benchmark.report.compare_files import claim_folder, write_comparison
from benchmark.report.compare_inputs import read_inputs
from benchmark.report.compare_options import CompareOptions, check_options
from benchmark.report.content import terminal_tables
from benchmark.report.printing.table import Table


def compare_cohorts(
    names: Sequence[str],
    workspace: Workspace | None = None,
    options: CompareOptions | None = None,
    *,
    out: Path | None = None,
) -> list[Table]:
    """Compare the models that have scores on each of the cohorts, and write tables, figures and page.

    Args:
        names: Cohorts, in the order to print.
        workspace: Where cohorts and score tables are.
        options: What to compare and how.
        out: Folder to write to; ``compare`` of the results by default.

    Returns:
        The tables that a terminal shows, the main one first.

    Raises:
        InputError: A cohort or a model has no scores, or a table is wrong; nothing was written.
    """
    workspace, options = workspace or Workspace(), options or CompareOptions()
    out = out or workspace.comparison
    record = RunRecord(command_line(), options.recorded(names), options.seed)
    check_options(options)
    with holding(out):
        earlier = claim_folder(out)
        content = evaluate_inputs(read_inputs(names, workspace, options), workspace, options)
        write_comparison(content, out, record, formats=options.figures, earlier=earlier)
    return terminal_tables(content)
