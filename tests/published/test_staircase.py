from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.published.areas import area_box, twice_u_range
from benchmark.published.counts import CurvePoint, PrintedRow
from benchmark.published.enumerated import path_within
from benchmark.published.printed import parse_printed
from benchmark.published.region import AreaBox, Hull, is_possible, outer_box
from benchmark.published.staircase import Paths, Staircase, gated_paths
from tests.published.rankings import all_rankings, areas, can_print, change_digit, table_of

RECALLS = (Fraction(1, 2), Fraction(4, 5))
SIZES = ((3, 4), (2, 5))
DIRECTIONS = [(math.cos(a), math.sin(a)) for a in np.linspace(0, 2 * math.pi, 17)[:-1]]


def as_stairs(path: tuple[tuple[int, int], ...]) -> Staircase:
    return Staircase(tuple(CurvePoint(*vertex) for vertex in path))


def test_areas_of_a_path_are_those_of_its_scores() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores, labels = rng.integers(0, 6, 20), np.arange(20) < 8
        vertices = [(0, 0)] + [
            (int((labels & (scores >= s)).sum()), int((~labels & (scores >= s)).sum()))
            for s in sorted(set(scores.tolist()), reverse=True)
        ]
        stairs = as_stairs(tuple(vertices))
        assert float(stairs.auroc) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        assert float(stairs.average_precision) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
        assert (stairs.auroc, stairs.average_precision) == areas(tuple(vertices))


def has_ties(stairs: Staircase) -> bool:
    """Whether a block holds a positive and another case."""
    return any(b.tp - a.tp > 1 or (b.tp > a.tp and b.fp > a.fp) for a, b in pairwise(stairs.vertices))


def test_ties_are_seen_only_where_a_positive_shares_its_block() -> None:
    assert not has_ties(as_stairs(((0, 0), (0, 2), (1, 2), (2, 2))))
    assert has_ties(as_stairs(((0, 0), (2, 0), (2, 2))))
    assert has_ties(as_stairs(((0, 0), (1, 1), (2, 2))))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("positives", "negatives"), SIZES)
def test_extreme_paths_are_the_extreme_ones_of_all(positives: int, negatives: int, ties: bool) -> None:
    paths = Paths(positives, negatives, (), ties)
    every = [areas(path) for path in all_rankings(positives, negatives, ties=ties)]
    for alpha, beta in DIRECTIONS:
        best = max(alpha * float(a) + beta * float(b) for a, b in every)
        stairs = paths.extreme(alpha, beta)
        assert alpha * float(stairs.auroc) + beta * float(stairs.average_precision) == pytest.approx(
            best, abs=1e-12
        )
        assert ties or not has_ties(stairs)


