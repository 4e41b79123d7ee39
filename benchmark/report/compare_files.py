"""The folder of a comparison: what an earlier one left there, and writing all of this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import InputError
from benchmark.formats.json import read_json
from benchmark.outputs.run_record import RunRecord, check_record
from benchmark.outputs.written import RECORD as WRITTEN
from benchmark.outputs.written import adopt, aside, check_own, move_in, own_files
from benchmark.outputs.written import record as record_written
from benchmark.report.content import Content, reader_tables
from benchmark.report.write import write_tables

RECORD, PAGE = "record.json", "index.html"


def claim_folder(out: Path) -> list[str]:
    """Refuse a folder that holds what somebody else wrote where a comparison goes, before hours are lost on it.

    Returns:
        Names of the files there, relative to it, that an earlier comparison wrote.

    Raises:
        InputError: Names every file that is in the way.
    """
    files = {**_earlier_files(out), "report": [PAGE]}
    for kind, names in files.items():
        if (out / RECORD).is_file():
            adopt(out / kind, names)
        _join_record(out, kind)
    earlier = [f"{kind}/{name}" for kind, names in files.items() for name in names]
    check_own(out, earlier)
    check_record(out / RECORD)
    return earlier


def write_comparison(
    content: Content, out: Path, record: RunRecord, *, formats: Sequence[str], earlier: Sequence[str]
) -> None:
    """Write tables, page, figures and record aside, and let them take the place of an earlier comparison together.

    Args:
        content: What was found.
        out: The folder.
        record: What was asked; it is finished here.
        formats: Formats of figure files; none are written without one.
        earlier: What `claim_folder` returned: files to replace or remove.
    """
    from benchmark.report.drawings import Drawings
    from benchmark.report.figure_files import write_figures
    from benchmark.report.sections import write_report

    tables, drawings = reader_tables(content), Drawings(content)
    with aside(out) as made:
        write_tables(content, tables, made / "tables")
        write_report(content, tables, drawings, made / "report" / PAGE, tables_at="../tables")
        drawn = write_figures(drawings, made / "figures", formats)
        record.facts["inputs"] = content.provenance["inputs"]
        written = sorted(path.name for path in (made / "tables").iterdir())
        record.write(made / RECORD, files={"tables": written, "figures": [path.name for path in drawn]})
        move_in(made, out, seal=f"report/{PAGE}", unrecorded=[RECORD], drop=earlier)


def _join_record(out: Path, kind: str) -> None:
    """Take over what an earlier version recorded folder by folder."""
    if (out / kind / WRITTEN).is_file():
        record_written(out, [f"{kind}/{name}" for name in own_files(out / kind)])
        (out / kind / WRITTEN).unlink()


def _earlier_files(out: Path) -> dict[str, list[str]]:
    """Tables and figures that the record of an earlier comparison in this folder names."""
    try:
        files = read_json(out / RECORD, nan="kept")["files"]
        plain = {kind: [str(name) for name in files[kind]] for kind in ("tables", "figures")}
        return {kind: [name for name in names if name == Path(name).name] for kind, names in plain.items()}
    except (InputError, KeyError, TypeError):
        return {"tables": [], "figures": []}
