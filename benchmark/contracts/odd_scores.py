"""What looks odd about scores that are formally right: so tied that AUROC is open, or the wrong way round."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FEW: Final = 0.5
"""Say it if the distinct scores are fewer than this share of all."""
WIDE: Final = 0.005
"""Say it if ties leave AUROC undecided by more than this."""
MOST_CODES: Final = 0.1
"""Share of the scores above which what lies outside of 0 to 1 is no code of a few missing ones."""
_ENOUGH: Final = 10
"""Values of which a far one is told from the others."""
_DISTINCT: Final = 3
_CODES: Final = frozenset(sign * float(nines) for nines in ("9", "99", "999", "9999") for sign in (1, -1)) | {-1.0}
"""Numbers that tables of studies write where there is no value."""
_SPANS_OF_A_CODE: Final = 4
_SPANS: Final = 10
_AROUND_0: Final = 3
"""Ratings of -3 to 3 are a scale."""
Floats = npt.NDArray[np.float64]


def note_on_ties(scores: Floats, labels: Floats) -> str:
    """How many scores are ties, and what that leaves open of AUROC; empty where it is nothing to speak of.

    Args:
        scores: ``(n,)``, none of them NaN.
        labels: ``(n,)`` 0 or 1, NaN where it is not known.
    """
    low, high = auroc_range(scores, labels)
    distinct = len(np.unique(scores))
    if distinct >= FEW * len(scores) and not high - low > WIDE:
        return ""
    tied = len(scores) - distinct
    return f"only {distinct:,} distinct scores in {len(scores):,} rows ({tied:,} ties){_by_ties(low, high)}"


def note_on_inversion(scores: Floats, labels: Floats) -> str:
    """Whether the scores rank the wrong way round; they are never turned. Empty where they do not.

    Args:
        scores: ``(n,)``, none of them NaN.
        labels: ``(n,)`` 0 or 1, NaN where it is not known.
    """
    auroc = sum(auroc_range(scores, labels)) / 2
    if not auroc < 0.5:
        return ""
    return f"AUROC is {auroc:.3f}, below 0.5: are the scores inverted? They are left as they are"


def missing_codes(scores: Floats) -> Floats:
    """The few whole numbers, such as -1 or 999, among others that all lie in 0 to 1; none where it is not so.

    Example:
        >>> missing_codes(np.array([0.1, 0.9, 0.4, 0.3, 0.2, 0.8, 0.7, 0.5, 0.6, -999.0])).tolist()
        [-999.0]
        >>> len(missing_codes(np.array([-0.3, 0.2, 1.4, 2.0]))), len(missing_codes(np.array([0.1, 0.9])))
        (0, 0)
    """
    known = scores[np.isfinite(scores)]
    outside = known[(known < 0) | (known > 1)]
    few = 0 < len(outside) <= MOST_CODES * len(known)
    fractions = bool(((known > 0) & (known < 1)).any())
    return outside if few and fractions and (outside % 1 == 0).all() else outside[:0]


def far_values(values: Floats) -> Floats:
    """The few values that lie so far from all others that they may say that there is none; each once.

    They are whole, the lowest or the highest, at most a tenth of at least ten, and several times the others' whole
    span away: four times if they are numbers that are used as such codes (9, -99, 999, ...), ten times if not; or
    such a code below 0 where all others are not, unless that may be a scale around 0. In 0 to 1 there are none.

    Example:
        >>> scale = [1.0, 2, 3, 4, 5] * 4
        >>> far_values(np.array([*scale, 99])).tolist(), far_values(np.array([*scale, -1])).tolist()
        ([99.0], [-1.0])
        >>> len(far_values(np.array([*scale, 0]))), len(far_values(np.array([*scale, 6])))
        (0, 0)
    """
    known = values[np.isfinite(values)]
    if ((known >= 0) & (known <= 1)).all():
        return known[:0]
    distinct = np.unique(known)
    found: list[float] = []
    while len(known) >= _ENOUGH and len(distinct) > _DISTINCT:
        ends = ((distinct[0], distinct[1:]), (distinct[-1], distinct[:-1]))
        far = [float(end) for end, rest in ends if _is_far(float(end), rest)]
        if not far or np.isin(known, [*found, *far]).mean() > MOST_CODES:
            break
        found += far
        distinct = distinct[~np.isin(distinct, far)]
    return np.array(sorted(found))


def _is_far(value: float, others: Floats) -> bool:
    if value % 1:
        return False
    if value in _CODES and value < 0 <= others.min():
        around_0 = value >= -_AROUND_0 and others.max() <= _AROUND_0 and not (others % 1).any()
        return not around_0
    spans = _SPANS_OF_A_CODE if value in _CODES else _SPANS
    return float(np.abs(others - value).min()) > spans * float(np.ptp(others))


def note_on_codes(values: Floats, what: str) -> str:
    """Whether some of the values may say that there is none; empty where nothing says so.

    Args:
        values: ``(n,)``; NaN where one is missing.
        what: What they are, as in ``"ratings"``.
    """
    odd = np.unique([*missing_codes(values), *far_values(values)])
    if not len(odd):
        return ""
    known = values[np.isfinite(values)]
    rest = known[~np.isin(known, odd)]
    several = f"{int(np.isin(known, odd).sum()):,} of {len(known):,} {what}"
    shown = ", ".join(f"{value:g}" for value in odd[:5])
    return (
        f"{several} lie far from all others, which lie in {rest.min():g} to {rest.max():g}: {shown}. They count "
        "as they are; if they say that there is none, leave the cells empty"
    )


def auroc_range(scores: Floats, labels: Floats) -> tuple[float, float]:
    """AUROC if every tie is broken against, and for, the model; NaN without both classes."""
    positive, negative = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    pairs = len(positive) * len(negative)
    if not pairs:
        return float("nan"), float("nan")
    below = np.searchsorted(negative, positive, side="left").sum()
    not_above = np.searchsorted(negative, positive, side="right").sum()
    return float(below / pairs), float(not_above / pairs)


def _by_ties(low: float, high: float) -> str:
    """What ties leave open of an AUROC, with as many decimals as tell the two ends apart."""
    if np.isnan(high):
        return ""
    if low == high:
        return f"; no positive ties with a negative, so AUROC is {high:.3f} however ties are broken"
    places = next((n for n in range(3, 17) if f"{low:.{n}f}" != f"{high:.{n}f}"), 17)
    return f"; AUROC lies between {low:.{places}f} and {high:.{places}f} by how ties are broken"
