"""Whether printed areas can arise: from the counts alone, and together with the operating points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.published.counts import PrintedRow, find_chain
from benchmark.published.finding import FindingVerdict
from benchmark.published.printed import Printed
from benchmark.published.region import AreaBox, is_possible, outer_box
from benchmark.published.staircase import Paths, gated_paths

MOST_PAIRS = 40
"""Numbers of patients that are tried before an area is left as possible."""

_RANK: dict[FindingVerdict, int] = {"possible": 0, "only with ties": 1, "impossible": 2}


@dataclass(frozen=True)
class AreaVerdicts:
    """Verdicts on the areas of one model for one number of patients.

    Attributes:
        positives: P.
        negatives: N.
        auroc: AUROC alone and with the operating points.
        auprc: AUPRC with the operating points, and with the AUROC where that is possible.
        auroc_detail: Why.
        auprc_detail: Why.
    """

    positives: int
    negatives: int
    auroc: FindingVerdict
    auprc: FindingVerdict
    auroc_detail: str
    auprc_detail: str

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller is better."""
        return max(_RANK[self.auroc], _RANK[self.auprc]), _RANK[self.auroc] + _RANK[self.auprc]


def twice_u_range(auroc: Printed | None, positives: int, negatives: int, *, ties: bool) -> range:
    """All values of twice U that print an AUROC; even ones only without ties."""
    whole = 2 * positives * negatives
    low = 0 if auroc is None else max(0, math.ceil(whole * auroc.low))
    high = whole if auroc is None else min(whole, math.floor(whole * auroc.high))
    return range(low, high + 1) if ties else range(low + low % 2, high + 1, 2)


def area_box(auroc: Printed | None, auprc: Printed | None) -> AreaBox:
    """Intervals that printed areas stand for."""
    lows = tuple(0.0 if area is None else float(area.low) for area in (auroc, auprc))
    highs = tuple(1.0 if area is None else float(area.high) for area in (auroc, auprc))
    return AreaBox((lows[0], lows[1]), (highs[0], highs[1]))


def check_areas(
    rows: Sequence[PrintedRow],
    pairs: Sequence[tuple[int, int]],
    auroc: Printed | None,
    auprc: Printed | None,
) -> AreaVerdicts | None:
    """Verdicts for the pair of positives and negatives with which most can be true.

    Args:
        rows: Operating points that can be true together.
        pairs: Positives and negatives, the likeliest first.
        auroc: Printed AUROC.
        auprc: Printed AUPRC, read as average precision.

    Returns:
        The verdicts, or None without a pair. When not all pairs were tried and none fits, the areas are possible.
    """
    best: AreaVerdicts | None = None
    for pair in pairs[:MOST_PAIRS]:
        found = _check_pair(rows, *pair, auroc, auprc)
        if best is None or found.rank < best.rank:
            best = found
        if best.rank == (0, 0):
            return best
    if best is not None and len(pairs) > MOST_PAIRS:
        note = f"not excluded: {len(pairs)} numbers of patients fit the operating points, {MOST_PAIRS} were tried"
        return AreaVerdicts(best.positives, best.negatives, "possible", "possible", note, note)
    return best


def _check_pair(
    rows: Sequence[PrintedRow], positives: int, negatives: int, auroc: Printed | None, auprc: Printed | None
) -> AreaVerdicts:
    if any(row.rule == "closest" for row in rows):
        rows = []
    untied = find_chain(rows, positives, negatives, ties=False) is not None
    curves = [gated_paths(rows, positives, negatives, ties=False)] if untied else []
    curves.append(gated_paths(rows, positives, negatives, ties=True, strict=False))
    first = _verdict(curves, auroc, None)
    second = _verdict(curves, None, auprc)
    detail = ""
    if auroc and auprc and _RANK[first] == 0 and _RANK[second] == 0:
        second = _verdict(curves, auroc, auprc)
        detail = "" if second == "possible" else f"; together with AUROC {auroc.text}"
    return AreaVerdicts(
        positives,
        negatives,
        first,
        second,
        _auroc_detail(curves, auroc, bool(rows)),
        _auprc_detail(curves, auprc, auroc, bool(rows)) + detail,
    )


def _verdict(curves: Sequence[Paths], auroc: Printed | None, auprc: Printed | None) -> FindingVerdict:
    """The first kind of curve, without ties or with them, that can have the areas.

    Where the operating points themselves need ties, ties are no finding on the areas unless U needs a half.
    """
    if auroc is None and auprc is None:
        return "possible"
    box = area_box(auroc, auprc)
    for paths in curves:
        spaced = twice_u_range(auroc, paths.positives, paths.negatives, ties=False)
        every = twice_u_range(auroc, paths.positives, paths.negatives, ties=True)
        ties_are_given = len(curves) == 1
        if (not paths.ties or ties_are_given) and is_possible(paths, box, spaced) is not False:
            return "possible"
        if paths.ties and is_possible(paths, box, every) is not False:
            return "only with ties"
    return "impossible"


def _auroc_detail(curves: Sequence[Paths], auroc: Printed | None, has_rows: bool) -> str:
    if auroc is None:
        return ""
    paths = curves[-1]
    pairs = paths.positives * paths.negatives
    every = twice_u_range(auroc, paths.positives, paths.negatives, ties=True)
    spaced = twice_u_range(auroc, paths.positives, paths.negatives, ties=False)
    if not every:
        step = (
            f"{auroc.text} lies between steps of 1/{2 * pairs}: no ranking of {pairs} pairs, tied or not, has it"
        )
    elif not spaced:
        step = f"needs {every[0] / 2:g} of {pairs} pairs: half a pair, so only tied scores have it"
    else:
        step = (
            f"{spaced[0] // 2} to {spaced[-1] // 2} of {pairs} pairs"
            if len(spaced) > 1
            else (f"{spaced[0] // 2} of {pairs} pairs")
        )
    bounds = _bounds(curves[0], (1.0, 0.0)) if has_rows else None
    return f"{step}; the operating points leave {bounds}" if bounds else step


def _auprc_detail(curves: Sequence[Paths], auprc: Printed | None, auroc: Printed | None, has_rows: bool) -> str:
    if auprc is None:
        return ""
    bounds = _bounds(curves[0], (0.0, 1.0))
    if bounds is None:
        return "read as average precision; too many patients for bounds"
    return f"as average precision; the {'operating points' if has_rows else 'numbers of patients'} leave {bounds}"


def _bounds(paths: Paths, direction: tuple[float, float]) -> str | None:
    """Smallest and largest area of any path, in words."""
    if not paths.searchable:
        box, at = outer_box(paths), 0 if direction[0] else 1
        return f"{box.low[at]:.4f} to {box.high[at]:.4f} at most"
    values = []
    for sign in (-1.0, 1.0):
        stairs = paths.extreme(sign * direction[0], sign * direction[1])
        if stairs is None:
            return None
        values.append(float(stairs.auroc if direction[0] else stairs.average_precision))
    return f"{values[0]:.4f} to {values[1]:.4f}" + ("" if not paths.ties else " with ties")
