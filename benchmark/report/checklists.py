"""Reporting checklists, filled as far as a comparison can answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from benchmark.contracts.cohort import Cohort
from benchmark.formats.yaml import parse_yaml
from benchmark.report.content import Content
from benchmark.report.printing.numbers import count


@dataclass(frozen=True)
class Item:
    """One item: its number, its topic, what the comparison says of it (empty: for the author)."""

    number: str
    topic: str
    answer: str


@dataclass(frozen=True)
class Checklist:
    """A checklist and how many of its items are answered."""

    name: str
    about: str
    items: tuple[Item, ...]

    @property
    def answered(self) -> int:
        """Items that the comparison answers, at least in part."""
        return sum(bool(item.answer) for item in self.items)


def checklists(content: Content) -> list[Checklist]:
    """TRIPOD+AI, CLAIM 2024 and STARD-AI for this comparison."""
    text = (files("benchmark.report") / "checklists.yaml").read_text(encoding="utf-8")
    known = answers(content)
    return [
        Checklist(
            entry["name"],
            entry["about"],
            tuple(Item(str(number), topic, known.get(key, "")) for number, topic, key in entry["items"]),
        )
        for entry in parse_yaml(text, "checklists.yaml")
    ]


def answers(content: Content) -> dict[str, str]:
    """What the comparison itself says, by key; a key is absent where it says nothing."""
    names, cohorts = content.names, content.cohorts
    found = {
        "data": _each(content, lambda c: ", ".join(s.name for s in c.manifest.sources) or c.manifest.population),
        "population": _each(content, lambda c: c.manifest.population),
        "ct": _each(content, lambda c: c.manifest.ct_type),
        "outcome": _each(content, lambda c: c.manifest.endpoint),
        "size": "; ".join(
            f"{names.cohort(r.scored.cohort)}: {count(len(r.scored.units))} {r.scored.unit}s, "
            f"{count(int(r.scored.labels.sum()))} positive"
            for r in content.results
        ),
        "imbalance": "; ".join(
            f"{names.cohort(r.scored.cohort)}: prevalence {np.mean(r.scored.labels):.1%}"
            for r in content.results
            if len(r.scored.units)
        )
        + ". No resampling; AUPRC beside its prevalence.",
        "missing": "Failed and missing scores are in the ledger; models are compared on what all of them scored.",
        "flow": "See the ledger: expected, scored, failed with reasons, compared.",
        "characteristics": "See the table of cohorts.",
        "analysis": (
            "AUROC (DeLong, logit), AUPRC as average precision (BCa bootstrap), FPR and precision at fixed "
            "recall, calibration, net benefit; paired differences with Holm's correction."
        ),
        "performance": "See the tables of performance and operating points, all with 95 % intervals.",
        "thresholds": "See the operating points, with counts; thresholds were chosen on the same patients.",
        "overlap": "; ".join(
            f"{names.model(row['model'])} on {names.cohort(row['cohort'])}: {row['exposure']}"
            for row in content.exposures.to_dict("records")
            if row["exposure"] != "not stated"
        ),
        "failures": "See the error gallery of each cohort.",
        "code": f"nodule-bench {content.provenance['nodule-bench']}; input hashes at the end of the page.",
        "provenance": "Input hashes and, for models trained here, the recipe in the run records.",
        "deidentification": "" if content.show_ids else "Patients appear under keyed pseudonyms.",
        "sensitivity": "" if content.all_same else "The same metrics on all patients that each model scored.",
    }
    if content.groups:
        found["fairness"] = f"Metrics by {content.groups[0].column}, with interaction tests."
    if content.semantic:
        found["semantic"] = "Zero-shot semantic features."
    if content.runs:
        found["runs"] = "See the run records: " + ", ".join(content.runs) + "."
    if any(len(r.folds) for r in content.results):
        found["folds"] = "Main numbers are of the pooled scores; the spread over folds is in its table."
    return {key: text for key, text in found.items() if text.strip("; .")} if cohorts else {}


def _each(content: Content, read: Callable[[Cohort], str]) -> str:
    parts = [(content.names.cohort(cohort.name), read(cohort)) for cohort in content.cohorts]
    return "; ".join(f"{name}: {text}" for name, text in parts if text)
