"""What each shard of a crop store records: the state of the cohort that it is of, and what became of each scan.

A journal is a file of JSON lines. The first says which share of the scans it is, and by hashes of which recipe,
options and nodule table; each further line is one scan, with what it held when it was read, so that the keys of
its nodules can be told without reading it again.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, Problem
from benchmark.files import TEMPORARY
from benchmark.formats.json import parse_json
from benchmark.formats.opening import read_text
from benchmark.imaging.cropping.layout import LARGEST_DONE, SHARDS, Entry, entry_of, read_done
from benchmark.outputs.locks import holding

FORMAT = 1
_NAME = re.compile(r"(\d{1,6})-of-(\d{1,6})\.jsonl")


@dataclass(frozen=True, order=True)
class Shard:
    """A share of the scans of a table: every ``of``-th, from the ``number``-th on.

    Attributes:
        of: How many shards there are.
        number: Which of them, from 1.
    """

    of: int
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of or self.of > 999_999:
            fix = f"they count from 1: 1/{self.of} to {self.of}/{self.of}" if self.of > 0 else "e.g. 3/8"
            raise InputError(
                Problem("is no shard", f"{fix}; of SLURM, --array=1-{max(self.of, 8)}", column="--shard",
                        value=self.text)
            )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that ``3/8`` names.

        Raises:
            InputError: It names none.
        """
        found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
        if found is None:
            raise InputError(Problem("is no shard", "e.g. 3/8, the third of eight", column="--shard", value=text))
        return cls(int(found[2]), int(found[1]))

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}"

    @property
    def text(self) -> str:
        """As ``--shard`` takes it."""
        return f"{self.number}/{self.of}"

    def has(self, scan: int) -> bool:
        """Whether a scan is its own, by the scan's place in the table."""
        return scan % self.of == self.number - 1

    def journal(self, out: Path) -> Path:
        """Its journal in a store."""
        return out / SHARDS / f"{self.number}-of-{self.of}.jsonl"


@dataclass(frozen=True)
class MadeFrom:
    """Which state of a cohort a shard was made from, by hashes.

    Attributes:
        recipe: Of the recipe.
        options: What could be assumed about the scans, as text.
        table: Of the nodules' ids, paths and centres; not of the image root, which hosts may mount elsewhere.
    """

    recipe: str
    options: str
    table: str

    def difference(self, other: MadeFrom) -> str:
        """What differs, in words; empty if nothing does."""
        names = {"recipe": "recipe", "options": "options for reading scans", "table": "nodule table"}
        return ", ".join(f"another {word}" for name, word in names.items()
                         if getattr(self, name) != getattr(other, name))  # fmt: skip


@dataclass(frozen=True)
class SettledScan:
    """What became of the nodules of one scan.

    Attributes:
        mark: What the scan held (``content_mark``).
        entries: Of its nodules.
        sizes: Bytes of their chunks; 0 where there is none.
    """

    mark: str
    entries: tuple[Entry, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Journal:
    """A shard's journal, read.

    Attributes:
        path: The file.
        shard: Whose it is.
        made_from: What the shard was made from; None where the file does not say.
        scans: Its lines, in their order.
    """

    path: Path
    shard: Shard
    made_from: MadeFrom | None
    scans: tuple[SettledScan, ...]


def journals_of(out: Path) -> list[Journal]:
    """The journals of a store, by their shards; lines that were cut by a kill are left out."""
    found = []
    for path in (out / SHARDS).glob("*.jsonl"):
        name = _NAME.fullmatch(path.name)
        if name and 1 <= int(name[1]) <= int(name[2]):
            found.append(read_journal(out, Shard(int(name[2]), int(name[1]))))
    return sorted(found, key=lambda journal: journal.shard)


def read_journal(out: Path, shard: Shard) -> Journal:
    """One shard's journal; of one that has not run, without lines."""
    path = shard.journal(out)
    lines = read_text(path, LARGEST_DONE).split("\n") if path.is_file() else []
    contents = [content for line in lines if (content := _content(line, path)) is not None]
    made_from, scans = None, []
    for place, content in enumerate(contents):
        try:
            if place == 0 and content.get("format") == FORMAT:
                made_from = MadeFrom(**{name: str(content[name]) for name in ("recipe", "options", "table")})
            elif "entries" in content:
                scans.append(_settled(content))
        except (KeyError, TypeError):
            continue
    return Journal(path, shard, made_from, tuple(scans))


def header_line(shard: Shard, made_from: MadeFrom) -> str:
    """The first line of a journal."""
    return json.dumps({"format": FORMAT, "shard": shard.text, **asdict(made_from)}) + "\n"


def scan_line(scan: SettledScan) -> str:
    """A scan as a line of a journal."""
    return json.dumps(asdict(scan), ensure_ascii=False) + "\n"


def known_entries(out: Path) -> dict[int, Entry]:
    """What a finished or interrupted run recorded, and what shards did that were not joined."""
    entries = read_done(out)
    for journal in journals_of(out):
        entries |= {entry.row: entry for scan in journal.scans for entry in scan.entries}
    return entries


def refuse_running_shards(out: Path) -> None:
    """For who holds a store: refuse to go on while a shard of it runs; none can begin meanwhile.

    Raises:
        InUseError: Names it.
    """
    for path in sorted((out / SHARDS).glob("*.jsonl")):
        with holding(path):
            pass


def remove_journals(out: Path) -> None:
    """Take all journals away at once: a run that is killed meanwhile leaves all of them, or none."""
    if (out / SHARDS).is_dir():
        aside = out / f"{TEMPORARY}{SHARDS}-{secrets.token_hex(4)}"
        (out / SHARDS).rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _content(line: str, path: Path) -> dict[str, Any] | None:
    try:
        content = parse_json(line, path)
    except InputError:
        return None
    return content if isinstance(content, dict) else None


def _settled(content: dict[str, Any]) -> SettledScan:
    entries = tuple(entry_of(entry) for entry in content["entries"])
    sizes = tuple(content["sizes"])
    if not isinstance(content["mark"], str) or len(sizes) != len(entries):
        raise TypeError("no scan")
    if not all(isinstance(size, int) for size in sizes):
        raise TypeError("no sizes")
    return SettledScan(content["mark"], entries, sizes)


def settled_rows(journal: Journal) -> Iterator[tuple[Entry, str, int]]:
    """Entry, mark and bytes of each row of a journal; of a row that stands there twice the last."""
    rows = {entry.row: (entry, scan.mark, size) for scan in journal.scans
            for entry, size in zip(scan.entries, scan.sizes, strict=True)}  # fmt: skip
    yield from rows.values()
