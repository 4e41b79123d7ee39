"""The audit of a paper's printed numbers: what can be true, what cannot, and which counts follow.

Nothing here judges a model. A finding is a proof from the printed digits that two of them exclude each other, or
that a printed number cannot arise from the printed patients; whatever is not disproven is possible.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.published.areas import AreaVerdicts, check_areas
from benchmark.published.attainable import smallest_p
from benchmark.published.candidates import as_lists
from benchmark.published.classes import check_classes
from benchmark.published.finding import MOST_LISTED, Finding, FindingVerdict
from benchmark.published.intervals import check_intervals
from benchmark.published.reading import MOST_PATIENTS, Reading, agrees, read_cohort
from benchmark.published.row_text import describe_row
from benchmark.published.schema import CohortSize, FoldValue, Published

_MOST_NAMED = 6


def audit(published: Published) -> list[Finding]:
    """Check everything that is printed in a paper.

    Example::

        >>> from collections import Counter
        >>> from benchmark.published.audit import audit
        >>> from benchmark.published.load import load_published
        >>> findings = audit(load_published("zhuang2025"))
        >>> Counter(finding.verdict for finding in findings)["impossible"]
        1

    Args:
        published: The paper's numbers.

    Returns:
        Findings in the order of the paper: each cohort with its models, then classes, then claims of significance.
        Items without any doubt have the verdict ``possible``.
    """
    findings: list[Finding] = []
    for cohort in dict.fromkeys(cohort for cohort, _ in published.rows()):
        findings += audit_cohort(published, cohort)
    return findings + _classes(published) + _significance(published)


def audit_cohort(published: Published, cohort: str) -> list[Finding]:
    """Findings on one cohort and its models.

    Example::

        >>> from benchmark.published.audit import audit_cohort
        >>> from benchmark.published.load import load_published
        >>> findings = audit_cohort(load_published("zhuang2025"), "ucla")
        >>> len(findings) > 0, findings[0].verdict
        (True, 'possible')
    """
    readings = read_cohort(published, cohort)
    findings = [_shared_patients(published, cohort, readings)]
    for reading in readings:
        areas = _areas(published, reading)
        findings.append(_patients_finding(published, reading))
        findings += _findings_on_rows(reading, readings)
        findings += _area_findings(published, reading, areas)
        findings += check_intervals(published, reading)
    return findings


def _areas(published: Published, reading: Reading) -> AreaVerdicts | None:
    performance = published.performance.get(reading.cohort, {}).get(reading.model)
    if performance is None or (performance.auroc is None and performance.auprc is None):
        return None
    auprc = performance.auprc if published.auprc_rule == "average_precision" else None
    return check_areas(reading.kept, area_pairs(published, reading), performance.auroc, auprc)


def area_pairs(published: Published, reading: Reading) -> list[tuple[int, int]]:
    """Positives and negatives with which a model's areas are to be checked, the likeliest first."""
    size = published.size(reading.cohort)
    ranked = sorted(reading.candidates, key=lambda c: (not c.untied, -c.positives - c.negatives, -c.positives))
    pairs = [(c.positives, c.negatives) for c in ranked]
    if pairs and reading.agrees:
        pairs = [pair for pair in pairs if agrees(size, *pair)]
    elif not pairs and reading.pair:
        pairs = [reading.pair]
    elif not reading.rows and size.n is not None and size.positives is None and size.n <= MOST_PATIENTS:
        pairs = [(p, size.n - p) for p in range(1, size.n)]
        pairs.sort(key=lambda pair: (abs(pair[0] - pair[1]) % (len(pairs) // 16 + 1), pair))
    return sorted(pairs, key=lambda pair: pair != reading.pair)


def _shared_patients(published: Published, cohort: str, readings: Sequence[Reading]) -> Finding:
    """Whether all models of a cohort can have been scored on the same patients."""
    size = published.size(cohort)
    seen = [reading for reading in readings if reading.candidates]
    shared = (
        set.intersection(*({(c.positives, c.negatives) for c in r.candidates} for r in seen)) if seen else set()
    )
    fitting = sorted((pair for pair in shared if agrees(size, *pair)), reverse=True)
    verdict: FindingVerdict = "possible"
    pair = _printed_pair(published, cohort)
    if doubt := _impossible_size(size):
        verdict, detail, pair = "impossible", doubt, (None, None)
    elif len(seen) < 2:
        detail = "fewer than two models have operating points to compare"
    elif fitting:
        pair = fitting[0]
        detail = f"{len(seen)} models can share {_patients_text(fitting)}"
    elif shared:
        verdict, detail = (
            "contradicts printed n",
            f"{len(seen)} models share only {_patients_text(sorted(shared))}",
        )
        pair = max(shared, key=lambda found: (sum(found) == size.n, sum(found)))
    else:
        verdict = "other patients"
        each = "; ".join(f"{r.model} {r.positives} + {r.negatives}" for r in seen)
        detail = f"no number of positives and negatives fits all models ({each})"
    return Finding(cohort, None, "patients", None, verdict, detail, *pair, [list(p) for p in sorted(shared)])


def _printed_pair(published: Published, cohort: str) -> tuple[int | None, int | None]:
    size = published.size(cohort)
    if size.n is None or size.positives is None:
        return None, None
    return size.positives, size.n - size.positives


def _impossible_size(size: CohortSize) -> str:
    """Why no cohort with results can have the printed size; empty if one can."""
    positives = size.positives or 0
    if size.n is not None and max(positives, 0) + (size.negatives or 0) > size.n:
        negatives = "" if size.negatives is None else f" and {size.negatives} negatives"
        held = f"{size.positives} positives{negatives}" if positives > 0 else f"{size.negatives} negatives"
        return f"{held} are printed of {size.n} patients"
    if size.positives == 0 or size.negatives == 0 or (size.n is not None and size.positives == size.n):
        return "all patients are of one class, so no area and no rate is defined"
    return ""


def _patients_text(pairs: Sequence[tuple[int, int]]) -> str:
    named = ", ".join(f"{p} positives and {n} negatives" for p, n in pairs[:2])
    return named + (f" or {len(pairs) - 2} other numbers" if len(pairs) > 2 else "")


def _patients_finding(published: Published, reading: Reading) -> Finding:
    """Which numbers of positives and negatives a model's operating points allow."""
    size = published.size(reading.cohort)
    if not reading.rows:
        detail = "no operating points are printed, so nothing follows"
    elif not reading.candidates and reading.verdict == "impossible":
        most = f" of up to {size.n} patients" if size.n is not None else ""
        detail = f"no numbers of positives and negatives{most} make the operating points possible"
    elif not reading.candidates:
        detail = "possible for numbers of patients above those that were searched"
    else:
        listed = [f"{c.positives} + {c.negatives}" + ("" if c.untied else " (ties)") for c in reading.candidates]
        listed.sort(key=lambda text: text.endswith("(ties)"))
        rest = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
        what = (
            f"{len(reading.kept)} of {len(reading.rows)} operating points"
            if reading.dropped
            else "operating points"
        )
        detail = f"{what} allow {', '.join(listed[:_MOST_NAMED])}{rest} (positives + negatives)"
        if reading.verdict != "possible":
            detail += f"; printed: n {size.n}, positives {size.positives}"
    return Finding(
        reading.cohort,
        reading.model,
        "patients",
        None,
        reading.verdict,
        detail,
        reading.positives,
        reading.negatives,
        as_lists(reading.candidates),
    )


def _findings_on_rows(reading: Reading, others: Sequence[Reading]) -> list[Finding]:
    findings = []
    for at, row in enumerate(reading.rows):
        verdict, detail = describe_row(reading, at, others)
        findings.append(
            Finding(
                reading.cohort,
                reading.model,
                "operating point",
                float(row.recall),
                verdict,
                detail,
                reading.positives,
                reading.negatives,
                _candidates_to_list(reading),
            )
        )
    return findings


def _candidates_to_list(reading: Reading) -> list[list[int]]:
    return as_lists(reading.candidates) if len(reading.candidates) <= MOST_LISTED else []


def _area_findings(published: Published, reading: Reading, areas: AreaVerdicts | None) -> list[Finding]:
    performance = published.performance.get(reading.cohort, {}).get(reading.model)
    if performance is None:
        return []
    findings = []
    for item in ("auroc", "auprc"):
        if getattr(performance, item) is None:
            continue
        if areas is None:
            verdict, detail, pair = _without_patients(float(getattr(performance, item))), "", reading.pair
            detail = (
                "nothing to check it with: numbers of patients do not follow"
                if verdict == "possible"
                else ("lies outside 0 to 1")
            )
        else:
            verdict = getattr(areas, item)
            detail = getattr(areas, f"{item}_detail") or "not read as average precision, so not checked"
            pair = (areas.positives, areas.negatives)
        positives, negatives = pair if pair is not None else (None, None)
        findings.append(
            Finding(
                reading.cohort,
                reading.model,
                item,
                None,
                verdict,
                detail,
                positives,
                negatives,
                _candidates_to_list(reading),
            )
        )
    return findings


def _without_patients(value: float) -> FindingVerdict:
    return "possible" if 0 <= value <= 1 else "impossible"


def _classes(published: Published) -> list[Finding]:
    named = [(name, feature) for group in published.semantic.values() for name, feature in group.items()]
    checked = [(name, feature) for name, feature in named if feature.classes]
    checks = check_classes([feature for _, feature in checked], published.semantic_n)
    return [
        Finding(None, None, f"classes: {name}", None, "possible" if check.possible else "impossible", check.detail)
        for (name, _), check in zip(checked, checks, strict=True)
    ]


def _significance(published: Published) -> list[Finding]:
    """Each starred cell: whether the stars of its block can all be reached on so many folds."""
    findings = []
    for block, models in published.ablation.items():
        columns = dict.fromkeys(
            (c, m) for cohorts in models.values() for c, metrics in cohorts.items() for m in metrics
        )
        for cohort, metric in columns:
            column = {
                name: cohorts[cohort][metric]
                for name, cohorts in models.items()
                if metric in cohorts.get(cohort, {})
            }
            starred = [name for name, cell in column.items() if cell.starred]
            if starred:
                findings += _stars(published, block, cohort, metric, column, starred)
    return findings


def _stars(
    published: Published, block: str, cohort: str, metric: str, column: dict[str, FoldValue], starred: list[str]
) -> list[Finding]:
    asked = published.ablation_test
    item = f"significance: {block} {metric}"
    if not asked.folds:
        detail = "the number of folds is not given (ablation_test: {folds: ...})"
        return [Finding(cohort, name, item, None, "possible", detail) for name in starred]
    limit = smallest_p(asked.test, asked.folds, len(column), len(starred))
    if limit is None:
        detail = f"the test {asked.test!r} is not known here"
        return [Finding(cohort, name, item, None, "possible", detail) for name in starred]
    reached = limit.p <= float(asked.alpha) and len(column) > 1
    stated = "" if asked.test else ", assumed as no test is named"
    detail = (
        f"smallest p of {limit.test}{stated}: {limit.p:.3g} ({limit.reason}); claimed below {asked.alpha.text}"
    )
    if limit.test.startswith("Friedman") and limit.p > 0:
        detail += f"; Wilcoxon's smallest on {asked.folds} folds is {2.0 ** (1 - asked.folds):.3g}"
    verdict: FindingVerdict = "possible" if reached else "unattainable"
    return [Finding(cohort, name, item, None, verdict, detail) for name in starred]
