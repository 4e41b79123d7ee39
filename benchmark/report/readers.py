"""A reader study from its table, and the scores of models, to tables, a figure and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark import __version__
from benchmark.comparison.reader_numbers import (
    ModalitiesCompared,
    against_rows,
    compared_modalities,
    matched_rows,
    reader_points,
    reader_rows,
)
from benchmark.comparison.reader_studies import ReaderStudy, calls_by_reader, read_reader_study
from benchmark.comparison.units import Scored
from benchmark.contracts.any_table import TableForm
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import check_level
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord, check_record
from benchmark.outputs.written import aside, move_in
from benchmark.report.compare_content import printed_names_of
from benchmark.report.compare_inputs import read_inputs
from benchmark.report.compare_options import CompareOptions
from benchmark.report.drawings import Drawing
from benchmark.report.figures.readers import reader_figure
from benchmark.report.page import Section, write_page
from benchmark.report.printing.forms import write_forms
from benchmark.report.printing.names import Names
from benchmark.report.printing.table import Table
from benchmark.report.tables import readers as layouts
from benchmark.statistics import Resampling
from benchmark.statistics.mrmc import RandomEffects

RECORD, PAGE = "record.json", "index.html"
STEMS = (
    "readers",
    "reader_points",
    "matched_recall",
    "matched_specificity",
    "against_readers",
    "mrmc",
    "mrmc_means",
)
"""Names of the tables' files."""


@dataclass(frozen=True)
class ReaderOptions:
    """What to look at in a reader study.

    Attributes:
        cohort: Cohort of the labels and of the models' scores; without it the table has labels and there are no
            models.
        models: Models to set against the readers; all that have scores by default.
        call_from: ``4`` for all readers, ``READER=3`` for one: the rating from which a case is called.
        columns: Role → column of the table.
        form: How the table is written, where that is not to be found.
        random: What `mrmc` draws from a population.
        allow_seen: Test models also on cohorts that they saw in training.
        level: Confidence level.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
    """

    cohort: str | None = None
    models: Sequence[str] = ()
    call_from: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    form: TableForm = field(default_factory=TableForm)
    random: RandomEffects = "readers and cases"
    allow_seen: bool = False
    level: float = 0.95
    replicates: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class _Models:
    """The models of the cohort.

    Attributes:
        scored: Their scores.
        untested: Those that take part in no test, and why.
        names: Printed names.
    """

    scored: Scored
    untested: Mapping[str, str]
    names: Names

    @property
    def titles(self) -> dict[str, str]:
        """Printed name of each model, with its mark."""
        return {m: self.names.on(self.scored.cohort, m) for m in self.scored.models}

    @property
    def notes(self) -> list[str]:
        """Who is left out of the tests, and what the marks mean."""
        left_out = [f"{self.names.model(model)} is in no test: {why}." for model, why in self.untested.items()]
        return [*left_out, *self.names.notes([self.scored.cohort])]


def compare_readers(
    path: Path, workspace: Workspace | None = None, options: ReaderOptions | None = None, *, out: Path
) -> list[Table]:
    """Judge readers, set models against them, compare modalities; write tables, figure and page.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from benchmark.report.readers import ReaderOptions, compare_readers
        >>> sick = [k % 3 == 0 for k in range(30)]
        >>> rows = [(r, f"p{k}", 1 + (k * r) % 4 + sick[k], int(sick[k])) for r in (1, 2) for k in range(30)]
        >>> pd.DataFrame(rows, columns=["reader", "case", "rating", "label"]).to_csv("readings.csv", index=False)
        >>> options = ReaderOptions(call_from=["4"])
        >>> tables = compare_readers(Path("readings.csv"), options=options, out=Path("readers"))
        >>> [cell.text for cell in tables[0].rows[0]][:3]
        ['1', '30 (10)', '0.735 (0.512–0.880)']

    Args:
        path: See `read_reader_study`.
        workspace: Where cohort and scores are.
        options: What to look at.
        out: Folder to write to.

    Returns:
        The tables, as a terminal shows them.

    Raises:
        InputError: The table, an option or the cohort is wrong; nothing was written.
    """
    workspace, options = workspace or Workspace(), options or ReaderOptions()
    check_level(options.level)
    if options.cohort is None and options.models:
        raise InputError(Problem("needs the cohort that the scores are of", "pass --cohort", column="--model"))
    settings: dict[str, Any] = {"table": path.name, "cohort": options.cohort or "", "models": list(options.models)}
    settings |= {"call_from": list(options.call_from), "random": options.random, "level": options.level}
    record = RunRecord(command_line(), settings | {"replicates": options.replicates}, options.seed)
    cohort = None if options.cohort is None else workspace.cohort(options.cohort)
    study = read_reader_study(path, cohort, options.columns, options.form)
    calls = calls_by_reader(study, options.call_from)
    models = None if cohort is None else _read_models(study, workspace, options, record)
    numbers, compared = _numbers(study, calls, models, options)
    tables = _tables(study, numbers, compared, models, options.level)
    record.add_input(path.name, path)
    with holding(out):
        check_record(out / RECORD)
        with aside(out) as made:
            for stem, frame in numbers.items():
                write_table(frame, made / f"{stem}.csv")
            for stem, table in tables.items():
                write_forms(table, made / stem)
            _write_readers_page(made / PAGE, numbers["reader_points"], tables, models, study)
            record.write(made / RECORD)
            old = [f"{stem}{end}" for stem in STEMS for end in (".csv", ".md", ".tex", ".html", "_wide.csv")]
            move_in(made, out, unrecorded=[RECORD], drop=[name for name in old if not (made / name).exists()])
    return list(tables.values())


