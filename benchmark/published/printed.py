"""A number as a paper prints it: its digits, and every value that they can stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

LONGEST = 40
"""Characters of the longest number that is read."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class Literal(str):
    """Text whose digits are meant as they stand: quoted in a file, or a string in a program."""

    __slots__ = ()


@dataclass(frozen=True)
class Printed:
    """A printed number.

    Attributes:
        text: What the paper prints, e.g. "0.070".
        value: The number, exactly; a percentage is a fraction of 1 (``7 %`` is 7/100) unless it was read as plain.
        decimals: Decimals of ``value`` that are printed.
        literal: Whether zeros at its end cannot have been lost.
    """

    text: str
    value: Fraction
    decimals: int
    literal: bool = field(default=False, compare=False)

    @property
    def slack(self) -> Fraction:
        """Half a unit of the last printed decimal."""
        return Fraction(1, 2 * 10**self.decimals)

    @property
    def low(self) -> Fraction:
        """Smallest value that can print like this."""
        return self.value - self.slack

    @property
    def high(self) -> Fraction:
        """Largest value that can print like this."""
        return self.value + self.slack

    @cached_property
    def scaled(self) -> int:
        """``value`` in units of its last decimal."""
        return int(self.value.numerator * 10**self.decimals // self.value.denominator)

    def fits(self, value: Fraction) -> bool:
        """Whether ``value`` can print like this.

        Both ends count: rounding half up, half to even and rounding of a float that lies a hair beside the tie all
        occur, and which one a paper used is not printed.
        """
        return self.low <= value <= self.high

    def is_print_of(self, value: Fraction) -> bool:
        """Whether a float of ``value``, rounded as Python rounds, is this number."""
        return Fraction(f"{float(value):.{self.decimals}f}") == self.value

    def with_decimals(self, decimals: int) -> Printed:
        """The same number with zeros that were lost at its end put back; never fewer decimals."""
        return self if self.literal else replace(self, decimals=max(self.decimals, decimals))

    def as_percentage(self) -> Printed:
        """The number read as a percentage."""
        return replace(self, value=self.value / 100, decimals=self.decimals + 2)

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return self.text


def parse_printed(text: str) -> Printed:
    """Read a printed number.

    Args:
        text: Digits as printed; ``·`` may stand for the decimal point, and ``%`` may follow.

    Raises:
        ValueError: It is no plain finite number.
    """
    plain = text.strip().replace("·", ".").replace("−", "-")
    percent = plain.endswith("%")
    digits = plain.removesuffix("%").strip()
    if len(digits) > LONGEST or not _NUMBER.fullmatch(digits):
        hint = "; write the decimal point as '.'" if re.fullmatch(r"\d+,\d+", digits) else ""
        raise ValueError(f"is not a number{hint}")
    exact = Decimal(digits)
    exponent = exact.as_tuple().exponent
    printed = Printed(str(text.strip()), Fraction(exact), max(0, -int(exponent)), isinstance(text, Literal))
    return printed.as_percentage() if percent else printed


def print_rounded(value: Fraction, decimals: int) -> str:
    """``value`` at ``decimals`` decimals, an exact tie to even, as Python prints a float that is exact."""
    scaled = round(value * 10**decimals)
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)
