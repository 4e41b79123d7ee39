"""Verdict and explanation of one printed operating point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from benchmark.published.counts import CurvePoint, PrintedRow, find_chain
from benchmark.published.finding import FindingVerdict
from benchmark.published.printed import Printed, print_rounded
from benchmark.published.reading import Reading

_MOST = 3


def describe_row(reading: Reading, at: int, others: Sequence[Reading]) -> tuple[FindingVerdict, str]:
    """Verdict on a row and the counts that follow from it.

    Args:
        reading: The model's rows and patients.
        at: Index of the row.
        others: All models of the cohort, to notice numbers that stand in another model's row too.
    """
    verdict, detail = _describe(reading, at, others)
    is_guess_telling = reading.guess and reading.rows[at].recall <= 1
    return verdict, f"{detail}; {reading.guess}" if is_guess_telling else detail


def _describe(reading: Reading, at: int, others: Sequence[Reading]) -> tuple[FindingVerdict, str]:
    row = reading.rows[at]
    if reading.pair is None:
        if reading.verdict == "impossible":
            return "impossible", "no numbers of positives and negatives make it possible"
        return "possible", "numbers of patients do not follow, so neither do counts"
    if at in reading.dropped or not row.allowed(*reading.pair, ties=True):
        return "impossible", _why_not(row, *reading.pair) + _copied(reading, at, others)
    points = chain_points(reading, at)
    if not points:
        return "possible", "not excluded, but no counts were found that fit the other rows too"
    untied = bool(row.allowed(*reading.pair, ties=False))
    detail = _counts(row, points, *reading.pair)
    if not untied:
        needed = row.needed(reading.pair[0])
        detail += f"; without ties {needed} true positives would reach recall {float(row.recall):g}"
    if reading.verdict != "possible":
        return reading.verdict, detail
    return ("possible" if untied else "only with ties"), detail


def chain_points(reading: Reading, at: int) -> list[CurvePoint]:
    """Counts of one row that stand on one curve with the model's other rows; without ties if that is possible."""
    if reading.pair is None:
        return []
    kept = reading.kept
    place = kept.index(reading.rows[at])
    for ties in (False, True):
        allowed = kept[place].allowed(*reading.pair, ties=ties)
        points = [CurvePoint(tp, span.fp) for span in allowed for tp in (span.low, span.high)]
        chain = find_chain(kept, *reading.pair, ties=ties)
        if chain is not None:
            return [chain[place], *sorted(set(points) - {chain[place]})]
    return []


def _counts(row: PrintedRow, points: Sequence[CurvePoint], positives: int, negatives: int) -> str:
    first = points[0]
    reached = Fraction(first.tp, positives)
    text = f"{first.tp} true and {first.fp} false positives: recall {float(reached):.3f} reached"
    if row.rule != "any" and first.tp < row.recall * positives:
        text += f", below {float(row.recall):g}"
    more = [f"{p.tp} and {p.fp}" for p in points[1 : _MOST + 1]]
    return text + (f"; or {', '.join(more)}" if more else "") + (", ..." if len(points) > _MOST + 1 else "")


def _why_not(row: PrintedRow, positives: int, negatives: int) -> str:
    if row.recall > 1:
        return f"no recall is {float(row.recall):g}"
    low, high = row.fp_range(negatives)
    if row.fpr is not None and low > high:
        below = max(0, min(negatives, int(row.fpr.value * negatives)))
        above = min(negatives, below + 1)
        near = " and ".join(
            f"{fp} of {negatives} print {print_rounded(Fraction(fp, negatives), row.fpr.decimals)}"
            for fp in sorted({below, above})
        )
        return f"FPR {row.fpr.text} is no whole number of {negatives} negatives: {near}"
    if row.achieved is not None and (doubt := _why_not_achieved(row, row.achieved, positives, negatives)):
        return doubt
    spans = row.spans(positives, negatives)
    if spans:
        counts = f"{spans[0].low} true and {spans[0].fp} false positives"
        if row.rule != "any" and spans[0].high < row.fewest(positives):
            reached = Fraction(spans[0].high, positives)
            return f"{counts} print it, but reach recall {float(reached):.3f} only, below {float(row.recall):g}"
        return f"{counts} print it, but no curve passes there and through the other rows"
    if row.precision is None:
        return "no counts print it"
    return (
        f"FPR {row.fpr.text if row.fpr else '?'} is {low} false positives"
        + (f" (to {high})" if high > low else "")
        + f", beside which precision is {_near_precision(row, low)} but never {row.precision.text}"
    )


def _why_not_achieved(row: PrintedRow, recall: Printed, positives: int, negatives: int) -> str:
    """Why no counts print the recall achieved, alone or beside the row's other numbers; empty if some do."""
    low, high = row.recall_range(positives)
    if low > high:
        below = max(0, min(positives, int(recall.value * positives)))
        near = " and ".join(
            f"{tp} of {positives} print {print_rounded(Fraction(tp, positives), recall.decimals)}"
            for tp in sorted({below, min(positives, below + 1)})
        )
        return f"recall {recall.text} is no whole number of {positives} positives: {near}"
    false = row.fp_range(negatives)
    if row.precision is not None and row.fpr is not None and false[0] <= false[1]:
        shares = [Fraction(tp, tp + fp) for tp in (low, high) for fp in false if tp + fp]
        texts = (
            [print_rounded(share, row.precision.decimals) for share in (min(shares), max(shares))]
            if shares
            else []
        )
        if shares and not any(row.precision.fits(share) for share in shares):
            between = texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"
            return (
                f"recall {recall.text} is {low} true and FPR {row.fpr.text} {false[0]} false positives, "
                f"whose precision is {between}, not {row.precision.text}"
            )
    others = replace(row, achieved=None).spans(positives, negatives)
    if others and not row.spans(positives, negatives):
        reached = sorted({Fraction(tp, positives) for span in others for tp in (span.low, span.high)})
        texts = [print_rounded(value, recall.decimals) for value in (reached[0], reached[-1])]
        between = texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"
        return (
            f"FPR and precision are printed by {others[0].low} true and {others[0].fp} false positives, "
            f"whose recall is {between}, not {recall.text}"
        )
    return ""


def _near_precision(row: PrintedRow, fp: int) -> str:
    if row.precision is None or not 0 < row.precision.value < 1:
        return "between 0 and 1"
    tp = int(row.precision.value * fp / (1 - row.precision.value))
    texts = [print_rounded(Fraction(t, t + fp), row.precision.decimals) for t in (tp, tp + 1) if t + fp]
    return " or ".join(texts)


def _copied(reading: Reading, at: int, others: Sequence[Reading]) -> str:
    row = reading.rows[at]
    for other in others:
        for same in other.rows:
            if other.model == reading.model or same.recall != row.recall:
                continue
            for name in ("precision", "fpr"):
                mine, theirs = getattr(row, name), getattr(same, name)
                if mine is not None and theirs is not None and mine.text == theirs.text:
                    return f"; the same {'FPR' if name == 'fpr' else name} is printed for {other.model}"
    return ""
