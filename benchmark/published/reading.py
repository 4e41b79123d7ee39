"""Which patients a model was scored on, as far as its printed operating points tell."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from benchmark.published.candidates import FULL_SEARCH, UNKNOWN, Candidate, search_candidates
from benchmark.published.counts import PrintedRow, as_rows, find_chain
from benchmark.published.finding import FindingVerdict
from benchmark.published.listed import listed_recall, read_listed
from benchmark.published.schema import CohortSize, PrintedPoint, Published

MOST_PATIENTS = 200_000
"""Printed patients above which nothing is searched: rounded rates say nothing then."""
MOST_SUBSETS = 60
"""Ways to leave rows out that are tried before all rows are given up, a fifth above 300 patients."""
MOST_LIKELY = 30
"""Candidates of which one is taken to go on with."""
_MOST_COUNTS = 5000
_ASYMPTOTIC = 20
"""Patients a printed unit of the rates in the test for large numbers."""


@dataclass(frozen=True)
class Reading:
    """What the rows of one model say of its patients.

    Attributes:
        cohort: Its cohort.
        model: The model.
        rows: Printed operating points by rising recall.
        dropped: Indices of rows that cannot be true beside the others.
        candidates: All (positives, negatives) that the other rows allow.
        positives: Positives that fit best, the printed ones if they fit; None if nothing follows.
        negatives: Negatives that fit best.
        agrees: Whether the rows allow what is printed of the cohort.
        verdict: The verdict on its patients.
        points: The operating points behind the rows; each first number of a listed one has got its meaning.
        guess: How the first numbers of listed rows were read where the paper's file does not say; else empty.
    """

    cohort: str
    model: str
    rows: tuple[PrintedRow, ...]
    dropped: tuple[int, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    positives: int | None = None
    negatives: int | None = None
    agrees: bool = True
    verdict: FindingVerdict = "possible"
    points: tuple[PrintedPoint, ...] = ()
    guess: str = ""

    @property
    def kept(self) -> list[PrintedRow]:
        """Rows that can be true together."""
        return [row for at, row in enumerate(self.rows) if at not in self.dropped]

    @property
    def pair(self) -> tuple[int, int] | None:
        """Positives and negatives that fit best."""
        return None if self.positives is None or self.negatives is None else (self.positives, self.negatives)


def agrees(size: CohortSize, positives: int, negatives: int) -> bool:
    """Whether a number of positives and negatives is what is printed of the cohort."""
    return (
        (size.n is None or positives + negatives == size.n)
        and (size.positives is None or positives == size.positives)
        and (size.negatives is None or negatives == size.negatives)
    )


def read_cohort(published: Published, cohort: str) -> list[Reading]:
    """Read the rows of all models of a cohort and compare their patients."""
    size = published.size(cohort)
    tables = published.operating_points.get(cohort, {})
    models = [model for named, model in published.rows() if named == cohort]
    found = listed_recall(published)
    meanings: tuple[Literal["aimed", "achieved"], ...] = (
        ("aimed", "achieved") if found.meaning == "either" else (found.meaning,)
    )
    readings = []
    for model in models:
        points = tables.get(model, [])
        tried = []
        for meaning in meanings:
            read = tuple(read_listed(points, meaning))
            guess = _guessed(meaning, found.reason) if any(point.listed for point in points) else ""
            reading = Reading(cohort, model, tuple(as_rows(read, published.recall_rule)), points=read, guess=guess)
            tried.append(_read_model(reading, size))
        readings.append(min(tried, key=_doubts))
    return _compare_models(readings, size)


def _guessed(meaning: str, reason: str) -> str:
    what = "the recall aimed at" if meaning == "aimed" else "the recall achieved"
    return f"first number read as {what}, as {reason} (listed_recall does not say)" if reason else ""


def _doubts(reading: Reading) -> tuple[bool, bool, int, bool]:
    """How much of a reading cannot be true; smaller is better."""
    untied = any(c.untied for c in reading.candidates if (c.positives, c.negatives) == reading.pair)
    return (
        reading.verdict != "possible",
        not reading.agrees,
        len(reading.dropped),
        bool(reading.rows) and not untied,
    )


def _read_model(reading: Reading, size: CohortSize) -> Reading:
    if max(size.n or 0, size.positives or 0) > MOST_PATIENTS:
        return reading
    if not reading.rows:
        pair = _printed(size)
        return replace(reading, positives=pair[0], negatives=pair[1]) if pair else reading
    found = search_candidates(reading.rows, size.n, size.positives)
    unbounded = size.n is None or size.n > FULL_SEARCH
    if not found and unbounded and _possible_for_many(reading.rows):
        return reading if size.n is None else replace(reading, agrees=False, verdict="contradicts printed n")
    if not found:
        dropped, found = _leave_out(reading.rows, size)
        reading = replace(reading, dropped=tuple(dropped))
    best = _best_candidate(found, size, reading.kept)
    if best is None and found:
        return replace(reading, candidates=tuple(found))
    if best is None:
        pair = _printed(size)
        positives, negatives = pair if pair else (None, None)
        return replace(reading, positives=positives, negatives=negatives, verdict="impossible")
    return replace(
        reading,
        candidates=tuple(found),
        positives=best.positives,
        negatives=best.negatives,
        agrees=agrees(size, best.positives, best.negatives),
    )


def _printed(size: CohortSize) -> tuple[int, int] | None:
    if size.n is None or size.positives is None or not 0 < size.positives < size.n:
        return None
    return size.positives, size.n - size.positives


def _best_candidate(
    candidates: Sequence[Candidate], size: CohortSize, rows: Sequence[PrintedRow]
) -> Candidate | None:
    """The candidate to go on with: what is printed, else the printed total, else as many patients as possible.

    Where a search was too wide to check rows jointly, they are checked here; None if the likeliest do not hold.
    """

    def rank(c: Candidate) -> tuple[bool, bool, bool, int, int]:
        total = c.positives + c.negatives
        return agrees(size, c.positives, c.negatives), c.untied, total == size.n, total, c.positives

    for candidate in heapq.nlargest(MOST_LIKELY, candidates, key=rank):
        if find_chain(rows, candidate.positives, candidate.negatives, ties=not candidate.untied) is not None:
            return candidate
    return None


def _leave_out(rows: Sequence[PrintedRow], size: CohortSize) -> tuple[list[int], list[Candidate]]:
    """As few rows as possible whose absence lets the rest be true, with the printed patients if they do.

    Before two rows are given up, more patients than are printed are tried, up to twice as many.
    """
    tried, printed = 0, _printed(size)
    for number in range(1, len(rows)):
        for chosen in combinations(range(len(rows)), number):
            rest = [row for at, row in enumerate(rows) if at not in chosen]
            if printed and find_chain(rest, *printed, ties=True) is not None:
                return list(chosen), search_candidates(rest, size.n, size.positives)
        if number == 2 and size.n is not None and 2 * size.n <= FULL_SEARCH:
            more = [c for c in search_candidates(rows, 2 * size.n) if c.positives + c.negatives > size.n]
            if more:
                return [], more
        for chosen in combinations(range(len(rows)), number):
            tried += 1
            if tried > (MOST_SUBSETS if size.n is not None and size.n <= UNKNOWN[0] else MOST_SUBSETS // 5):
                return list(range(len(rows))), []
            found = search_candidates(
                [row for at, row in enumerate(rows) if at not in chosen], size.n, size.positives
            )
            if found:
                return list(chosen), found
    return list(range(len(rows))), []


def _possible_for_many(rows: Sequence[PrintedRow]) -> bool:
    """Whether some large number of patients makes the rows possible, where no number is printed."""
    decimals = max((p.decimals for row in rows for p in (row.fpr, row.precision, row.achieved) if p), default=0)
    negatives = _ASYMPTOTIC * 10**decimals
    ranges = [row.fp_range(negatives) for row in rows]
    if sum(high - low for low, high in ranges) > _MOST_COUNTS or any(row.precision is None for row in rows):
        # Rates this coarse leave nothing to exclude.
        return True
    low, high = 1, _ASYMPTOTIC * negatives
    for row in rows:
        spans = replace(row, achieved=None).spans(high, negatives)
        if not spans:
            return False
        low = max(low, min(span.low for span in spans))
        most = max(span.high for span in spans)
        high = min(high, int(most / row.recall)) if row.rule == "ge" else high
        if row.achieved is not None and row.achieved.high > 0:
            low = max(low, int(min(span.low for span in spans) / row.achieved.high))
            high = min(high, int(most / row.achieved.low)) if row.achieved.low > 0 else high
    middle = {low, high, (low + high) // 2, (3 * low + high) // 4, (low + 3 * high) // 4}
    return any(low <= p <= high and find_chain(rows, p, negatives, ties=True) is not None for p in middle)


def _compare_models(readings: list[Reading], size: CohortSize) -> list[Reading]:
    """Verdicts of models whose rows do not allow the printed patients."""
    seen = [reading for reading in readings if reading.candidates]
    if not seen:
        return readings
    reference = _reference(seen, size)
    judged = []
    for reading in readings:
        if not reading.candidates or reading.agrees:
            judged.append(reading)
            continue
        pairs = {(c.positives, c.negatives) for c in reading.candidates}
        alone = len(seen) == 1
        same = reference is None or reference in pairs
        verdict: FindingVerdict = "contradicts printed n" if alone or same else "other patients"
        if same and reference is not None and not alone:
            reading = replace(reading, positives=reference[0], negatives=reference[1])
        judged.append(replace(reading, verdict=verdict))
    return judged


def _reference(readings: Sequence[Reading], size: CohortSize) -> tuple[int, int] | None:
    """The patients of the cohort: the printed ones if any model fits them, else those that most models share."""
    for reading in readings:
        if reading.agrees:
            return reading.pair
    votes = Counter((c.positives, c.negatives) for reading in readings for c in reading.candidates)
    untied = {(c.positives, c.negatives) for reading in readings for c in reading.candidates if c.untied}
    return max(
        votes,
        key=lambda pair: (votes[pair], sum(pair) == size.n, pair in untied, sum(pair), pair),
        default=None,
    )
