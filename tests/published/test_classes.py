from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.published.classes import check_classes
from benchmark.published.schema import SemanticFeature


def feature(*percentages: str, **more: object) -> SemanticFeature:
    return SemanticFeature.model_validate(
        {"classes": {f"class {at}": text for at, text in enumerate(percentages)}, **more}
    )


def possible(*percentages: str, n: int | None = None, **more: object) -> bool:
    return check_classes([feature(*percentages, **more)], n)[0].possible


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=2, max_size=5), min_size=1, max_size=4), st.integers(0, 2),
       st.booleans())  # fmt: skip
def test_real_counts_are_possible(tables: list[list[int]], decimals: int, with_n: bool) -> None:
    n = max(max(sum(counts) for counts in tables), 1)
    features = []
    for counts in tables:
        whole = [*counts[:-1], counts[-1] + n - sum(counts)]
        features.append(feature(*(f"{100 * count / n:.{decimals}f}" for count in whole)))
    assert all(check.possible for check in check_classes(features, n if with_n else None))


@pytest.mark.parametrize("n", [7, 12, 30])
def test_two_classes_against_all_counts(n: int) -> None:
    rng = np.random.default_rng(n)
    every = {
        (first, second)
        for count in range(n + 1)
        for first in {f"{100 * count / n:.0f}"}
        for second in {f"{100 * (n - count) / n:.0f}"}
    }
    for first, second in product(range(0, 101, 3), repeat=2):
        texts = (str(first), str(second + int(rng.integers(0, 2))))
        # An exact tie may round either way, so a pair beside one that is printed can be possible too.
        if possible(*texts, n=n, complete=True):
            assert any(abs(int(a) - int(texts[0])) + abs(int(b) - int(texts[1])) <= 1 for a, b in every)
        else:
            assert texts not in every


def test_sums_that_rounding_cannot_explain() -> None:
    assert not possible("67", "22", "24", "19", complete=True)
    assert not possible("67", "22", "24", "19")
    assert possible("67", "22", "24", "19", exclusive=False)
    assert not possible("2", "27", complete=True)
    # What is short of 100 % is missing, as the caption of the paper's Table 3 says.
    assert possible("2", "27")
    # Two classes sum to 101 when both halves go up, never to 99: half up and half to even take one of them up.
    assert possible("3.5", "96.5")
    assert possible("4", "97")
    assert not possible("3", "96", complete=True)
    assert possible("3", "96")
    # Three classes may: 33.3 + 33.3 + 33.3.
    assert possible("33", "33", "33")


def test_a_printed_number_of_nodules_decides() -> None:
    # 0.4 % of 250 is one nodule; of 100 there is none between 0.35 and 0.45 %.
    assert possible("0.4", "99.6", n=250)
    assert not possible("0.4", "99.6", n=100)
    assert possible("0.4", "99.6")


def test_features_of_the_same_nodules_share_one_number() -> None:
    checks = check_classes([feature("0.4", "99.6"), feature("50", "50")])
    assert all(check.possible for check in checks)
    # One of 223 to 285 nodules is 0.35 to 0.45 %: 1/285 = .00351, 1/223 = .00448.
    assert "223-285" in checks[0].detail
    assert check_classes([], None) == []


def test_missing_percentages_leave_room() -> None:
    assert possible("40", "~", "30")
    assert not possible("80", "~", "30")
