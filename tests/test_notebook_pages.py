"""Notebooks as pages of the documentation: nothing of a notebook is lost or taken for markup."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytest.importorskip("mkdocs")


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = spec_from_file_location("notebook_pages", ROOT / "docs" / "notebook_pages.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook(*cells: dict[str, object]) -> dict[str, object]:
    return {"cells": [{"cell_type": "markdown", "source": ["# Title\n", "See [this](../docs/api.md)."]}, *cells]}


def code(*outputs: dict[str, object], source: str = "1 + 1") -> dict[str, object]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def test_text_code_and_outputs_stand_in_order(pages: ModuleType) -> None:
    outputs = [
        {"output_type": "stream", "text": ["a\n", "b\n"]},
        {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
        {
            "output_type": "execute_result",
            "data": {"text/markdown": ["p \\< 0.05\\: **x** \\| y"], "text/plain": "?"},
        },
    ]
    page = pages.notebook_page(notebook(code(*outputs)), "01_x.ipynb")
    title, said, *rest = page.split("\n\n")
    assert title == "# Title\nSee [this](../api.md)."
    assert "notebooks/01_x.ipynb" in said
    assert rest[:3] == ["```python\n1 + 1\n```", "```text\na\nb\n```", "```text\n2\n```"]
    assert rest[3] == "p &#60; 0.05&#58; **x** \\| y\n"


def test_a_fence_is_longer_than_those_in_the_code(pages: ModuleType) -> None:
    assert "````python\n'```'\n````" in pages.notebook_page(notebook(code(source="'```'")), "x")


def test_an_output_that_no_page_shows_is_an_error(pages: ModuleType) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "AAAA"}}
    with pytest.raises(ValueError, match="image/png"):
        pages.notebook_page(notebook(code(picture)), "x")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_all_code_of_every_notebook_is_on_its_page(pages: ModuleType, path: Path) -> None:
    own = json.loads(path.read_text(encoding="utf-8"))
    page = pages.notebook_page(own, path.name)
    assert page.startswith("# ")
    for cell in own["cells"]:
        if cell["cell_type"] == "code":
            assert "".join(cell["source"]).rstrip() in page
    assert 'class="dataframe"' not in page
