from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.published.candidates import FULL_SEARCH, search_candidates
from benchmark.published.counts import PrintedRow, as_rows, find_chain
from benchmark.published.load import load_published
from benchmark.published.printed import parse_printed
from tests.published.rankings import all_rankings, first_reaching, printed_from_scores

RECALLS = ("0.6", "0.7", "0.8", "0.9")


def rows_of(cells: list[str], recalls: tuple[str, ...] = RECALLS) -> list[PrintedRow]:
    """Rows of cells FPR, precision, FPR, ..."""
    return [
        PrintedRow(Fraction(recall), parse_printed(cells[2 * at]), parse_printed(cells[2 * at + 1]))
        for at, recall in enumerate(recalls)
    ]


def fits(row: PrintedRow, tp: int, fp: int, negatives: int) -> bool:
    if tp + fp == 0:
        return False
    return row.fpr.fits(Fraction(fp, negatives)) and row.precision.fits(Fraction(tp, tp + fp))


@given(
    st.integers(1, 25),
    st.integers(1, 25),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 3),
    st.sampled_from(["0.5", "0.6", "0.9", "1"]),
)
def test_allowed_counts_are_all_that_round_to_the_row(
    p: int, n: int, fpr: int, precision: int, decimals: int, recall: str
) -> None:
    unit = 10**decimals
    row = PrintedRow(
        Fraction(recall),
        parse_printed(f"{min(fpr, unit) / unit:.{decimals}f}"),
        parse_printed(f"{min(precision, unit) / unit:.{decimals}f}"),
    )
    found = {(tp, s.fp) for s in row.allowed(p, n, ties=True) for tp in range(s.low, s.high + 1)}
    every = {
        (tp, fp)
        for tp in range(1, p + 1)
        for fp in range(n + 1)
        if Fraction(tp, p) >= Fraction(recall) and fits(row, tp, fp, n)
    }
    assert found == every
    # Without ties each positive is a step of its own, so the first count that reaches the recall is the row's.
    fewest = min(tp for tp in range(1, p + 1) if Fraction(tp, p) >= Fraction(recall))
    assert {(s.low, s.fp) for s in row.allowed(p, n, ties=False)} == {x for x in every if x[0] == fewest}


def test_a_chain_exists_exactly_where_a_ranking_does() -> None:
    recalls = (Fraction(1, 2), Fraction(3, 4))
    rng = np.random.default_rng(1)
    for positives, negatives in ((4, 4), (3, 5)):
        for ties in (False, True):
            reached = {
                tuple(first_reaching(path, recall) for recall in recalls)
                for path in all_rankings(positives, negatives, ties=ties)
            }
            hits = 0
            for _ in range(250):
                points = [
                    (int(rng.integers(1, positives + 1)), int(rng.integers(0, negatives + 1))) for _ in recalls
                ]
                rows = rows_of(
                    [text for tp, fp in points for text in (f"{fp / negatives:.6f}", f"{tp / (tp + fp):.6f}")],
                    ("0.5", "0.75"),
                )
                # Six decimals of so small counts stand for one fraction each; (2, 2) and (1, 1) print alike.
                wanted = any(
                    all(fits(row, *point, negatives) for row, point in zip(rows, pair, strict=True))
                    for pair in reached
                )
                assert (find_chain(rows, positives, negatives, ties=ties) is not None) == wanted
                hits += wanted
            assert hits > 10


def test_chains_rise_and_stay_where_a_recall_is_reached_already() -> None:
    # 5 of 5 positives at the first threshold: every later recall is reached there too.
    rows = rows_of(["0.200", "0.833", "0.200", "0.833"], ("0.6", "0.9"))
    assert find_chain(rows, 5, 5, ties=True) == [(5, 1), (5, 1)]
    rows = rows_of(["0.200", "0.833", "0.400", "0.714"], ("0.6", "0.9"))
    assert find_chain(rows, 5, 5, ties=True) is None


@pytest.mark.parametrize(
    ("cohort", "model", "untied"),
    [
        # 10/142, 21/142, 36/142, 61/142 = .0704 .1479 .2535 .4296 and 26/36, 31/52, 35/71, 39/100 of 43 positives.
        ("nlst", "deepipn", [(43, 142)]),
        # 5/145, 14/145, 20/145, 48/145 = .0345 .0966 .1379 .3310 and 26/31, 31/45, 35/55, 39/87 of 43 positives.
        ("nlst", "clip", [(43, 145)]),
        # 8/34, 10/34, 16/34, 30/34 = .2353 .2941 .4706 .8824 and 21/29, 25/35, 28/44, 32/62 of 35 positives.
        ("lungx", "deepipn", [(35, 34)]),
        ("lungx", "sybil", [(35, 35)]),
        ("ucla", "clip", [(28, 23)]),
    ],
)
def test_candidates_of_the_paper(cohort: str, model: str, untied: list[tuple[int, int]]) -> None:
    paper = load_published("zhuang2025")
    size = paper.size(cohort)
    found = search_candidates(as_rows(paper.operating_points[cohort][model]), size.n, size.positives)
    assert [(c.positives, c.negatives) for c in found if c.untied] == untied


