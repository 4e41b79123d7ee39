"""A table for readers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One cell: its text and whether it is printed bold."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose numbers are already text.

    Attributes:
        title: One line above it.
        columns: Names of the columns; the first names the rows.
        rows: The cells, one tuple a row, as long as ``columns``.
        groups: ``(name, number of columns)`` spanning the columns from the left; empty for none.
        notes: Sentences below it.
        label: Reference label in LaTeX.
        blocks: ``(index of a row, heading)``: a heading that stands above that row.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    label: str = ""
    blocks: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                message = f"row of {len(row)} cells in a table of {len(self.columns)} columns: {self.title}"
                raise ValueError(message)
        if self.groups and sum(width for _, width in self.groups) != len(self.columns):
            message = f"groups do not span the {len(self.columns)} columns: {self.title}"
            raise ValueError(message)

    @property
    def headings(self) -> list[str]:
        """Column names with their group, for forms that have a single header line."""
        names = [name for name, width in self.groups for _ in range(width)] or [""] * len(self.columns)
        return [f"{group} {column}".strip() for group, column in zip(names, self.columns, strict=True)]
