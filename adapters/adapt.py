"""Files of another system to score tables: what ``bench adapt`` does."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from adapters.card import Adapter, AdapterOptions, Predictions
from adapters.join import Extra, Joined, join
from adapters.quality import fold_warnings, look
from adapters.scans import Scans
from adapters.training_cohorts import (
    check_names,
    is_none,
    patients_behind,
    people_behind,
    strangers_listed,
    unknown_names,
)
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import fold_structure
from benchmark.contracts.names import path_named
from benchmark.contracts.overlap import exposure_of, refuse_other_spellings
from benchmark.contracts.patient_list import read_patient_list
from benchmark.contracts.score_card import ScoreCard, card_path, holding_scores, read_score_card, write_scores
from benchmark.contracts.scores import ENSEMBLE, check_score_table
from benchmark.errors import InputError, Problem
from benchmark.files import sha256
from benchmark.formats.opening import noting_digests
from benchmark.garbage import collecting_seldom

COMMON = ("score_type", "drop_missing", "sep", "encoding", "decimal")
"""Options that every adapter understands."""


@dataclass(frozen=True)
class TableOptions:
    """What the user said about the score tables that are made of the files.

    Attributes:
        model: Another name for the model.
        scans: Which scan speaks for a patient with several.
        id_map: Ids of the file → ids of the cohort.
        extra: What to do with ids that the cohort does not have.
        fail_on_missing: Cases without a score are an error instead of ``failed`` rows.
        overwrite: Replace tables that are there.
        trained_on: Cohorts that this model saw, if the card is not to be believed; ``none`` for none.
        trained_patients: Cohort of those → file that lists which of its patients it saw (`read_patient_list`).
    """

    model: str | None = None
    scans: Scans | None = None
    id_map: Mapping[str, str] | None = None
    extra: Extra = "error"
    fail_on_missing: bool = False
    overwrite: bool = False
    trained_on: Sequence[str] = ()
    trained_patients: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Adapted:
    """A score table that was written.

    Attributes:
        path: Where.
        joined: The table and what happened on the way.
        card: What stands beside it.
    """

    path: Path
    joined: Joined
    card: ScoreCard


def read_predictions(
    adapter: Adapter, files: Sequence[Path], options: AdapterOptions, model: str | None = None
) -> list[Predictions]:
    """Read files with an adapter, refusing options that mean nothing to it.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from adapters import load_adapter
        >>> from adapters.adapt import read_predictions
        >>> from adapters.card import AdapterOptions
        >>> pd.DataFrame({"patient_id": ["p1", "p2"], "score": [0.9, 0.2]}).to_csv("theirs.csv", index=False)
        >>> files, options = [Path("theirs.csv")], AdapterOptions()
        >>> (found,) = read_predictions(load_adapter("csv"), files, options, model="theirs")
        >>> found.model, found.frame["score"].tolist()
        ('theirs', [0.9, 0.2])

    Args:
        adapter: The adapter.
        files: The files of one run.
        options: What the user said.
        model: Another name for the model; only if the files hold one.
    """
    default = AdapterOptions()
    given = [f.name for f in fields(options) if getattr(options, f.name) != getattr(default, f.name)]
    known = {*COMMON, *adapter.CARD.options}
    alien = [name for name in given if name not in known]
    if alien:
        named = ", ".join(map(_option, alien))
        own = ", ".join(map(_option, adapter.CARD.options)) or "none"
        raise InputError(Problem(f"{named} means nothing to {adapter.CARD.name}", f"its own options: {own}"))
    with collecting_seldom():
        predictions = adapter.read(files, options)
    if model is not None:
        if len(predictions) != 1:
            names = ", ".join(p.model for p in predictions)
            raise InputError(Problem("--model names one model, the files hold several", names))
        predictions = [replace(predictions[0], model=model)]
    return predictions


def _option(name: str) -> str:
    """How a field of ``AdapterOptions`` is spelled on the command line."""
    return "--column" if name == "columns" else "--" + name.replace("_", "-")


def adapt(
    name: str,
    adapter: Adapter,
    files: Sequence[Path],
    cohort: Cohort,
    options: AdapterOptions,
    out: Path,
    tables: TableOptions | None = None,
) -> list[Adapted]:
    """Read files of another system, bring them to a cohort, and write one score table a model.

    Example::

        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from adapters import load_adapter
        >>> from adapters.adapt import adapt
        >>> from adapters.card import AdapterOptions
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "malignant": [1, 0]}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> cohort = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> pd.DataFrame({"patient_id": ["p1", "p2"], "score": [0.9, 0.2]}).to_csv("theirs.csv", index=False)
        >>> out = Path("results/scores/ucla/theirs.csv")
        >>> (made,) = adapt("csv", load_adapter("csv"), [Path("theirs.csv")], cohort, AdapterOptions(), out)
        >>> made.joined.table[["pid", "score", "status"]].to_dict("list")
        {'pid': ['p1', 'p2'], 'score': [0.9, 0.2], 'status': ['scored', 'scored']}

    Args:
        name: Name of the adapter, recorded.
        adapter: The adapter.
        files: The files of one run.
        cohort: The cohort they are about.
        options: What the user said about the files.
        out: A file (one model), or a folder that gets ``<model>.csv``.
        tables: What the user said about the score tables.

    Raises:
        InputError: Anything wrong with the files; nothing was written.
    """
    tables = tables or TableOptions()
    model = tables.model
    check_names(tables.trained_on)
    with noting_digests() as digests:
        predictions = read_predictions(adapter, files, options, model)
    paths = _paths(out, [p.model for p in predictions])
    with holding_scores(paths):
        _refuse_to_replace(paths, tables.overwrite)
        return _adapted(name, adapter, files, cohort, predictions, paths, tables, digests)


def _adapted(
    name: str,
    adapter: Adapter,
    files: Sequence[Path],
    cohort: Cohort,
    predictions: Sequence[Predictions],
    paths: Sequence[Path],
    tables: TableOptions,
    digests: Mapping[str, str],
) -> list[Adapted]:
    model, trained_on = tables.model, tables.trained_on
    listed = {name: read_patient_list(path) for name, path in tables.trained_patients.items()}
    joined = [join(p, cohort, scans=tables.scans, id_map=tables.id_map, extra=tables.extra) for p in predictions]
    for result in joined:
        _check_missing(result, files, tables.fail_on_missing)
        result.warnings += look(result.table, cohort, result.rows)
        result.table = check_score_table(result.table, files[0])
        result.warnings += fold_warnings(fold_structure(result.table))
        result.warnings += unknown_names(trained_on, cohort) + strangers_listed(listed, cohort)
    stated = tuple(name for name in trained_on if not is_none(name)) if trained_on else None
    results = []
    for prediction, result, path in zip(predictions, joined, paths, strict=True):
        seen = next((s for s in (stated, prediction.trained_on) if s is not None), adapter.CARD.trained_on)
        card = ScoreCard(
            model=prediction.model,
            cohort=cohort.name,
            title=_printed_title(adapter, prediction.model, model),
            producer=f"adapter {name}",
            trained_on=seen,
            exposure="unknown",
            patients=patients_behind(listed, seen),
            people=people_behind(trained_on, cohort),
            recorded=result.recorded,
            sources=tuple(_sources([*files, *tables.trained_patients.values()], digests)),
            warnings=tuple(result.warnings),
            extra=tuple(result.extra),
        )
        refuse_other_spellings(cohort, {card.model: card})
        scored = result.table.loc[result.table["status"] == "scored", "pid"]
        card = replace(
            card, exposure=exposure_of(card, cohort.manifest, set(scored), fold_structure(result.table))
        )
        write_scores(result.table, card, path)
        results.append(Adapted(path, result, card))
    return results


def _printed_title(adapter: Adapter, name: str, given: str | None) -> str:
    """What is printed for a model: what the user called it, else its card's title, else its name in the file."""
    own = adapter.CARD
    if given is not None:
        return given
    if name == own.name:
        return own.title
    return f"{own.title} ({name.removeprefix(own.name + '-')})" if name.startswith(f"{own.name}-") else name


