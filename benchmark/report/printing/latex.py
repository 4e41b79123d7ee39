"""A table as LaTeX with booktabs rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.report.printing.latex_characters import latex_characters

if TYPE_CHECKING:
    from benchmark.report.printing.table import Table

_STANDALONE = r"""\expandafter\ifx\csname @nodocument\endcsname\relax\else
\documentclass[a4paper,10pt]{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\paperwidth=420mm\ifdefined\pdfpagewidth\pdfpagewidth=420mm\fi\textwidth=370mm
\begin{document}\def\endalone{\end{document}}
\fi
"""
"""Makes a file of one table compile as it is; inside a document that has begun all of it is skipped."""


def to_latex(table: Table) -> str:
    """A ``table`` environment with booktabs rules; needs booktabs, and T1 fonts for letters such as "ą" or "ð"."""
    shape = "l" + "r" * (len(table.columns) - 1)
    lines = [r"\begin{table}", r"\centering\footnotesize\setlength{\tabcolsep}{4pt}"]
    lines.append(rf"\caption{{{latex_text(table.title)}}}")
    if table.label:
        lines.append(rf"\label{{{latex_label(table.label)}}}")
    lines += [rf"\begin{{tabular}}{{@{{}}{shape}@{{}}}}", r"\toprule"]
    if table.groups:
        lines += _latex_groups(table.groups)
    lines += [" & ".join(latex_text(name) for name in table.columns) + r" \\", r"\midrule"]
    headings = dict(table.blocks)
    for index, row in enumerate(table.rows):
        if index in headings:
            space = [r"\addlinespace"] if index else []
            heading = (
                rf"\multicolumn{{{len(table.columns)}}}{{@{{}}l}}{{\textit{{{latex_text(headings[index])}}}}} \\"
            )
            lines += [*space, heading]
        # An empty first cell keeps a row that begins with "[" from being read as the length of the line before.
        cells = [rf"\textbf{{{latex_text(c.text)}}}" if c.bold else latex_text(c.text) for c in row]
        lines.append("{}" + " & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip\parbox{{\linewidth}}{{{latex_text(note)}}}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def to_latex_file(table: Table) -> str:
    r"""`to_latex` as a file that compiles as it is and can also be put into a document with ``\input``."""
    return _STANDALONE + to_latex(table) + r"\ifdefined\endalone\expandafter\endalone\fi" + "\n"


def to_latex_document(tables: Sequence[Table]) -> str:
    """All tables in one document, a page each."""
    begin = _STANDALONE.splitlines()
    head = [line for line in begin if line.startswith((r"\documentclass", r"\usepackage", r"\paperwidth"))]
    body = [to_latex(table) + r"\clearpage" for table in tables]
    return "\n".join([*head, r"\begin{document}", *body, r"\end{document}"]) + "\n"


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters made literal; letters that its fonts lack become their code points."""
    return latex_characters(text)


def latex_label(text: str) -> str:
    """Text as a label: letters, digits, and hyphens for the rest."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ":-.") else "-" for c in text)


def _latex_groups(groups: tuple[tuple[str, int], ...]) -> list[str]:
    cells, rules, column = [], [], 1
    for name, width in groups:
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex_text(name)}}}" if name else " &" * (width - 1))
        if name:
            rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return [" & ".join(cells) + r" \\", "".join(rules)]
