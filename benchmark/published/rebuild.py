"""Each model's ranking that reprints a paper's numbers, or comes nearest to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from benchmark.published.audit import area_pairs
from benchmark.published.counts import CurvePoint, PrintedRow, find_chain
from benchmark.published.printed import Printed
from benchmark.published.reading import Reading, read_cohort
from benchmark.published.schema import Performance, PrintedPoint, Published
from benchmark.published.staircase import Staircase
from benchmark.published.witness import Target, find_ranking

_MOST_PAIRS = 6
"""Numbers of patients that are tried until one reprints everything."""


@dataclass(frozen=True)
class Unmet:
    """A printed number that the reconstruction does not reprint.

    Attributes:
        cohort: Its cohort.
        model: Its model, or "" for a number of patients.
        item: ``auroc``, ``auprc``, ``recall``, ``fpr``, ``precision``, ``n``, ``positives`` or ``scores``.
        recall: Recall aimed at, or achieved where none is, as printed; "" for others.
        printed: What the paper prints.
        taken: The nearest that the other numbers allow.
    """

    cohort: str
    model: str
    item: str
    recall: str
    printed: str
    taken: str


@dataclass(frozen=True)
class Rebuilt:
    """One model's ranking and what it does not reprint."""

    model: str
    stairs: Staircase | None
    met: int
    unmet: list[Unmet]


def rebuild_cohort(published: Published, cohort: str) -> list[Rebuilt]:
    """The ranking of each model of a cohort."""
    readings = read_cohort(published, cohort)
    known = [reading.pair for reading in readings if reading.pair]
    fallback = max(known, key=sum) if known else None
    return [_rebuild(published, reading, fallback) for reading in readings]


def _rebuild(published: Published, reading: Reading, fallback: tuple[int, int] | None) -> Rebuilt:
    performance = published.performance.get(reading.cohort, {}).get(reading.model) or Performance()
    pairs = area_pairs(published, reading)[:_MOST_PAIRS] or ([fallback] if fallback else [])
    if not pairs:
        item = Unmet(reading.cohort, reading.model, "scores", "", "", "none: numbers of patients do not follow")
        return Rebuilt(reading.model, None, 0, [item])
    best: Rebuilt | None = None
    for pair in pairs:
        rows = _with_nearest(reading, *pair)
        target = Target(*pair, tuple(rows), performance.auroc, performance.auprc)
        stairs = find_ranking(target)
        met, unmet = _compare_with_print(reading, performance, stairs)
        if best is None or len(unmet) < len(best.unmet):
            best = Rebuilt(reading.model, stairs, met, unmet)
        if not unmet:
            break
    return best if best is not None else Rebuilt(reading.model, None, 0, [])


def _with_nearest(reading: Reading, positives: int, negatives: int) -> list[PrintedRow]:
    """The rows, each impossible one replaced by the nearest point that fits between its neighbours."""
    kept = [replace(row, as_float=True) for row in reading.kept]
    if find_chain(kept, positives, negatives, ties=True) is None:
        kept = reading.kept
    ties = find_chain(kept, positives, negatives, ties=False) is None
    chain = find_chain(kept, positives, negatives, ties=ties)
    if chain is None:
        return []
    kept, chain = _as_first_points(kept, chain, positives)
    points = dict(zip([row.recall for row in kept], chain, strict=True))
    rows = list(kept)
    for at in reading.dropped:
        row = reading.rows[at]
        below = max((p.fp for r, p in points.items() if r <= row.recall), default=0)
        above = min((p.fp for r, p in points.items() if r >= row.recall), default=negatives)
        tp = row.needed(positives)
        reached = any(p.tp >= tp for r, p in points.items() if r <= row.recall)
        if reached or tp > positives or above < below or row.recall in points:
            continue
        most = min((r.needed(positives) for r in kept if r.recall > row.recall), default=positives + 1) - 1
        choices = [CurvePoint(t, f) for t in range(tp, max(tp, most) + 1) for f in range(below, above + 1)]
        point = min(choices, key=lambda p: (_gap(row, p.tp, p.fp, negatives), p))
        rows.append(_exact_row(row, point, negatives))
        points[row.recall] = point
    return sorted(rows, key=lambda row: row.recall)