def test_candidates_are_all_pairs_that_a_plain_search_finds() -> None:
    rng = np.random.default_rng(3)
    for decimals in (1, 2, 3):
        labels = np.arange(24) < 10
        cells = printed_from_scores(labels, rng.normal(size=24) + labels, RECALLS, decimals)[2:]
        rows = rows_of(cells)
        found = {(c.positives, c.negatives): c.untied for c in search_candidates(rows, 26)}
        for p in range(1, 26):
            for n in range(1, 27 - p):
                untied = find_chain(rows, p, n, ties=False) is not None
                tied = find_chain(rows, p, n, ties=True) is not None
                assert ((p, n) in found) == tied
                assert found.get((p, n), False) == untied
        assert found[10, 14]


def test_counts_rise_along_every_chain() -> None:
    paper = load_published("zhuang2025")
    for model, points in paper.operating_points["dlcs"].items():
        rows = as_rows(points)
        candidate = search_candidates(rows, 1120, 63)[-1]
        chain = find_chain(rows, candidate.positives, candidate.negatives, ties=True)
        assert all(a.tp <= b.tp and a.fp <= b.fp for a, b in pairwise(chain)), model


def test_many_patients_take_no_longer_than_needed() -> None:
    rows = rows_of(["0.1234", "0.4321", "0.2345", "0.3876", "0.3456", "0.3164", "0.4567", "0.2803"])
    found = search_candidates(rows, 50_000, 9_000)
    assert all(c.positives + c.negatives == 50_000 for c in found)
    assert FULL_SEARCH < 50_000


def test_the_closest_rule_takes_the_nearest_recall_from_either_side() -> None:
    row = PrintedRow(Fraction(6, 10), parse_printed("0.5"), None, rule="closest")
    assert row.untied(7) == 4  # 4/7 = .571 is nearer to .6 than 5/7 = .714
    assert PrintedRow(Fraction(6, 10), None, None).untied(7) == 5
    assert row.untied(35) == 21


@given(st.data(), st.integers(1, 3))
def test_counts_of_an_achieved_recall_are_all_that_round_to_the_row(data: st.DataObject, decimals: int) -> None:
    p, n = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 25))
    tp, fp = data.draw(st.integers(0, p)), data.draw(st.integers(0, n))
    recall = parse_printed(f"{tp / p:.{decimals}f}")
    precision = parse_printed(f"{tp / (tp + fp):.{decimals}f}") if tp + fp else None
    row = PrintedRow(recall.value, parse_printed(f"{fp / n:.{decimals}f}"), precision, "any", achieved=recall)
    found = {(t, s.fp) for s in row.allowed(p, n, ties=True) for t in range(s.low, s.high + 1)}
    every = {
        (t, f)
        for t in range(p + 1)
        for f in range(n + 1)
        if recall.fits(Fraction(t, p))
        and row.fpr.fits(Fraction(f, n))
        and (precision is None or (t + f > 0 and precision.fits(Fraction(t, t + f))))
    }
    assert found == every
    assert (tp, fp) in found
    # Any threshold of any ranking may have been chosen, so tied scores change nothing.
    assert row.allowed(p, n, ties=False) == row.allowed(p, n, ties=True)


def test_a_chain_of_achieved_recalls_exists_exactly_where_a_ranking_does() -> None:
    rng = np.random.default_rng(2)
    for positives, negatives in ((4, 4), (3, 5)):
        for ties in (False, True):
            paths = list(all_rankings(positives, negatives, ties=ties))
            hits = 0
            for _ in range(150):
                points = [
                    (int(rng.integers(0, positives + 1)), int(rng.integers(0, negatives + 1))) for _ in range(2)
                ]
                rows = sorted(
                    (achieved_row(tp, fp, positives, negatives) for tp, fp in points),
                    key=lambda row: (row.recall, row.fpr.value),
                )
                # Six decimals of a recall and an FPR of so few cases stand for one fraction each.
                wanted = any(all(point in path for point in points) for path in paths)
                assert (find_chain(rows, positives, negatives, ties=ties) is not None) == wanted
                hits += wanted
            assert 10 < hits < 150


def achieved_row(tp: int, fp: int, positives: int, negatives: int) -> PrintedRow:
    recall = parse_printed(f"{tp / positives:.6f}")
    return PrintedRow(recall.value, parse_printed(f"{fp / negatives:.6f}"), None, "any", achieved=recall)


@pytest.mark.parametrize(("n", "decimals", "known"), [(60, 2, 1), (45, 3, 2), (2200, 3, 1)])
def test_candidates_of_achieved_recalls_are_all_pairs_that_a_plain_search_finds(
    n: int, decimals: int, known: int
) -> None:
    rng = np.random.default_rng(n)
    positives = n // 3
    points = sorted((int(rng.integers(1, positives)), int(rng.integers(1, n - positives))) for _ in range(known))
    points = [(tp, fp) for (tp, _), fp in zip(points, sorted(fp for _, fp in points), strict=True)]
    rows = []
    for tp, fp in points:
        recall = parse_printed(f"{tp / positives:.{decimals}f}")
        fpr, precision = f"{fp / (n - positives):.{decimals}f}", f"{tp / (tp + fp):.{decimals}f}"
        rows.append(PrintedRow(recall.value, parse_printed(fpr), parse_printed(precision), "any", achieved=recall))
    found = {(c.positives, c.negatives) for c in search_candidates(rows, n)}
    totals = range(2, n + 1) if n < FULL_SEARCH else [n]
    every = {
        (p, total - p) for total in totals for p in range(1, total) if find_chain(rows, p, total - p, ties=True)
    }
    assert found == every
    assert (positives, n - positives) in found
