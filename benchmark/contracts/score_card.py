"""The card beside a score table: who made the scores, and which cohorts and patients the model was fitted on.

Every producer writes it, before the table; a comparison reads cards and nothing else to tell who saw whom.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, field
from pathlib import Path
from typing import Final, Literal

import pandas as pd
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from benchmark.contracts.cohort import validation_problems
from benchmark.contracts.names import SafeName
from benchmark.contracts.patient_list import read_patient_list
from benchmark.contracts.scores import check_score_table
from benchmark.contracts.table_writing import write_table
from benchmark.errors import InputError, Problem
from benchmark.files import own_file, write_text
from benchmark.formats.json import read_json
from benchmark.outputs.locks import holding

Exposure = Literal["seen", "unseen", "unknown", "cross-validated"]
SUFFIX: Final = ".card.json"
_FIX = "make the score table again"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScoreCard:
    """What stands beside a score table.

    Attributes:
        model: Name in the table.
        cohort: Name of the cohort that was scored.
        title: Name as printed: what the user called the model, else what it is known as.
        producer: Adapter, calculator, baseline or run that made the table.
        trained_on: Cohorts that the model saw; None if nobody knows, empty for a model that saw none.
        exposure: Whether it had seen this cohort's patients that it scored, as far as the producer could tell.
        recorded: Choices that shaped the scores, e.g. Sybil's year.
        sources: Files it was made from: name and sha256.
        warnings: What the user was told.
        extra: Ids of its files that the cohort does not have, left out of the table.
        patients: Cohort of ``trained_on`` → ids of its patients that the model was fitted on, where known. In the
            file also the name of a file in the card's folder that lists them (`read_patient_list`).
        people: Cohort of ``trained_on`` → cohorts that it draws its patients from or shares them with, where its
            manifest says so (`benchmark.contracts.overlap.people_recorded`).
    """

    model: str
    cohort: SafeName
    title: str
    producer: str
    trained_on: tuple[str, ...] | None
    exposure: Exposure
    recorded: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Mapping[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    patients: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def card_path(scores: Path | str) -> Path:
    """Where the card of a score table stands: ``sybil.csv`` → ``sybil.card.json``."""
    scores = Path(scores)
    return scores.with_name(scores.stem + SUFFIX)


def check_replaceable(path: Path, kind: str) -> None:
    """Refuse to replace a score table, or its card, that another kind of producer made, or none of ours.

    Args:
        path: The table that is to be written.
        kind: First word of the card's ``producer``: ``run``, ``calculator``, ``baseline``, ``adapter``.

    Raises:
        InputError: Names the file and whose scores it holds.
    """
    fix = "move it away, or choose another --model or --out"
    try:
        card = read_score_card(path)
    except InputError as error:
        raise InputError(Problem("is no score card, and is not replaced", fix, card_path(path))) from error
    if card is None:
        if path.exists():
            raise InputError(Problem("has no card that says who made it, and is not replaced", fix, path))
    elif card.producer.split(" ")[0] != kind:
        what = f"holds the scores of {card.title!r} ({card.producer}) and is not replaced"
        raise InputError(Problem(what, fix, path))


@contextmanager
def holding_scores(paths: Sequence[Path]) -> Iterator[None]:
    """Hold score tables, with the card and the record beside each, for one process.

    Raises:
        InputError: Another process is writing one of them, or nothing can be written there.
    """
    with ExitStack() as held:
        for path in sorted(set(paths)):
            held.enter_context(holding(card_path(path), path, path.with_suffix(".json")))
            if path.is_dir():
                raise InputError(Problem("is a folder", "give a file, .csv or .parquet", path))
        yield


def write_scores(table: pd.DataFrame, card: ScoreCard, path: Path | str) -> None:
    """Write a score table with its card: check the table, write the card, then the table.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.score_card import ScoreCard, read_score_card, write_scores
        >>> rows = {"model": "clip", "cohort": "ucla", "pid": ["p1", "p2"], "nodule_id": "", "fold": "ensemble"}
        >>> rows |= {"score": [0.9, None], "score_kind": "probability"}
        >>> rows |= {"status": ["scored", "failed"], "reason": ["", "no lung found"]}
        >>> card = ScoreCard("clip", "ucla", "CLIP", "my script", trained_on=("nlst",), exposure="unseen")
        >>> write_scores(pd.DataFrame(rows), card, "scores.csv")
        >>> read_score_card("scores.csv").title
        'CLIP'

    Args:
        table: A score table of one model and cohort.
        card: Its card.
        path: Of the table, ``.csv`` or ``.parquet``.

    Raises:
        InputError: The table is wrong, or the card is of another model or cohort; nothing was written.
    """
    checked = check_score_table(table, path)
    for column, own in (("model", card.model), ("cohort", card.cohort)):
        others = sorted(set(checked[column].unique()) - {own})
        if others:
            what = f"the table holds {column} {', '.join(map(repr, others))}, its card is of {own!r}"
            raise InputError(Problem(what, "write one table a model and cohort", path))
    write_score_card(card, path)
    write_table(checked, path)


def write_score_card(card: ScoreCard, scores: Path | str) -> None:
    """Write the card beside its score table, atomically."""
    write_text(card_path(scores), json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n")


def read_score_card(scores: Path | str) -> ScoreCard | None:
    """The card beside a score table, or None if there is none.

    Example::

        >>> from benchmark.contracts.score_card import read_score_card
        >>> read_score_card("no_such_table.csv") is None
        True

    Raises:
        InputError: It is there and cannot be read, or holds something else than a card.
    """
    path = card_path(scores)
    if not path.exists() and not path.is_symlink():
        return None
    try:
        content = read_json(own_file(path.parent, path.name, _FIX))
    except InputError as error:
        found = [Problem(f"is no score card ({p.what})", _FIX, path, p.row) for p in error.problems]
        raise InputError(found) from error
    if not isinstance(content, dict):
        raise InputError(Problem("is no score card: it holds no fields", _FIX, path))
    if isinstance(listed := content.get("patients"), dict):
        content["patients"] = {cohort: _patients_of(named, path) for cohort, named in listed.items()}
    try:
        card = TypeAdapter(ScoreCard).validate_python(content)
    except ValidationError as error:
        known = list(ScoreCard.__dataclass_fields__)
        problems = validation_problems(error, path, known)
        raise InputError([Problem(f"is no score card: {p.what}", _FIX, path, None, p.column, p.value)
                          for p in problems]) from error  # fmt: skip
    if problems := [Problem(f"is no score card: {what}", _FIX, path, None, column, value)
                    for column, value, what in _contradictions(card)]:  # fmt: skip
        raise InputError(problems)
    return card


def _patients_of(named: object, card: Path) -> object:
    """Patients as a card states them; those of a file where it names one."""
    if not isinstance(named, str):
        return named
    fix = "name a file that lists patients, beside the card"
    if Path(named).name != named:
        raise InputError(
            Problem("is no file in the folder of the card", fix, card, column="patients", value=named)
        )
    return read_patient_list(own_file(card.parent, named, fix))


def _contradictions(card: ScoreCard) -> Iterator[tuple[str, str, str]]:
    """Field, value and fault where a card says two things about who was seen, or names no cohort."""
    trained = card.trained_on
    for name in trained or ():
        if name != name.strip() or not name:
            yield "trained_on", name, "is no name of a cohort"
    for field_name, listed in (("patients", card.patients), ("people", card.people)):
        for name in listed:
            if name not in (trained or ()):
                yield field_name, name, "is not among the cohorts of trained_on"
    if trained is None and card.exposure == "unseen":
        yield "exposure", card.exposure, "nobody knows what the model was trained on (trained_on is null)"