def _as_first_points(
    rows: Sequence[PrintedRow], chain: Sequence[CurvePoint], positives: int
) -> tuple[list[PrintedRow], list[CurvePoint]]:
    """Rows of an achieved recall as rows aimed at it, one for each number of true positives."""
    first: dict[int | Fraction, tuple[PrintedRow, CurvePoint]] = {}
    for row, point in zip(rows, chain, strict=True):
        if row.rule != "any":
            first[row.recall] = row, point
        elif point.tp > 0:
            recall = Fraction(point.tp, positives)
            first.setdefault(recall, (replace(row, rule="ge", recall=recall), point))
    return [row for row, _ in first.values()], [point for _, point in first.values()]


def _gap(row: PrintedRow, tp: int, fp: int, negatives: int) -> Fraction:
    gaps = [abs(Fraction(fp, negatives) - row.fpr.value)] if row.fpr else []
    gaps += [abs(Fraction(tp, tp + fp) - row.precision.value)] if row.precision else []
    return sum(gaps, Fraction())


def _exact_row(row: PrintedRow, point: CurvePoint, negatives: int) -> PrintedRow:
    """A row that only this point prints."""
    fpr = Fraction(point.fp, negatives)
    precision = Fraction(point.tp, point.tp + point.fp)
    return replace(row, fpr=_precisely(fpr), precision=_precisely(precision))


def _point_of(row: PrintedPoint, stairs: Staircase) -> CurvePoint | None:
    """The threshold of a ranking at which a printed row is to be found; None where it has no such recall."""
    positives, negatives = stairs.size
    if row.recall_target is not None:
        target = row.recall_target.value
        needed = max(1, -(-target.numerator * positives // target.denominator))
        return stairs.point_at(needed) if needed <= positives else None

    def distance(point: CurvePoint) -> Fraction:
        shares = (Fraction(point.tp, positives), Fraction(point.fp, negatives), _precision(point))
        pairs = zip((row.recall, row.fpr, row.precision), shares, strict=True)
        return sum((abs(printed.value - share) for printed, share in pairs if printed), Fraction())

    return min(stairs.thresholds(), key=distance)


def _precision(point: CurvePoint) -> Fraction:
    return Fraction(point.tp, max(point.tp + point.fp, 1))


def _precisely(value: Fraction, decimals: int = 9) -> Printed:
    rounded = Fraction(round(value * 10**decimals), 10**decimals)
    return Printed(str(float(rounded)), rounded, decimals)


def _compare_with_print(reading: Reading, performance: Performance, stairs: Staircase) -> tuple[int, list[Unmet]]:
    """What a ranking reprints and what not."""
    checks: list[tuple[str, str, Printed | None, Fraction]] = [
        ("auroc", "", performance.auroc, stairs.auroc),
        ("auprc", "", performance.auprc, stairs.average_precision),
    ]
    positives, negatives = stairs.size
    for row in reading.points:
        point = _point_of(row, stairs)
        if point is None:
            continue
        name = row.order.text
        checks.append(("recall", name, row.recall, Fraction(point.tp, positives)))
        checks.append(("fpr", name, row.fpr, Fraction(point.fp, negatives)))
        checks.append(("precision", name, row.precision, _precision(point)))
    met, unmet = 0, []
    for item, recall, printed, value in checks:
        if printed is None:
            continue
        if printed.is_print_of(value):
            met += 1
        else:
            taken = f"{float(value):.{printed.decimals}f}"
            unmet.append(Unmet(reading.cohort, reading.model, item, recall, str(printed), taken))
    return met, unmet
