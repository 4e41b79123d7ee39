"""The notebooks as pages: text, code and outputs as they were committed; tests run them again and compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_ESCAPED = re.compile(r"\\([\"$%&',/:;<=?@^~])")
"""What CommonMark lets a backslash escape and MkDocs does not."""
_LOOKS = re.compile(r""" (?:border="1"|class="dataframe"|style="text-align: right;")""")
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page a notebook; MkDocs calls this before it reads any."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        content = notebook_page(json.loads(path.read_text(encoding="utf-8")), path.name)
        files.append(File.generated(config, page_name(path), content=content))
    return files


def page_name(notebook: Path) -> str:
    """The page of a notebook, below ``docs``."""
    return f"notebooks/{notebook.stem.partition('_')[2].replace('_', '-')}.md"


def notebook_page(notebook: Mapping[str, Any], name: str) -> str:
    """Markdown of a notebook.

    Args:
        notebook: Its JSON (nbformat 4).
        name: Name of its file.

    Raises:
        ValueError: It holds an output that no page shows.
    """
    said = f"*This page is the notebook `notebooks/{name}` with the outputs of its last run; tests run it again.*"
    parts = [part for cell in notebook["cells"] for part in _cell(cell)]
    return "\n\n".join([parts[0], said, *parts[1:]]) + "\n"


def _cell(cell: Mapping[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source.replace("](../docs/", "](../")
        return
    if source.strip():
        yield _fenced("python", source)
    for output in cell.get("outputs", ()):
        yield _output(output)


def _output(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return _fenced("text", "".join(output["text"]))
    data = output.get("data", {})
    if "text/markdown" in data:
        return _ESCAPED.sub(lambda found: f"&#{ord(found[1])};", "".join(data["text/markdown"]))
    if "text/html" in data:
        table = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
        table = _LOOKS.sub("", table)  # what has a class of its own is not drawn as a table of the site
        return re.sub(r"\n\s*\n", "\n", table.strip())
    if "text/plain" in data:
        return _fenced("text", "".join(data["text/plain"]))
    raise ValueError(f"a page shows no output of type {output['output_type']!r} with {sorted(data)}")


def _fenced(language: str, text: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
