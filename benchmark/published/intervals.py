"""Whether printed intervals can be true: limits in order, around their value, inside 0 to 1."""

from __future__ import annotations

from benchmark.published.finding import Finding, FindingVerdict
from benchmark.published.printed import Printed
from benchmark.published.reading import Reading
from benchmark.published.schema import Published


def check_intervals(published: Published, reading: Reading) -> list[Finding]:
    """Findings on the intervals that are printed beside a model's areas."""
    performance = published.performance.get(reading.cohort, {}).get(reading.model)
    findings = []
    for item in ("auroc", "auprc"):
        limits = getattr(performance, f"{item}_interval", None)
        if limits is None or limits == (None, None):
            continue
        doubts = _doubts(getattr(performance, item), *limits)
        low, high = (limit.text if limit else "?" for limit in limits)
        detail = "; ".join(doubts) if doubts else f"{low} to {high}"
        verdict: FindingVerdict = "impossible" if doubts else "possible"
        findings.append(Finding(reading.cohort, reading.model, f"{item} interval", None, verdict, detail))
    return findings


def _doubts(value: Printed | None, low: Printed | None, high: Printed | None) -> list[str]:
    """What no interval can be; rounding is given to all three numbers."""
    doubts = []
    if low and high and low.low > high.high:
        doubts.append(f"the lower limit {low.text} is above the upper one {high.text}")
    elif value and low and low.low > value.high:
        doubts.append(f"{value.text} is below its lower limit {low.text}")
    elif value and high and high.high < value.low:
        doubts.append(f"{value.text} is above its upper limit {high.text}")
    # A limit outside 0 to 1 comes from a symmetric formula; no area lies there.
    if low and low.high < 0:
        doubts.append(f"the lower limit {low.text} is below 0")
    if high and high.low > 1:
        doubts.append(f"the upper limit {high.text} is above 1")
    return doubts
