"""Tables on the terminal: as wide as it is, whole in a file."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = [f"Ärmel{n}-überlang-{n * n}" for n in range(24)]
SCRIPT = f"""
from benchmark.cli.console import show
from benchmark.report.printing.forms import to_rich
from benchmark.report.printing.table import Cell, Table
words = {WORDS!r}
table = to_rich(Table("Wide", tuple(words), (tuple(map(Cell, words)),)))
table.columns[1].no_wrap = True
show(table)
cells = (Cell("word-of-many-letters"), Cell("other-word"), Cell("z " * 200))
show(to_rich(Table("Long", ("a", "b", "c"), (cells,))))
print("-" * 10)
show(to_rich(Table("Narrow", ("a", "b"), ((Cell("x"), Cell("y " * 150)),))))
"""


def printed(columns: str | None, *, terminal: int | None = None) -> tuple[list[str], list[str]]:
    """Lines of the wide and the narrow table, as a file has them or as a terminal of some width."""
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("COLUMNS", None)
    if columns is not None:
        environment["COLUMNS"] = columns
    command = [sys.executable, "-c", SCRIPT]
    if terminal is None:
        text = subprocess.run(command, capture_output=True, check=True, env=environment).stdout.decode()
    else:
        text = _on_a_terminal(command, environment, terminal)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text.replace("\r", ""))
    lines = [line.rstrip() for line in plain.split("\n")]
    at = lines.index("-" * 10)
    return lines[:at], lines[at + 1 :]


def _on_a_terminal(command: list[str], environment: dict[str, str], width: int) -> str:
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    data = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not part:
            break
        data += part
    os.close(ours)
    assert process.wait() == 0
    return data.decode()


@pytest.mark.parametrize("columns", [None, "", "none", "0", "-3"])
def test_in_a_file_no_word_is_broken(columns: str | None) -> None:
    wide, narrow = printed(columns)
    assert len(max(wide, key=len)) > 200
    assert "word-of-many-letters" in " ".join(wide)
    assert [line.split() for line in wide if WORDS[0] in line] == [WORDS, WORDS]
    assert 150 < len(max(narrow, key=len)) <= 200


@pytest.mark.parametrize("width", [50, 90, 150])
def test_columns_is_the_width_and_every_word_is_there_whole(width: int) -> None:
    wide, narrow = printed(str(width))
    for lines in (wide, narrow):
        assert len(max(lines, key=len)) <= width
        assert not any("…" in line for line in lines)
    found = [word for line in wide for word in line.split()]
    assert {"word-of-many-letters", "other-word"} <= set(found)
    assert {word: found.count(word) for word in WORDS[1:]} == dict.fromkeys(WORDS[1:], 2)
    pieces = found.count("Wide")
    assert found.count(WORDS[0]) == 2 * pieces
    assert found.count("(continued)") == pieces - 1


def test_a_word_with_no_room_is_broken_and_not_cut() -> None:
    wide, _ = printed("26")
    assert len(max(wide, key=len)) <= 26
    text = [line for line in wide[: wide.index("Long")] if "Wide" not in line]
    assert sum(line.count("Ä") for line in text) == 2 * (2 * (len(WORDS) - 1))
    assert sum(map(str.isdecimal, "".join(text))) == sum(
        2 * sum(map(str.isdecimal, WORDS[0] + word)) for word in WORDS[1:]
    )


@pytest.mark.parametrize("width", [70, 140])
def test_a_terminal_is_filled_and_columns_goes_before_it(width: int) -> None:
    _, narrow = printed(None, terminal=width)
    assert width - 10 < len(max(narrow, key=len)) <= width
    _, narrow = printed("100", terminal=width)
    assert 90 < len(max(narrow, key=len)) <= 100
