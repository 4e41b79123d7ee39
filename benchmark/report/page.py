"""The report page: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmark.files import write_text
from benchmark.report.printing.forms import file_links, to_html
from benchmark.report.printing.palette import dark_colours
from benchmark.report.printing.table import Table

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from benchmark.report.drawings import Drawing
    from benchmark.report.grid import ModelGrid


SCRIPTS = ("figures.js", "tables.js", "explorer.js")
"""The page's own scripts, which stand on it as one."""


@dataclass
class Section:
    """A part of the page.

    Attributes:
        id: Anchor.
        title: Heading.
        short: Its name in the navigation; the title by default.
        parts: Safe HTML, in order.
        tables_at: Folder of the table files as the page reaches it; empty where it has none beside it.
    """

    id: str
    title: str
    short: str = ""
    parts: list[Markup] = field(default_factory=list)
    tables_at: str = ""

    def add_text(self, *sentences: str) -> None:
        """Append paragraphs; escaped."""
        from markupsafe import Markup

        self.parts += [Markup("<p>{}</p>").format(sentence) for sentence in sentences if sentence]

    def add_heading(self, text: str) -> None:
        """Append a heading below the section's own."""
        from markupsafe import Markup

        self.parts.append(Markup("<h3>{}</h3>").format(text))

    def add_table(self, table: Table, fold: str = "", *, stem: str = "") -> None:
        """Append a table, inside a closed fold with this title if one is given.

        Args:
            table: The table.
            fold: Title of its fold; empty for none.
            stem: Name of its files without an ending, which it then links to; empty where it has none.
        """
        from markupsafe import Markup

        html = Markup(to_html(table, files=self.files_of(stem)))  # noqa: S704 (to_html escapes)
        self.parts.append(_folded(fold, html) if fold else html)

    def add_grid(self, grid: ModelGrid, notes: Sequence[str], stem: str) -> None:
        """Append the grid of models and cohorts, with sentences below it."""
        from markupsafe import Markup

        links = Markup(file_links("AUROC", self.files_of(stem)))  # noqa: S704 (file_links escapes)
        self.add_template("grid.html", grid=grid, notes=notes, links=links)

    def files_of(self, stem: str) -> dict[str, str]:
        """Addresses of a table's files by their kind; empty where the page has none beside it."""
        if not (stem and self.tables_at):
            return {}
        address = f"{self.tables_at}/{quote(stem)}"
        return {"CSV": f"{address}_wide.csv", "TeX": f"{address}.tex"}

    def add_fold(self, part: Section, about: str = "") -> None:
        """Append a section inside a closed fold.

        Args:
            part: The section.
            about: A few words beside its title.
        """
        self.add_template("fold.html", part=part, about=about)

    def add_svg(self, fold: str, svg: str) -> None:
        """Append a drawing whose text is escaped already, inside a closed fold with this title."""
        from markupsafe import Markup

        self.parts.append(_folded(fold, Markup(f'<div class="flow">{svg}</div>')))  # noqa: S704 (drawn by us)

    def add_figures(self, drawings: Sequence[Drawing]) -> None:
        """Append figures side by side, each with its caption."""
        if drawings:
            self.add_template(
                "figures.html",
                drawings=[
                    (figure_id(self.id, drawing.stem), drawing, script_json(drawing.figure))
                    for drawing in drawings
                ],
            )

    def add_template(self, name: str, **values: Any) -> None:  # noqa: ANN401
        """Append one of the page's own templates; its values are escaped."""
        from markupsafe import Markup

        self.parts.append(Markup(_template(name).render(**values)))  # noqa: S704 (autoescape is on)


def figure_id(section: str, stem: str) -> str:
    """Anchor of a figure in a section."""
    return f"{section}-{hashlib.sha256(stem.encode()).hexdigest()[:8]}"


def write_page(path: Path, *, title: str, lead: str, stamp: str, sections: Sequence[Section], footer: str) -> None:
    """Write the page, with plotly.js, styles and data inside it.

    The page's policy (CSP) allows its own two scripts by their hashes and nothing from a network.

    Args:
        path: The file.
        title: Heading of the page.
        lead: The answer in one paragraph.
        stamp: A warning that stands above everything; empty for none.
        sections: Its parts, in order.
        footer: How it was made.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    plotly_js, page_js = get_plotlyjs(), "".join(map(_asset, SCRIPTS))
    text = _template("page.html").render(
        title=title,
        lead=lead,
        stamp=stamp,
        sections=sections,
        footer=footer,
        css=Markup(_asset("page.css")),  # noqa: S704 (our own file)
        plotly_js=Markup(plotly_js),  # noqa: S704 (the library's own bundle)
        page_js=Markup(page_js),  # noqa: S704 (our own file)
        colours=script_json(dark_colours()),
        script_hashes=Markup(" ".join(_hash(script) for script in (plotly_js, page_js))),  # noqa: S704 (base64)
    )
    write_text(path, text)


def script_json(content: Any) -> Markup:  # noqa: ANN401
    """JSON that cannot end the script element it stands in; figures by their own encoder."""
    from markupsafe import Markup

    plain = json.loads(content.to_json()) if hasattr(content, "to_json") else content
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (the three characters that end or open markup are escaped)


def _folded(title: str, html: Markup) -> Markup:
    from markupsafe import Markup

    return Markup("<details><summary>{}</summary>{}</details>").format(title, html)


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_asset(name))


@cache
def _asset(name: str) -> str:
    return (files("benchmark.report") / "assets" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
