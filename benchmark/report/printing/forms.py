"""The forms of a table for readers: terminal, Markdown, LaTeX, HTML, CSV."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.contracts.looks import as_seen
from benchmark.files import write_text
from benchmark.report.printing.latex import to_latex_file
from benchmark.report.printing.table import Cell, Table

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 15px/1.5 system-ui, sans-serif; margin: 24px; }} table {{ border-collapse: collapse; }}
caption {{ text-align: left; font-weight: 600; padding: 4px 0; }}
th, td {{ padding: 3px 10px; text-align: right; }}
th:first-child {{ text-align: left; }} thead th {{ border-bottom: 1px solid; }}</style></head>
<body>{table}</body></html>
"""

_INTERVAL = re.compile(r"(\([−\d][\d.]*(?:–| to )[−\d][\d.]*\))")

_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")
"""First characters that a spreadsheet takes for a formula."""


def to_rich(table: Table) -> RichTable:
    """For the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(_without_control_characters(table.title)),
        caption=Text(_without_control_characters(" ".join(table.notes))) if table.notes else None,
        box=SIMPLE_HEAD,
        title_style="bold",
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
    )
    for index, heading in enumerate(table.headings):
        side: Literal["left", "right"] = "left" if index == 0 else "right"
        drawn.add_column(Text(_without_control_characters(heading)), justify=side, overflow="fold")
    headings = dict(table.blocks)
    for index, row in enumerate(table.rows):
        if index in headings:
            if index:
                drawn.add_section()
            drawn.add_row(
                Text(_without_control_characters(headings[index]), style="bold"), *[""] * (len(table.columns) - 1)
            )
        drawn.add_row(
            *(Text(_without_control_characters(cell.text), style="bold" if cell.bold else "") for cell in row)
        )
    return drawn


def to_markdown(table: Table) -> str:
    """GitHub's Markdown; text from data cannot break out of its cell or become markup.

    Example::

        >>> from benchmark.report.printing.forms import to_markdown
        >>> from benchmark.report.printing.table import Cell, Table
        >>> print(to_markdown(Table("AUROC", ("Model", "UCLA"), ((Cell("CLIP"), Cell("0.91", bold=True)),))))
        **AUROC**
        <BLANKLINE>
        | Model | UCLA |
        | --- | ---: |
        | CLIP | **0.91** |
        <BLANKLINE>
    """
    lines = [f"**{_markdown(table.title)}**", "", _markdown_row(map(_markdown, table.headings))]
    lines.append(_markdown_row(["---"] + ["---:"] * (len(table.columns) - 1)))
    headings = dict(table.blocks)
    for index, row in enumerate(table.rows):
        if index in headings:
            lines.append(_markdown_row([f"*{_markdown(headings[index])}*"] + [""] * (len(table.columns) - 1)))
        lines.append(
            _markdown_row(f"**{_markdown(c.text)}**" if c.bold and c.text else _markdown(c.text) for c in row)
        )
    lines += [line for note in table.notes for line in ("", _markdown(note))]
    return "\n".join(lines) + "\n"


def to_html(table: Table, *, files: Mapping[str, str] | None = None) -> str:
    """An HTML ``table``; all text is escaped.

    Args:
        table: The table.
        files: Address of each of its files by the kind to show: links beside its title.
    """
    head = ""
    if table.groups:
        cells = "".join(
            f'<th colspan="{width}" scope="colgroup">{escape(name)}</th>' for name, width in table.groups
        )
        head = f"<tr>{cells}</tr>"
    head += "<tr>" + "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns) + "</tr>"
    headings = dict(table.blocks)
    body = []
    for index, row in enumerate(table.rows):
        if index in headings:
            heading = escape(headings[index])
            body.append(
                f'<tr class="block"><th colspan="{len(table.columns)}" scope="rowgroup">{heading}</th></tr>'
            )
        body.append("<tr>" + "".join(_html_cell(cell, column) for column, cell in enumerate(row)) + "</tr>")
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    caption = f"<caption>{escape(table.title)}{file_links(table.title, files or {})}</caption>"
    region = f'<div class="table" role="region" tabindex="0" aria-label="{escape(table.title)}">'
    whole = f"<table>{caption}<thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
    return f"{region}{whole}</div>{notes}"


def file_links(title: str, files: Mapping[str, str]) -> str:
    """Links to a table's files, as HTML."""
    links = [
        f'<a href="{escape(address)}" aria-label="{escape(f"{title}: {kind}")}">{kind}</a>'
        for kind, address in files.items()
    ]
    return f' <span class="files">{" ".join(links)}</span>' if links else ""


def to_wide_csv(table: Table) -> pd.DataFrame:
    """The table as it is printed, one header line, for spreadsheets: no cell begins a formula."""
    import pandas as pd

    headings = dict(table.blocks)
    rows, block = [], ""
    for index, row in enumerate(table.rows):
        block = headings.get(index, block)
        rows.append([*([block] if headings else []), *(cell.text for cell in row)])
    names = [*(["block"] if headings else []), *table.headings]
    safe = [[spreadsheet_text(text) for text in row] for row in rows]
    return pd.DataFrame(safe, columns=[spreadsheet_text(name) for name in names])


def write_forms(table: Table, stem: Path) -> None:
    """Write ``stem.md``, ``stem.tex``, ``stem.html`` and ``stem_wide.csv``.

    Example::

        >>> from pathlib import Path
        >>> from benchmark.report.printing.forms import write_forms
        >>> from benchmark.report.printing.table import Cell, Table
        >>> write_forms(Table("AUROC", ("Model", "UCLA"), ((Cell("CLIP"), Cell("0.91")),)), Path("auroc"))
        >>> sorted(path.name for path in Path().glob("auroc*"))
        ['auroc.html', 'auroc.md', 'auroc.tex', 'auroc_wide.csv']
    """
    from benchmark.contracts.table_writing import write_table

    write_text(stem.with_name(f"{stem.name}.md"), to_markdown(table))
    write_text(stem.with_name(f"{stem.name}.tex"), to_latex_file(table))
    write_text(stem.with_name(f"{stem.name}.html"), _HTML.format(title=escape(table.title), table=to_html(table)))
    write_table(to_wide_csv(table), stem.with_name(f"{stem.name}_wide.csv"))


def spreadsheet_text(text: str) -> str:
    """Text that a spreadsheet shows instead of computing it; numbers stay as they are."""
    if not text.startswith(_SPREADSHEET):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text


def _html_cell(cell: Cell, index: int) -> str:
    """One cell; an interval in it stays on one line."""
    inner = _INTERVAL.sub(r"<span>\1</span>", escape(cell.text)) if index else escape(cell.text)
    text = f"<b>{inner}</b>" if cell.bold else inner
    return f'<th scope="row">{text}</th>' if index == 0 else f"<td>{text}</td>"


def _markdown(text: str) -> str:
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    return "".join("\\" + c if c in "\\`*_{}[]<>#|~&$!:@" else c for c in text)


def _without_control_characters(text: str) -> str:
    """Text without characters that steer a terminal or turn text round."""
    return "".join("\ufffd" if unicodedata.category(c) == "Cc" else c for c in as_seen(text))


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
