"""Reading what a comparison stands on: cohorts, score tables with their cards, printed rows, zero-shot AUROCs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import pandas as pd

from benchmark.comparison.exposures import UNTESTED, exposures, score_cards
from benchmark.comparison.groups import check_column
from benchmark.comparison.score_files import read_scores, score_paths
from benchmark.comparison.thresholds import Thresholds, split_source
from benchmark.comparison.training_copies import TrainingCopies, training_copies
from benchmark.comparison.units import Scored, scores_by_unit
from benchmark.comparison.unseen import UnseenPart, refuse_small_rests, unseen_part
from benchmark.contracts.cohort import MANIFEST, TABLE, Cohort
from benchmark.contracts.overlap import refuse_other_spellings
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.text_table import read_numbers
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.files import sha256
from benchmark.report.compare_options import CompareOptions
from benchmark.report.compare_thresholds import read_thresholds, source_in_workspace
from benchmark.report.printed_rows import PrintedRows, printed_rows
from benchmark.report.tables.semantic import COLUMNS as SEMANTIC


@dataclass(frozen=True)
class CompareInputs:
    """What was read.

    Attributes:
        cohorts: The cohorts, in the order to print.
        scores: Rows of score tables by cohort.
        units: Units of each cohort with the models' scores, in the order of ``cohorts``.
        cards: Cards by cohort and model.
        printed: Printed rows of papers; None without.
        semantic: Zero-shot AUROC of semantic features by cohort, where there is any.
        hashes: Every file read, by its name in the project: its sha256.
        notes: Sentences on what was taken for what.
        thresholds: Thresholds from elsewhere.
        unseen: What is left of each cohort where only patients whom no compared model saw are asked for; ``units``
            holds nobody else.
    """

    cohorts: Sequence[Cohort]
    scores: Mapping[str, pd.DataFrame]
    units: Sequence[Scored]
    cards: Mapping[str, Mapping[str, ScoreCard]]
    printed: PrintedRows | None
    semantic: Mapping[str, pd.DataFrame]
    hashes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    unseen: tuple[UnseenPart, ...] = ()

    @cached_property
    def exposures(self) -> pd.DataFrame:
        """Training overlap of every model and cohort (`benchmark.comparison.exposures`)."""
        return pd.concat(
            [
                exposures(
                    self.cards[cohort.name],
                    cohort,
                    scored.models,
                    scored=_scored_patients(scored),
                    structures=scored.structures,
                )
                for cohort, scored in zip(self.cohorts, self.units, strict=True)
            ],
            ignore_index=True,
        )

    def untested(self, cohort: str) -> dict[str, str]:
        """Models that take part in no test on a cohort by what their cards say, and why."""
        rows = self.exposures[self.exposures["cohort"] == cohort].to_dict("records")
        return {row["model"]: UNTESTED[row["exposure"]] for row in rows if row["exposure"] in UNTESTED}


def read_inputs(names: Sequence[str], workspace: Workspace, options: CompareOptions) -> CompareInputs:
    """Read all that a comparison of the cohorts ``names`` needs.

    Raises:
        InputError: A cohort or a model has no scores, or a file is wrong.
    """
    read = [workspace.cohort(name) for name in dict.fromkeys(names)]
    if options.by is not None:
        check_column(options.by, read)
    printed = printed_rows(options.published, [cohort.name for cohort in read], options.unit)
    table = cache(read_score_table)
    scores = read_scores(workspace, [cohort.name for cohort in read], options.models, table)
    units = [_gathered(cohort, scores[cohort.name], options) for cohort in read]
    cards = {cohort.name: score_cards(workspace, cohort.name, table) for cohort in read}
    for cohort in read:
        refuse_other_spellings(cohort, cards[cohort.name])
    unseen: list[UnseenPart] = []
    if options.unseen_patients:
        unseen = [unseen_part(own, scored, cards[own.name]) for own, scored in zip(read, units, strict=True)]
        refuse_small_rests(unseen)
        units = [part.scored for part in unseen]
    return CompareInputs(
        cohorts=read,
        scores=scores,
        units=units,
        cards=cards,
        printed=printed,
        semantic=_semantic(workspace, read),
        hashes=_hashes(workspace, [*read, *_elsewhere(read, workspace, options)]),
        thresholds=read_thresholds(read, units, source_in_workspace(workspace, options), options),
        unseen=tuple(unseen),
    )


def training_copies_of(inputs: CompareInputs, workspace: Workspace) -> list[TrainingCopies]:
    """Patients of the cohorts who stand under other ids in a cohort that a model was trained on."""
    states: dict[str, dict[str, str]] = {}
    for row in inputs.exposures.to_dict("records"):
        states.setdefault(row["cohort"], {})[row["model"]] = row["exposure"]
    return [
        found
        for cohort in inputs.cohorts
        for found in training_copies(cohort, inputs.cards[cohort.name], states.get(cohort.name, {}), workspace)
    ]


def _elsewhere(read: Sequence[Cohort], workspace: Workspace, options: CompareOptions) -> list[Cohort]:
    """The cohort that thresholds are chosen on, where it is none of those compared."""
    if options.threshold_from is None:
        return []
    name = split_source(options.threshold_from)[0]
    return [] if name in [cohort.name for cohort in read] else [workspace.cohort(name)]


def _gathered(cohort: Cohort, scores: pd.DataFrame, options: CompareOptions) -> Scored:
    scored = scores_by_unit(cohort, scores, options.unit)
    if not scored.models:
        what = f"no model has scores of {options.unit}s on cohort {cohort.name}"
        raise InputError(Problem(what, "compare with --unit patient" if options.unit == "nodule" else ""))
    return scored.keeping([model for model in options.models if model in scored.models] or scored.models)


def _scored_patients(scored: Scored) -> dict[str, frozenset[str]]:
    """Patients that each model scored."""
    pids = scored.units["pid"].to_numpy(object)
    return {model: frozenset(pids[scored.scores[model].notna().to_numpy()]) for model in scored.models}


def _semantic(workspace: Workspace, cohorts: Sequence[Cohort]) -> dict[str, pd.DataFrame]:
    """Zero-shot AUROCs that ``bench explain`` wrote."""
    found = {}
    for cohort in cohorts:
        path = workspace.explanation(cohort.name) / "semantic.csv"
        if path.is_file():
            table = read_numbers(path, ("feature", "group", "kind", "note"))
            missing = [column for column in SEMANTIC if column not in table]
            if missing:
                fix = "make it again with `bench explain`"
                raise InputError(Problem(f"columns are missing: {', '.join(missing)}", fix, path))
            found[cohort.name] = table
    return found


def _hashes(workspace: Workspace, cohorts: Sequence[Cohort]) -> dict[str, str]:
    hashes = {}
    for cohort in cohorts:
        for name in (MANIFEST, TABLE):
            hashes[f"{cohort.name}/{name}"] = sha256(cohort.folder / name)
        for path in score_paths(workspace, cohort.name).values():
            hashes[f"scores/{cohort.name}/{path.name}"] = sha256(path)
    return hashes
