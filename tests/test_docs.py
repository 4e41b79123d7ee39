"""What the documentation tells a reader to type runs or says what it needs; it is built without a warning."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.docs_project import run, write_project
from tests.test_readme import options_and_known

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"(?:<!-- not run: (?P<why>.*?) -->\n)?```bash\n(?P<lines>.*?)```", re.DOTALL)
WHY = re.compile(r"(needs|takes) \w.*")
COMMANDS = [
    (page.relative_to(ROOT).as_posix(), line, block["why"])
    for page in [ROOT / "README.md", *PAGES]
    for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
    for line in block["lines"].replace("\\\n", " ").splitlines()
]
RUN = {page: [line for there, line, why in COMMANDS if there == page and why is None] for page, *_ in COMMANDS}
NOTEBOOKS = {
    f"notebooks/{path.stem.partition('_')[2].replace('_', '-')}.md"
    for path in (ROOT / "notebooks").glob("*.ipynb")
}
GENERATED = {"reference/commands.md", "reference/settings.md"} | NOTEBOOKS
"""Pages that docs/reference_pages.py and docs/notebook_pages.py make."""


def test_there_are_pages_and_commands() -> None:
    assert len(PAGES) > 10
    assert len(COMMANDS) > 30


@pytest.mark.parametrize(("page", "line", "why"), COMMANDS)
def test_commands_and_options_exist(page: str, line: str, why: str | None) -> None:
    if page == "README.md" and line.startswith("make "):  # tests/test_readme.py
        return
    assert line.startswith("bench "), f"{page}: what is no command of bench stands in a block of sh"
    given, known = options_and_known(line)
    assert given <= known
    assert why is None or WHY.fullmatch(why), f"{page}: say what a command needs that is not run"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, lines in RUN.items() if lines])
def test_commands_run(page: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page; fewer replicates, and one figure of those that other tests draw."""
    monkeypatch.setattr("benchmark.report.drawings.Drawings.all", lambda self: iter(self.forest[:1]))
    shutil.copytree(project, tmp_path / "p")
    monkeypatch.chdir(tmp_path / "p")
    for line in RUN[page]:
        if line.startswith("make "):
            continue
        words = shlex.split(line, comments=True)[1:]
        few = ["--replicates", "20"] if words[0] in ("compare", "evaluate") else []
        done = run(*words, *few)
        assert done.exit_code == 0, f"{line}\n{done.output}"


def test_links_of_pages_lead_somewhere() -> None:
    """Within the pages; the strict build looks at headings too."""
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            generated = target.relative_to(ROOT / "docs").as_posix() in GENERATED
            assert generated or target.is_file(), f"{page.name}: {link}"


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
    commands = (tmp_path / "site" / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "bench cohort prepare" in commands
    settings = (tmp_path / "site" / "reference" / "settings.html").read_text(encoding="utf-8")
    assert "lora.rank" in settings
    for page in NOTEBOOKS:
        assert (tmp_path / "site" / page.removesuffix(".md")).with_suffix(".html").stat().st_size > 10_000
    # Opened from the disk a link to a folder would list its files.
    start = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert 'href="how-to/train.html"' in start
    assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=\"https?:", start), "no page asks another host"
