"""Training overlap: has a model seen the patients of a cohort? Seen, unseen, or unknown.

Cohorts overlap by construction: LUNA25 and UNICORN are NLST, LUNA16 is LIDC. A score of a model on patients that
it has seen is marked, and left out of tests unless somebody says otherwise. A model that was cross-validated on a
cohort was trained on it, but each patient's score comes from a fold that did not hold the patient.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from benchmark.contracts.cohort import CohortManifest
from benchmark.contracts.folds import FoldStructure
from benchmark.errors import InputError, Problem
from benchmark.files import write_text

Exposure = Literal["seen", "unseen", "unknown", "cross-validated"]
SAME_PATIENTS: Final = {
    "luna25": "nlst",
    "unicorn": "nlst",
    "luna16": "lidc",
}
"""Cohort → the larger one that its patients come from."""
PUBLIC: Final = frozenset(
    {"nlst", "luna25", "unicorn", "lidc", "luna16", "lungx", "dlcs", "lndb", "dlcst", "mild"}
)
"""Public cohorts whose patients are known to be different people unless ``SAME_PATIENTS`` says otherwise."""
SUFFIX: Final = ".card.json"


@dataclass(frozen=True)
class ScoreCard:
    """What stands beside a score table: who made it, from what, and whether the model has seen the cohort.

    Attributes:
        model: Name in the table.
        cohort: Name of the cohort.
        title: Name as printed.
        producer: Adapter, calculator or run that made the table.
        trained_on: Cohorts that the model saw; None if nobody knows.
        exposure: Whether it has seen this cohort.
        recorded: Choices that shaped the scores, e.g. Sybil's year.
        sources: Files it was made from: name and sha256.
        warnings: What the user was told.
        extra: Ids of its files that the cohort does not have, left out of the table.
    """

    model: str
    cohort: str
    title: str
    producer: str
    trained_on: tuple[str, ...] | None
    exposure: Exposure
    recorded: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[Mapping[str, str]] = ()
    warnings: Sequence[str] = ()
    extra: Sequence[str] = ()


def people_of(manifest: CohortManifest) -> frozenset[str] | None:
    """The pools of patients that a cohort draws from, by public name; None if its manifest does not say.

    A cohort says so by its source (``details.source``), its own name if that is a public cohort's, or
    ``shares_patients_with``; ``details.shares: declared`` makes an empty list an answer. Phantoms are nobody.
    """
    named = {manifest.name.lower(), *(name.lower() for name in manifest.shares_patients_with)}
    source = str(manifest.details.get("source", "")).lower()
    if "phantom" in manifest.details:
        return frozenset({f"phantom:{manifest.name}"})
    known = {name for name in (*named, source) if name in PUBLIC} | {
        name.lower() for name in manifest.shares_patients_with
    }
    if not known and manifest.details.get("shares") != "declared":
        return None
    return _pools(known)


def exposure(trained_on: Iterable[str] | None, manifest: CohortManifest) -> Exposure:
    """Whether a model trained on ``trained_on`` has seen patients of a cohort.

    Args:
        trained_on: Names of cohorts; None if nobody knows, empty for a model that saw none.
        manifest: The cohort.
    """
    if trained_on is None:
        return "unknown"
    names = {name.lower() for name in trained_on}
    people = people_of(manifest)
    if manifest.name.lower() in names or (people is not None and people & _pools(names)):
        return "seen"
    if not names:
        return "unseen"
    return "unknown" if people is None else "unseen"


def exposure_of_folds(
    trained_on: Iterable[str] | None, manifest: CohortManifest, folds: FoldStructure
) -> Exposure:
    """Whether a model whose scores come in folds has seen the patients of a cohort.

    In a cross-validation, training on the cohort itself does not count: each patient's score is that of the folds
    that held the patient out. Where folds held out only some nodules of a patient, the patient was seen; and so
    it was where the model was trained on another cohort that shares the patients.

    Args:
        trained_on: Names of cohorts; None if nobody knows, empty for a model that saw none.
        manifest: The cohort.
        folds: What the folds of the model's scores are.
    """
    if folds.leaks:
        return "seen"
    if not folds.cross_validated:
        return exposure(trained_on, manifest)
    own = {manifest.name.lower(), str(manifest.details.get("source", "")).lower()}
    others = [name for name in trained_on or () if name.lower() not in own]
    return "seen" if exposure(others, manifest) == "seen" else "cross-validated"


def card_path(scores: Path | str) -> Path:
    """Where the card of a score table stands: ``sybil.csv`` → ``sybil.card.json``."""
    scores = Path(scores)
    return scores.with_name(scores.stem + SUFFIX)


def write_score_card(card: ScoreCard, scores: Path | str) -> None:
    """Write the card beside its score table, atomically."""
    write_text(card_path(scores), json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n")


def read_score_card(scores: Path | str) -> ScoreCard | None:
    """The card beside a score table, or None if there is none.

    Raises:
        InputError: It is there and cannot be read.
    """
    path = card_path(scores)
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        trained_on = content.pop("trained_on")
        return ScoreCard(trained_on=None if trained_on is None else tuple(trained_on), **content)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(Problem(f"is no score card ({error})", "make the score table again", path)) from error


def state_of(scores: Path | str, manifest: CohortManifest) -> Exposure:
    """Exposure of the model of a score table to a cohort; unknown if the table has no card."""
    card = read_score_card(scores)
    return "unknown" if card is None else exposure(card.trained_on, manifest)


def _pools(names: Iterable[str]) -> frozenset[str]:
    return frozenset(SAME_PATIENTS.get(name, name) for name in names)
