"""Agreement of repeated scans from score tables to printed tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.comparison.agreement_numbers import agreement_rows, flipped_call_rows
from benchmark.comparison.repeated_scans import RepeatedScans, notes_on_codes, read_repeated_scans
from benchmark.contracts.any_table import TableForm
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import check_level
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord, check_record
from benchmark.outputs.written import aside, move_in
from benchmark.report.printing.forms import write_forms
from benchmark.report.printing.table import Table
from benchmark.report.tables.agreement import agreement_table, flipped_calls_table

RECORD = "record.json"


def agree_scans(
    files: Sequence[Path],
    thresholds: Sequence[str] = (),
    *,
    one_model: str | None = None,
    form: TableForm | None = None,
    level: float = 0.95,
    out: Path = Path("results/agree"),
) -> list[Table]:
    """Measure how well scores of the same nodules agree over repeated scans, and write the tables.

    Example::

        >>> from pathlib import Path
        >>> from benchmark.report.agree import agree_scans
        >>> import pandas as pd
        >>> rows = [(f"n{k}", scan, (k + d) / 10) for k in range(6) for scan, d in (("thin", 0), ("thick", k % 2))]
        >>> pd.DataFrame(rows, columns=["nodule_id", "scan", "score"]).to_csv("clip.csv", index=False)
        >>> tables = agree_scans([Path("clip.csv")], ["0.4"], out=Path("agree"))
        >>> [cell.text for cell in tables[1].rows[0][:3]]
        ['clip', '0.4', '1/6']

    Args:
        files: As for `read_repeated_scans`.
        thresholds: ``0.06`` for all models, ``MODEL=0.06`` for one.
        one_model: As for `read_repeated_scans`.
        form: As for `read_repeated_scans`.
        level: Confidence level.
        out: Folder to write to.

    Returns:
        The table of agreement, and with a threshold that of the calls that flip.

    Raises:
        InputError: A file, a threshold or the level is wrong; nothing was written.
    """
    check_level(level)
    settings = {"files": list(files), "thresholds": list(thresholds), "level": level, "one_model": one_model}
    record = RunRecord(command_line(), settings)
    repeated = read_repeated_scans(files, one_model, form)
    by_model = _thresholds_by_model(thresholds, repeated)
    numbers, calls = agreement_rows(repeated, level), flipped_call_rows(repeated, by_model, level)
    agreement = agreement_table(numbers, repeated.scans)
    tables = {"agreement": replace(agreement, notes=(*agreement.notes, *notes_on_codes(repeated)))}
    if len(calls):
        tables["flipped_calls"] = flipped_calls_table(calls, repeated.scans, level)
    for path in files:
        record.add_input(path.as_posix() if not path.is_absolute() else path.name, path)
    drop = [f"flipped_calls{end}" for end in (".csv", ".md", ".tex", ".html", "_wide.csv")]
    with holding(out):
        check_record(out / RECORD)
        with aside(out) as made:
            write_table(numbers, made / "agreement.csv")
            if len(calls):
                write_table(calls, made / "flipped_calls.csv")
            for stem, table in tables.items():
                write_forms(table, made / stem)
            record.write(made / RECORD)
            move_in(made, out, unrecorded=[RECORD], drop=drop)
    return list(tables.values())


def _thresholds_by_model(given: Sequence[str], repeated: RepeatedScans) -> dict[str, list[float]]:
    """Thresholds of each model, in the order given.

    Raises:
        InputError: Names every one that is no number or of no model, or that is given twice.
    """
    found: dict[str, list[float]] = {model: [] for model in repeated.models}
    problems = []
    for text in given:
        model, equals, number = text.rpartition("=")
        named = model.strip() if equals else None
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            what, fix = "is no threshold", "write 0.06, or MODEL=0.06"
        elif named is not None and named not in found:
            what, fix = (
                f"is for no model of the tables{nearest(named, list(found))}",
                f"models: {', '.join(found)}",
            )
        elif any(value in found[name] for name in ([named] if named is not None else found)):
            what, fix = "is given twice", "give each threshold of a model once"
        else:
            for name in [named] if named is not None else list(found):
                found[name].append(value)
            continue
        problems.append(Problem(what, fix, column="--threshold", value=text))
    if problems:
        raise InputError(problems)
    return found
