"""Scores of a cohort by one of the producers, with their card, where a comparison finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.score_card import holding_scores
from benchmark.contracts.text_table import nearest
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.producers import OF_COLUMNS, PRODUCERS, ProducerOptions, names_taking


class ProducerModule(Protocol):
    """What a module of ``PRODUCERS`` holds."""

    def write_producer_scores(self, name: str, cohort: Cohort, path: Path, options: ProducerOptions) -> None:
        """Score ``cohort`` and write table and card to ``path``, replacing what is there."""


def load_producer(name: str) -> ProducerModule:
    """The module of a producer.

    Raises:
        InputError: There is none of this name.
    """
    if name not in PRODUCERS:
        fix = f"producers: {', '.join(PRODUCERS)}"
        raise InputError(Problem(f"no producer {name!r}{nearest(name, list(PRODUCERS))}", fix))
    module: ProducerModule = import_module(PRODUCERS[name].module)
    return module


def score_with_producer(
    name: str,
    cohort: str,
    workspace: Workspace,
    options: ProducerOptions | None = None,
    *,
    train: str | None = None,
    impute_from: str | None = None,
    out: Path | None = None,
) -> Path:
    """Score a cohort with a producer, and write the table and its card.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> from benchmark.contracts.scores import read_score_table
        >>> from benchmark.contracts.workspace import Workspace
        >>> from benchmark.producers.write import score_with_producer
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": "1", "malignant": [1, 0]}
        >>> rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
        >>> rows |= {"longest_axial_diameter_(mm)": [21.5, 6.0]}
        >>> _ = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> path = score_with_producer("size", "ucla", Workspace())
        >>> read_score_table(path)["score"].tolist()
        [21.5, 6.0]

    Args:
        name: A key of ``PRODUCERS``.
        cohort: Name of the cohort.
        workspace: Where cohorts and results are.
        options: What else the producer is told.
        train: Name of the cohort to fit on.
        impute_from: Name of the cohort that missing inputs are filled in from.
        out: The table; ``scores/<cohort>/<name>.csv`` of the results by default.

    Returns:
        The table's path.

    Raises:
        InputError: There is no such producer or cohort, no cohort to fit on is given to one that is fitted, or
            as the producer says.
    """
    producer = load_producer(name)
    if train is None and "train" in PRODUCERS[name].options:
        raise InputError(f"--model {name} — needs a cohort to be fitted on — e.g. --train-cohort nlst")
    loaded = workspace.cohort(cohort)
    given = replace(
        options or ProducerOptions(),
        train=None if train is None else loaded if train == cohort else workspace.cohort(train),
        impute_from=None if impute_from is None else workspace.cohort(impute_from),
    )
    path = out or workspace.score_table(loaded.name, name)
    with holding_scores([path]):
        producer.write_producer_scores(name, loaded, path, given)
    return path


OF_RUNS = "runs"


def refuse_foreign_options(name: str | None, options: Mapping[str, tuple[str, object]]) -> None:
    """Refuse options that mean nothing to what was chosen, and would be passed over without a word.

    Args:
        name: The producer; None for a run of the network.
        options: Option as it is spelled on the command line → the field of `ProducerOptions` that it fills, or
            ``OF_RUNS``, and what was given.

    Raises:
        InputError: Names each of them.
    """
    takes = PRODUCERS[name].options if name is not None else (OF_RUNS,)
    foreign = [(option, field) for option, (field, given) in options.items() if given and field not in takes]
    if foreign:
        lines = [f"{option} is for {_takers(field)} — leave it out, or choose one" for option, field in foreign]
        raise InputError(lines)


def _takers(field: str) -> str:
    if field in OF_COLUMNS:
        return "the calculators"
    return " and ".join(names_taking(field)) or OF_RUNS
