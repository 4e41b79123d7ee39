from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.published.printed import Literal, parse_printed, print_rounded


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 5))
def test_every_fraction_fits_what_python_prints_of_it(part: int, extra: int, decimals: int) -> None:
    value = Fraction(part, part + extra)
    printed = parse_printed(f"{float(value):.{decimals}f}")
    assert printed.decimals == decimals
    assert printed.fits(value)
    assert printed.is_print_of(value)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 5))
def test_print_rounded_is_the_nearest(part: int, extra: int, decimals: int) -> None:
    value = Fraction(part, extra)
    printed = Fraction(print_rounded(value, decimals))
    assert abs(printed - value) <= Fraction(1, 2 * 10**decimals)


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("0.070", Fraction(7, 100), 3),
        ("0.07", Fraction(7, 100), 2),
        (".5", Fraction(1, 2), 1),
        ("0·862", Fraction(862, 1000), 3),
        ("86.2%", Fraction(862, 1000), 3),
        ("1e-05", Fraction(1, 10**5), 5),
        ("12", Fraction(12), 0),
    ],
)
def test_digits_count_as_written(text: str, value: Fraction, decimals: int) -> None:
    printed = parse_printed(text)
    assert (printed.value, printed.decimals) == (value, decimals)


def test_half_a_unit_either_way_fits_and_more_does_not() -> None:
    printed = parse_printed("0.12")
    assert printed.fits(Fraction(125, 1000))
    assert printed.fits(Fraction(115, 1000))
    assert not printed.fits(Fraction(1251, 10000))
    assert not printed.fits(Fraction(1149, 10000))


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "1/2", "0x1", "1e9999", "9" * 41, "0.1.2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        parse_printed(text)


def test_a_decimal_comma_is_named() -> None:
    with pytest.raises(ValueError, match=r"decimal point as '\.'"):
        parse_printed("0,862")


def test_zeros_come_back_only_where_they_can_have_been_lost() -> None:
    assert parse_printed("0.07").with_decimals(3).decimals == 3
    assert parse_printed(Literal("0.07")).with_decimals(3).decimals == 2
    assert parse_printed("0.0712").with_decimals(3).decimals == 4
