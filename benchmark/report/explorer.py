"""Data of the page's threshold explorer."""

from __future__ import annotations

from typing import Any

from benchmark.comparison.performance import GRID
from benchmark.report.content import Content
from benchmark.report.page import figure_id

NO_PREVALENCE = (
    "no prevalence is set, for some patients were censored before the horizon and the share of positives among "
    "the others is not theirs; precision stands on that share."
)


def explorer_data(content: Content) -> dict[str, Any]:
    """Operating points of every model at every recall of ``GRID``, as the metrics module gives them.

    Returns:
        ``recalls``, and for each cohort its counts, its prevalence (none where patients were censored), the
        anchors of its curves and, for each model, true and false positives and threshold at each recall;
        ``notes`` on marks and bold numbers. The page computes rates and counts per 1,000 from them.
    """
    cohorts = []
    censored = set(content.losses.loc[content.losses["censored"] > 0, "cohort"])
    for number, result in enumerate(content.results, start=1):
        if not result.grid:
            continue
        scored, names = result.scored, content.names
        positives, n = int(scored.labels.sum()), len(scored.units)
        whole = scored.cohort not in censored
        cohorts.append(
            {
                "name": names.cohort(scored.cohort),
                "roc": figure_id(f"cohort-{number}", f"roc_{scored.cohort}"),
                "pr": figure_id(f"cohort-{number}", f"pr_{scored.cohort}"),
                "positives": positives,
                "negatives": n - positives,
                "prevalence": positives / n if whole else None,
                "models": [
                    {
                        "name": names.on(scored.cohort, model),
                        "competes": names.competes(scored.cohort, model),
                        "tp": [int(v) for v in grid[0]],
                        "fp": [int(v) for v in grid[1]],
                        "threshold": [float(f"{v:.5g}") for v in grid[2]],
                    }
                    for model, grid in result.grid.items()
                ],
            }
        )
    shown = [result.scored.cohort for result in content.results if result.grid]
    partly = [content.names.cohort(cohort) for cohort in shown if cohort in censored]
    notes = (f"Bold: {content.names.best_of(shown)}.", *content.names.notes(shown))
    if partly:
        notes += (f"{', '.join(partly)}: {NO_PREVALENCE}",)
    return {"recalls": [float(t) for t in GRID], "cohorts": cohorts, "notes": notes}
