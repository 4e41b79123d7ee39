"""The report page: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.files import write_text
from benchmark.report.table import Table, to_html

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from markupsafe import Markup


@dataclass(frozen=True)
class Block:
    """A table or a figure of a section.

    Attributes:
        kind: What it is.
        html: Safe HTML of a table.
        id: Id of a figure's element.
        title: Caption of a figure.
        json: A figure's data, safe inside a script element.
    """

    kind: Literal["html", "figure"]
    html: Markup | str = ""
    id: str = ""
    title: str = ""
    json: Markup | str = ""


@dataclass
class Section:
    """A part of the page.

    Attributes:
        id: Anchor.
        title: Heading.
        paragraphs: Plain sentences; escaped.
        blocks: Tables and figures, in order.
    """

    id: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def add_table(self, table: Table) -> None:
        """Append a table."""
        from markupsafe import Markup

        self.blocks.append(Block("html", html=Markup(to_html(table))))  # noqa: S704 (to_html escapes)

    def add_figures(self, figures: Sequence[tuple[str, go.Figure]]) -> None:
        """Append figures side by side, each with its caption."""
        from markupsafe import Markup

        self.blocks.append(Block("html", html=Markup('<div class="plots">')))
        for title, figure in figures:
            number = sum(block.kind == "figure" for block in self.blocks)
            self.blocks.append(
                Block("figure", id=f"{self.id}-figure-{number}", title=title, json=_script_json(figure.to_json()))
            )
        self.blocks.append(Block("html", html=Markup("</div>")))


def write_page(path: Path, title: str, subtitle: str, sections: Sequence[Section], footer: str) -> None:
    """Write the page, with plotly.js, styles and data inside it.

    The page's policy (CSP) allows its own two scripts by their hashes and nothing from a network.
    """
    from jinja2 import Environment
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    assets = files("benchmark.report") / "assets"
    plotly_js, page_js = get_plotlyjs(), (assets / "page.js").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((assets / "page.html").read_text(encoding="utf-8"))
    text = template.render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        footer=footer,
        css=Markup((assets / "page.css").read_text(encoding="utf-8")),  # noqa: S704 (our own file)
        plotly_js=Markup(plotly_js),  # noqa: S704 (the library's own bundle)
        page_js=Markup(page_js),  # noqa: S704 (our own file)
        script_hashes=Markup(" ".join(_hash(script) for script in (plotly_js, page_js))),  # noqa: S704
    )
    write_text(path, text)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _script_json(text: str) -> Markup:
    """JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    safe = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    return Markup(safe)  # noqa: S704 (the three characters that end or open markup are escaped)
