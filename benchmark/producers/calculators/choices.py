"""What the user says about a cohort's columns: where an input stands, what a code means, what unit it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.contracts.cells import plain_number, plain_words
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.producers.calculators.inputs import INPUTS

NLST_SEX = {"1": "male", "2": "female"}
"""Column ``gender`` of NLST's participant table, by its data dictionary."""
_SMOKING = ("ever_smoker", "current_smoker")
"""Read from one column of smoking status, so that a code means the same for both."""


@dataclass(frozen=True)
class Choices:
    """What is said about the columns of a nodule table.

    Attributes:
        columns: Input → column.
        codes: Input → cell → what it means, in a word that the input understands.
        units: Input → name of its unit.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def meanings(self, name: str, column: str, source: object) -> dict[str, str]:
        """Cell (as ``code_key`` writes it) → its meaning, for one input.

        Args:
            name: The input; whether somebody has ever smoked and smokes now is read from one column.
            column: Its column.
            source: What the cohort was prepared from.
        """
        found = dict(NLST_SEX) if (name, column, source) == ("female", "gender", "nlst") else {}
        for other in _SMOKING if name in _SMOKING else (name,):
            found |= {code_key(cell): meaning for cell, meaning in self.codes.get(other, {}).items()}
        return found

    def check(self, inputs: Sequence[str], model: str) -> None:
        """Raise ``InputError`` for every input, unit or meaning that does not exist."""
        problems = []
        for option, names in (("--column", self.columns), ("--code", self.codes), ("--unit", self.units)):
            for name in names:
                if name not in inputs:
                    what = f"{model} has no input {name!r}{nearest(name, list(inputs))}"
                    problems.append(Problem(what, f"its inputs: {', '.join(inputs)}", column=option))
        for name, unit in self.units.items():
            known = [u.name for u in INPUTS[name].units] if name in INPUTS else []
            if name in inputs and unit not in known:
                fix = f"use one of {', '.join(known)}" if known else "it has no unit to choose"
                problems.append(Problem(f"is no unit of {name}", fix, column="--unit", value=unit))
        for name, codes in self.codes.items():
            for cell, meaning in codes.items():
                if name in inputs and INPUTS[name].read(name)(meaning).refused:
                    fix = f"use one of {', '.join(INPUTS[name].meanings)}"
                    what = f"is no {name}: {cell} cannot mean it"
                    problems.append(Problem(what, fix, column="--code", value=meaning))
        if problems:
            raise InputError(problems)

    def recorded(self) -> dict[str, str]:
        """The choices in words, for the card beside the scores."""
        codes = {f"code of {name}": codes for name, codes in self.codes.items() if codes}
        said = {name: ", ".join(f"{cell} = {meaning}" for cell, meaning in codes[name].items()) for name in codes}
        return said | {f"unit of {name}": unit for name, unit in self.units.items()}


def code_key(cell: str) -> str:
    """A cell so that 1 and 1.0, or Yes and yes, are one code."""
    number = plain_number(cell.strip())
    return plain_words(cell) if number is None else f"{number:g}"


def codes_from_text(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Codes as they are given on a command line: ``INPUT:CELL=MEANING``.

    Raises:
        InputError: A text has another form, or a cell is given two meanings.
    """
    codes: dict[str, dict[str, str]] = {}
    problems = []
    for text in texts:
        head, equals, meaning = text.rpartition("=")
        name, colon, cell = head.partition(":")
        if not (equals and colon and name.strip() and cell.strip() and meaning.strip()):
            fix = "e.g. --code female:1=male"
            problems.append(Problem("is no INPUT:CELL=MEANING", fix, column="--code", value=text))
            continue
        known = codes.setdefault(name.strip(), {})
        before = known.setdefault(cell.strip(), meaning.strip())
        if before != meaning.strip():
            what = f"{name.strip()}:{cell.strip()} is given two meanings: {before!r} and {meaning.strip()!r}"
            problems.append(Problem(what, "keep one", column="--code"))
    if problems:
        raise InputError(problems)
    return codes


def units_from_text(texts: Sequence[str]) -> dict[str, str]:
    """Units as they are given on a command line: ``INPUT=UNIT``.

    Raises:
        InputError: A text has another form, or an input is given two units.
    """
    units: dict[str, str] = {}
    problems = []
    for text in texts:
        name, equals, unit = (part.strip() for part in text.partition("="))
        if not (name and equals and unit):
            problems.append(Problem("is no INPUT=UNIT", "e.g. --unit diameter_mm=cm", column="--unit", value=text))
        elif units.setdefault(name, unit) != unit:
            what = f"{name} is given two units: {units[name]!r} and {unit!r}"
            problems.append(Problem(what, "keep one", column="--unit"))
    if problems:
        raise InputError(problems)
    return units
