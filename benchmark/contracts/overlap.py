"""Training overlap: has a model seen the patients of a cohort? Seen, unseen, or unknown.

Cohorts overlap by construction: LUNA25 and UNICORN are NLST, LUNA16 is LIDC. A score of a model on patients that
it has seen is marked, and left out of tests unless somebody says otherwise. A model that was cross-validated on a
cohort was trained on it, but each patient's score comes from a fold that did not hold the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.folds import FoldStructure
from benchmark.contracts.ids import match_ids
from benchmark.contracts.score_card import Exposure, ScoreCard
from benchmark.errors import InputError, Problem
from benchmark.wording import first_few

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
NO_FOLDS: Final = FoldStructure("none")
_SHOWN: Final = 5


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


def sharing_patients(manifests: Iterable[CohortManifest]) -> set[frozenset[str]]:
    """Pairs of cohorts that share patients: one declares it of the other, or both draw on one public pool.

    Two cohorts that each share patients with a third one need not share any with each other.
    """
    return {
        frozenset((first.name, second.name))
        for first, second in combinations(manifests, 2)
        if second.name.lower() in _declared(first)
        or first.name.lower() in _declared(second)
        or _public_pools(first) & _public_pools(second)
    }


def patients_in_both(first: Cohort, second: Cohort) -> int | None:
    """Patients that two cohorts have in common, by their ids.

    Returns:
        The number of ids that stand in both, 0 where the manifests alone say that patients are shared. None where
        nothing says so: no id stands in both, or the two are known to be of other people, whatever their ids.
    """
    people = people_of(first.manifest), people_of(second.manifest)
    is_declared = bool(sharing_patients((first.manifest, second.manifest)))
    if not is_declared and None not in people:
        return None
    common = len(set(first.nodules["pid"]) & set(second.nodules["pid"]))
    return common if common or is_declared else None


def _declared(manifest: CohortManifest) -> frozenset[str]:
    return frozenset(name.lower() for name in manifest.shares_patients_with)


def _public_pools(manifest: CohortManifest) -> frozenset[str]:
    """The public cohorts that a cohort's own patients come from, by its name or source."""
    if "phantom" in manifest.details:
        return frozenset()
    named = {manifest.name.lower(), str(manifest.details.get("source", "")).lower()}
    return _pools(named & PUBLIC)


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


def people_recorded(manifest: CohortManifest) -> dict[str, tuple[str, ...]]:
    """What a card keeps of a training cohort's manifest (``ScoreCard.people``); nothing if it does not say."""
    people = people_of(manifest)
    if people is None:
        return {}
    return {manifest.name: tuple(sorted(people | {name.lower() for name in manifest.shares_patients_with}))}


def fitted_card(
    card: ScoreCard, fitted_on: str, manifest: CohortManifest | None, patients: Iterable[str] | None
) -> ScoreCard:
    """A card with what its model was fitted on.

    Args:
        card: The card without it.
        fitted_on: Name of the training cohort.
        manifest: Its manifest; None where it is not at hand.
        patients: Ids of the patients that were used; None where they are not known.
    """
    return fitted_on_several(card, {fitted_on: (manifest, patients)})


def fitted_on_several(
    card: ScoreCard, training: Mapping[str, tuple[CohortManifest | None, Iterable[str] | None]]
) -> ScoreCard:
    """``fitted_card`` of a model that was fitted on several cohorts: manifest and patients by name."""
    people: dict[str, tuple[str, ...]] = {}
    for manifest, _ in training.values():
        people |= {} if manifest is None else people_recorded(manifest)
    used = {name: tuple(sorted(set(pids))) for name, (_, pids) in training.items() if pids is not None}
    return replace(card, trained_on=tuple(training), patients=used, people=people)


