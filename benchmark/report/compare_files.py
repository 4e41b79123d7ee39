"""The folder of a comparison: what an earlier one left there, and writing all of this one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json
from benchmark.report.content import Content, reader_tables
from benchmark.report.write import replace_tables
from benchmark.run_record import RunRecord
from benchmark.written import adopt, check_own

RECORD, PAGE = "record.json", "index.html"


def claim_folder(out: Path) -> dict[str, list[str]]:
    """Refuse a folder that cannot be written to, or holds what somebody else wrote, before hours are lost on it.

    Returns:
        Names of the tables and figures there that an earlier comparison wrote.

    Raises:
        InputError: Names the folder or the file that is in the way.
    """
    nearest_folder = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest_folder.is_dir() or not os.access(nearest_folder, os.W_OK | os.X_OK):
        raise InputError(Problem("cannot be written", "choose another folder with --out", nearest_folder))
    files = _earlier_files(out)
    for kind, names in {**files, "report": [PAGE]}.items():
        if (out / RECORD).is_file():
            adopt(out / kind, names)
        check_own(out / kind, names)
    return files


def write_comparison(
    content: Content, out: Path, record: RunRecord, *, formats: Sequence[str], earlier: Mapping[str, Sequence[str]]
) -> None:
    """Write tables, page, figures and record.

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

    tables = reader_tables(content)
    files = {**earlier, "tables": replace_tables(content, tables, out / "tables", earlier["tables"])}
    drawings = Drawings(content)
    write_report(content, tables, drawings, out / "report" / PAGE)
    if formats:
        drawn = write_figures(drawings, out / "figures", formats, earlier["figures"])
        files["figures"] = [path.name for path in drawn]
    record.facts["inputs"] = content.provenance["inputs"]
    record.write(out / RECORD, files=files)


def _earlier_files(out: Path) -> dict[str, list[str]]:
    """Tables and figures that the record of an earlier comparison in this folder names."""
    try:
        files = read_json(out / RECORD, nan="kept")["files"]
        plain = {kind: [str(name) for name in files[kind]] for kind in ("tables", "figures")}
        return {kind: [name for name in names if name == Path(name).name] for kind, names in plain.items()}
    except (InputError, KeyError, TypeError):
        return {"tables": [], "figures": []}