def _read_models(
    study: ReaderStudy, workspace: Workspace, options: ReaderOptions, record: RunRecord
) -> _Models | None:
    """The models of the cohort; None where it has no scores and nobody asked for a model."""
    cohort = options.cohort or ""
    if not options.models and not workspace.scores(cohort).is_dir():
        return None
    asked = CompareOptions(models=options.models, unit=study.unit, allow_seen=options.allow_seen)
    inputs = read_inputs([cohort], workspace, asked)
    record.facts["inputs"] = dict(inputs.hashes)
    untested = {} if options.allow_seen else inputs.untested(cohort)
    return _Models(inputs.units[0], untested, printed_names_of(inputs, asked))


def _numbers(
    study: ReaderStudy, calls: Mapping[str, float], models: _Models | None, options: ReaderOptions
) -> tuple[dict[str, pd.DataFrame], ModalitiesCompared | None]:
    """Tables for programs by the name of their file, and the modalities compared."""
    level = options.level
    found = {"readers": reader_rows(study, level), "reader_points": reader_points(study, calls, level)}
    if models is not None:
        found["against_readers"] = against_rows(study, models.scored, models.untested, level)
        if calls:
            resampling = Resampling(options.replicates, options.seed)
            rows = matched_rows(study, models.scored, calls, models.untested, level=level, resampling=resampling)
            found |= {f"matched_{name}": rows[rows["matched"] == name] for name in ("recall", "specificity")}
    compared = compared_modalities(study, options.random, level)
    if compared is not None:
        found |= {"mrmc": compared.found.differences, "mrmc_means": compared.found.means}
    return found, compared


def _tables(
    study: ReaderStudy,
    numbers: Mapping[str, pd.DataFrame],
    compared: ModalitiesCompared | None,
    models: _Models | None,
    level: float,
) -> dict[str, Table]:
    """Tables for readers of the page by the name of their file, those that have rows."""
    points = numbers["reader_points"]
    found = {"readers": layouts.reader_table(numbers["readers"], points, study.unit, level, study.notes)}
    if len(points):
        found["reader_points"] = layouts.reader_points_table(points, level)
    if models is not None:
        titles, notes = models.titles, models.notes
        for name in ("recall", "specificity"):
            rows = numbers.get(f"matched_{name}")
            if rows is not None and len(rows):
                found[f"matched_{name}"] = layouts.matched_table(rows, titles, name, notes)
        if len(numbers["against_readers"]):
            found["against_readers"] = layouts.against_readers_table(
                numbers["against_readers"], titles, level, notes
            )
    if compared is not None:
        found["mrmc"] = layouts.modality_table(compared, study.unit)
    return found


def _write_readers_page(
    path: Path, points: pd.DataFrame, tables: Mapping[str, Table], models: _Models | None, study: ReaderStudy
) -> None:
    titles = models.titles if models is not None else {}
    readers, against = Section("readers", "Readers"), Section("models", "Models against readers")
    if len(points):
        figure = reader_figure(points, models.scored if models is not None else None, titles)
        text = "Points: readers, filled where the rating is a call. "
        text += "Curves: models on all labelled cases that they scored."
        readers.add_figures([Drawing("readers", "Readers and models", text, figure)])
    readers.add_table(tables["readers"])
    if "reader_points" in tables:
        readers.add_table(tables["reader_points"], "Readers at every rating")
    for stem in ("against_readers", "matched_recall", "matched_specificity"):
        if stem in tables:
            against.add_table(tables[stem])
    modalities = Section("modalities", "Modalities compared")
    if "mrmc" in tables:
        modalities.add_table(tables["mrmc"])
    cases = study.readings[["case", "nodule_id"]].drop_duplicates()
    lead = f"{len(study.readers)} readers, {len(cases):,} {study.unit}s, {len(study.modalities)} modalities."
    write_page(
        path, title="Readers", lead=lead, stamp="",
        sections=[section for section in (readers, against, modalities) if section.parts],
        footer=f"Made by nodule-bench {__version__}; the page holds everything it shows and loads nothing.",
    )  # fmt: skip