@pytest.mark.parametrize("ties", [False, True])
def test_extreme_paths_pass_the_operating_points(ties: bool) -> None:
    positives, negatives = 4, 4
    every_path = list(all_rankings(positives, negatives, ties=ties))
    for text in (
        ("0.25", "0.67", "0.50", "0.67"),
        ("0.00", "1.00", "0.50", "0.60"),
        ("0.25", "0.75", "0.75", "0.57"),
    ):
        rows = [
            PrintedRow(recall, parse_printed(text[2 * at]), parse_printed(text[2 * at + 1]))
            for at, recall in enumerate(RECALLS)
        ]
        paths = gated_paths(rows, positives, negatives, ties=ties)
        every = [areas(path) for path in every_path if can_print(path, RECALLS, _padded(path, text))]
        for alpha, beta in DIRECTIONS[::3]:
            stairs = paths.extreme(alpha, beta)
            if not every:
                assert stairs is None
                continue
            best = max(alpha * float(a) + beta * float(b) for a, b in every)
            value = alpha * float(stairs.auroc) + beta * float(stairs.average_precision)
            assert value == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_recalls_that_need_as_many_positives_are_one_point(ties: bool) -> None:
    """Of 4 positives recalls .55, .6 and .7 need 3, and a tie may lead from there past the one that needs 4."""
    recalls = [Fraction(text) for text in ("0.55", "0.6", "0.7", "0.8")]
    every_path = list(all_rankings(4, 3, ties=ties))
    for path in every_path[:: len(every_path) // 12]:
        text = table_of(path, recalls, 2)[2:]
        rows = [
            PrintedRow(recall, parse_printed(text[2 * at]), parse_printed(text[2 * at + 1]))
            for at, recall in enumerate(recalls)
        ]
        paths = gated_paths(rows, 4, 3, ties=ties)
        every = [areas(other) for other in every_path if can_print(other, recalls, _padded(other, text))]
        for alpha, beta in DIRECTIONS[::5]:
            stairs = paths.extreme(alpha, beta)
            best = max(alpha * float(a) + beta * float(b) for a, b in every)
            value = alpha * float(stairs.auroc) + beta * float(stairs.average_precision)
            assert value == pytest.approx(best, abs=1e-12)


def _padded(path: tuple[tuple[int, int], ...], text: tuple[str, ...]) -> list[str]:
    """The row cells behind areas that fit any path."""
    return [f"{float(area):.1f}" for area in areas(path)] + list(text)


@pytest.mark.parametrize("decimals", [1, 2, 3])
@pytest.mark.parametrize(("positives", "negatives"), SIZES)
def test_possible_means_that_some_ranking_prints_it(positives: int, negatives: int, decimals: int) -> None:
    """Against all rankings, on tables that one prints and on the same with one digit changed."""
    rng = np.random.default_rng(10 * positives + decimals)
    every = {ties: list(all_rankings(positives, negatives, ties=ties)) for ties in (False, True)}
    seen = {True: 0, False: 0}
    for _ in range(25):
        path = every[True][int(rng.integers(len(every[True])))]
        cells = list(table_of(path, RECALLS, decimals))
        if rng.random() < 0.7:
            cells = change_digit(cells, rng)
        rows = [
            PrintedRow(recall, parse_printed(cells[2 + 2 * at]), parse_printed(cells[3 + 2 * at]))
            for at, recall in enumerate(RECALLS)
        ]
        auroc, auprc = parse_printed(cells[0]), parse_printed(cells[1])
        for ties in (False, True):
            paths = gated_paths(rows, positives, negatives, ties=ties)
            found = is_possible(
                paths, area_box(auroc, auprc), twice_u_range(auroc, positives, negatives, ties=ties)
            )
            truth = any(can_print(other, RECALLS, cells) for other in every[ties])
            assert found is truth, cells
            seen[truth] += 1
    assert min(seen.values()) > 3


def test_a_hull_separates_only_what_no_path_reaches() -> None:
    paths = Paths(20, 30, (), ties=False)
    best, worst = paths.extreme(1, 0), paths.extreme(-1, 0)
    assert (best.auroc, worst.auroc) == (1, 0)
    assert not Hull(paths).separates(AreaBox((0.7, 0.6), (0.71, 0.61)))
    # AUROC near 1 leaves no room for a low average precision.
    assert Hull(paths).separates(AreaBox((0.98, 0.3), (0.99, 0.31)))


@pytest.mark.parametrize("ties", [False, True])
def test_no_ranking_leaves_the_outer_box(ties: bool) -> None:
    rng = np.random.default_rng(6)
    every = list(all_rankings(3, 4, ties=ties))
    inside = 0
    for _ in range(6):
        cells = table_of(every[int(rng.integers(len(every)))], RECALLS, 2)
        rows = [
            PrintedRow(recall, parse_printed(cells[2 + 2 * at]), parse_printed(cells[3 + 2 * at]))
            for at, recall in enumerate(RECALLS)
        ]
        box = outer_box(gated_paths(rows, 3, 4, ties=ties))
        for path in every:
            if can_print(path, RECALLS, _padded(path, cells[2:])):
                pairs = zip(areas(path), box.low, box.high, strict=True)
                assert all(low - 1e-12 <= float(area) <= high + 1e-12 for area, low, high in pairs)
                inside += 1
    assert inside > 10


def test_enumeration_returns_a_path_that_is_inside() -> None:
    for ties in (False, True):
        found = path_within(Paths(5, 6, (), ties), range(40, 44, 2 - ties), (0.70, 0.72))
        assert isinstance(found, Staircase)
        assert 40 <= found.twice_u < 44
        assert 0.70 <= found.average_precision <= 0.72
        assert ties or not has_ties(found)
    assert path_within(Paths(5, 6, (), ties=False), range(40, 41), (0.10, 0.11)) is False
    assert path_within(Paths(50, 60, (), ties=False), range(3000, 3001), (0.5, 0.6)) is None