def _sources(files: Sequence[Path], digests: Mapping[str, str]) -> list[dict[str, str]]:
    """Name and hash of each file; of a folder, the hash of the sorted hashes of what was read in it."""
    sources = []
    for file in files:
        if file.is_file():
            sources.append({"name": file.name, "sha256": digests.get(str(file)) or sha256(file)})
        elif file.is_dir():
            below = f"{file}{os.sep}" if file != Path() else ""  # Path(".") / "x" is "x"
            inside = sorted(digest for path, digest in digests.items() if path.startswith(below))
            digest = hashlib.sha256("\n".join(inside).encode()).hexdigest()
            sources.append(
                {"name": f"{file.name or file.resolve().name}/ ({len(inside)} JSON files)", "sha256": digest}
            )
    return sources


def _paths(out: Path, models: Sequence[str]) -> list[Path]:
    if out.suffix.lower() in (".csv", ".parquet"):
        if len(models) > 1:
            what = f"the files hold {len(models)} models ({', '.join(models)})"
            raise InputError(Problem(what, "give a folder, or choose one with --models", out))
        return [out]
    return [path_named(out, name, "model", ".csv") for name in models]


def _refuse_to_replace(paths: Sequence[Path], overwrite: bool) -> None:
    """Refuse tables that are there; a card of an adapter without its table is what a killed run leaves."""
    there = [path for path in paths if path.exists()]
    for path in (path for path in paths if not path.exists() and card_path(path).exists()):
        card = read_score_card(path)
        if card is None or not card.producer.startswith("adapter "):
            there.append(card_path(path))
    if there and not overwrite:
        raise InputError([Problem("exists", "pass --overwrite, or choose another --out", path) for path in there])


def _check_missing(result: Joined, files: Sequence[Path], fail: bool) -> None:
    """A file that stops in the middle of a line and lacks cases was cut short."""
    rows = result.table[result.table["status"] == "failed"]
    rows = rows[rows["reason"].str.startswith("not in ")]
    if rows.empty:
        return
    rows, all_cases = (frame.drop_duplicates(["pid", "nodule_id"]) for frame in (rows, result.table))
    cases = zip(rows["pid"].head(20), rows["nodule_id"].head(20), strict=True)
    names = [f"{pid} nodule {nodule}" if nodule else pid for pid, nodule in cases]
    rest = f", ... and {len(rows) - 20:,} more" if len(rows) > 20 else ""
    where = " in some fold" if set(rows["fold"]) - {ENSEMBLE} else ""
    what = f"{len(rows):,} of {len(all_cases):,} cases have no score{where}: {', '.join(names)}{rest}"
    cut = [file for file in files if file.suffix.lower() == ".csv" and _unfinished(file)]
    if cut:
        last = cut[0].read_bytes().count(b"\n") + 1
        raise InputError(Problem(f"ends without a line end, and {what}", "cut short? copy it again", cut[0], last))
    if fail:
        raise InputError(Problem(what, "complete the run, or leave out --fail-on-missing", files[0]))
    result.warnings.append(what)


def _unfinished(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 1))
        return stream.read() not in (b"\n", b"\r")
