"""The whole of a comparison: read, evaluate, write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark import __version__
from benchmark.comparison.evaluate import CohortResult, evaluate
from benchmark.comparison.exposures import NO_CARD, UNTESTED, exposures, score_cards
from benchmark.comparison.groups import by_column, check_column
from benchmark.comparison.losses import losses
from benchmark.comparison.measured import AREAS, check_measurable, measured_metrics
from benchmark.comparison.pairs import pooled_differences, strongest
from benchmark.comparison.performance import RECALLS
from benchmark.comparison.score_files import read_scores, score_paths
from benchmark.comparison.units import Scored, Unit, gather
from benchmark.contracts.cohort import MANIFEST, TABLE, Cohort, load_cohort
from benchmark.contracts.folds import with_pooled_scores
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.text_table import nearest, read_numbers
from benchmark.errors import InputError, Problem
from benchmark.files import sha256
from benchmark.formats.json import read_json
from benchmark.overlap import sharing_patients
from benchmark.report import names as printing
from benchmark.report.content import Content, joined, reader_tables, terminal_tables
from benchmark.report.fold_notes import folds_untested, odd_notes, pooling_notes
from benchmark.report.names import Names, printed_names
from benchmark.report.printed_rows import printed_rows
from benchmark.report.records import run_records
from benchmark.report.table import Table
from benchmark.report.tables.semantic import COLUMNS as SEMANTIC
from benchmark.report.write import replace_tables
from benchmark.run_record import RunRecord, command_line
from benchmark.written import adopt, check_own

RECORD, PAGE = "record.json", "index.html"


def compare_cohorts(
    names: Sequence[str],
    *,
    out: Path,
    models: Sequence[str] = (),
    results: Path = Path("results"),
    cohorts: Path = Path("cohorts"),
    unit: str = "patient",
    recalls: Sequence[float] = RECALLS,
    replicates: int = 2000,
    seed: int = 0,
    model_titles: dict[str, str] | None = None,
    published: Sequence[str] = (),
    by: str | None = None,
    reference: str | None = None,
    allow_seen: bool = False,
    show_ids: bool = False,
    figures: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> list[Table]:
    """Compare the models that have scores on each of the cohorts, and write tables, figures and page to ``out``.

    Args:
        names: Cohorts, in the order to print.
        out: Folder to write to.
        models: Models to compare; all that have scores by default. Without scores on a cohort, left out there.
        results: Folder that holds ``scores/<cohort>/<model>.csv``.
        cohorts: Folder that holds the cohort folders.
        unit: ``patient`` or ``nodule``.
        recalls: Recalls of the operating points.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
        model_titles: Printed names of models.
        published: Keys or YAML files of papers whose printed rows stand beside, marked †.
        by: Column of the nodule tables to group by.
        reference: Model that differences are taken from; the one with the highest mean AUROC by default.
        allow_seen: Test models also on cohorts that they saw in training, and those whose scores have no card.
        show_ids: Print patient ids on the page instead of pseudonyms.
        figures: Formats to write figures in besides the page: ``png``, ``svg``, ``pdf``.
        metrics: Metrics besides AUROC and AUPRC: names of `METRICS`, such as ``npv@recall=0.9``.

    Returns:
        The tables that a terminal shows, the main one first.

    Raises:
        InputError: A cohort or a model has no scores, or a table is wrong; nothing was written.
    """
    from benchmark.report.drawings import Drawings
    from benchmark.report.figure_files import check_formats, write_figures
    from benchmark.report.sections import write_report

    settings = {"cohorts": list(names), "models": list(models), "unit": unit, "replicates": replicates, "by": by}
    settings["metrics"] = list(metrics)
    record = RunRecord(command_line(), {**settings, "published": list(published), "allow_seen": allow_seen}, seed)
    check_formats(figures)
    recalls = _checked_recalls(recalls)
    measured = measured_metrics(metrics)
    _check_writable(out)
    files = _earlier_files(out)
    _check_own(out, files)
    read = [load_cohort(name, cohorts) for name in dict.fromkeys(names)]
    if by is not None:
        check_column(by, read)
    printed = printed_rows(published, [cohort.name for cohort in read], unit)
    scores = read_scores(results, [cohort.name for cohort in read], models)
    units = [_gathered(cohort, scores[cohort.name], unit, models) for cohort in read]
    check_measurable(measured, units)
    cards = {cohort.name: score_cards(results, cohort.name) for cohort in read}
    overlap = pd.concat(
        [
            exposures(
                cards[cohort.name],
                cohort,
                scored.models,
                scored=_patients(scored),
                structures=scored.structures,
            )
            for cohort, scored in zip(read, units, strict=True)
        ],
        ignore_index=True,
    )
    untested = {} if allow_seen else _untested(overlap)
    evaluated = [
        evaluate(
            scored,
            recalls=recalls,
            replicates=replicates,
            seed=seed,
            untested=untested.get(scored.cohort, {}) | folds_untested(scored),
            metrics=measured,
        )
        for scored in units
    ]
    scores = {name: with_pooled_scores(rows) for name, rows in scores.items()}
    printing_names = _names(read, overlap, model_titles or {}, unit, allow_seen)
    content = Content(
        results=evaluated,
        cohorts=read,
        names=printing_names,
        reference=_reference(reference, evaluated),
        losses=pd.concat(
            [
                losses(cohort, result.available, scores[cohort.name], _extra(cards[cohort.name]), odd=result.odd)
                for cohort, result in zip(read, evaluated, strict=True)
            ],
            ignore_index=True,
        ),
        exposures=overlap,
        pooled=pooled_differences(
            joined(result.pairs for result in evaluated),
            sharing_patients(cohort.manifest for cohort in read),
            printing_names.cohort,
        ),
        printed=printed,
        groups=[
            by_column(
                result.scored,
                cohort,
                by,
                replicates=replicates,
                seed=seed,
                metrics=measured,
                untested=result.untested,
            )
            for result, cohort in zip(evaluated, read, strict=True)
            if by is not None
        ],
        semantic=_semantic(results, read),
        runs=run_records(results, (m for scored in units for m in scored.models), (c.name for c in read)),
        results_folder=results,
        provenance=_provenance(results, read, unit, replicates, seed, list(published))
        | {"metrics": [metric.title for metric in measured[len(AREAS) :]]},
        scores=scores,
        show_ids=show_ids,
        notes=odd_notes(evaluated, printing_names)
        + pooling_notes(units, printing_names)
        + _skipped(models, units, scores, printing_names)
        + _unscored(models, units, scores, printing_names)
        + (printed.missing if printed else ()),
    )
    tables = reader_tables(content)
    files["tables"] = replace_tables(content, tables, out / "tables", files["tables"])
    drawings = Drawings(content)
    write_report(content, tables, drawings, out / "report" / PAGE)
    if figures:
        drawn = write_figures(drawings, out / "figures", figures, files["figures"])
        files["figures"] = [path.name for path in drawn]
    record.facts["inputs"] = content.provenance["inputs"]
    record.write(out / RECORD, files=files)
    return terminal_tables(content)


def _earlier_files(out: Path) -> dict[str, list[str]]:
    """Tables and figures that the record of an earlier comparison in this folder names."""
    try:
        files = read_json(out / RECORD, nan="kept")["files"]
        plain = {kind: [str(name) for name in files[kind]] for kind in ("tables", "figures")}
        return {kind: [name for name in names if name == Path(name).name] for kind, names in plain.items()}
    except (InputError, KeyError, TypeError):
        return {"tables": [], "figures": []}


def _check_own(out: Path, files: Mapping[str, Sequence[str]]) -> None:
    """Refuse to replace what somebody else wrote, or changed, before hours of work are lost on it."""
    for kind, names in {**files, "report": [PAGE]}.items():
        if (out / RECORD).is_file():
            adopt(out / kind, names)
        check_own(out / kind, names)


def _check_writable(out: Path) -> None:
    """Refuse a folder that cannot be written to before hours of work are lost on it."""
    nearest_folder = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest_folder.is_dir() or not os.access(nearest_folder, os.W_OK | os.X_OK):
        raise InputError(Problem("cannot be written", "choose another folder with --out", nearest_folder))


def _checked_recalls(recalls: Sequence[float]) -> list[float]:
    wrong = [recall for recall in recalls if not 0 < recall <= 1]
    if wrong or not recalls:
        fix = "use recalls above 0 and at most 1, such as 0.8"
        raise InputError(
            [Problem("is no recall to aim at", fix, column="--recall", value=f"{recall:g}") for recall in wrong]
            or [Problem("no recall is given", fix, column="--recall")]
        )
    return sorted(set(recalls))


def _gathered(cohort: Cohort, scores: pd.DataFrame, unit: str, models: Sequence[str]) -> Scored:
    chosen: Unit
    if unit == "patient":
        chosen = "patient"
    elif unit == "nodule":
        chosen = "nodule"
    else:
        raise InputError(Problem("is no unit", "use patient or nodule", column="--unit", value=unit))
    scored = gather(cohort, scores, chosen)
    if not scored.models:
        what = f"no model has scores of {unit}s on cohort {cohort.name}"
        raise InputError(Problem(what, "compare with --unit patient" if unit == "nodule" else ""))
    return scored.keeping([model for model in models if model in scored.models] or scored.models)


def _patients(scored: Scored) -> dict[str, frozenset[str]]:
    """Patients that each model scored."""
    return {model: frozenset(scored.units.loc[scored.scores[model].notna(), "pid"]) for model in scored.models}


def _extra(cards: Mapping[str, ScoreCard]) -> dict[str, Sequence[str]]:
    """Ids of a model's files that the cohort does not have."""
    return {model: card.extra for model, card in cards.items() if card.extra}


