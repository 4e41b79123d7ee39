"""Errors that a user can act on: where it is, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

SHOWN = 20
"""Problems printed in one message; the rest are counted."""
GROUPED = 100
"""Rows with one fault beyond which they are one problem, with their number and the first of them."""
LONGEST = 2000
"""Characters of what is printed of a problem's parts: a file may put a megabyte into a name or a cell."""
ALIKE = 3
"""Rows with one fault from which on a message has one line for all of them."""
IN_A_REASON = 5
"""Problems of one case that a line names; a DICOM series can have one a file."""
_RANGES = 8
_VALUES = 5


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        what: What is wrong, with the offending value where it helps.
        fix: What to do about it.
        file: File that holds it.
        row: Line in the file, the first where it is wrong on many; the header is line 1.
        column: Name of the column, key or tensor.
        value: The offending text.
        rows: All its lines in words, where they are many; see ``line_ranges``.
        values: Different texts that offend on them; ``value`` is the first.
    """

    what: str
    fix: str = ""
    file: Path | str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    rows: str = ""
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``file:row:column value — what is wrong — what to do``."""
        given = self.values or (() if self.value is None else (self.value,))
        named = [_shortened(repr(text[: LONGEST + 1])) for text in given[:_VALUES]]
        value = ", ".join([*named, *(["..."] if len(given) > _VALUES else [])])
        parts = (self.file, f"rows {self.rows}" if self.rows else self.row, self.column)
        place = ":".join(_shortened(str(part)) for part in parts if part not in (None, ""))
        where = " ".join(part for part in (place, value) if part)
        return " — ".join(part for part in (where, _shortened(self.what), _shortened(self.fix)) if part)


def at_rows(problem: Problem, rows: Sequence[int], values: Sequence[str] = ()) -> list[Problem]:
    """One problem for each of some rows, or a single one for all where they are more than ``GROUPED``.

    Args:
        problem: What is wrong with each of them.
        rows: Their lines in the file, in order.
        values: The offending text of each, where there is one.
    """
    texts: Sequence[str | None] = values or [None] * len(rows)
    if len(rows) > GROUPED:
        return [_of_rows(problem, rows, texts)]
    return [replace(problem, row=int(row), value=text) for row, text in zip(rows, texts, strict=True)]


def line_ranges(rows: Sequence[int]) -> str:
    """Lines in words, e.g. ``2-400`` or ``2, 4-6 (4 rows)``; of very many apart from each other, the first.

    Args:
        rows: The lines, in order.
    """
    ranges: list[list[int]] = []
    for row in map(int, rows):
        if ranges and row == ranges[-1][1] + 1:
            ranges[-1][1] = row
        elif len(ranges) == _RANGES:
            ranges.append([])
            break
        else:
            ranges.append([row, row])
    words = ["..." if not ends else "-".join(map(str, dict.fromkeys(ends))) for ends in ranges]
    return ", ".join(words) + (f" ({len(rows):,} rows)" if len(words) > 1 else "")


def message_lines(problems: Sequence[Problem]) -> list[str]:
    """A line for each problem, and one for all rows of a file and column that have the same fault."""
    alike: dict[Problem, list[Problem]] = {}
    for problem in problems:
        one_row = problem.row is not None and not problem.rows
        key = replace(problem, row=None, value=None) if one_row else problem
        alike.setdefault(key, []).append(problem)
    lines: list[str] = []
    for group in alike.values():
        rows = [problem.row for problem in group if problem.row is not None and not problem.rows]
        if len(group) < ALIKE:
            lines += map(str, group)
        elif rows:
            lines.append(str(_of_rows(group[0], sorted(set(rows)), [problem.value for problem in group])))
        else:
            lines.append(str(group[0]))
    return lines


def in_one_line(problems: Sequence[Problem]) -> str:
    """The problems of one case in one line, at most ``IN_A_REASON`` of them."""
    rest = f"; and {len(problems) - IN_A_REASON} more" if len(problems) > IN_A_REASON else ""
    return "; ".join(map(str, problems[:IN_A_REASON])) + rest


def _of_rows(problem: Problem, rows: Sequence[int], values: Sequence[str | None]) -> Problem:
    different = tuple(dict.fromkeys(value for value in values if value is not None))[: _VALUES + 1]
    return replace(
        problem, row=int(rows[0]), rows=line_ranges(rows), value=next(iter(different), None), values=different
    )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"


class BenchError(Exception):
    """Base of the errors that end a command with a message instead of a traceback.

    Attributes:
        exit_status: What the command exits with.
    """

    exit_status = 1


class InputError(BenchError):
    """Bad input or usage; nothing was written.

    Attributes:
        problems: All problems found, not only the first.
    """

    exit_status = 2

    def __init__(self, problems: Problem | str | Iterable[Problem | str]) -> None:
        if isinstance(problems, (Problem, str)):
            problems = [problems]
        self.problems: list[Problem] = [Problem(p) if isinstance(p, str) else p for p in problems]
        super().__init__(str(self))

    def __str__(self) -> str:
        """All problems, a line each or for all rows with one fault, at most ``SHOWN`` lines."""
        lines = message_lines(self.problems)
        if len(lines) > SHOWN:
            lines[SHOWN:] = [f"... and {len(lines) - SHOWN:,} more problems"]
        return "\n".join(lines)


@contextmanager
def noting(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of an ``InputError`` to others, and go on after the block: what else is wrong is said."""
    try:
        yield
    except InputError as error:
        problems += error.problems


class PartlyDone(BenchError):
    """Good cases were written, others failed and are listed in a file.

    Args:
        done: Number of cases that were written.
        failed: Number of cases that failed.
        listing: File that names each failed case and its reason.
    """

    exit_status = 3

    def __init__(self, done: int, failed: int, listing: Path | str) -> None:
        self.done, self.failed, self.listing = done, failed, listing
        super().__init__(f"{done} done, {failed} failed: see {listing}")


class DryRun(BenchError):
    """Nothing was submitted: the text is what would have been.

    Args:
        text: The file that ``sbatch`` would get.
    """

    exit_status = 0

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)
