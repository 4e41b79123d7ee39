"""What a user says about the cohorts that a model was trained on (``--trained-on``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.contracts.cohort import Cohort, find_manifest, list_cohorts
from benchmark.contracts.overlap import PUBLIC, people_recorded
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem

_NONE = "none"


def check_names(trained_on: Sequence[str]) -> None:
    """Refuse names that name no cohort, and cohorts beside none.

    Raises:
        InputError: Names them.
    """
    problems = [
        Problem("is no name of a cohort", "name cohorts, or none", column="--trained-on", value=name)
        for name in trained_on
        if not name or name != name.strip()
    ]
    others = [name for name in trained_on if not is_none(name)]
    if others and len(others) < len(trained_on):
        what = f"is given beside {', '.join(others)}"
        problems.append(Problem(what, "name cohorts, or none", column="--trained-on", value=_NONE))
    if problems:
        raise InputError(problems)


def is_none(name: str) -> bool:
    """Whether the user says that the model saw no cohort."""
    return name.lower() == _NONE


def people_behind(trained_on: Sequence[str], cohort: Cohort) -> dict[str, tuple[str, ...]]:
    """Whose patients the user's own training cohorts hold, by the manifests beside that of the scored one."""
    found: dict[str, tuple[str, ...]] = {}
    for name in trained_on:
        manifest = None if name.lower() in PUBLIC else find_manifest(name, cohort.folder.parent)
        found |= people_recorded(manifest) if manifest is not None else {}
    return found


def patients_behind(
    listed: Mapping[str, tuple[str, ...]], trained_on: Sequence[str] | None
) -> dict[str, tuple[str, ...]]:
    """The listed patients of each cohort as a card holds them.

    Raises:
        InputError: A list is of a cohort that the model did not see.
    """
    strange = [name for name in listed if name not in (trained_on or ())]
    if strange:
        said = ", ".join(trained_on) if trained_on else "none that is known"
        fix = f"pass --trained-on {strange[0]} too; cohorts that it saw: {said}"
        what = "is no cohort that the model was trained on"
        raise InputError([Problem(what, fix, column="--trained-patients", value=name) for name in strange])
    return dict(listed)


def unknown_names(trained_on: Sequence[str], cohort: Cohort) -> list[str]:
    """Warnings on names that are neither a public cohort nor one beside the scored cohort."""
    known = [*sorted(PUBLIC), *list_cohorts(cohort.folder.parent), _NONE]
    return [
        f"--trained-on {name!r} is no public cohort and none here{nearest(name, known)}: taken as other patients"
        for name in trained_on
        if name.lower() not in known and name not in known
    ]


def strangers_listed(listed: Mapping[str, tuple[str, ...]], cohort: Cohort) -> list[str]:
    """Warnings on lists of training patients that meet no id of the cohort: they may be written otherwise."""
    own = set(cohort.nodules["pid"]) if listed else set()
    return [
        f"none of the {len(pids):,} training patients listed of {name} is in {cohort.name}: check that the ids "
        f"are written as its own are ({pids[0]!r} there, {next(iter(cohort.nodules['pid']))!r} here)"
        for name, pids in listed.items()
        if own.isdisjoint(pids)
    ]
