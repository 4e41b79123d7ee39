"""Errors that a user can act on: where it is, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SHOWN = 20
"""Problems printed in one message; the rest are counted."""


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
        place = ":".join(str(part) for part in (self.file, self.row, self.column) if part not in (None, ""))
        where = " ".join(part for part in (place, repr(self.value) if self.value is not None else "") if part)
        return " — ".join(part for part in (where, self.what, self.fix) if part)


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
