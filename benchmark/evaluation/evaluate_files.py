"""Tables of predictions to what a comparison gives: tables, tests, figures and a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmark.contracts.looks import as_seen
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.evaluation.options import ReadingOptions
from benchmark.evaluation.predictions import inputs_of
from benchmark.evaluation.reading import predictions_of_files
from benchmark.outputs.command_line import command_line
from benchmark.outputs.run_record import RunRecord
from benchmark.report.compare import write_compared
from benchmark.report.compare_inputs import CompareInputs
from benchmark.report.compare_options import CompareOptions, check_options
from benchmark.report.printing.table import Table


def evaluate_files(
    paths: Sequence[Path],
    reading: ReadingOptions | None = None,
    options: CompareOptions | None = None,
    *,
    results: Path = Path("results"),
    out: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Table]:
    """Evaluate and compare the models of one table, or of several that are a cohort each.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from benchmark.evaluation.evaluate_files import evaluate_files
        >>> from benchmark.report.compare_options import CompareOptions
        >>> table = pd.DataFrame({"pid": [f"p{k}" for k in range(40)], "label": [0, 1] * 20})
        >>> table["clip"] = [(7 * k % 40 + 12 * (k % 2)) / 100 for k in range(40)]
        >>> table.to_csv("preds.csv", index=False)
        >>> tables = evaluate_files([Path("preds.csv")], options=CompareOptions(replicates=200), say=print)
        preds.csv, 40 rows: patient 'pid', label 'label' (20 malignant, 20 benign), models 'clip'.
        1 model on 1 cohort. It stands alone, so there is nothing to compare it with.
        >>> tables[0].title, Path("results/evaluate/report/index.html").is_file()
        ('Model performance: AUROC and AUPRC (95 % interval)', True)

    Args:
        paths: CSV, TSV, Excel or Parquet files.
        reading: Which column is what.
        options: How to compare; its models and cohort titles are those of ``reading``.
        results: Folder of the key of the patients' pseudonyms.
        out: Folder to write to; ``evaluate`` of the results by default.
        say: Is told what was taken for what, before anything is computed, and at the end who leads and by how
            much; the page says both.

    Returns:
        The tables that a terminal shows, the main one first.

    Raises:
        InputError: A table is wrong, or it is not clear which column is what; nothing was written.
    """
    reading, options = reading or ReadingOptions(), options or CompareOptions()
    _check_files(paths)
    settings = options.recorded([as_seen(path.name) for path in paths]) | {"columns": asdict(reading)}
    record = RunRecord(command_line(), settings, options.seed)
    check_options(options)

    def read() -> tuple[CompareInputs, CompareOptions]:
        predictions = [replace(one, unseen=reading.unseen) for one in predictions_of_files(paths, reading)]
        asked = replace(options, models=list(predictions[0].titles))
        inputs = inputs_of(predictions, asked)
        if say is not None:
            for note in inputs.notes:
                say(note)
        return inputs, asked

    workspace = Workspace(results=results, scores_alone=True)
    return write_compared(read, workspace, out or results / "evaluate", record, say)


def _check_files(paths: Sequence[Path]) -> None:
    if not paths:
        raise InputError(Problem("no file is given", "bench evaluate preds.csv"))
    files = [path.resolve() for path in paths]
    twice = [path for at, path in enumerate(paths) if files[at] in files[:at]]
    if twice:
        raise InputError([Problem("is given twice", "give each file once", path) for path in twice])
