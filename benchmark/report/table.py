"""A table for readers, and its four forms: terminal, Markdown, LaTeX, HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.files import write_text

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": "$-$",
    "–": "--",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"\dag{}",
    "*": r"\textasteriskcentered{}",
    "π": r"$\pi$",
    "χ": r"$\chi$",
    "²": r"\textsuperscript{2}",
    "\n": " ",
}


@dataclass(frozen=True)
class Cell:
    """One cell: its text and whether it is printed bold."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose numbers are already text.

    Attributes:
        title: One line above it.
        columns: Names of the columns; the first names the rows.
        rows: The cells, one tuple a row, as long as ``columns``.
        groups: ``(name, number of columns)`` spanning the columns from the left; empty for none.
        notes: Sentences below it.
        label: Reference label in LaTeX.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                message = f"row of {len(row)} cells in a table of {len(self.columns)} columns: {self.title}"
                raise ValueError(message)
        if self.groups and sum(width for _, width in self.groups) != len(self.columns):
            message = f"groups do not span the {len(self.columns)} columns: {self.title}"
            raise ValueError(message)

    @property
    def headings(self) -> list[str]:
        """Column names with their group, for forms that have a single header line."""
        names = [name for name, width in self.groups for _ in range(width)] or [""] * len(self.columns)
        return [f"{group} {column}".strip() for group, column in zip(names, self.columns, strict=True)]


def to_rich(table: Table) -> RichTable:
    """For the terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=Text(table.title), caption=Text(" ".join(table.notes)) if table.notes else None)
    for index, heading in enumerate(table.headings):
        drawn.add_column(Text(heading), justify="left" if index == 0 else "right")
    for row in table.rows:
        drawn.add_row(*(Text(cell.text, style="bold" if cell.bold else "") for cell in row))
    return drawn


def to_markdown(table: Table) -> str:
    """GitHub's Markdown; text from data cannot break out of its cell or become markup."""
    lines = [f"**{_markdown(table.title)}**", "", _line(map(_markdown, table.headings))]
    lines.append(_line(["---"] + ["---:"] * (len(table.columns) - 1)))
    for row in table.rows:
        lines.append(_line(f"**{_markdown(c.text)}**" if c.bold and c.text else _markdown(c.text) for c in row))
    lines += [line for note in table.notes for line in ("", _markdown(note))]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A ``table`` environment with booktabs rules; needs the package booktabs and nothing else."""
    shape = "l" + "r" * (len(table.columns) - 1)
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{latex_text(table.title)}}}"]
    if table.label:
        lines.append(rf"\label{{{table.label}}}")
    lines += [rf"\begin{{tabular}}{{{shape}}}", r"\toprule"]
    if table.groups:
        lines += _latex_groups(table.groups)
    lines += [" & ".join(latex_text(name) for name in table.columns) + r" \\", r"\midrule"]
    for row in table.rows:
        cells = (rf"\textbf{{{latex_text(c.text)}}}" if c.bold else latex_text(c.text) for c in row)
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {latex_text(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def to_html(table: Table) -> str:
    """An HTML ``table``; all text is escaped."""
    head = ""
    if table.groups:
        cells = "".join(
            f'<th colspan="{width}" scope="colgroup">{escape(name)}</th>' for name, width in table.groups
        )
        head = f"<tr>{cells}</tr>"
    head += "<tr>" + "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns) + "</tr>"
    body = "".join(
        "<tr>" + "".join(_html_cell(cell, index) for index, cell in enumerate(row)) + "</tr>" for row in table.rows
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    caption = f"<caption>{escape(table.title)}</caption>"
    return f'<div class="table"><table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table></div>{notes}'


def write_forms(table: Table, stem: Path) -> None:
    """Write ``stem.md`` and ``stem.tex``."""
    write_text(stem.with_suffix(".md"), to_markdown(table))
    write_text(stem.with_suffix(".tex"), to_latex(table))


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters made literal."""
    return "".join(_LATEX.get(character, character) for character in text)


def _latex_groups(groups: tuple[tuple[str, int], ...]) -> list[str]:
    cells, rules, column = [], [], 1
    for name, width in groups:
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex_text(name)}}}" if name else " &" * (width - 1))
        if name:
            rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return [" & ".join(cells) + r" \\", "".join(rules)]


def _html_cell(cell: Cell, index: int) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.bold else escape(cell.text)
    return f'<th scope="row">{text}</th>' if index == 0 else f"<td>{text}</td>"


def _markdown(text: str) -> str:
    for character in "\\`*_{}[]<>#|~":
        text = text.replace(character, "\\" + character)
    return text.replace("\n", " ").replace("\r", " ")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
