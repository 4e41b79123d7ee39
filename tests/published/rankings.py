"""Independent means to test against: all rankings of a small cohort, and tables printed from scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.published.schema import Published
from tests.published.made import published_from

Vertices = tuple[tuple[int, int], ...]


def all_rankings(positives: int, negatives: int, *, ties: bool) -> Iterator[Vertices]:
    """Every ranking as its cumulative (true positives, false positives) after each block of tied scores."""

    def grow(path: list[tuple[int, int]]) -> Iterator[Vertices]:
        t, f = path[-1]
        if (t, f) == (positives, negatives):
            yield tuple(path)
            return
        for dt in range(positives - t + 1):
            for df in range(negatives - f + 1):
                if dt + df and (ties or dt + df == 1):
                    yield from grow([*path, (t + dt, f + df)])

    yield from grow([(0, 0)])


def areas(path: Vertices) -> tuple[Fraction, Fraction]:
    """AUROC as won pairs (ties half) and average precision as the step sum, from their definitions."""
    positives, negatives = path[-1]
    won, precision = Fraction(), Fraction()
    for (t0, f0), (t1, f1) in pairwise(path):
        won += (t1 - t0) * (negatives - f1) + Fraction((t1 - t0) * (f1 - f0), 2)
        precision += Fraction(t1 - t0, positives) * Fraction(t1, t1 + f1)
    return won / (positives * negatives), precision


def first_reaching(path: Vertices, recall: Fraction) -> tuple[int, int]:
    """The first threshold whose recall is at least the one aimed at."""
    return next(point for point in path if Fraction(point[0], path[-1][0]) >= recall)


def half_even(value: Fraction, decimals: int) -> str:
    return f"{float(round(value * 10**decimals)) / 10**decimals:.{decimals}f}"


def table_of(path: Vertices, recalls: Sequence[Fraction], decimals: int) -> tuple[str, ...]:
    """What a paper would print: AUROC, AUPRC, then FPR and precision at each recall."""
    cells = [half_even(area, decimals) for area in areas(path)]
    for recall in recalls:
        tp, fp = first_reaching(path, recall)
        cells += [half_even(Fraction(fp, path[-1][1]), decimals), half_even(Fraction(tp, tp + fp), decimals)]
    return tuple(cells)


def can_print(path: Vertices, recalls: Sequence[Fraction], cells: Sequence[str]) -> bool:
    """Whether each exact value lies within half a unit of its printed cell, ties either way."""
    values = list(areas(path))
    for recall in recalls:
        tp, fp = first_reaching(path, recall)
        values += [Fraction(fp, path[-1][1]), Fraction(tp, tp + fp)]
    for value, cell in zip(values, cells, strict=True):
        decimals = len(cell.partition(".")[2])
        if abs(value - Fraction(cell)) > Fraction(1, 2 * 10**decimals):
            return False
    return True


def paper(
    models: dict[str, Sequence[str]], recalls: Sequence[str], n: int | None, positives: int | None, **more: Any
) -> Published:
    """A paper with one cohort ``c`` whose models print the cells of `table_of`."""
    size = {key: str(value) for key, value in (("n", n), ("positives", positives)) if value is not None}
    rows = {
        name: [[recall, cells[2 + 2 * at], cells[3 + 2 * at]] for at, recall in enumerate(recalls)]
        for name, cells in models.items()
    }
    performance = {name: {"auroc": cells[0], "auprc": cells[1]} for name, cells in models.items()}
    content = {
        "key": "t",
        "cohorts": {"c": size},
        "performance": {"c": performance},
        "operating_points": {"c": rows},
    }
    return published_from({**content, **more})


def printed_from_scores(
    labels: np.ndarray, scores: np.ndarray, recalls: Sequence[str], decimals: int
) -> list[str]:
    """The cells of `table_of` from scores, areas by scikit-learn, operating points by counting."""
    values = [roc_auc_score(labels, scores), average_precision_score(labels, scores)]
    positives = int(labels.sum())
    for recall in recalls:
        needed = math.ceil(Fraction(recall) * positives)
        threshold = next(s for s in sorted(set(scores), reverse=True) if labels[scores >= s].sum() >= needed)
        called = labels[scores >= threshold]
        values += [(len(called) - called.sum()) / (len(labels) - positives), called.sum() / len(called)]
    return [f"{value:.{decimals}f}" for value in values]


def change_digit(cells: Sequence[str], rng: np.random.Generator) -> list[str]:
    """One digit of one cell replaced by another one."""
    changed = list(cells)
    at = int(rng.integers(len(changed)))
    places = [place for place, sign in enumerate(changed[at]) if sign != "."]
    place = places[int(rng.integers(len(places)))]
    digit = str((int(changed[at][place]) + int(rng.integers(1, 10))) % 10)
    changed[at] = changed[at][:place] + digit + changed[at][place + 1 :]
    return changed
