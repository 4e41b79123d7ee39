"""Errors that a user can act on: where it is, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SHOWN = 20
"""Problems printed in one message; the rest are counted."""
GROUPED = 100
"""Rows with one fault beyond which they are one problem, with their number and the first of them."""
LONGEST = 2000
"""Characters of what is printed of a problem's parts: a file may put a megabyte into a name or a cell."""
_NAMED = 5


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        what: What is wrong, with the offending value where it helps.
        fix: What to do about it.
        file: File that holds it.
        row: Line in the file; the header is line 1.
        column: Name of the column, key or tensor.
        value: The offending text.
    """

    what: str
    fix: str = ""
    file: Path | str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        """``file:row:column value — what is wrong — what to do``."""
        parts = (self.file, self.row, self.column)
        place = ":".join(_shortened(str(part)) for part in parts if part not in (None, ""))
        value = _shortened(repr(self.value[: LONGEST + 1])) if self.value is not None else ""
        where = " ".join(part for part in (place, value) if part)
        return " — ".join(part for part in (where, _shortened(self.what), _shortened(self.fix)) if part)


def at_rows(problem: Problem, rows: Sequence[int]) -> list[Problem]:
    """One problem for each of some rows, or a single one that counts them where they are more than ``GROUPED``.

    Args:
        problem: What is wrong with each of them.
        rows: Their lines in the file, in order.
    """
    if len(rows) <= GROUPED:
        return [replace(problem, row=int(row)) for row in rows]
    named = ", ".join(str(row) for row in rows[:_NAMED])
    what = f"{problem.what} (in {len(rows):,} rows, the first on lines {named})"
    return [replace(problem, what=what, row=int(rows[0]))]


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
        """All problems, a line each, at most ``SHOWN`` of them."""
        lines = [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"... and {len(self.problems) - SHOWN} more problems")
        return "\n".join(lines)


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