def _untested(overlap: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Models that take part in no test, and why, by cohort."""
    found: dict[str, dict[str, str]] = {}
    for row in overlap[overlap["exposure"].isin(list(UNTESTED))].to_dict("records"):
        found.setdefault(row["cohort"], {})[row["model"]] = UNTESTED[row["exposure"]]
    return found


def _names(
    cohorts: Sequence[Cohort], overlap: pd.DataFrame, titles: Mapping[str, str], unit: str, allow_seen: bool
) -> Names:
    marks: dict[str, str] = {"seen": printing.SEEN, "unknown": printing.UNKNOWN_OVERLAP, NO_CARD: printing.NO_CARD}
    marks["cross-validated"] = printing.CROSS_VALIDATED
    records = overlap.to_dict("records")
    stated: dict[str, set[str]] = {}
    for row in records:
        stated.setdefault(row["model"], set()).update([row["title"]] if row["title"] else [])
    # A model that its cards call differently from cohort to cohort is printed by its name.
    from_cards = {model: next(iter(found)) if len(found) == 1 else model for model, found in stated.items()}
    return Names(
        printed_names({cohort.name: cohort.manifest.title for cohort in cohorts}),
        printed_names({**from_cards, **{model: titles[model] for model in from_cards if model in titles}}),
        {(row["cohort"], row["model"]): marks[row["exposure"]] for row in records if row["exposure"] in marks},
        unit,
        allow_seen,
    )


def _reference(given: str | None, results: Sequence[CohortResult]) -> str:
    models = sorted({model for result in results for model in result.scored.models})
    if given is not None and given not in models:
        what = f"is no model of this comparison{nearest(given, models)}"
        raise InputError(Problem(what, f"models: {', '.join(models)}", column="--reference", value=given))
    if given is not None:
        return given
    tested = [table[~table["model"].isin(result.untested)] for result in results for table in [result.performance]]
    return strongest(tested if any(len(table) for table in tested) else [r.performance for r in results])


def _skipped(
    models: Sequence[str], units: Sequence[Scored], scores: Mapping[str, pd.DataFrame], names: Names
) -> tuple[str, ...]:
    """Models that others of the cohorts have scores of."""
    wanted = dict.fromkeys([*models, *(model for scored in units for model in scored.models)])
    return tuple(
        f"{names.model(model)} has no scores on {names.cohort(scored.cohort)} and is left out there."
        for scored in units
        for model in wanted
        if model not in set(scores[scored.cohort]["model"]) and any(model in other.models for other in units)
    )


def _unscored(
    models: Sequence[str], units: Sequence[Scored], scores: Mapping[str, pd.DataFrame], names: Names
) -> tuple[str, ...]:
    """Models whose score tables hold no score that counts here."""
    left_out: dict[tuple[str, str], list[str]] = {}
    for scored in units:
        rows = scores[scored.cohort]
        for model, part in rows[~rows["model"].isin(scored.models)].groupby("model", sort=False):
            if models and model not in models:
                continue
            why = f"no score of a {scored.unit}"
            if (part["status"] == "failed").all():
                why = f"all {len(part)} rows failed"
            elif (part.loc[part["fold"] == ENSEMBLE, "status"] == "failed").all():
                why = "no case has a score of all its folds"
            left_out.setdefault((scored.cohort, why), []).append(names.model(str(model)))
    return tuple(
        f"Left out on {names.cohort(cohort)} ({why}): {', '.join(which)}."
        for (cohort, why), which in left_out.items()
    )


def _semantic(results: Path, cohorts: Sequence[Cohort]) -> dict[str, pd.DataFrame]:
    """Zero-shot AUROCs that ``bench explain`` wrote."""
    found = {}
    for cohort in cohorts:
        path = results / "explain" / cohort.name / "semantic.csv"
        if path.is_file():
            table = read_numbers(path, ("feature", "group", "kind", "note"))
            missing = [column for column in SEMANTIC if column not in table]
            if missing:
                fix = "make it again with `bench explain`"
                raise InputError(Problem(f"columns are missing: {', '.join(missing)}", fix, path))
            found[cohort.name] = table
    return found


def _provenance(
    results: Path, cohorts: Sequence[Cohort], unit: str, replicates: int, seed: int, published: list[str]
) -> dict[str, Any]:
    inputs = {}
    for cohort in cohorts:
        for name in (MANIFEST, TABLE):
            inputs[f"{cohort.name}/{name}"] = sha256(cohort.folder / name)
        for path in score_paths(results, cohort.name).values():
            inputs[f"scores/{cohort.name}/{path.name}"] = sha256(path)
    return {
        "nodule-bench": __version__,
        "unit": unit,
        "bootstrap replicates": replicates,
        "seed": seed,
        "published": published,
        "inputs": inputs,
    }
