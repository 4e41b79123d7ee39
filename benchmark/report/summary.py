"""What a reader wants to know first, in plain words: who is better, by how much, on whom."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.pairs import enough_to_pool, oriented
from benchmark.report.content import Content
from benchmark.report.printing.numbers import count, decimals, estimate_text, interval, p_value, percent, signed
from benchmark.wording import counted

NAMED = 4
"""Models named in one sentence; the rest are counted."""


@dataclass(frozen=True)
class Card:
    """One cohort's answer.

    Attributes:
        title: The cohort.
        size: How many patients, how many positive.
        value: AUROC of the best model; empty where there is none.
        interval: Its interval.
        sentences: Who leads, and over whom.
    """

    title: str
    size: str
    value: str
    interval: str
    sentences: tuple[str, ...]


def lead(content: Content) -> str:
    """The answer over all cohorts."""
    defined = [result for result in content.results if result.performance["auroc"].notna().any()]
    models, cohorts = len(content.models), len(content.results)
    start = f"{counted(models, 'model')} on {counted(cohorts, 'cohort')}. "
    if not defined:
        return start + "No AUROC can be computed: every cohort's scored cases are all of one class."
    if models == 1:
        return f"{start}It stands alone, so there is nothing to compare it with."
    return start + _leaders(content, defined) + _clear(content, defined) + _pooled(content)


def _leaders(content: Content, results: list[CohortResult]) -> str:
    names = content.names
    among = " among the models tested" if any(_of_tested(r, best_model(r)) for r in results) else ""
    by_model: dict[str, list[str]] = {}
    for result in results:
        by_model.setdefault(best_model(result), []).append(names.cohort(result.scored.cohort))
    if len(by_model) == 1:
        where = "" if len(results) == 1 else f" on all {len(results)} cohorts"
        return f"{names.model(next(iter(by_model)))} has the highest AUROC{among}{where}."
    parts = [f"{names.model(model)} on {', '.join(cohorts)}" for model, cohorts in by_model.items()]
    more = f" and others on the remaining {len(parts) - NAMED}" if len(parts) > NAMED else ""
    return f"No model ranks first everywhere: by AUROC{among} {'; '.join(parts[:NAMED])}{more}."


def _clear(content: Content, results: list[CohortResult]) -> str:
    """On which cohorts the leader is ahead of every other model beyond chance."""
    if not any(len(result.pairs) for result in results):
        return " No two models are in a test, so nothing is said of their differences."
    clear = [content.names.cohort(r.scored.cohort) for r in results if _all_clear(r, best_model(r))]
    others = "the other model" if len(content.models) == 2 else "every other model"
    others += " tested" if any(result.untested or result.odd for result in results) else ""
    if not clear and len(results) == 1:
        return f" It is not ahead of {others} beyond chance (Holm p ≥ 0.05)."
    if not clear:
        return f" On no cohort is the leader ahead of {others} beyond chance (Holm p ≥ 0.05)."
    return f" The leader is ahead of {others} beyond chance (Holm p < 0.05) on {', '.join(clear)}."


def cards(content: Content) -> list[Card]:
    """One card a cohort."""
    return [_card(content, result) for result in content.results]


def best_model(result: CohortResult) -> str:
    """The model with the highest AUROC on a cohort, of those tested if any is; empty where there is none."""
    table = result.performance.dropna(subset="auroc")
    tested = table[~table["model"].isin(result.untested)]
    table = tested if len(tested) else table
    return "" if table.empty else str(table["model"].iloc[int(table["auroc"].argmax())])


def _of_tested(result: CohortResult, best: str) -> bool:
    """Whether the best model is only the best of those that are tested."""
    return bool(result.untested) and best not in result.untested


def _card(content: Content, result: CohortResult) -> Card:
    names, scored = content.names, result.scored
    n, positives = len(scored.units), int(scored.labels.sum())
    size = f"{count(n)} {scored.unit}s, {count(positives)} positive" + (
        f" ({percent(positives / n)})" if n else ""
    )
    title, best = names.cohort(scored.cohort), best_model(result)
    if not best:
        why = (
            "No AUROC: the cases that all models scored are all of one class."
            if n
            else "No case was scored by all."
        )
        return Card(title, size, "", "", (why,))
    row = result.performance.set_index("model").to_dict("index")[best]
    among = " among the models tested" if _of_tested(result, best) else ""
    sentences = [f"{names.model(best)} ranks highest by AUROC{among}."]
    pairs = result.pairs[result.pairs["metric"] == "auroc"].reset_index(drop=True)
    rivals = oriented(pairs, best) if len(pairs) else pairs
    ahead, level = rivals[rivals["p_holm"] < 0.05], rivals[rivals["p_holm"] >= 0.05]
    unknown = rivals[rivals["p_holm"].isna()]
    if len(ahead):
        sentences.append("Ahead of " + _differences_in_words(content, ahead, with_p=True) + ".")
    if len(level):
        sentences.append(
            "Within what chance allows of " + _differences_in_words(content, level, with_p=True) + "."
        )
    if len(unknown):
        sentences.append(
            "No test can be made of the difference from "
            + _differences_in_words(content, unknown, with_p=False)
            + "."
        )
    for why in dict.fromkeys(result.untested.values()):
        left_out = ", ".join(names.model(model) for model, own in result.untested.items() if own == why)
        sentences.append(f"In no test, because {why}: {left_out}.")
    return Card(
        title,
        size,
        decimals(row["auroc"]),
        f"AUROC ({interval(row['auroc_low'], row['auroc_high'])})",
        tuple(sentences),
    )


def _differences_in_words(content: Content, rows: pd.DataFrame, *, with_p: bool) -> str:
    texts = [
        f"{content.names.model(row['model_b'])} by {estimate_text(row['difference'], row['low'], row['high'])}"
        + (f", Holm p {p_value(row['p_holm'])}" if with_p else "")
        for row in rows.to_dict("records")
    ]
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return "; ".join(texts[:NAMED]) + more


def _all_clear(result: CohortResult, model: str) -> bool:
    pairs = result.pairs[result.pairs["metric"] == "auroc"].reset_index(drop=True)
    rivals = oriented(pairs, model) if len(pairs) else pairs
    return len(rivals) > 0 and bool(((rivals["p_holm"] < 0.05) & (rivals["difference"] > 0)).all())


def _pooled(content: Content) -> str:
    if content.pooled.empty:
        return ""
    known = content.pooled[(content.pooled["metric"] == "auroc") & content.pooled["difference"].notna()]
    rows = oriented(known.reset_index(drop=True), content.reference)
    if rows.empty:
        return ""
    texts = [
        f"{signed(row['difference'])} ({interval(row['low'], row['high'])}) from "
        + content.names.model(row["model_b"])
        for row in rows.to_dict("records")
    ]
    if enough_to_pool(rows).empty:
        return (
            " Two cohorts are too few to pool: how much the difference varies between cohorts can hardly be told, "
            "and the pooled intervals in the tables say little."
        )
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    found = "; ".join(texts[:NAMED]) + more
    return f" Pooled over cohorts, the AUROC of {content.names.model(content.reference)} differs by {found}."
