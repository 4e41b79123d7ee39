"""The whole of a comparison: read, evaluate, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.contracts.workspace import Workspace
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord
from benchmark.report.compare_content import evaluate_inputs
from benchmark.report.compare_files import claim_folder, write_comparison
from benchmark.report.compare_inputs import CompareInputs, read_inputs
from benchmark.report.compare_options import CompareOptions, check_options
from benchmark.report.printing.table import Table
from benchmark.report.terminal import leading_sentences, terminal_tables


def compare_cohorts(
    names: Sequence[str],
    workspace: Workspace | None = None,
    options: CompareOptions | None = None,
    *,
    out: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Table]:
    """Compare the models that have scores on each of the cohorts, and write tables, figures and page.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> from benchmark.contracts.workspace import Workspace
        >>> from benchmark.producers.write import score_with_producer
        >>> from benchmark.report.compare import compare_cohorts
        >>> from benchmark.report.compare_options import CompareOptions
        >>> rows = {"pid": [f"p{k}" for k in range(40)], "nodule_id": "1", "malignant": [0, 1] * 20}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> rows |= {"longest_axial_diameter_(mm)": [4 + k % 9 + 3 * (k % 2) for k in range(40)]}
        >>> _ = write_cohort("cohorts/nlst", CohortManifest(name="nlst", title="NLST"), pd.DataFrame(rows))
        >>> _ = score_with_producer("size", "nlst", Workspace())
        >>> tables = compare_cohorts(["nlst"], options=CompareOptions(replicates=200))
        >>> [cell.text for cell in tables[0].rows[0]]
        ['Nodule diameter', '0.785 (0.616–0.893)', '0.778 (0.617–0.874)']

    Args:
        names: Cohorts, in the order to print.
        workspace: Where cohorts and score tables are.
        options: What to compare and how.
        out: Folder to write to; ``compare`` of the results by default.
        say: Is told who leads and by how much, a cohort a sentence.

    Returns:
        The tables that a terminal shows, the main one first.

    Raises:
        InputError: A cohort or a model has no scores, or a table is wrong; nothing was written.
    """
    workspace, options = workspace or Workspace(), options or CompareOptions()
    record = RunRecord(command_line(), options.recorded(names), options.seed)
    check_options(options)
    return write_compared(
        lambda: (read_inputs(names, workspace, options), options),
        workspace,
        out or workspace.comparison,
        record,
        say,
    )


def write_compared(
    read: Callable[[], tuple[CompareInputs, CompareOptions]],
    workspace: Workspace,
    out: Path,
    record: RunRecord,
    say: Callable[[str], None] | None = None,
) -> list[Table]:
    """Read, evaluate and write a comparison while nobody else writes to its folder.

    Args:
        read: Gives what the comparison stands on, and what is to be compared and how.
        workspace: Where runs, crops and the key of pseudonyms are.
        out: Folder to write to.
        record: The record of the run, which is finished here.
        say: Is told who leads and by how much, once all is written.

    Returns:
        The tables that a terminal shows, the main one first.

    Raises:
        InputError: Something in the way is not ours, or what is read is wrong; nothing was written.
    """
    with holding(out):
        earlier = claim_folder(out)
        inputs, options = read()
        content = evaluate_inputs(inputs, workspace, options)
        write_comparison(content, out, record, formats=options.figures, earlier=earlier)
    if say is not None:
        for sentence in leading_sentences(content):
            say(sentence)
    return terminal_tables(content)
