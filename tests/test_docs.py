"""What the documentation tells a reader to type exists, and it is built without a warning (slow)."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.test_readme import options_and_known

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
COMMANDS = [
    (page.relative_to(ROOT).as_posix(), line)
    for page in PAGES
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
GENERATED = {"reference/commands.md", "reference/settings.md"}
"""Pages that docs/reference_pages.py makes."""


def test_there_are_pages_and_commands() -> None:
    assert len(PAGES) > 10
    assert len(COMMANDS) > 30


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_and_options_exist(page: str, line: str) -> None:
    assert line.startswith("bench "), f"{page}: what is no command of bench stands in a block of sh"
    given, known = options_and_known(line)
    assert given <= known


def test_every_page_is_in_the_navigation() -> None:
    def pages(nav: object) -> list[str]:
        if isinstance(nav, str):
            return [nav]
        entries = nav.values() if isinstance(nav, dict) else nav
        return [page for entry in entries for page in pages(entry)]  # type: ignore[attr-defined]

    text = re.sub(r"!!python\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = pages(yaml.safe_load(text)["nav"])
    assert len(set(named)) == len(named)
    assert set(named) == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES} | GENERATED


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the extra docs")
def test_it_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    assert "bench cohort prepare" in commands
    settings = (tmp_path / "site" / "reference" / "settings" / "index.html").read_text(encoding="utf-8")
    assert "lora.rank" in settings
