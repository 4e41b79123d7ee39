"""Whether runs are trials of one search: settings, seed, cohorts and data are those that they must be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmark.contracts.cohort import Cohort
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished, sha256
from benchmark.formats.json import read_json
from benchmark.outputs.written import write_own
from clip_nodule.runs.run_folder import MANIFEST, read_run
from clip_nodule.runs.settings import PLACES, Settings
from clip_nodule.search.space import Sweep, shown

_FIX: Final = "choose another --name for this search, or move that run away"
_TEXTS: Final = ("modality", "backbone", "text_variants", "text_part", "text_augment")
_DECIDED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "patients": (),
    "nodules": ("recipe",),
    "sides": ("recipe",),
    "crops": ("recipe",),
    "texts": ("recipe", *_TEXTS),
    "rarity": ("recipe", "sampling"),
    "pretrained": ("backbone", "pretrained"),
}
"""Hash among a run's inputs → the settings that may make it another: all else must not differ between trials."""


def values_of(run: Path, sweeps: Sequence[Sweep]) -> dict[str, Any] | None:
    """What a trial varies, by its run; None where there is no run yet.

    Raises:
        InputError: The run has a value that the search cannot give it.
    """
    if not (run / MANIFEST).is_file():
        return None
    settings = read_run(run).settings
    values = {sweep.name: settings.at(PLACES[sweep.name]) for sweep in sweeps}
    problems = [
        Problem(
            "is a run with a value that this search does not try", _FIX, run, None, s.name, shown(values[s.name])
        )
        for s in sweeps
        if not s.has(values[s.name])
    ]
    if problems:
        raise InputError(problems)
    return values


def require_trial(run: Path, settings: Settings, cohorts: Sequence[str], seed: int) -> None:
    """Refuse a run that is not what the search would train.

    Args:
        run: Its folder.
        settings: What a trial with its values has.
        cohorts: The search's.
        seed: The search's.

    Raises:
        InputError: Names everything that is another.
    """
    info = read_run(run)
    pairs: dict[str, tuple[Any, Any]] = {
        name: (info.settings.at(place), settings.at(place)) for name, place in PLACES.items() if name != "parallel"
    }
    pairs |= {"seed": (info.seed, seed), "--cohort": (" ".join(info.cohorts), " ".join(cohorts))}
    problems = [
        Problem(f"is a run with {shown(there)}; this search has {shown(wanted)}", _FIX, run, None, name)
        for name, (there, wanted) in pairs.items()
        if there != wanted
    ]
    if info.kind != "trained":
        problems.append(Problem("was imported, not trained", _FIX, run))
    if problems:
        raise InputError(problems)


def input_files(
    cohorts: Sequence[Cohort], texts: Path | Mapping[str, Path] | None, splits: Path | None
) -> dict[str, Path]:
    """The files that runs are made from, by what they are: cohorts' nodule tables, texts and folds."""
    files = {f"cohort {cohort.manifest.name}": cohort.folder / "nodules.csv" for cohort in cohorts}
    files |= {f"text {name}": path for name, path in (texts.items() if isinstance(texts, Mapping) else [])}
    files |= {"text": Path(texts)} if isinstance(texts, Path | str) else {}
    if splits is not None:
        files |= {f"splits {path.relative_to(splits)}": path for path in list_finished(splits, "**/*.csv")}
    return files


def require_same_files(files: Mapping[str, Path], listing: Path, *, begun: bool, of: str = "search") -> None:
    """Write hashes of the files that runs are made from; refuse to go on where one was changed.

    Args:
        files: What they are, and where.
        listing: Where the hashes are kept.
        begun: Whether a run was made from them already; before, they may change.
        of: What the runs are of, for messages.

    Raises:
        InputError: Names every file that is not what it was when the search began.
    """
    hashes = {name: sha256(path) for name, path in files.items()}
    if not (begun and listing.is_file()):
        write_own(listing, json.dumps(hashes, indent=1, sort_keys=True) + "\n")
        return
    known = read_json(listing)
    fix = f"put it back as it was, or begin another {of} with --name"
    problems = [
        Problem(f"is not what it was when the {of} began", fix, files.get(name, listing), value=name)
        for name in sorted({*known, *hashes})
        if known.get(name) != hashes.get(name)
    ]
    if problems:
        raise InputError(problems)


def require_same_data(runs: Sequence[Path]) -> None:
    """Refuse trials that did not see the same patients, nodules, crops or texts where their settings are the same.

    Raises:
        InputError: Names the first two runs that differ in each.
    """
    first: dict[tuple[Any, ...], tuple[Path, str | None]] = {}
    problems: list[Problem] = []
    for run in (run for run in runs if (run / MANIFEST).is_file()):
        info = read_run(run)
        for name, decisive in _DECIDED_BY.items():
            key = (name, *(info.settings.at(PLACES[setting]) for setting in decisive))
            other, hashed = first.setdefault(key, (run, info.inputs.get(name)))
            if hashed != info.inputs.get(name) and name not in {problem.column for problem in problems}:
                what = f"saw other {name} than {other.name}: its cohort, folds or texts changed between the two"
                problems.append(Problem(what, "begin another search with --name", run, None, name))
    if problems:
        raise InputError(problems)
