"""A table for readers."""

from __future__ import annotations

from dataclasses import dataclass, replace


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

    def in_blocks(self) -> Table:
        """The same numbers with a block of rows a group instead of the groups beside each other.

        Raises:
            ValueError: The groups after the first column do not have the same columns.
        """
        groups, at = [], 1
        for name, width in self.groups[1:]:
            groups.append((name, slice(at, at + width)))
            at += width
        columns = {self.columns[part] for _, part in groups}
        if len(columns) != 1 or self.blocks:
            raise ValueError(f"groups of different columns cannot stand below each other: {self.title}")
        blocks = tuple((k * len(self.rows), name) for k, (name, _) in enumerate(groups))
        rows = tuple((row[0], *row[part]) for _, part in groups for row in self.rows)
        return replace(self, columns=(self.columns[0], *columns.pop()), rows=rows, groups=(), blocks=blocks)
