"""Cells of a nodule table that guidelines read: by column, in decimals and words; all that is wrong at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Protocol

from benchmark.contracts.cells import NOT_GIVEN, cell_text, plain_number, plain_words
from benchmark.contracts.cohort import TABLE, Cohort
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem, at_rows

TYPE_WORDS: Final = {
    "solid": "solid", "part solid": "part_solid", "partsolid": "part_solid", "semi solid": "part_solid",
    "mixed": "part_solid", "non solid": "non_solid", "nonsolid": "non_solid", "ground glass": "non_solid",
    "pure ground glass": "non_solid", "ggn": "non_solid", "ggo": "non_solid", "juxtapleural": "juxtapleural",
    "juxta pleural": "juxtapleural", "airway": "airway", "cyst": "cyst",
}  # fmt: skip
"""Words for a type; subsolid is none, since it may be part-solid or non-solid."""


class Sized(Protocol):
    """A nodule with sizes that may contradict each other."""

    @property
    def nodule_type(self) -> str:
        """One of the values of ``TYPE_WORDS``."""

    @property
    def mean_diameter_mm(self) -> Decimal | None:
        """Mean of long and short axis."""

    @property
    def long_axis_mm(self) -> Decimal | None:
        """Long axis."""

    @property
    def short_axis_mm(self) -> Decimal | None:
        """Short axis."""

    @property
    def solid_component_mm(self) -> Decimal | None:
        """Mean diameter of the solid part."""

    @property
    def volume_mm3(self) -> Decimal | None:
        """Volume."""

    @property
    def diameter(self) -> Decimal | None:
        """Mean diameter as it is given, or of the axes."""


class InputCells:
    """The cells of a cohort that a guideline reads.

    Args:
        cohort: The cohort.
        inputs: Names of what is read.
        required: Those that need a column.
        columns: Input → column, where a column is called otherwise.
        title: The guideline, for messages.

    Attributes:
        held: Inputs that have a column.
        problems: What was refused; `finish` raises it.

    Raises:
        InputError: A required or named column is missing, or a name is no input.
    """

    def __init__(
        self,
        cohort: Cohort,
        inputs: Sequence[str],
        required: Collection[str],
        columns: Mapping[str, str],
        title: str,
    ) -> None:
        self.path: Path = cohort.folder / TABLE
        self.rows = len(cohort.nodules)
        self.problems: list[Problem] = []
        self._named = {name: columns.get(name, name) for name in inputs}
        _refuse_unknown(inputs, columns)
        there = list(map(str, cohort.nodules.columns))
        lacking = [n for n, c in self._named.items() if c not in there and (n in required or n in columns)]
        if lacking:
            raise InputError([self._lacking(name, there, inputs, title) for name in lacking])
        self.held = [name for name, column in self._named.items() if column in there]
        self._texts = {name: [cell_text(cell) for cell in cohort.nodules[self._named[name]]] for name in self.held}

    def _lacking(self, name: str, there: list[str], inputs: Sequence[str], title: str) -> Problem:
        what = f"column is missing{nearest(self._named[name], there)}"
        fix = f"name it with --column {name}=COLUMN; {title} reads {', '.join(inputs)}"
        return Problem(what, fix, self.path, column=self._named[name])

    def text(self, name: str, row: int) -> str:
        """A cell; empty where the input has no column."""
        return self._texts[name][row] if name in self._texts else ""

    def refuse(self, name: str, row: int, what: str, fix: str) -> None:
        """Add a problem of one cell."""
        problem = Problem(what, fix, self.path, column=self._named[name])
        self.problems += at_rows(problem, [row + 2], [self.text(name, row)])

    def number(self, name: str, row: int) -> Decimal | None:
        """A plain number, 0 or more; None where there is none."""
        text = self.text(name, row)
        value = _decimal(text)
        if text and plain_words(text) not in NOT_GIVEN and value is None:
            self.refuse(name, row, "is no number", "give a plain number, 0 or more, or leave the cell empty")
        elif value is not None and value > 100_000:
            self.refuse(name, row, "is too large", "lengths are in mm, volumes in mm³, intervals in months")
        return value

    def nodule_type(self, row: int, kinds: Sequence[str], title: str) -> str:
        """The nodule's type, one of ``kinds``; empty where the cell is, or, refused, where it is none."""
        text = plain_words(self.text("nodule_type", row))
        kind = TYPE_WORDS.get(text, "")
        if text and kind not in kinds:
            self.refuse("nodule_type", row, f"is no type of {title}", f"use one of {', '.join(kinds)}")
            return ""
        return kind if text else ""

    def word(self, name: str, row: int) -> str:
        """A cell as one of the words that guidelines use: lower case, with underscores."""
        return plain_words(self.text(name, row)).replace(" ", "_")

    def features(self, row: int, known: Sequence[str]) -> frozenset[str]:
        """Words of the cell ``features``, separated by semicolons; another than ``known`` is refused."""
        given = self.text("features", row).split(";")
        found = [plain_words(word).replace(" ", "_") for word in given if word.strip()]
        for word in found:
            if word not in known:
                what = f"holds {word!r}, which might change the category{nearest(word, list(known))}"
                self.refuse("features", row, what, f"words, separated by semicolons: {', '.join(known)}")
        return frozenset(found)

    def finish(self) -> None:
        """Raise what was refused."""
        if self.problems:
            raise InputError(self.problems)


def size_contradictions(nodule: Sized) -> list[tuple[str, str, str]]:
    """Sizes that cannot all be true: column, what, and how to mend it."""
    found = []
    mean, long, short = nodule.mean_diameter_mm, nodule.long_axis_mm, nodule.short_axis_mm
    if long is not None and short is not None and short > long:
        found.append(("short_axis_mm", f"is larger than the long axis, {long}", "exchange the two"))
    elif (
        long is not None
        and short is not None
        and mean is not None
        and abs((long + short) / 2 - mean) > Decimal("0.1")
    ):
        what = f"is not the mean of the axes, {(long + short) / 2}"
        found.append(("mean_diameter_mm", what, "correct it, or leave it empty: the axes give it"))
    found += part_contradictions(
        "solid_component_mm", nodule.solid_component_mm, nodule.diameter, nodule.nodule_type
    )
    zero = [name for name in ("mean_diameter_mm", "long_axis_mm", "volume_mm3") if getattr(nodule, name) == 0]
    found += [(name, "is 0", "leave the cell empty where the size is not known") for name in zero]
    return found


def part_contradictions(
    name: str, part: Decimal | None, whole: Decimal | None, nodule_type: str
) -> list[tuple[str, str, str]]:
    """A solid part that is larger than the nodule, or none in a part-solid one: column, what, how to mend it."""
    found = []
    if part is not None and whole is not None and part > whole:
        found.append((name, f"is larger than the whole nodule, {whole}", "correct one of the two"))
    if part == 0 and nodule_type == "part_solid":
        found.append((name, "is 0 in a part-solid nodule", "give its size, or call the nodule non_solid"))
    return found


def _refuse_unknown(inputs: Sequence[str], columns: Mapping[str, str]) -> None:
    unknown = [name for name in columns if name not in inputs]
    if unknown:
        fix = f"inputs: {', '.join(inputs)}"
        raise InputError([Problem("is no input", fix, column="--column", value=name) for name in unknown])


def _decimal(text: str) -> Decimal | None:
    if plain_number(text) is None or text.startswith("-"):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
