"""Broken copies of every sample: each is read or refused, and never ends in a traceback."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from adapters import load_adapter
from adapters.adapt import adapt
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError

from .test_formats import DATA, FORMATS, sample

HOSTILE = (
    b",",
    b'"',
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"nan",
    b"{",
    b"[",
    b"1e999",
    b"-",
    b";",
    b"\xc2\xa0",
    b"null",
)


def broken(data: bytes, draw: random.Random) -> bytes:
    """One to four edits: a byte changed, bytes lost, something hostile put in, the end cut, a part doubled."""
    edited = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        if not edited:
            break
        at = draw.randrange(len(edited))
        kind = draw.randrange(5)
        if kind == 0:
            edited[at] = draw.randrange(256)
        elif kind == 1:
            del edited[at : at + draw.randint(1, 20)]
        elif kind == 2:
            edited[at:at] = draw.choice(HOSTILE)
        elif kind == 3:
            del edited[at:]
        else:
            edited[at:at] = edited[at // 2 : at // 2 + draw.randint(1, 40)]
    return bytes(edited)


@pytest.mark.parametrize("rounds", [3, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.parametrize("folder", FORMATS)
def test_broken_files_are_read_or_refused(folder: str, rounds: int, tmp_path: Path) -> None:
    name, options = FORMATS[folder]
    cohort = load_cohort("cohort", DATA)
    source = sample(folder, "good")[0]
    draw = random.Random(f"{folder}{rounds}")  # noqa: S311 (a test's dice)
    for number in range(rounds):
        files = [tmp_path / f"{number}{source.suffix}"]
        if source.is_dir():
            shutil.copytree(source, files[0])
            victim = draw.choice(sorted(files[0].rglob("*.json")))
            victim.write_bytes(broken(victim.read_bytes(), draw))
        else:
            files[0].write_bytes(broken(source.read_bytes(), draw))
        out = tmp_path / f"out{number}"
        try:
            results = adapt(name, load_adapter(name), files, cohort, options, out)
        except InputError:
            assert not out.exists()
        else:
            for result in results:
                assert set(read_score_table(result.path)["pid"]) == {"007", "0042", "NA", "x-3"}
