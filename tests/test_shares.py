"""Every test is in one share of a day, and in each share once in as many days."""

from __future__ import annotations

import pytest

from tests.shares import is_in_share


@pytest.mark.parametrize("shares", [1, 2, 3])
@pytest.mark.parametrize("name", ["tests/test_a.py::test_one", "tests/test_b.py::test_two[ü]"])
def test_each_is_in_one_share_a_day_and_in_each_once(name: str, shares: int) -> None:
    table = [[is_in_share(name, f"{share}/{shares}", day) for share in range(shares)] for day in range(shares)]
    assert all(sum(day) == 1 for day in table)
    assert all(sum(share) == 1 for share in zip(*table, strict=True))


@pytest.mark.parametrize("share", ["", "2/2", "half", "0/0", "-1/2"])
def test_no_share(share: str) -> None:
    with pytest.raises(ValueError, match="is no share"):
        is_in_share("tests/test_a.py::test_one", share)