def exposure_of(
    card: ScoreCard, cohort: CohortManifest, scored: Iterable[str], folds: FoldStructure = NO_FOLDS
) -> Exposure:
    """Whether the model of a card had seen those patients of a cohort that it scored.

    What the card lists is held against the cohort's manifest, which may say today what it did not when the scores
    were made. A card that says "unseen" of the training cohort itself is believed where it lists no patients: its
    scores may be of patients who were held out.

    In a cross-validation, training on the cohort itself does not count: each patient's score is that of the folds
    that held the patient out. Where folds held out only some nodules of a patient, the patient was seen; and so
    it was where the model was trained on another cohort that shares the patients.

    Args:
        card: The card beside the scores.
        cohort: The cohort.
        scored: Patients with a score.
        folds: What the folds of the scores are.
    """
    if folds.leaks:
        return "seen"
    if folds.cross_validated:
        own_names = {cohort.name.lower(), str(cohort.details.get("source", "")).lower()}
        others = tuple(name for name in card.trained_on or () if name.lower() not in own_names)
        states = {_exposure_to_another(card, name, cohort) for name in others}
        return "seen" if "seen" in states else "cross-validated"
    if card.exposure == "cross-validated":
        card = replace(card, exposure="unknown")
    if card.exposure == "seen" or card.trained_on is None:
        return card.exposure
    own, states = cohort.name.lower(), set[Exposure]()
    for name in card.trained_on:
        if name.lower() == own:
            used = card.patients.get(name)
            is_seen = card.exposure != "unseen" if used is None else not set(used).isdisjoint(scored)
            states.add("seen" if is_seen else "unseen")
        else:
            states.add(_exposure_to_another(card, name, cohort))
    if "seen" in states:
        return "seen"
    return card.exposure if "unknown" in states else "unseen"


@dataclass(frozen=True)
class PatientsSeen:
    """Patients of a cohort that a model was fitted on.

    Attributes:
        pids: Those whom its card lists.
        complete: Whether there can be no others.
    """

    pids: frozenset[str]
    complete: bool


def patients_seen(
    card: ScoreCard, cohort: CohortManifest, pids: Iterable[str], folds: FoldStructure = NO_FOLDS
) -> PatientsSeen:
    """Which patients of a cohort the model of a card had seen.

    Equal ids are one patient in cohorts that share patients, and where a manifest does not say whose they are. A
    list of another cohort that names none of these ids may be written otherwise: it says nothing.

    Args:
        card: The card beside the scores.
        cohort: The cohort.
        pids: All its patients.
        folds: What the folds of the scores are.
    """
    everyone, found, complete = frozenset(pids), set[str](), card.trained_on is not None and not folds.leaks
    own_names = {cohort.name.lower(), str(cohort.details.get("source", "")).lower()}
    for name in card.trained_on or ():
        own = name.lower() == cohort.name.lower()
        state = "seen" if own else _exposure_to_another(card, name, cohort)
        if state == "unseen" or (folds.cross_validated and name.lower() in own_names):
            continue
        listed = everyone.intersection(card.patients.get(name, ()))
        found |= listed
        stated = name in card.patients or card.exposure == "unseen" if own else bool(listed) and state == "seen"
        complete = complete and stated
    return PatientsSeen(frozenset(found), complete and (bool(found) or card.exposure != "seen"))


def refuse_other_spellings(cohort: Cohort, cards: Mapping[str, ScoreCard]) -> None:
    """Refuse lists of training patients whose ids are those of the cohort but for zeros, blanks or case.

    Raises:
        InputError: Names the model, the training cohort and some of the ids.
    """
    problems = []
    for model, card in cards.items():
        for name, listed in card.patients.items():
            only = ScoreCard(model, cohort.name, "", "", (name,), "unknown", people=_people(card, name))
            if exposure_of(only, cohort.manifest, ()) != "seen":
                continue
            if mapping := match_ids(listed, cohort.nodules["pid"]).mapping:
                shown = first_few([f"{own} ({there} in {cohort.name})" for own, there in mapping.items()], _SHOWN)
                what = f"lists {len(mapping):,} training patients of {name} whose ids differ from those of "
                what += f"{cohort.name} in zeros, blanks or case: {shown}"
                problems.append(Problem(what, "write the ids as the cohort does", column="model", value=model))
    if problems:
        raise InputError(problems)


def _people(card: ScoreCard, name: str) -> dict[str, tuple[str, ...]]:
    return {name: card.people[name]} if name in card.people else {}


def _exposure_to_another(card: ScoreCard, trained: str, cohort: CohortManifest) -> Exposure:
    """Whether patients of a training cohort are among those of another one."""
    declared = {name.lower() for name in cohort.shares_patients_with}
    if trained not in card.people:
        found = exposure((trained,), cohort)
        undeclared = trained in card.patients and trained.lower() not in PUBLIC
        return "unknown" if undeclared and found == "unseen" else found
    theirs, people = set(card.people[trained]), people_of(cohort)
    if trained.lower() in declared or cohort.name.lower() in theirs or (people is not None and people & theirs):
        return "seen"
    return "unknown" if people is None else "unseen"


def _pools(names: Iterable[str]) -> frozenset[str]:
    return frozenset(SAME_PATIENTS.get(name, name) for name in names)
