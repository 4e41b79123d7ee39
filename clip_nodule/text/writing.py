"""Report texts of a cohort as a table on disk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmark.contracts.table_writing import write_table
from benchmark.formats.opening import read_text
from benchmark.outputs.locks import holding
from benchmark.outputs.written import check_own, replacing_own
from benchmark.progress import Progress
from clip_nodule.text.gemini import CACHE, MODEL, PROMPT, Asking
from clip_nodule.text.report import read_text_folder
from clip_nodule.text.report_text import Backend, report_texts

COLUMNS = ["pid", "nodule_id", "text", "findings", "impression"]


class WrittenTexts(NamedTuple):
    """How many reports were written, and how many of them are empty because no feature is known."""

    reports: int
    empty: int


def write_report_texts(
    nodules: pd.DataFrame,
    out: Path,
    backend: Backend = "template",
    *,
    seed: int = 0,
    with_suspicion: bool = False,
    folder: Path | None = None,
    asking: Asking | None = None,
    progress: Progress | None = None,
) -> WrittenTexts:
    """Write a report of every nodule.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from clip_nodule.text.writing import write_report_texts
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "nodule_consistency": ["Solid", None]}
        >>> write_report_texts(pd.DataFrame(rows), Path("texts.csv"))
        WrittenTexts(reports=2, empty=1)

    Args:
        nodules: Nodule table with semantic columns.
        out: The table, ``pid, nodule_id, text, findings, impression``.
        backend: ``template`` or ``gemini``.
        seed: Seed of order and wording.
        with_suspicion: Let the reader's level of suspicion into the impression.
        folder: Read ``<pid>_<nodule_id>.txt`` files from here instead.
        asking: Who is asked by ``gemini``, and how.
        progress: Called with answers there and their number.

    Raises:
        InputError: A file is missing or in the way, or a semantic column holds something that is no class.
    """
    with holding(out):
        check_own(out.parent, [out.name])
        return _write_texts(nodules, out, backend, seed, with_suspicion, folder, asking, progress)


def _write_texts(
    nodules: pd.DataFrame,
    out: Path,
    backend: Backend,
    seed: int,
    with_suspicion: bool,
    folder: Path | None,
    asking: Asking | None,
    progress: Progress | None,
) -> WrittenTexts:
    if folder is not None:
        table = read_text_folder(folder, nodules)
    elif backend == "gemini":
        table = report_texts(nodules, seed, backend, with_suspicion, asking=asking, progress=progress)
    else:
        table = report_texts(nodules, seed, backend, with_suspicion)
    with replacing_own(out) as temporary:
        write_table(table[COLUMNS], temporary)
    return WrittenTexts(len(table), int((table["text"] == "").sum()))


def asking_from(
    model: str | None = None,
    cache: Path | None = None,
    prompt: Path | None = None,
    requests_a_minute: float = 60.0,
    base_url: str | None = None,
) -> Asking:
    """Who is asked for reports, with the defaults where nothing is given; the prompt comes from its file.

    Raises:
        InputError: The prompt cannot be read.
    """
    template = PROMPT if prompt is None else read_text(prompt)
    return Asking(model or MODEL, cache or CACHE, template, requests_a_minute, base_url=base_url)
